"""The tutorial does what it says: its blocks are run as they stand, only on other ports."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli_demo.running import LIMIT_S
from tests.docs.walking import Tutorial, close, line

PAGE = Path(__file__).parents[2] / "docs" / "tutorial" / "first-webhook.md"
#: What the written file offers, and is the default; nobody wants to wait that long in a test.
SCHEDULE = "# retry: {schedule: [5s, 5m, 30m, 2h, 5h, 10h, 10h], jitter: 0.1}"


@pytest.fixture
def tutorial(tmp_path: Path) -> Iterator[Tutorial]:
    made = Tutorial(PAGE, tmp_path)
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
