"""The guard counts what a piece really does, and names what got dearer. Valgrind is not needed here."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from bench.guard import __main__ as guard
from bench.guard import callgrind, record
from bench.guard.comparison import Change, Verdict, compare
from bench.guard.dump import read_dump
from bench.guard.piece import run
from bench.guard.pieces import PIECES, REFERENCE
from bench.guard.record import Cost, Record, merged
from bench.guard.steps import GROUP
from bench.guard.switch import Switch

from hookline.delivery import attempt

HERE = {"python": "3.11.7", "sqlite": "3.40.1"}
ELSEWHERE = {"python": "3.13.0", "sqlite": "3.40.1"}
#: Once for each group that shares a commit.
PER_GROUP = round(1 / GROUP, 3)

DUMP = """\
events: Ir
ob=(1) /usr/lib/libpython3.11.so.1.0
fl=(1) ceval.c
fn=(1) eval
10 500
+2 40
cob=(2) /usr/lib/libsqlite3.so.0
cfn=(2) step
calls=3 7
* 9000
fi=(2) object.h
-1 60

ob=(2)
fn=(2)
7 8000
fn=(3) 0x0000000000012345
0 600
fn=(4) 0x0000000000054321
0 400
ob=(1)
fn=(5) eval'2
10 100
fn=(6) malloc@@GLIBC_2.2.5
1 5
totals: 9705
"""


def recorded(**instructions: int) -> Record:
    pieces = {name: Cost(count) for name, count in instructions.items()}
    return Record(HERE, {REFERENCE: Cost(100_000), **pieces})


def one(before: Cost, after: Cost, tolerance: float = 0.05) -> Change:
    """What became of a single piece."""
    kept = Cost(100_000)
    found = compare(
        Record(HERE, {REFERENCE: kept, "p": before}), Record(HERE, {REFERENCE: kept, "p": after}), tolerance
    )
    return found.changes[-1]


# -- pieces ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PIECES)
def test_every_piece_does_what_it_is_meant_to_do_and_calls_the_same_every_time(name: str) -> None:
    calls = run(PIECES[name], 1, None)
    assert calls == run(PIECES[name], 1, None)
    assert bool(calls) == (name != REFERENCE)


def test_a_door_is_counted_from_the_protocol_to_the_store() -> None:
    calls = run(PIECES["door 1 github"], 1, None)
    for once in ("ingest.protocol:WireProtocol.data_received", "ingest.http:Door.take", "ingest.receiver:examine"):
        assert calls[once] == 1.0
    assert calls["storage.commit:Commit.insert"] == PER_GROUP
    assert not any(name.startswith("delivery.sender") for name in calls)


def test_a_delivery_is_counted_to_its_end() -> None:
    calls = run(PIECES["deliver"], 1, None)
    for once in ("core.signature:Signer.headers", "delivery.judge:Judge.judge", "delivery.settler:Settler.settle"):
        assert calls[once] == 1.0
    assert calls["storage.settlements:settle_batch"] == PER_GROUP


def test_an_extra_call_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    signed = attempt.signed_headers
    before = Cost(100_000, calls=run(PIECES["sign"], 1, None))

    def twice(*given: object) -> object:
        signed(*given)  # type: ignore[arg-type]
        return signed(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(attempt, "signed_headers", twice)
    change = one(before, Cost(130_000, calls=run(PIECES["sign"], 1, None)))
    assert change.verdict is Verdict.DEARER
    assert {(grown.name, grown.recorded, grown.now) for grown in change.calls} >= {
        ("delivery.attempt:signed_headers", 1.0, 2.0),
        ("core.signature:Signer.headers", 1.0, 2.0),
    }
    assert "delivery.attempt:outgoing_headers" not in {grown.name for grown in change.calls}


# -- what was recorded -----------------------------------------------------------------------------------


def test_every_piece_is_recorded_and_every_recorded_piece_exists() -> None:
    found = record.read()
    assert found is not None
    assert set(found.pieces) == set(PIECES)
    assert all(cost.instructions > 0 and cost.noise < 0.02 for cost in found.pieces.values())


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    made = Record(HERE, {"b": Cost(5, {"eval": 3}, {"core.ids:make": 1.0}, 0.01), REFERENCE: Cost(7)})
    record.write(made, tmp_path / "recorded.json")
    assert record.read(tmp_path / "recorded.json") == made
    assert record.read(tmp_path / "nothing.json") is None


def test_two_runs_make_one_cost_with_their_noise() -> None:
    assert merged(Cost(101_000), Cost(100_000)) == Cost(100_500, noise=0.01)


# -- comparing -------------------------------------------------------------------------------------------


def test_what_got_dearer_or_cheaper_by_more_than_the_tolerance_is_named() -> None:
    before = recorded(grown=1_000, shrunk=1_000, same=1_000)
    found = compare(before, recorded(grown=1_060, shrunk=900, same=1_049, fresh=1), 0.05)
    assert found.differs == ()
    verdicts = {change.piece: change.verdict for change in found.changes}
    assert verdicts == {
        REFERENCE: Verdict.SAME,
        "grown": Verdict.DEARER,
        "shrunk": Verdict.CHEAPER,
        "same": Verdict.SAME,
        "fresh": Verdict.NEW,
    }
    assert [change.share for change in found.of(Verdict.DEARER)] == [pytest.approx(0.06)]


def test_the_c_functions_that_grew_are_named_the_most_first() -> None:
    before = Cost(100_000, functions={"eval": 30_000, "malloc": 5_000, "memcpy": 4_000})
    after = Cost(112_000, functions={"eval": 33_000, "malloc": 5_100, "hash": 9_000, "memcpy": 3_000})
    grown = one(before, after).functions
    # Of `hash` is known that it had less than 2 %, else it would have been recorded; `malloc` explains nothing.
    assert [(each.name, each.more) for each in grown] == [("hash", 7_000), ("eval", 3_000)]


def test_functions_that_are_called_more_often_are_named_also_within_the_tolerance() -> None:
    before = Cost(100_000, calls={"core.ids:make": 1.0, "core.body:parse": 2.0})
    after = Cost(101_000, calls={"core.ids:make": 1.0, "core.body:parse": 3.0, "core.headers:index": 1.0})
    change = one(before, after)
    assert change.verdict is Verdict.SAME
    assert {each.name for each in change.calls} == {"core.body:parse", "core.headers:index"}


def test_on_another_python_ratios_to_the_reference_are_compared() -> None:
    before = recorded(same=200_000, grown=200_000)
    # Everything takes a fifth less there; what grew by a tenth does so beside the reference.
    pieces = {REFERENCE: Cost(80_000), "same": Cost(168_000), "grown": Cost(179_200)}
    found = compare(before, Record(ELSEWHERE, pieces), 0.05)
    assert found.differs == ("python",)
    said = {change.piece: (change.verdict, change.recorded, change.now) for change in found.changes}
    assert said["same"] == (Verdict.SAME, 2.0, 2.1)
    assert said["grown"] == (Verdict.DEARER, 2.0, 2.24)


# -- the program -----------------------------------------------------------------------------------------


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Cost]:
    """What the next run will count; 100,000 instructions of each piece are recorded."""
    costs = {name: Cost(100_000, calls={"core.ids:make": 1.0}) for name in PIECES}
    record.write(Record(HERE, dict(costs)), tmp_path / "recorded.json")
    monkeypatch.setattr(record, "FILE", tmp_path / "recorded.json")
    monkeypatch.setattr(record.read, "__defaults__", (tmp_path / "recorded.json",))
    monkeypatch.setattr(record.write, "__defaults__", (tmp_path / "recorded.json",))
    monkeypatch.setattr(guard, "basis", lambda: HERE)
    monkeypatch.setattr(callgrind, "is_there", lambda: True)
    monkeypatch.setattr(callgrind, "count", costs.__getitem__)
    return costs


def asked(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["guard", *words])
    return guard.main()


def test_all_is_well(
    counted: dict[str, Cost], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(monkeypatch) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in PIECES)
    assert "dearer" not in said


def test_a_dearer_piece_ends_with_1_and_says_what_is_called_more_often(
    counted: dict[str, Cost], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    counted["claim"] = Cost(108_000, functions={"eval": 9_000}, calls={"core.ids:make": 3.0})
    assert asked(monkeypatch) == 1
    said = capsys.readouterr().out
    assert "claim got dearer by 8.0%" in said
    assert "called more often: core.ids:make (1 → 3 per event)" in said
    assert "+7,000 instructions in eval" in said
    assert asked(monkeypatch, "--tolerance", "10") == 0
    assert asked(monkeypatch, "--only", "commit,settle") == 0


def test_json_is_for_machines(
    counted: dict[str, Cost], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    counted["claim"] = Cost(90_000)
    assert asked(monkeypatch, "--json", "--only", "claim") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["compared"] == "instructions"
    assert [(piece["piece"], piece["verdict"]) for piece in said["pieces"]] == [("claim", "cheaper")]


def test_on_another_python_the_reference_is_counted_too(
    counted: dict[str, Cost], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(guard, "basis", lambda: ELSEWHERE)
    assert asked(monkeypatch, "--only", "claim") == 0
    said = capsys.readouterr().out
    assert "Recorded with another python" in said
    assert "times the reference" in said


def test_recording_keeps_what_was_not_asked_for(counted: dict[str, Cost], monkeypatch: pytest.MonkeyPatch) -> None:
    counted["claim"] = Cost(50_000)
    counted["settle"] = Cost(60_000)
    assert asked(monkeypatch, "--record", "--only", "claim") == 0
    found = record.read()
    assert found is not None
    assert (found.pieces["claim"].instructions, found.pieces["settle"].instructions) == (50_000, 100_000)


def test_recording_a_part_elsewhere_is_refused(counted: dict[str, Cost], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "basis", lambda: ELSEWHERE)
    assert asked(monkeypatch, "--record", "--only", "claim") == 2


@pytest.mark.parametrize("words", [(), ("--record",)], ids=["comparing", "recording"])
def test_without_valgrind_it_says_how_to_install_it(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert asked(monkeypatch, *words) == 2
    assert "apt-get install valgrind" in capsys.readouterr().err


def test_a_piece_that_nobody_knows_is_refused(
    counted: dict[str, Cost], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(monkeypatch, "--only", "dorr 1") == 2
    assert "no piece is called 'dorr 1'" in capsys.readouterr().err


# -- callgrind -------------------------------------------------------------------------------------------


def test_a_dump_is_read_without_what_is_called(tmp_path: Path) -> None:
    (tmp_path / "dump").write_text(DUMP)
    assert read_dump(tmp_path / "dump") == {
        "eval": 700,  # recursion counts with it
        "step": 8_000,
        "libsqlite3.so.0 (without names)": 1_000,
        "malloc": 5,
    }


def test_only_c_functions_with_a_share_are_kept() -> None:
    events = callgrind.GROUPS * GROUP
    found = callgrind.cost({"eval": 990 * events, "rare": 10 * events}, {"core.ids:make": 1.0})
    assert found == replace(Cost(1_000, {"eval": 990}), calls={"core.ids:make": 1.0})


def test_the_switch_does_nothing_where_there_is_no_valgrind() -> None:
    switch = Switch()
    assert not switch.is_there
    switch.on()
    switch.off()
