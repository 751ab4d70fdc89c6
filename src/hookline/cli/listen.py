"""The socket and the certificate that a server listens with; both are tried before anything else is started."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from pathlib import Path

from hookline.cli.exits import AddressUnusable
from hookline.core.errors import ConfigError

#: How many connections may wait to be accepted (Linux caps it at net.core.somaxconn).
BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes any free one. Raises AddressUnusable."""
    family, address = _resolve(host, port)
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A restart must not wait for the connections of the last server to be forgotten by the kernel.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise AddressUnusable(_why(error, host, port)) from None
    listening.setblocking(False)
    return listening


def _resolve(host: str, port: int) -> tuple[int, tuple[str, int]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise AddressUnusable(
            f"{host!r} is not an address of this machine; give --host an IP address or a name"
        ) from None
    family, _, _, _, address = found[0]
    return family, address  # type: ignore[return-value]


def _why(error: OSError, host: str, port: int) -> str:
    where = f"{_spell(host)}:{port}"
    if error.errno == errno.EADDRINUSE:
        return f"another program listens on {where} already; stop it, or choose another port with --port (0 takes any)"
    if error.errno == errno.EACCES:
        return f"this user may not listen on {where}; choose a port of 1024 or more with --port"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine; use 127.0.0.1, or 0.0.0.0 for all, with --host"
    return f"cannot listen on {where}: {os.strerror(error.errno or 0)}"


def address_of(listening: socket.socket, host: str, *, tls: bool) -> str:
    """The URL to open, as `local_url`, with the port that was found."""
    return local_url(host, listening.getsockname()[1], tls=tls)


def local_url(host: str, port: int, *, tls: bool) -> str:
    """The URL of a server without a slash at its end: for one on all addresses that of this machine."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (it is replaced)
    return f"{'https' if tls else 'http'}://{_spell(shown)}:{port}"


def _spell(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def tls_context(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """What HTTPS is served with, or None. Raises ConfigError naming the file that cannot be used."""
    if certificate is None or key is None:
        return None
    for name, path in (("tls_cert", certificate), ("tls_key", key)):
        try:
            path.read_bytes()
        except OSError as error:
            raise ConfigError(f"cannot read {path}: {error.strerror}", where=name) from None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key, password="")  # never ask for one at a terminal
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            message = f"{key} is not the key of the certificate in {certificate}"
        else:
            message = (
                f"{certificate} and {key} are not a certificate chain and its key in PEM form, "
                "or the key is encrypted; give it without a passphrase"
            )
        raise ConfigError(message, where="tls_cert") from None
    return context
