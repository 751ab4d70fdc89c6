"""Finding header lines, and what an endpoint may see of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.core.headers import HOP_BY_HOP, forwardable, index, occurrences
from hookline.core.model import Headers

GITHUB: Headers = (
    (b"Host", b"hooks.example.com"),
    (b"User-Agent", b"GitHub-Hookshot/044aadd"),
    (b"Content-Length", b"2"),
    (b"Accept", b"*/*"),
    (b"Accept-Encoding", b"gzip"),
    (b"Content-Type", b"application/json"),
    (b"Content-Encoding", b"identity"),
    (b"X-GitHub-Event", b"push"),
    (b"X-Hub-Signature-256", b"sha256=00"),
    (b"X-Forwarded-For", b"192.0.2.1"),
    (b"X-Forwarded-Proto", b"https"),
    (b"Forwarded", b"for=192.0.2.1"),
    (b"X-Real-IP", b"192.0.2.1"),
    (b"Via", b"1.1 proxy"),
    (b"Cookie", b"session=not-real"),
    (b"Authorization", b"Basic bm90OnJlYWw="),
    (b"Proxy-Authorization", b"Basic bm90OnJlYWw="),
    (b"Expect", b"100-continue"),
    (b"Connection", b"keep-alive, X-Only-Here"),
    (b"Keep-Alive", b"timeout=5"),
    (b"Transfer-Encoding", b"chunked"),
    (b"TE", b"trailers"),
    (b"Trailer", b"X-Checksum"),
    (b"Upgrade", b"h2c"),
    (b"x-only-here", b"1"),
)

names = st.sampled_from([name for name, _ in GITHUB] + [b"webhook-id", b"svix-signature", b"X-Token", b"X-A", b"x-a"])
lines = st.lists(st.tuples(names | st.binary(max_size=8), st.binary(max_size=20)), max_size=12).map(tuple)


def test_the_last_value_of_a_name_is_found_in_any_case() -> None:
    assert index(((b"X-A", b"1"), (b"x-a", b"2"), (b"B", b"3"))) == {b"x-a": b"2", b"b": b"3"}


@given(lines)
def test_occurrences_agree_with_the_index(headers: Headers) -> None:
    looked_up = index(headers)
    assert sum(occurrences(headers, name) for name in looked_up) == len(headers)
    assert all(occurrences(headers, name.upper()) == occurrences(headers, name) for name in looked_up)
    assert occurrences(headers, b"never sent by anybody") == 0


def test_what_speaks_of_the_event_goes_on_and_what_speaks_of_the_connection_stays() -> None:
    assert forwardable(GITHUB) == (
        (b"User-Agent", b"GitHub-Hookshot/044aadd"),
        (b"Accept", b"*/*"),
        (b"Content-Type", b"application/json"),
        (b"Content-Encoding", b"identity"),
        (b"X-GitHub-Event", b"push"),
        (b"X-Hub-Signature-256", b"sha256=00"),
    )


@pytest.mark.parametrize("name", [b"X-Gitlab-Token", b"x-gitlab-token"])
def test_what_authenticated_the_sender_stays_here(name: bytes) -> None:
    assert forwardable(((name, b"not-a-real-token"), (b"X-A", b"1")), frozenset({b"x-gitlab-token"})) == (
        (b"X-A", b"1"),
    )


def test_our_signature_takes_the_place_of_another_of_its_kind() -> None:
    standard: Headers = tuple(
        (f"{spelling}-{part}".encode(), b"x")
        for spelling in ("webhook", "Svix")
        for part in ("id", "timestamp", "signature")
    )
    assert forwardable(standard) == ()
    assert forwardable(standard, resigned=False) == standard


@pytest.mark.parametrize(
    "line", [(b"", b"v"), (b"X A", b"v"), (b"X\r\nB", b"v"), (b"X", b"a\r\nHost: b"), (b"X", b"a\n"), (b"X", b"a\0")]
)
def test_a_line_that_would_become_another_does_not_go_on(line: tuple[bytes, bytes]) -> None:
    assert forwardable((line, (b"X-A", b"1"))) == ((b"X-A", b"1"),)


@given(lines, st.frozensets(names.map(bytes.lower), max_size=2))
def test_what_goes_on_is_a_part_of_what_came_in_its_order(headers: Headers, secrets: frozenset[bytes]) -> None:
    kept = forwardable(headers, secrets)
    remaining = iter(headers)
    assert all(line in remaining for line in kept)
    forbidden = HOP_BY_HOP | secrets | {b"host", b"content-length", b"cookie", b"authorization", b"webhook-id"}
    assert not forbidden & {name.lower() for name, _ in kept}
    assert not any(b"\n" in value or b"\r" in value or b"\0" in value for _, value in kept)
    assert forwardable(kept, secrets) == kept
