"""`hookline demo` goes on serving: it tells what comes in, and stops cleanly whenever it is told to."""

from __future__ import annotations

import json
import shlex
import signal
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from hookline.cli.main import main
from tests.cli_demo.running import left_behind, running, secrets_in


def sent(curl: str, *, change: str = "") -> httpx.Response:
    """The request that a `curl` line means; ``change`` is put into its body."""
    words = shlex.split(curl.replace("\\\n", " "))
    assert words[0] == "curl"
    options = list(zip(words[2::2], words[3::2], strict=True))
    headers = dict(value.split(": ", 1) for option, value in options if option == "-H")
    body = next(value for option, value in options if option == "-d")
    return httpx.post(words[1], headers=headers, content=body.replace('"me"', f'"{change}"') if change else body)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "kept"


def test_a_whole_visit(kept: Path) -> None:
    with running(kept.parent, "--json", "--port", "0", "--keep", str(kept)) as demo:
        lines = demo.until("serving")
        told = [json.dumps(line) for line in lines]
        kinds = [line["kind"] for line in lines]
        assert kinds == ["started", *["event"] * 14, "summary", "serving"]
        assert all(line["ok"] for line in lines if line["kind"] in ("event", "summary"))
        serving = lines[-1]

        first, again = sent(serving["curl"]), sent(serving["curl"])
        forged = sent(serving["curl"], change="somebody else")
        assert (first.status_code, first.json()["duplicate"]) == (200, False)
        assert (again.status_code, again.json()["duplicate"]) == (200, True)
        assert again.json()["id"] == first.json()["id"]
        assert (forged.status_code, forged.json()["code"]) == (401, "bad_signature")

        notices = [notice(demo.line()) for _ in range(4)]
        told += map(json.dumps, notices)
        by_name = {each["notice"]: each for each in notices}
        assert by_name["EventAccepted"]["event_type"] == "greeting.sent"
        assert by_name["AttemptMade"]["state"] == "delivered"
        assert by_name["EventDuplicate"]["event_id"] == first.json()["id"]
        assert by_name["RequestRejected"]["cause"] == "bad_signature"

        second = running(kept.parent, "--once", "--json", "--port", "0", "--keep", str(kept))
        with second as other:
            code, _, errors = other.wait()
            assert (code, json.loads(errors)["code"]) == (5, "store_locked")

        code, output, errors = demo.stop()
        assert (code, output, errors) == (0, "", "")
        assert [secret for secret in secrets_in(kept) if any(secret in text for text in told)] == []
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(serving["address"].rpartition(":")[2])))


def notice(line: str) -> dict[str, Any]:
    about: dict[str, Any] = json.loads(line)
    assert about["kind"] == "notice"
    return about


def test_the_folder_of_the_last_visit_can_be_used_again_and_the_trickle_goes_on(kept: Path) -> None:
    assert (kept / "hookline.db").exists()
    with running(kept.parent, "--json", "--port", "0", "--keep", str(kept), "--trickle", "10ms") as demo:
        assert demo.until("summary")[-1]["ok"] is True
        accepted: list[str] = []
        while len(accepted) < 12:
            line = json.loads(demo.line())
            if line.get("notice") == "EventAccepted":
                accepted.append(f"{line['source']} {line['event_type']} {line['status']}")
        assert accepted[0] == "github push pending"
        assert accepted[0] == accepted[8], "it begins again"
        assert demo.stop()[0] == 0


def test_it_can_be_interrupted_in_the_middle_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with (
        running(tmp_path, "--json", "--port", "0") as demo,
        running(tmp_path, "--once", "--port", "0") as once,
    ):
        demo.until("event")
        while not once.line().startswith("ok "):
            pass
        assert len(left_behind(tmp_path)) == 2
        code, output, errors = demo.stop(signal.SIGINT)
        assert (code, errors) == (0, "")
        assert '"summary"' not in output
        code, output, errors = once.stop(signal.SIGTERM)
        assert (code, errors) == (130, ""), "not everything has ended as it should"
        assert "Stopped. Nothing is left behind." in output
    assert left_behind(tmp_path) == []


def test_when_nobody_reads_its_output_it_ends_and_clears_away(tmp_path: Path) -> None:
    with running(tmp_path, "--json", "--port", "0") as demo:
        demo.until("started")
        assert demo.process.stdout is not None
        demo.process.stdout.close()
        demo.process.stdout = None
        code, _, errors = demo.wait()
    assert code == 1
    assert "Traceback" not in errors
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--trickle", "soon"], "--trickle"),
        (["--trickle", "0s"], "at least 10ms"),
        (["--once", "--trickle", "1s"], "contradicts --once"),
        (["--port", "70000"], "--port"),
        (["--keep", "theirs"], "holds a hookline.yaml that is not the demo's"),
        (["--keep", "file"], "cannot be used"),
    ],
)
def test_what_cannot_be_done_is_said_clearly(
    tmp_path: Path,
    arguments: list[str],
    says: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    theirs = tmp_path / "theirs" / "hookline.yaml"
    theirs.parent.mkdir()
    theirs.write_text("version: 1\n")
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit) as ended:
        main(["demo", *arguments])
    assert ended.value.code == 2
    assert says in capsys.readouterr().err
    assert theirs.read_text() == "version: 1\n"
