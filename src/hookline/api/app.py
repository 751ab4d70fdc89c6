"""The management API: everything a person or a program may ask of a running server, under ``/api/v1``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import FastAPI

from hookline.config.settings import Settings
from hookline.core.clock import Clock
from hookline.observe.metrics import Metrics
from hookline.storage.base import Receipt
from hookline.storage.store import Store


@dataclass(frozen=True, slots=True)
class ApiDependencies:
    """What the API works with; handed in by the composition root."""

    settings: Settings
    store: Store
    clock: Clock
    metrics: Metrics
    #: ``(org_id, rejection_id) -> receipt``: a refused request is examined again.
    accept_rejection: Callable[[str, str], Awaitable[Receipt]]
    #: There is a new replay to push.
    wake_replayer: Callable[[], None]


def create_api(dependencies: ApiDependencies) -> FastAPI:
    """The ASGI application of everything but the doors."""
    return FastAPI()
