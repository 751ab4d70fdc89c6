"""How the sending API refuses: in the shape that the Svix SDKs read.

422 lists everything that is wrong, each with its place; every other error is a code and words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from starlette.responses import Response

from hookline.api import answer
from hookline.api.answer import InvalidRequest
from hookline.config.problems import Path, explain
from hookline.core.errors import HooklineError, InvalidInput

#: The type of what is wrong, when nothing says it more exactly.
VALUE_ERROR = "value_error"


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that is wrong at ``place``, which begins with ``body``, ``query``, ``path`` or ``header``."""

    place: Path
    words: str
    kind: str = VALUE_ERROR


class Unprocessable(InvalidInput):
    """Something in a request cannot be used; ``wrong`` has every such thing."""

    def __init__(self, wrong: Sequence[Wrong]) -> None:
        super().__init__("; ".join(each.words for each in wrong))
        self.wrong = tuple(wrong)


class HttpErrorOut(BaseModel):
    """An error."""

    code: str = Field(description="Stable; programs may rely on it.", examples=["not_found"])
    detail: str = Field(description="What to change, for people.", examples=["there is no application 'acme'"])


class ValidationErrorItem(BaseModel):
    """One thing that is wrong with a request."""

    loc: list[str] = Field(description="Where.", examples=[["body", "url"]])
    msg: str = Field(description="What is wrong and what to write instead.")
    type: str = Field(description="What kind of mistake it is.", examples=[VALUE_ERROR])


class HTTPValidationError(BaseModel):
    """Everything that is wrong with a request."""

    code: str = Field(description="Stable; programs may rely on it.", examples=["invalid_input"])
    detail: list[ValidationErrorItem]


def wrong(*place: str | int, words: str) -> Unprocessable:
    """The error for one place, as in ``wrong("body", "url", words="must not be empty")``."""
    return Unprocessable([Wrong(place, words)])


def check_in_path(name: str, text: str, check: Callable[[str], object]) -> None:
    """Check a parameter of the path that is to become a name. Raises Unprocessable."""
    try:
        check(text)
    except InvalidInput as error:
        raise wrong("path", name, words=error.message) from None


def wrong_body(error: ValidationError, model: type[BaseModel], names: Mapping[str, str]) -> Unprocessable:
    """The error for a body that became a ``model`` which is not valid.

    ``names`` are those that fields of the model have in the body; an empty one is no part of the place there.
    """
    return Unprocessable([Wrong(("body", *_renamed(each.path, names)), each.message) for each in explain(error, model)])


def _renamed(path: Path, names: Mapping[str, str]) -> Path:
    renamed = (names.get(part, part) if isinstance(part, str) else part for part in path)
    return tuple(part for part in renamed if part != "")


def refusal_of(error: HooklineError) -> Response:
    """The answer that tells of ``error``."""
    if error.status != 422:
        return answer.refusal_of(error)
    return answer.answer({"code": error.code, "detail": [_item(each) for each in _all_wrong(error)]}, 422)


def _all_wrong(error: HooklineError) -> Sequence[Wrong]:
    if isinstance(error, Unprocessable):
        return error.wrong
    if isinstance(error, InvalidRequest):
        return [Wrong(("body", *each.path), each.message) for each in error.problems]
    return [Wrong(("body",), error.message)]


def _item(each: Wrong) -> dict[str, Any]:
    return {"loc": [str(part) for part in each.place], "msg": each.words, "type": each.kind}
