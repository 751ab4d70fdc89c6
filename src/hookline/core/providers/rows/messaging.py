"""Messages, calls, chats, streams, social networks."""

from __future__ import annotations

from hookline.core.providers.provider import Provider

ROWS: tuple[Provider, ...] = ()
