"""What the door asks of one source, made ready once so that a request costs as little as it can."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TypeAlias

import jsonschema_rs

from hookline.core.body import ParsedBody, pointer
from hookline.core.filter import compile_patterns
from hookline.core.model import PUBLISHED_ADDRESSES, Request, Source, Verification
from hookline.core.providers import registry

#: Networks that providers publish, by slug.
Ranges: TypeAlias = Mapping[str, Sequence[str]]

NO_RANGES: Ranges = {}

#: Keys longer than this are stored as their hash: a sender must not choose how large our index is.
LONGEST_KEY = 200


class Rules:
    """One source, ready for its door."""

    def __init__(
        self,
        source: Source,
        dedupe_window_s: float,
        max_body_bytes: int,
        public_url: str = "",
        published: Sequence[str] = (),
    ) -> None:
        self.source = source
        self.max_body_bytes = min(source.max_body_bytes, max_body_bytes)
        window_s = dedupe_window_s if source.dedupe.window_s is None else source.dedupe.window_s
        #: How long keys are remembered; None is for ever.
        self.window_ms = None if math.isinf(window_s) else int(window_s * 1000)
        self.provider = registry.for_source(source, public_url)
        self.fetches_keys = self.provider.fetches_keys
        handshakes = [method for handshake in self.provider.handshakes for method in handshake.methods]
        self.methods = frozenset([*(source.methods or self.provider.methods), *handshakes])
        kinds = source.content_types or self.provider.content_types
        self.content_types = frozenset() if "any" in kinds else frozenset(kinds)
        listed = [text for text in source.allow_ips if text != PUBLISHED_ADDRESSES]
        if PUBLISHED_ADDRESSES in source.allow_ips:
            listed += published
        self._restricted = bool(source.allow_ips)
        self._networks: list[IPv4Network | IPv6Network] = [ip_network(text) for text in listed]
        self._schemas = [
            (compile_patterns([pattern]), jsonschema_rs.validator_for(schema)) for pattern, schema in source.schemas
        ]
        self.knows = compile_patterns(source.known_types) if source.known_types else _anything
        id_may_be_forged = source.dedupe.by == "header" or (
            source.dedupe.by == "provider" and not self.provider.id_is_signed
        )
        may_guard = source.dedupe.replay_guard != "off" and not self.provider.repeats_bodies
        self._guarded = may_guard and id_may_be_forged
        counted = source.rate_limit is not None or source.client_rate_limit is not None
        refuses = self._guarded and source.dedupe.replay_guard == "refuse"
        #: Whether a genuine event of this source has to wait for nothing but its commit, and is counted nowhere.
        self.at_once = not (self.fetches_keys or counted or refuses)

    def admits(self, client: str) -> bool:
        """Whether requests may come from this address."""
        if not self._restricted:
            return True
        try:
            address = ip_address(client)
        except ValueError:
            return False
        return any(address in network for network in self._networks if network.version == address.version)

    def key(self, request: Request, parsed: ParsedBody, event_id: str, body_hash: bytes) -> str:
        """What tells this event from others; empty when nothing does. Kinds never collide."""
        dedupe = self.source.dedupe
        if dedupe.by == "provider":
            # Without an id of its own an event is its content.
            if event_id:
                return _key("id", event_id)
            tells = (request.body or request.query) and not self.provider.repeats_bodies
            return f"body:{body_hash.hex()}" if tells else ""
        if dedupe.by == "header":
            return _key("header", request.lookup.get(dedupe.name.lower().encode(), b"").decode("latin-1"))
        if dedupe.by == "body":
            found = pointer(parsed.value(), dedupe.name)
            return _key("field", str(found)) if isinstance(found, str | int) else ""
        if dedupe.by == "content":
            return f"body:{body_hash.hex()}"
        return ""

    def guard(self, key: str, body_hash: bytes, level: Verification) -> str:
        """The second key of senders who sign the body but not the event id: who captured a request can forge it."""
        guarded = self._guarded and level is Verification.VERIFIED and key and not key.startswith("body:")
        return f"body:{body_hash.hex()}" if guarded else ""

    def mismatch(self, event_type: str, parsed: ParsedBody) -> str:
        """What about the body contradicts the source's schema for this type; empty when nothing does."""
        for wants, validator in self._schemas:
            if wants(event_type):
                value = parsed.value()
                if isinstance(value, bytes):
                    return "the body is of no kind that a schema can describe"
                problem = next(iter(validator.iter_errors(value)), None)
                if problem is not None:
                    return f"at /{'/'.join(map(str, problem.instance_path))}: {problem.message}"[:500]
        return ""


def _anything(_: str) -> bool:
    return True


def _key(kind: str, value: str) -> str:
    if not value:
        return ""
    if len(value) > LONGEST_KEY:
        value = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{kind}:{value}"


class RulesTable:
    """The rules of all sources, made anew when a source changed."""

    def __init__(
        self, dedupe_window_s: float, max_body_bytes: int, public_url: str = "", published: Ranges = NO_RANGES
    ) -> None:
        self._dedupe_window_s, self._max_body_bytes = dedupe_window_s, max_body_bytes
        self._public_url, self._published = public_url, published
        self._rules: dict[str, Rules] = {}

    def of(self, source: Source) -> Rules:
        """The rules of this version of a source."""
        rules = self._rules.get(source.id)
        if rules is None or rules.source is not source:
            published = self._published.get(source.provider, ())
            rules = Rules(source, self._dedupe_window_s, self._max_body_bytes, self._public_url, published)
            self._rules[source.id] = rules
        return rules
