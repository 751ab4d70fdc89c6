"""``receiver``: a sink in a process of its own. ``place``: a Hookline that delivers to it, and its address."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from bench.hookline import Place
from bench.sink_client import SinkClient, sink


@dataclass(frozen=True, slots=True)
class Running:
    """A server, and what it was made from."""

    address: str
    place: Place


@pytest.fixture(scope="module")
def module_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module")
def one_sink(module_folder: Path) -> Iterator[SinkClient]:
    with sink(None, module_folder / "sink.log") as client:
        yield client


@pytest.fixture
def receiver(one_sink: SinkClient) -> SinkClient:
    """Nothing has come yet."""
    one_sink.forget()
    return one_sink


@pytest.fixture(scope="module")
def hookline(module_folder: Path, one_sink: SinkClient) -> Iterator[Running]:
    place = Place(module_folder)
    place.configure(one_sink.address)
    with place.serve(None, HOOKLINE_GRACEFUL_STOP="0s") as server:
        yield Running(server.address(), place)
