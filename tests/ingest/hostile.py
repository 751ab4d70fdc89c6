"""What strangers write on an open port, by name."""

from __future__ import annotations

FORM = b"application/x-www-form-urlencoded"
XML = b"text/xml"
CHUNKED = b"Transfer-Encoding: chunked"
CLOSE = b"Connection: close"
LAUGHS = b"".join(b'<!ENTITY l%d "%b">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))


def ask(
    *lines: bytes, body: bytes = b"{}", to: bytes = b"POST /webhooks/shop HTTP/1.1", kind: bytes = b"application/json"
) -> bytes:
    """A request after which the connection ends; with a length unless ``lines`` say how its end is known."""
    head = [to, b"Host: a", b"Content-Type: " + kind, *lines]
    if not any(line.lower().startswith((b"content-length", b"transfer-encoding")) for line in lines):
        head.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*head, CLOSE, b"", body])


def say(body: bytes, kind: bytes = b"application/json") -> bytes:
    """A request with this body."""
    return ask(body=body, kind=kind)


def at(path: bytes) -> bytes:
    """A request to this path."""
    return ask(to=b"POST " + path + b" HTTP/1.1")


#: Requests that are HTTP: each has exactly one answer, and it is not 5xx.
ANSWERED = {
    "deep JSON": say(b"[" * 500_000),
    "deep JSON that is closed": say(b"[" * 100_000 + b"]" * 100_000),
    "deep objects": say(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "many keys": say(b"{" + b",".join(b'"%d":1' % n for n in range(50_000)) + b"}"),
    "the same key again and again": say(b"{" + b",".join([b'"id":1'] * 50_000) + b"}"),
    "a long number": say(b'{"id":' + b"9" * 500_000 + b"}"),
    "a large number": say(b'{"id":' + b"9" * 30 + b"}"),
    "a long exponent": say(b'{"id":1e999999999}'),
    "half a surrogate": say(b'{"id":"\\ud800"}'),
    "NUL in an id": say(b'{"id":"a\\u0000b"}'),
    "invalid UTF-8": say(b'{"id":"\xff\xfe"}'),
    "UTF-16": say('{"id":1}'.encode("utf-16")),
    "a byte order mark alone": say(b"\xef\xbb\xbf"),
    "billion laughs": say(b'<!DOCTYPE l [<!ENTITY l0 "ha">' + LAUGHS + b"]><l>&l9;</l>", XML),
    "an external entity": say(b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', XML),
    "an external DTD": say(b'<!DOCTYPE a SYSTEM "http://192.0.2.1/a.dtd"><a/>', XML),
    "deep XML": say(b"<a>" * 100_000, XML),
    "wide XML": say(b"<a>" + b"<b/>" * 150_000 + b"</a>", XML),
    "many attributes": say(b"<a " + b" ".join(b'a%d="1"' % n for n in range(20_000)) + b"/>", XML),
    "XML in an unknown encoding": say(b'<?xml version="1.0" encoding="x"?><a/>', XML),
    "XML with NUL": say(b"<a>\x00</a>", XML),
    "ten thousand form fields": say(b"&".join(b"a%d=1" % n for n in range(10_000)), FORM),
    "one form field ten thousand times": say(b"&".join([b"a=1"] * 10_000), FORM),
    "percent bombs": say(b"a=" + b"%25" * 100_000, FORM),
    "broken percents": say(b"%=%&%x=%zz&%ff=%fe&" * 1_000, FORM),
    "only ampersands": say(b"&" * 500_000, FORM),
    "multipart without a boundary": say(b"--\r\n\r\n", b"multipart/form-data"),
    "a content type of garbage": say(b"{}", b";;;=,\xff\xfe\x80" * 50),
    "a compressed body": ask(b"Content-Encoding: gzip", body=b"\x1f\x8b\x08"),
    "percents in the path": at(b"/webhooks/%00%ff%2e%2e%2f"),
    "a path of percents": at(b"/webhooks/" + b"%25" * 3_000),
    "dots in the path": at(b"/webhooks/../../etc/passwd"),
    "a path without a name": at(b"/webhooks/"),
    "many slashes": at(b"/webhooks" + b"/" * 5_000),
    "a long query": at(b"/webhooks/shop?" + b"a&" * 10_000),
    "quotes and brackets in the path": at(b"/webhooks/'\"<script>{{7*7}}"),
    "the absolute form": at(b"http://elsewhere.example/webhooks/shop"),
    "a thousand header lines": ask(*(b"X-%d: 1" % n for n in range(1_000))),
    "one header a thousand times": ask(*[b"X-A: 1"] * 1_000),
    "a long header": ask(b"X-A: " + b"a" * 50_000),
    "many forwarded addresses": ask(b"X-Forwarded-For: " + b"1.1.1.1," * 5_000),
    "bytes above ASCII in a header": ask(b"X-A: \xff\xfe\x80"),
    "two signatures": ask(*[b"X-Hub-Signature-256: a"] * 2, to=b"POST /webhooks/github HTTP/1.1"),
    "a signature of garbage": ask(b"X-Hub-Signature-256: sha256=\xff", to=b"POST /webhooks/github HTTP/1.1"),
    "cookies and credentials": ask(b"Cookie: a=b", b"Authorization: Basic %%%"),
    "two hosts": ask(b"Host: b"),
    "no host": b"POST /webhooks/shop HTTP/1.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "a body where none is expected": ask(to=b"GET /webhooks/shop HTTP/1.1"),
    "an unusual method": ask(to=b"PROPFIND /webhooks/shop HTTP/1.1"),
    "OPTIONS of everything": ask(to=b"OPTIONS * HTTP/1.1"),
    "the old protocol": ask(to=b"POST /webhooks/shop HTTP/1.0"),
    "the oldest protocol": b"POST /webhooks/shop\r\n\r\n",
    "an upgrade to websockets": ask(
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        to=b"GET /webhooks/shop HTTP/1.1",
    ),
    "an upgrade to HTTP/2": ask(
        b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQ", b"Connection: Upgrade, HTTP2-Settings"
    ),
    "an expectation": ask(b"Expect: 100-continue"),
    "an expectation that nobody knows": ask(b"Expect: a-miracle"),
    "an expectation of the old protocol": ask(b"Expect: 100-continue", to=b"POST /webhooks/shop HTTP/1.0"),
    "chunks with extensions": ask(CHUNKED, body=b"2;a=b;c\r\n{}\r\n0\r\n\r\n"),
    "chunks of one byte": ask(CHUNKED, body=b"1\r\n1\r\n" * 20_000 + b"0\r\n\r\n"),
    "trailers": ask(CHUNKED, body=b"2\r\n{}\r\n0\r\nX-Hub-Signature-256: a\r\nContent-Length: 9\r\n\r\n"),
}

HIDDEN = say(b'{"id":"smuggled"}')
ONE_CHUNK = b"2\r\n{}\r\n0\r\n\r\n"

#: What is no HTTP, or two things at once: refused or left unanswered, and never an event.
REFUSED = {
    "both lengths": ask(b"Content-Length: 4", CHUNKED, body=b"0\r\n\r\n" + HIDDEN),
    "both lengths the other way round": ask(CHUNKED, b"Content-Length: 5", body=b"0\r\n\r\n" + HIDDEN),
    "two different lengths": ask(b"Content-Length: 0", b"Content-Length: %d" % len(HIDDEN), body=HIDDEN),
    "a list of lengths": ask(b"Content-Length: 2, 3"),
    "a negative length": ask(b"Content-Length: -2"),
    "a length with a sign": ask(b"Content-Length: +2"),
    "a length of garbage": ask(b"Content-Length: 0x2"),
    "a length beyond numbers": ask(b"Content-Length: " + b"9" * 40),
    "a space before the colon": ask(b"Content-Length : 2"),
    "a folded line": ask(b"X-A: 1\r\n 2", b"Content-Length : 2"),
    "chunked, spelled oddly": ask(b"Transfer-Encoding: xchunked", body=ONE_CHUNK),
    "chunked and something after it": ask(b"Transfer-Encoding: chunked, identity", body=ONE_CHUNK),
    "chunked after a tab": ask(b"Transfer-Encoding:\x0bchunked", body=ONE_CHUNK),
    "a chunk size of garbage": ask(CHUNKED, body=b"zz\r\n{}\r\n0\r\n\r\n"),
    "a chunk size with a sign": ask(CHUNKED, body=b"-2\r\n{}\r\n0\r\n\r\n"),
    "a chunk size beyond numbers": ask(CHUNKED, body=b"f" * 40 + b"\r\n{}\r\n0\r\n\r\n"),
    "a chunk longer than it says": ask(CHUNKED, body=b"1\r\n{}\r\n0\r\n\r\n"),
    "a chunk without an end": ask(CHUNKED, body=b"2\r\n{}"),
    "bare carriage returns": ask().replace(b"\r\n", b"\r"),
    "NUL in a header": ask(b"X-A: \x00"),
    "NUL in a header name": ask(b"X-\x00: a"),
    "a header without a name": ask(b": 1"),
    "a header without a colon": ask(b"X-A"),
    "NUL in the path": at(b"/webhooks/\x00shop"),
    "UTF-8 in the path": at("/webhooks/shöp".encode()),
    "spaces in the path": at(b"/webhooks/shop and more"),
    "no path": ask(to=b"POST HTTP/1.1"),
    "an unknown version": ask(to=b"POST /webhooks/shop HTTP/9.9"),
    "an unknown method": ask(to=b"BREW /webhooks/shop HTTP/1.1"),
    "small letters": ask(to=b"post /webhooks/shop HTTP/1.1"),
    "a tunnel": ask(to=b"CONNECT 127.0.0.1:22 HTTP/1.1"),
    "the authority form": at(b"127.0.0.1:8400"),
    "TLS": bytes.fromhex("16030100a5010000a10303") + bytes(160),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
    "another protocol": b"SSH-2.0-OpenSSH_9.2p1\r\n",
    "a proxy protocol": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + say(b"{}"),
    "a response": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "nothing but line ends": b"\r\n" * 1_000,
    "nothing but NUL": bytes(100_000),
    "half a head": b"POST /webhooks/shop HTTP/1.1\r\nHost: a\r\n",
    "half a body": ask(b"Content-Length: 100", body=b"{"),
    "half an expectation": ask(b"Content-Length: 100", b"Expect: 100-continue", body=b""),
    "a bomb of headers": b"POST /webhooks/shop HTTP/1.1\r\n" + b"A: b\r\n" * 300_000,
    "a bomb of one header": b"POST /webhooks/shop HTTP/1.1\r\nA: " + b"b" * 2_000_000,
    "a bomb of a path": b"POST /webhooks/" + b"a" * 2_000_000,
    "a bomb of a method": b"A" * 2_000_000,
}
