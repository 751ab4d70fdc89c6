"""Who sends, when proxies stand between: only what a trusted proxy wrote is believed."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.ingest.client import locator
from tests.ingest.asking import JSON_LINE, street

PROXY, SENDER, SPOOFED = "10.0.0.1", "198.51.100.7", "203.0.113.9"


def located(
    peer: str, forwarded: str | None, proto: str | None = None, trusted: tuple[str, ...] = ("10.0.0.0/8",)
) -> tuple[str, str]:
    headers = {}
    if forwarded is not None:
        headers[b"x-forwarded-for"] = forwarded.encode("latin-1")
    if proto is not None:
        headers[b"x-forwarded-proto"] = proto.encode("latin-1")
    return locator([ip_network(text) for text in trusted])(peer, headers, "http")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        (PROXY, SENDER, SENDER),
        (PROXY, f"{SPOOFED}, {SENDER}", SENDER),  # what stands further left could have been written by anybody
        (PROXY, f"{SPOOFED}, 10.0.0.3, {SENDER}, 10.0.0.2", SENDER),
        (PROXY, f"{SENDER},10.0.0.2,10.0.0.3", SENDER),
        (PROXY, f"127.0.0.1, {SENDER}", SENDER),
        (PROXY, f"{SENDER}, not an address", PROXY),
        (PROXY, f"{SENDER}, not an address, 10.0.0.2", "10.0.0.2"),
        (PROXY, f"{SENDER}:443", PROXY),
        (PROXY, "", PROXY),
        (PROXY, None, PROXY),
        (PROXY, " , ,", PROXY),
        (PROXY, "10.0.0.2, 10.0.0.3", "10.0.0.2"),
        (PROXY, "2001:db8::7", "2001:db8::7"),
        (SPOOFED, SENDER, SPOOFED),  # not a proxy of ours: it is the sender, whatever it writes
        (SPOOFED, f"{SENDER}, 10.0.0.2", SPOOFED),
        ("", SENDER, ""),
    ],
)
def test_the_client_is_the_last_address_that_no_trusted_proxy_has(
    peer: str, forwarded: str | None, client: str
) -> None:
    assert located(peer, forwarded)[0] == client


@pytest.mark.parametrize(
    ("peer", "proto", "scheme"),
    [
        (PROXY, "https", "https"),
        (PROXY, " HTTPS ", "https"),
        (PROXY, "http", "http"),
        (PROXY, "https, http", "http"),
        (PROXY, "wss", "http"),
        (PROXY, None, "http"),
        (SPOOFED, "https", "http"),
    ],
)
def test_the_scheme_is_believed_only_from_a_trusted_proxy(peer: str, proto: str | None, scheme: str) -> None:
    assert located(peer, SENDER, proto)[1] == scheme


def test_without_trusted_proxies_nothing_is_believed() -> None:
    assert located(PROXY, SENDER, "https", trusted=()) == (PROXY, "http")


def test_a_network_of_version_six_can_be_trusted() -> None:
    assert located("2001:db8::1", SENDER, trusted=("2001:db8::/32",))[0] == SENDER


@given(st.text(alphabet="0123456789., :abcx\xff", max_size=60), st.sampled_from([PROXY, SPOOFED, "", "::1"]))
def test_any_line_gives_a_client_and_never_one_that_was_not_vouched_for(line: str, peer: str) -> None:
    client, _ = located(peer, line)
    assert client == peer or (peer == PROXY and client in [part.strip() for part in line.split(",")])


async def test_rules_for_addresses_count_for_the_client_behind_the_proxy() -> None:
    async with street(trusted_proxies=["10.0.0.0/8"]) as place:
        await place.source(allow_ips=[SENDER], require_https=True)
        lines = [JSON_LINE, (b"x-forwarded-proto", b"https")]
        good = (b"x-forwarded-for", SENDER.encode())
        spoofed = (b"x-forwarded-for", f"{SENDER}, {SPOOFED}".encode())
        assert (await place.ask(headers=[*lines, good], client=PROXY)).status == 200
        assert (await place.ask(headers=[*lines, spoofed], client=PROXY)).json["code"] == "address_not_allowed"
        assert (await place.ask(headers=[*lines, good], client=SPOOFED)).json["code"] == "https_required"
        # A second line is the proxy's own: the sender's stands before it.
        twice = [*lines, good, (b"x-forwarded-for", SPOOFED.encode())]
        assert (await place.ask(headers=twice, client=PROXY)).json["code"] == "address_not_allowed"
        assert (await place.events())[0].request.client == SENDER
