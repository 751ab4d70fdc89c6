"""Hookline itself. Door 2 is compatible with Svix's API; door 1 takes what providers send."""

from __future__ import annotations

from bench.requests import GITHUB, STANDARD, Recipe
from bench.systems.svix import Svix


class Hookline(Svix):
    """Door 2."""

    def __init__(self, address: str, token: str, name: str = "hookline") -> None:
        super().__init__(address, token, name)


#: Door 1, by the source's name. Sources come from a configuration file: see `bench.hookline.Place`.
DOORS: dict[str, Recipe] = {"github": GITHUB, "orders": STANDARD}
