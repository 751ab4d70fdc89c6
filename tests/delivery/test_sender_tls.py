from __future__ import annotations

import asyncio
import socket
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hookline.delivery.sender import HttpSender
from hookline.testing.receiver import Answer, Receiver

from .wire import OPEN, TableResolver, post, sending, server_playing

NAMES = TableResolver({"hooks.example.com": ["127.0.0.1"], "other.example.com": ["127.0.0.1"]})


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate and its key for hooks.example.com and 127.0.0.1, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example.com")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("hooks.example.com"), x509.IPAddress(ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path_factory.mktemp("tls") / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + built.public_bytes(serialization.Encoding.PEM)
    )
    return pem


@pytest.fixture
def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


@pytest.mark.parametrize("host", ["hooks.example.com", "hooks.example.com.", "127.0.0.1"])
async def test_a_trusted_certificate_for_the_host_is_accepted(
    host: str, server_context: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    sender = HttpSender(OPEN, ssl_context=trusting, resolver=NAMES)
    async with Receiver(ssl_context=server_context) as receiver, sending(sender):
        for body in (b"{}", b"x" * 1_000_000):
            outcome = await post(sender, f"https://{host}:{receiver.port}/", body)
            assert (outcome.status, outcome.detail) == (200, "")
    assert (receiver.count, receiver.connections) == (2, 1)


async def test_a_certificate_for_another_host_is_refused(
    server_context: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    sender = HttpSender(OPEN, ssl_context=trusting, resolver=NAMES)
    async with Receiver(ssl_context=server_context) as receiver, sending(sender):
        outcome = await post(sender, f"https://other.example.com:{receiver.port}/")
    assert (outcome.status, outcome.error, receiver.count) == (0, "tls_failed", 0)
    assert "not valid for 'other.example.com'" in outcome.detail


async def test_a_certificate_that_nobody_vouches_for_is_refused(server_context: ssl.SSLContext) -> None:
    sender = HttpSender(OPEN, resolver=NAMES)
    async with Receiver(ssl_context=server_context) as receiver, sending(sender):
        outcome = await post(sender, f"https://hooks.example.com:{receiver.port}/")
    assert (outcome.status, outcome.error, receiver.count) == (0, "tls_failed", 0)
    assert "self-signed" in outcome.detail


async def test_a_server_without_tls_is_told_apart() -> None:
    async with Receiver() as receiver, sending(HttpSender(OPEN)) as sender:
        outcome = await post(sender, f"https://127.0.0.1:{receiver.port}/")
    assert outcome.error == "tls_failed"
    assert "TLS" in outcome.detail


async def test_a_server_that_hangs_up_during_the_handshake_fails() -> None:
    async def part(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)

    async with server_playing(part) as url, sending(HttpSender(OPEN)) as sender:
        outcome = await post(sender, url.replace("http:", "https:"))
    assert outcome.error == "tls_failed"


async def test_a_handshake_that_hangs_costs_the_connect_timeout() -> None:
    async def part(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with server_playing(part) as url, sending(HttpSender(OPEN)) as sender:
        outcome = await post(sender, url.replace("http:", "https:"), connect_timeout_s=0.1)
    assert (outcome.error, outcome.address) == ("connect_timeout", "127.0.0.1")
    assert 95 <= outcome.duration_ms < 1000


async def test_an_address_that_never_answers_leaves_time_for_the_next(
    server_context: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    names = TableResolver({"hooks.example.com": ["127.0.0.2", "127.0.0.1"]})
    async with (
        Receiver(ssl_context=server_context) as receiver,
        server_playing(silence, "127.0.0.2", receiver.port),
        sending(HttpSender(OPEN, ssl_context=trusting, resolver=names)) as sender,
    ):
        outcome = await post(sender, f"https://hooks.example.com:{receiver.port}/", connect_timeout_s=0.5)
    assert (outcome.status, outcome.address) == (200, "127.0.0.1")


async def test_a_server_that_wants_a_client_certificate_is_a_tls_failure(
    certificate: Path, server_context: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    server_context.verify_mode = ssl.CERT_REQUIRED
    server_context.load_verify_locations(certificate)

    def refuse_one(listener: socket.socket) -> None:
        accepted, _ = listener.accept()
        with server_context.wrap_socket(accepted, True, do_handshake_on_connect=False) as peer:
            peer.settimeout(5)
            with pytest.raises(ssl.SSLError, match="did not return a certificate"):
                peer.do_handshake()
            # Closing with unread bytes would reset the connection and might overtake the alert.
            while socket.socket.recv(peer, 65_536):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        refusing = asyncio.create_task(asyncio.to_thread(refuse_one, listener))
        async with sending(HttpSender(OPEN, ssl_context=trusting, resolver=NAMES)) as sender:
            outcome = await post(sender, f"https://hooks.example.com:{port}/")
        await refusing
    assert (outcome.status, outcome.error) == (0, "tls_failed")
    assert "certificate required" in outcome.detail


async def test_a_response_over_tls_may_end_with_the_connection(
    server_context: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    sender = HttpSender(OPEN, ssl_context=trusting, resolver=NAMES)
    async with Receiver(ssl_context=server_context) as receiver, sending(sender):
        receiver.answers(Answer.raw(b"HTTP/1.1 200 OK\r\n\r\nuntil the end"))
        outcome = await post(sender, f"https://hooks.example.com:{receiver.port}/")
    assert (outcome.status, outcome.body) == (200, b"until the end")
