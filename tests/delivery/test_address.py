from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.core.errors import InvalidInput
from hookline.core.target import Target
from hookline.delivery.address import AddressPolicy

STRICT = AddressPolicy()

PUBLIC = ("1.1.1.1", "8.8.8.8", "99.255.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.1",
          "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700::1111", "2a00:1450:4001::1",
          "2001:4860:4860::8888", "2620:4f:8000::1")  # fmt: skip

SPECIAL = {
    "0.0.0.0": "this network",
    "0.1.2.3": "this network",
    "10.0.0.1": "private",
    "100.64.0.1": "carrier-grade NAT",
    "100.100.100.200": "carrier-grade NAT",  # the metadata service of Alibaba Cloud
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "168.63.129.16": "Azure",
    "169.254.1.1": "link-local",
    "169.254.169.254": "metadata",
    "169.254.170.2": "link-local",  # credentials of Amazon ECS tasks
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.192": "protocol assignments",  # the metadata service of Oracle Cloud, formerly
    "192.0.2.1": "documentation",
    "192.88.99.1": "6to4",
    "192.168.1.1": "private",
    "198.18.0.1": "benchmarking",
    "198.19.255.255": "benchmarking",
    "198.51.100.1": "documentation",
    "203.0.113.1": "documentation",
    "224.0.0.1": "multicast",
    "239.255.255.250": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "broadcast",
    "::": "unspecified",
    "::1": "loopback",
    "::7f00:1": "IPv4-compatible",
    "::127.0.0.1": "IPv4-compatible",
    "::ffff:127.0.0.1": "IPv4-mapped",
    "::ffff:7f00:1": "IPv4-mapped",
    "::ffff:8.8.8.8": "IPv4-mapped",
    "::ffff:0:127.0.0.1": "IPv4-translated",
    "64:ff9b::7f00:1": "NAT64",
    "64:ff9b:1::1": "NAT64",
    "100::1": "discard",
    "2001::1": "Teredo",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2": "Teredo",
    "2001:2::1": "benchmarking",
    "2001:10::1": "protocol assignments",
    "2001:20::1": "protocol assignments",
    "2001:db8::1": "documentation",
    "2002:7f00:1::": "6to4",
    "2002:a9fe:a9fe::1": "6to4",
    "3fff::1": "documentation",
    "5f00::1": "outside global unicast",
    "4000::1": "outside global unicast",
    "fc00::1": "unique local",
    "fd12:3456::1": "unique local",
    "fd00:ec2::254": "metadata",
    "fe80::1": "link-local",
    "fe80::1%eth0": "scoped",
    "2606:4700::1111%1": "scoped",
    "fec0::1": "site-local",
    "ff02::1": "multicast",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_open(address: str) -> None:
    assert STRICT.refusal(address) is None


@pytest.mark.parametrize(("address", "words"), SPECIAL.items())
def test_special_ranges_are_refused_by_name(address: str, words: str) -> None:
    assert words in (STRICT.refusal(address) or "")


@pytest.mark.parametrize("address", SPECIAL)
def test_allow_private_opens_everything(address: str) -> None:
    assert AddressPolicy(allow_private=True).refusal(address) is None


def test_a_listed_network_opens_itself_and_nothing_else() -> None:
    policy = AddressPolicy(networks=(IPv4Network("10.1.0.0/16"), IPv6Network("fd12::/16")))
    assert policy.refusal("10.1.2.3") is None
    assert policy.refusal("fd12::1") is None
    assert policy.refusal("10.2.0.1") is not None
    assert policy.refusal("fd13::1") is not None
    assert policy.refusal("127.0.0.1") is not None


def test_a_listed_ipv4_network_does_not_open_its_ipv6_disguises() -> None:
    policy = AddressPolicy(networks=(IPv4Network("127.0.0.0/8"),))
    assert policy.refusal("127.0.0.1") is None
    assert policy.refusal("::ffff:127.0.0.1") is not None
    assert policy.refusal("2002:7f00:1::") is not None


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f000001", "2130706433", "127.0.0.1 ", "[::1]"])
def test_what_is_no_address_is_never_open(text: str) -> None:
    assert AddressPolicy(allow_private=True).refusal(text) == "not an IP address"


@given(st.ip_addresses(v=4))
def test_ipv4_is_open_only_where_the_registry_says_global(address: IPv4Address) -> None:
    if STRICT.refusal(str(address)) is None:
        assert address.is_global
        assert not address.is_multicast
        assert not address.is_reserved


@given(st.ip_addresses(v=6))
def test_ipv6_is_open_only_in_global_unicast_space(address: IPv6Address) -> None:
    if STRICT.refusal(str(address)) is None:
        assert address in IPv6Network("2000::/3")
        assert address.is_global
        assert (address.ipv4_mapped, address.sixtofour, address.teredo) == (None, None, None)


#: Spellings that published lists of request-forgery tricks use to reach the server's own network.
BYPASSES = (
    "http://127.0.0.1/", "http://127.0.0.1:80/", "http://127.1/", "http://127.0.1/", "http://127.127.127.127/",
    "http://0/", "http://0.0.0.0/", "http://0x7f000001/", "http://0x7f.0x0.0x0.0x1/", "http://0177.0.0.1/",
    "http://00000177.0.0.1/", "http://017700000001/", "http://2130706433/", "http://3232235521/",
    "http://2852039166/", "http://0xa9fea9fe/", "http://0xA9.0xFE.0xA9.0xFE/", "http://0251.0376.0251.0376/",
    "http://169.254.169.254/latest/meta-data/", "http://169.254.43518/", "http://169.16689662/",
    "http://[::]/", "http://[::1]/", "http://[0000::1]/", "http://[0:0:0:0:0:0:0:1]/", "http://[::127.0.0.1]/",
    "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::ffff:a9fe:a9fe]/",
    "http://[0:0:0:0:0:ffff:169.254.169.254]/", "http://[64:ff9b::169.254.169.254]/", "http://[2002:7f00:1::]/",
    "http://[2001:0:0:0:0:0:80ff:fffe]/", "http://[fd00:ec2::254]/latest/", "http://[fe80::1%25lo]/",
    "http://①②⑦.⓪.⓪.①/", "http://１２７.０.０.１/", "http://127。0。0。1/", "http://①⑥⑨.②⑤④.①⑥⑨.②⑤④/",
    "http://127.0.0.1./", "http://user@127.0.0.1/", "http://example.com@127.0.0.1/", "http://127.0.0.1#@example.com/",
    "http://example.com\\@127.0.0.1/", "http://127.0.0.1\\@example.com/", "http:\\\\127.0.0.1/",
    "http://127.0.0.1\t.example.com/", "http://127.0.0.1%00.example.com/", "http://127.0.0.1%2523@example.com/",
    "http://exa\u00admple.com@10.0.0.1/", "http://[::1%00]/", "http://[::1]@example.com/", "http://[::1/",
    "file:///etc/passwd", "gopher://127.0.0.1:6379/_INFO", "dict://127.0.0.1:11211/", "ftp://127.0.0.1/",
    "http:127.0.0.1/", "http:/127.0.0.1/", "///127.0.0.1/", "http://127.0.0.1:80:80/", "http://10.0.0.1:00080/",
)  # fmt: skip


@pytest.mark.parametrize("url", BYPASSES)
def test_no_spelling_reaches_the_servers_own_network(url: str) -> None:
    try:
        target = Target.parse(url)
    except InvalidInput:
        return
    assert target.literal, "an address in disguise was taken for a name"
    assert STRICT.refusal(target.host) is not None
