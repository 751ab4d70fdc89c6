"""What may be said of an endpoint on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from hookline.cli.given import Given
from hookline.core.errors import InvalidInput

#: Options of the endpoints of sources and of applications, by field.
OPTIONS = {
    "url": Annotated[str | None, typer.Option("--url", help="Where it is sent to.", metavar="URL")],
    "events": Annotated[
        list[str] | None,
        typer.Option("--event-type", help="Only this event type; may be repeated. '*' is all.", metavar="TYPE"),
    ],
    "channels": Annotated[
        list[str] | None,
        typer.Option("--channel", help="Only messages of this channel; may be repeated. '' is all.", metavar="CHANNEL"),
    ],
    "rate_limit": Annotated[
        str | None,
        typer.Option("--rate", help="How many tries may begin in a time, as in 100/s; '' is any.", metavar="RATE"),
    ],
    "concurrency": Annotated[
        int | None, typer.Option("--concurrency", help="How many tries may run at the same time.", metavar="NUMBER")
    ],
    "fifo": Annotated[
        bool | None, typer.Option("--fifo/--no-fifo", help="Whether it is sent strictly in order, one at a time.")
    ],
    "description": Annotated[str | None, typer.Option("--description", help="What it is for (applications).")],
    "uid": Annotated[str | None, typer.Option("--uid", help="Your own id of it (applications).", metavar="UID")],
    "metadata": Annotated[
        list[str] | None,
        typer.Option("--metadata", help="A text to find here again (applications).", metavar="KEY=VALUE"),
    ],
    "headers": Annotated[
        list[str] | None,
        typer.Option("--header", help="A header to add, as in 'X-Team: blue'; may be repeated.", metavar="HEADER"),
    ],
    "disable_after": Annotated[
        str | None,
        typer.Option("--disable-after", help="Disable it when it failed for so long, as in 5d.", metavar="LIFETIME"),
    ],
    "enabled": Annotated[bool | None, typer.Option("--enabled/--disabled", help="Whether anything is sent.")],
}

#: The flag of each field.
FLAGS = {
    "url": "--url",
    "events": "--event-type",
    "channels": "--channel",
    "rate_limit": "--rate",
    "headers": "--header",
    "enabled": "--disabled",
    "name": "--name",
    "secrets": "--secret",
}

#: What only the endpoints of applications have.
OF_APPLICATIONS = ("channels", "description", "uid", "metadata")


def headers(given: Given, known: Mapping[str, str]) -> dict[str, str]:
    """The headers of an endpoint that has the ``known`` ones. An empty value takes one away. Raises InvalidInput."""
    wanted = dict(known)
    for text in given["headers"]:
        name, colon, value = text.partition(":")
        if not colon or not name.strip():
            raise InvalidInput("--header: write a name, a colon and a value, as in 'X-Team: blue'")
        wanted = {key: kept for key, kept in wanted.items() if key.lower() != name.strip().lower()}
        if value.strip():
            wanted[name.strip()] = value.strip()
    return wanted
