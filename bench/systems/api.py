"""Calling the HTTP API of a server that speaks JSON, a few times, before anything is measured."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

LIMIT_S = 30.0


class Refused(Exception):
    """A server did not do what it was asked; the message says what it said."""


def post(address: str, path: str, token: str, body: Mapping[str, Any]) -> Any:
    """The JSON that is answered. Raises Refused, also when nobody answers."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=LIMIT_S)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with contextlib.closing(connection):
        try:
            connection.request("POST", path, json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise Refused(f"POST {address}{path}: {error or type(error).__name__}") from error
    if not 200 <= answer.status < 300:
        raise Refused(f"POST {address}{path}: {answer.status} {text[:500]}")
    try:
        return json.loads(text)
    except ValueError:
        raise Refused(f"POST {address}{path}: {answer.status}, and not JSON: {text[:200]}") from None
