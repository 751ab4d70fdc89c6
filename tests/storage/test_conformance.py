"""The conformance suite on SQLite: in memory, in a file with the writer's thread, in a file without threads."""

from __future__ import annotations

from pathlib import Path

import pytest

from hookline.storage.store import Store, open_store
from hookline.testing.store_suite import BEHAVIOURS, Behaviour, run


@pytest.mark.parametrize("behaviour", [one for one in BEHAVIOURS if not one.shared], ids=str)
async def test_in_memory(behaviour: Behaviour) -> None:
    await run(behaviour, lambda secret: open_store("sqlite://:memory:", secret))


@pytest.mark.parametrize("threads", [True, False], ids=["threads", "inline"])
@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=str)
async def test_in_a_file(behaviour: Behaviour, threads: bool, tmp_path: Path) -> None:
    def open_file(secret: str) -> Store:
        return open_store(f"sqlite:///{tmp_path}/hookline.db", secret, sync="normal", threads=threads)

    await run(behaviour, open_file)


def test_every_behaviour_has_a_name_of_its_own() -> None:
    names = [behaviour.name for behaviour in BEHAVIOURS]
    assert len(set(names)) == len(names)


def test_every_behaviour_that_is_written_is_run() -> None:
    """A behaviour that nobody listed would be a test that cannot fail."""
    from hookline.testing.store_suite import BEHAVIOURS as listed

    modules = {behaviour.check.__module__ for behaviour in listed}
    written = set()
    for name in modules:
        module = __import__(name, fromlist=["*"])
        for attribute, value in vars(module).items():
            own = getattr(value, "__module__", "") == name and getattr(value, "__code__", None) is not None
            if own and value.__annotations__ == {"world": "World", "return": "None"}:
                written.add(attribute)
    assert written == {behaviour.name for behaviour in listed if "[" not in behaviour.name}
