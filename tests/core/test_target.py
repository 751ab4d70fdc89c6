from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.core.errors import InvalidInput
from hookline.core.target import Target


def test_a_url_is_taken_apart() -> None:
    target = Target.parse("https://Hooks.Example.com:8443/in/box?key=a%20b&x=1")
    assert (target.scheme, target.host, target.port, target.tls) == ("https", "hooks.example.com", 8443, True)
    assert target.path == b"/in/box?key=a%20b&x=1"
    assert target.host_header == b"hooks.example.com:8443"
    assert not target.literal


@pytest.mark.parametrize(
    ("url", "port", "host_header", "path"),
    [
        ("http://example.com", 80, b"example.com", b"/"),
        ("http://example.com:80/", 80, b"example.com", b"/"),
        ("HTTPS://example.com?a=1", 443, b"example.com", b"/?a=1"),
        ("http://example.com:/x", 80, b"example.com", b"/x"),
        ("http://example.com./x", 80, b"example.com", b"/x"),
        ("http://my_service:9000/x", 9000, b"my_service:9000", b"/x"),
        ("http://[2001:DB8:0::1]/x", 80, b"[2001:db8::1]", b"/x"),
        ("http://[::1]:81/x", 81, b"[::1]:81", b"/x"),
        ("http://bücher.example/größe", 80, b"xn--bcher-kva.example", b"/gr%C3%B6%C3%9Fe"),
        ("http://example.com/a//b/../c;d=e%zz", 80, b"example.com", b"/a//b/../c;d=e%zz"),
    ],
)
def test_defaults_and_normal_forms(url: str, port: int, host_header: bytes, path: bytes) -> None:
    target = Target.parse(url)
    assert (target.port, target.host_header, target.path) == (port, host_header, path)


def test_two_spellings_of_an_origin_share_connections() -> None:
    assert Target.parse("http://Example.com/a").origin == Target.parse("http://example.com.:80/b").origin
    assert Target.parse("http://example.com/").origin != Target.parse("https://example.com:80/").origin


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("ftp://example.com/", "http:// or https://"),
        ("//example.com/", "http:// or https://"),
        ("example.com/hook", "http:// or https://"),
        ("javascript:alert(1)", "http:// or https://"),
        ("http:/example.com", "http:// or https://"),
        ("http:///path", "names no host"),
        ("http://:80/", "names no host"),
        ("http://user:hunter2@example.com/", "header of the endpoint"),
        ("http://example.com/#part", "fragment"),
        ("http://example.com/a b", "percent-encode"),
        ("http://example.com/\r\nX: y", "percent-encode"),
        ("http://example.com\\@evil.example/", "percent-encode"),
        ("http://example.com/\ud800", "percent-encode"),
        ("http://example.com:0/", "1 to 65535"),
        ("http://example.com:65536/", "1 to 65535"),
        ("http://example.com:+80/", "1 to 65535"),
        ("http://example.com:٨٠/", "1 to 65535"),
        ("http://a:b:c/", "cannot be read"),
        ("http://2001:db8::1/", "cannot be read"),
        ("http://[fe80::1%25eth0]/", "zone"),
        ("http://[fe80::1%eth0]/", "zone"),
        ("http://[not-an-address]/", "not an IPv6 address"),
        ("http://[v1.x]/", "not an IPv6 address"),
        ("http://exa%6dple.com/", "not a valid host name"),
        ("http://-bad.example/", "not a valid host name"),
        ("http://a..b/", "not a valid host name"),
        ("http://" + "a" * 64 + ".example/", "not a valid host name"),
        ("http://☃.example/", "international host name"),
        ("http://xn--zz/", "international host name"),
        ("http://example.com/" + "a" * 8000, "at most 8000"),
    ],
)
def test_what_cannot_be_a_target_is_refused_with_a_remedy(url: str, remedy: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Target.parse(url)
    assert remedy in refused.value.message


@pytest.mark.parametrize(
    "host",
    ["2130706433", "0x7f000001", "0x7f.1", "017700000001", "0177.0.0.1", "127.1", "127.0.1", "0", "1.2.3.4.5",
     "127.0.0.1.", "256.0.0.1", "0x", "１２７.1", "foo.0x7f"],
)  # fmt: skip
def test_an_odd_spelling_of_an_address_is_refused_or_made_plain(host: str) -> None:
    if host == "127.0.0.1.":
        assert Target.parse(f"http://{host}/").host == "127.0.0.1"
        return
    with pytest.raises(InvalidInput, match="four decimal numbers"):
        Target.parse(f"http://{host}/")


@pytest.mark.parametrize("host", ["１２７.0.0.1", "127。0。0。1", "①②⑦.0.0.1"])
def test_an_address_in_other_digits_is_seen_as_an_address(host: str) -> None:
    target = Target.parse(f"http://{host}/")
    assert (target.host, target.literal) == ("127.0.0.1", True)


def test_secrets_in_a_url_are_neither_in_the_repr_nor_in_the_error() -> None:
    assert "s3cret" not in repr(Target.parse("https://example.com/s3cret?key=s3cret"))
    for url in ("https://user:s3cret@example.com/", "https://example.com/s3cret#s3cret", "gopher://x/s3cret"):
        with pytest.raises(InvalidInput) as refused:
            Target.parse(url)
        assert "s3cret" not in refused.value.message


@given(st.text() | st.from_regex(r"https?://[^/]{0,20}(:[0-9]{0,6})?(/.{0,20})?", fullmatch=True))
def test_any_text_is_a_clean_target_or_refused(url: str) -> None:
    try:
        target = Target.parse(url)
    except InvalidInput:
        return
    assert target.head.count(b"\r\n") == 2
    assert target.head.isascii()
    assert target.path.startswith(b"/")
    assert b" " not in target.path
    assert 1 <= target.port <= 65_535
    assert Target.parse(url) == target
