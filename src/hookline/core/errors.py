"""Every error that Hookline raises on purpose.

    HooklineError
    ├── ConfigError            the configuration is wrong; the message names the place and the remedy
    ├── VerificationError      a request is not what its source promised (the sender's fault)
    ├── NotFound               no such source, endpoint, event … in this organisation
    ├── Conflict               the request contradicts what is stored
    ├── InvalidInput           a value was given that cannot be used
    │   └── LimitReached       there are as many as there may be
    ├── BlockedAddress         an endpoint resolves to an address that must not be connected to
    ├── StoreError             the store cannot do its work now (our fault; try again)
    │   ├── StoreBusy          too much is waiting to be written
    │   ├── StoreLocked        another server runs on this file
    │   └── StoreVersion       the database was written by another version
    └── SecretUnreadable       a stored secret cannot be decrypted with this HOOKLINE_SECRET

Each class has a stable ``code`` (documented in docs/errors.md), and ``status`` is the hint for whoever
answers HTTP. The message says what to change.
"""

from __future__ import annotations


class HooklineError(Exception):
    """Something Hookline refuses to do, with a stable code and a message that says what to change."""

    code = "error"
    status = 500

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class ConfigError(HooklineError):
    """The configuration cannot be used."""

    code = "invalid_configuration"
    status = 422

    def __init__(self, message: str, *, where: str = "", code: str | None = None) -> None:
        super().__init__(f"{where}: {message}" if where else message, code=code)
        self.where = where


class VerificationError(HooklineError):
    """The request does not prove that it comes from its source.

    ``cause`` is one of ``missing_signature``, ``malformed_signature``, ``repeated_signature``,
    ``bad_signature``, ``missing_timestamp``, ``malformed_timestamp``, ``stale_timestamp``,
    ``future_timestamp``, ``missing_header``, ``no_secret``; of what is signed: ``malformed_body``, ``body_mismatch``,
    ``wrong_url``, ``bad_claim``, ``missing_option``; and of keys: ``unsupported_algorithm``, ``untrusted_key``,
    ``key_unavailable`` (our trouble: the sender should try again).
    """

    code = "verification_failed"
    status = 401

    def __init__(self, cause: str, message: str) -> None:
        super().__init__(message, code=cause)
        self.cause = cause


class NotFound(HooklineError):
    """There is no such thing in this organisation."""

    code = "not_found"
    status = 404


class Conflict(HooklineError):
    """The request contradicts what is stored."""

    code = "conflict"
    status = 409


class InvalidInput(HooklineError):
    """A value was given that cannot be used."""

    code = "invalid_input"
    status = 422


class LimitReached(InvalidInput):
    """There are as many of these already as there may be."""

    code = "limit_reached"
    status = 400


class BlockedAddress(HooklineError):
    """The address may not be connected to (private, loopback, link-local, metadata, …)."""

    code = "blocked_address"
    status = 422


class StoreError(HooklineError):
    """The store cannot do its work now; nothing was acknowledged, try again."""

    code = "store_unavailable"
    status = 503


class StoreBusy(StoreError):
    """More is waiting to be written than may wait; try again in a moment."""

    code = "store_busy"


class StoreLocked(StoreError):
    """Another server already runs on this database file."""

    code = "store_locked"


class StoreVersion(StoreError):
    """The database was written by a version of Hookline that this one cannot serve."""

    code = "store_version"


class SecretUnreadable(StoreError):
    """A stored secret cannot be decrypted with this HOOKLINE_SECRET."""

    code = "secret_unreadable"
