"""The whole course in this process: a receiver that behaves otherwise than planned is found out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from hookline.cli.demo.play import Scene
from hookline.cli.demo.run import judged, play_all
from hookline.cli.demo.show import OneSummary
from hookline.cli.demo.stage import Stage, set_up
from hookline.testing.receiver import Answer


class Saboteur(OneSummary):
    """Turns the receiver's answers round before anything is sent."""

    def __init__(self, said: list[str], path: str, answers: list[int | Answer]) -> None:
        super().__init__(said.append)
        self._path, self._answers = path, answers

    def begin(self, stage: Stage, scenes: Sequence[Scene]) -> None:
        stage.receiver.script(self._answers, path=self._path)


async def test_a_receiver_that_fails_once_too_often_ends_the_demo_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    async with set_up(0, None) as stage:
        verdicts = await play_all(stage, Saboteur(said, "/ledger", [410]))
    assert judged(verdicts, as_json=True) == 1
    document = json.loads(said[0])
    assert document["ok"] is False
    assert [event["key"] for event in document["events"] if not event["ok"]] == ["stripe-retried"]
    story = capsys.readouterr().err
    assert "stripe-retried (stripe charge.refunded) should have been retried" in story
    assert "the status of the event is failed; it should be processed" in story
    assert "try 3: 410" in story


async def test_the_stage_is_gone_when_the_play_is_over(tmp_path: Path) -> None:
    async with set_up(0, None) as stage:
        folder = stage.folder
        assert (folder / "hookline.db").exists()
    assert not folder.exists()
    async with set_up(0, tmp_path / "kept") as stage:
        pass
    assert (tmp_path / "kept" / "hookline.db").exists()
