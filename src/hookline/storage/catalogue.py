"""What people configure of the receiving side, by file or through the API, and the routing of everything."""

from __future__ import annotations

from hookline.storage.endpoints import Endpoints, PutEndpoint
from hookline.storage.sources import API, FILE, PutSource, Sources
from hookline.storage.stored import StoredEndpoint, StoredSource

__all__ = ["API", "FILE", "Catalogue", "PutEndpoint", "PutSource", "StoredEndpoint", "StoredSource"]


class Catalogue(Sources, Endpoints):
    """The sources and endpoints of all organisations, and the newest routing."""
