"""What is signed, where a template cannot say it: sorted form fields, canonical headers, decoded addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from hookline.core.model import Request
from hookline.core.providers.where import Where

#: The options of a source (provider.py), by name.
Options: TypeAlias = Mapping[str, str]

NO_OPTIONS: Options = {}


@dataclass(frozen=True, slots=True)
class Signed:
    """A function that says what is signed.

    ``make`` gives every form that a genuine sender may have signed, mostly one, of a request with this timestamp
    (as it is written, empty without one). It raises VerificationError when something is not there. ``words`` end
    the sentence "what is signed is …".
    """

    words: str
    make: Callable[[Request, bytes, Options], tuple[bytes, ...]]
    covers_body: bool = True
    binds_url: bool = False
    covers: tuple[Where, ...] = ()  #: other places that nobody else can have written
