"""The tutorial does what it says: its blocks are run as they stand, only on other ports."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli_demo.running import LIMIT_S

PAGE = Path(__file__).parents[2] / "docs" / "tutorial" / "first-webhook.md"
#: What the written file offers, and is the default; nobody wants to wait that long in a test.
SCHEDULE = "# retry: {schedule: [5s, 5m, 30m, 2h, 5h, 10h, 10h], jitter: 0.1}"
_BLOCK = re.compile(r"^```(\w+) ([\w.]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Tutorial:
    """The blocks of the page, by what their first line says they are for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {"8400": free_port(), "9000": free_port()}
        text = PAGE.read_text()
        for written, ours in self.ports.items():
            text = text.replace(f":{written}", f":{ours}").replace(f", {written})", f", {ours})")
        self._blocks = [(name, block) for _, name, block in _BLOCK.findall(text)]
        self._environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HOOKLINE_")},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOOKLINE_PORT": self.ports["8400"],
        }
        self._started: list[subprocess.Popen[str]] = []

    def blocks(self, name: str) -> list[str]:
        """All blocks for this terminal or file, in their order."""
        return [block for named, block in self._blocks if named == name]

    def start(self, command: str) -> subprocess.Popen[str]:
        """Run it in a terminal of its own."""
        process = subprocess.Popen(
            ["bash", "-ec", f"exec 2>&1\n{command}"],
            cwd=self.folder,
            env=self._environ,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def run(self, *commands: str) -> str:
        """Run them one after the other in one shell; all they said."""
        return subprocess.run(
            ["bash", "-ec", "\n".join(commands)],
            cwd=self.folder,
            env=self._environ,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        ).stdout

    def receive(self) -> subprocess.Popen[str]:
        """Start the receiver; it listens when this returns."""
        process = self.start(self.blocks("receiver")[0])
        for _ in range(200):
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", int(self.ports["9000"])), timeout=0.05).close()
                return process
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        raise AssertionError("the receiver does not listen")

    def kill(self) -> None:
        """End everything at once."""
        for process in self._started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Close all terminals."""
        for process in self._started:
            close(process)


def close(process: subprocess.Popen[str]) -> None:
    """Press Ctrl-C in its terminal."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=20)


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return str(probe.getsockname()[1])


def line(process: subprocess.Popen[str], containing: str) -> str:
    """The next line it prints that contains this."""
    assert process.stdout is not None
    for text in process.stdout:
        if containing in text:
            return text
    raise AssertionError(f"it ended without saying {containing!r}")


@pytest.fixture
def tutorial(tmp_path: Path) -> Iterator[Tutorial]:
    made = Tutorial(tmp_path)
    watchdog = threading.Timer(LIMIT_S, made.kill)  # so that a line that never comes is an end, not a wait
    watchdog.start()
    yield made
    watchdog.cancel()
    made.close()


def test_the_tutorial_from_installing_to_a_sender_of_ones_own(tutorial: Tutorial) -> None:
    folder = tutorial.folder
    (folder / "receiver.py").write_text(tutorial.blocks("receiver.py")[0])
    receiver = tutorial.receive()

    init, serve = tutorial.blocks("server")
    assert "provider: github" in tutorial.run(init)
    written = (folder / "hookline.yaml").read_text()
    assert SCHEDULE in written, "the page says: within five seconds"
    written = written.replace(SCHEDULE, f"retry: {{schedule: {['300ms'] * 30}, jitter: 0}}")
    (folder / "hookline.yaml").write_text(written.replace(":9000", f":{tutorial.ports['9000']}"))
    server = tutorial.start(serve)
    line(server, "is up")

    send, listing, forge, refused, again, secret, own = tutorial.blocks("you")
    answers = tutorial.run(
        send, f"echo; {send.splitlines()[0]}", send[send.index("curl") :], "echo", forge
    ).splitlines()
    assert ['"duplicate":false' in answers[0], '"duplicate":true' in answers[1]] == [True, True]
    assert '"bad_signature"' in answers[2]
    arrived = line(receiver, "/build")
    assert '{"ref":"refs/heads/main","pusher":{"name":"mara"}}' in arrived
    assert arrived.split()[1] in tutorial.run(listing)
    assert "bad_signature" in tutorial.run(refused)

    close(receiver)
    assert '"status":"pending"' in tutorial.run(tutorial.blocks("you")[0].splitlines()[0], again)
    receiver = tutorial.receive()
    assert '"tomasz"' in line(receiver, "/build")

    with (folder / "hookline.yaml").open("a") as file:
        file.write(tutorial.blocks("more.yaml")[0])
    environ = send.splitlines()[0]
    assert "tickets" in tutorial.run(environ, secret)
    assert '"id":"msg_' in until_known(tutorial, own)
    assert "14C" in line(receiver, "/sales")


def until_known(tutorial: Tutorial, command: str) -> str:
    """What the door answers once the server has taken over the new source."""
    for _ in range(200):
        answer = tutorial.run(command)
        if "unknown_source" not in answer:
            return answer
    raise AssertionError("the source is still not known")
