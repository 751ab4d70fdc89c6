"""The tutorial about sending does what it says, from an empty folder to a message that was sent again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli_demo.running import LIMIT_S
from tests.docs.pages import page
from tests.docs.walking import Tutorial, close, line


@pytest.fixture
def tutorial(tmp_path: Path) -> Iterator[Tutorial]:
    made = Tutorial(page("tutorial/first-message.md").path, tmp_path)
    watchdog = threading.Timer(2 * LIMIT_S, made.kill)  # so that a line that never comes is an end, not a wait
    watchdog.start()
    yield made
    watchdog.cancel()
    made.close()


def test_the_tutorial_from_the_first_message_to_one_that_failed(tutorial: Tutorial) -> None:
    for name in ("customer.py", "receiver.py", "publish.py"):
        (tutorial.folder / name).write_text(tutorial.blocks(name)[0])
    token, customer, publish, curl, command, listing, unheard, again = tutorial.blocks("you")
    server = tutorial.start(tutorial.blocks("server")[0])
    line(server, "is up")
    tutorial.run(token, customer)
    receiver = tutorial.receive("customer")

    message_id = tutorial.run(token, publish).strip()
    assert f"verified {message_id} " in line(receiver, "verified")
    assert "belongs to" in tutorial.run(token, f"{publish.strip()} 2>&1 || true")

    answers = tutorial.run(token, curl, "echo", curl).splitlines()
    assert answers[0] == answers[1]  # the same request, sent again
    assert '"order": 2' in line(receiver, "verified")
    assert "acme-orders\tdelivered\t1" in tutorial.run(token, command)
    assert '"order": 3' in line(receiver, "verified")
    assert len(tutorial.run(listing).splitlines()) == 1 + 3

    close(receiver)
    assert tutorial.run(unheard).startswith("msg_")
    assert "No message matches." in tutorial.run(again)  # it is still being tried
    receiver = tutorial.receive("customer")
    assert '"order": 1' in line(receiver, "verified")
