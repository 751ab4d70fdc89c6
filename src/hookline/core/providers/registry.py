"""Finding a provider by its name."""

from __future__ import annotations

from difflib import get_close_matches

from hookline.core.errors import InvalidInput
from hookline.core.model import Source, door_path
from hookline.core.providers.generic import SLUG as GENERIC
from hookline.core.providers.generic import build_generic
from hookline.core.providers.options import URL
from hookline.core.providers.provider import Provider
from hookline.core.providers.table import ROWS

__all__ = ["all_providers", "build_generic", "for_source", "get"]


def get(slug: str) -> Provider:
    """The provider of this name or alias; hyphen and underscore, capitals and small letters are the same.

    Raises InvalidInput with the nearest names when there is none, and for ``generic``, which is built
    from a source's configuration (`build_generic`).
    """
    provider = _BY_NAME.get(_normal(slug))
    if provider is not None:
        return provider
    if _normal(slug) == GENERIC:
        raise InvalidInput("provider `generic` needs a `signature` block that says how requests are signed")
    near = get_close_matches(_normal(slug), [*_BY_NAME, GENERIC], n=3)
    hint = f"did you mean {' or '.join(f'`{name}`' for name in near)}?" if near else f"there are {', '.join(_names())}"
    raise InvalidInput(f"no provider is called {slug[:100]!r}; {hint}", code="unknown_provider")


def all_providers() -> tuple[Provider, ...]:
    """Every row of the catalogue, ``none`` included; not ``generic``, which is configuration."""
    return ROWS


def for_source(source: Source, public_url: str = "") -> Provider:
    """The provider of a source. Raises InvalidInput for an unknown one, ConfigError for a bad signature block.

    ``public_url`` is the server's, where it is known; the source itself may say another address.
    """
    if _normal(source.provider) == GENERIC:
        return build_generic(source.signature or {})
    provider = get(source.provider)
    block = source.signature or {}
    if public_url and (provider.binds_url or URL in provider.options):
        block = {URL.name: public_url.rstrip("/") + door_path(source.org_id, source.name, source.id), **block}
    return provider.configured(block) if block else provider


def _normal(slug: str) -> str:
    return slug.strip().lower().replace("-", "_")


def _names() -> list[str]:
    return [*(row.slug for row in ROWS), GENERIC]


_BY_NAME = {_normal(name): row for row in ROWS for name in (row.slug, *row.aliases)}
