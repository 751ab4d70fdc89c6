"""The documentation says what the code does: nothing is left out, nothing is invented, every link leads somewhere."""

from __future__ import annotations

import re
import subprocess
from enum import StrEnum
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from urllib.parse import unquote

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hookline.api.app import create_api
from hookline.api.dependencies import ApiDependencies
from hookline.api.sending import endpoint_secrets, message, once, portal
from hookline.cli.exits import Exit
from hookline.cli.reference import commands
from hookline.config.settings import SETTINGS, Settings
from hookline.config.units import format_duration
from hookline.core import body, notice
from hookline.core.errors import StoreBusy, StoreError, VerificationError
from hookline.core.model import EndpointState, EventStatus, RetryPolicy, ReviewReason, SourceKind, Verification
from hookline.core.providers import format as signature_format
from hookline.core.providers.registry import all_providers
from hookline.core.retry import LONGEST_RETRY_AFTER_S
from hookline.core.state import TRANSITIONS, DeliveryState, Move
from hookline.delivery import breaker, dispatcher, lane, outcome, response
from hookline.ingest import http, limits, protocol
from hookline.observe.metrics import Metrics
from hookline.storage import application_endpoints, group_commit, operational, sql, wanting
from hookline.storage.replays import ReplayKind, ReplayState
from tests.docs import codes, generated
from tests.docs.pages import ROOT, Page, all_pages, page

ERRORS = page("errors.md")
GLOSSARY = page("glossary.md")
METRICS = page("metrics.md")
PROVIDERS = page("providers.md")
DELIVERY = page("explanation/delivery.md")
PROMISE = page("explanation/promise.md")
SECURITY = page("explanation/security.md")
SENDING = page("explanation/sending.md")
ROTATION = page("howto/rotate-endpoint-secrets.md")
OPERATIONS = page("howto/operational-webhooks.md")
ARCHITECTURE = page("explanation/architecture.md")


def statuses(heading: str) -> dict[str, str]:
    """The second cell by the first, of a table of errors.md."""
    return {row[0].strip("`"): row[1] for row in ERRORS.rows(heading)}


# -- errors ----------------------------------------------------------------------------------------------


def test_every_cause_of_a_rejection_is_documented_with_its_status() -> None:
    expected = dict.fromkeys(codes.verification_causes(), VerificationError.status) | codes.refusals()
    expected |= {error.code: error.status for error in (StoreBusy, StoreError)}
    assert statuses("Refused at the door") == {cause: str(status) for cause, status in expected.items()}


def test_the_docstring_of_verification_error_names_every_cause() -> None:
    assert codes.verification_causes() == set(re.findall(r"``(\w+_\w+)``", VerificationError.__doc__ or ""))


def test_every_code_of_the_api_and_the_command_line_is_documented_with_its_status() -> None:
    documented = statuses("The API and the command line")
    expected = codes.api_codes()
    new = codes.acceptance_causes() - set(codes.refusals())
    assert set(documented) == set(expected) | new
    for code, known in expected.items():
        assert not known or documented[code] in {str(status or "none") for status in known}, code


def test_every_error_of_an_attempt_is_documented() -> None:
    in_docstring = set(re.findall(r"``(\w+)``", (outcome.Outcome.__doc__ or "").partition("stable code:")[2]))
    assert codes.attempt_errors() == (in_docstring - {"detail"}) | {"bad_url"}
    assert set(ERRORS.words("Attempts without an answer")) == codes.attempt_errors()


def test_every_reason_of_a_delivery_is_documented() -> None:
    documented = ERRORS.words("Reasons of a delivery")
    assert set(documented) - {"http_NNN", "an error of an attempt"} == codes.reasons()
    states = {row[1] for row in ERRORS.rows("Reasons of a delivery")}
    assert states <= set(DeliveryState)


def test_every_exit_code_is_documented() -> None:
    assert ERRORS.words("Exit codes") == [*(str(int(code)) for code in Exit), "130"]


# -- words ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "members"),
    [
        ("Status of an event", EventStatus),
        ("Review reasons", ReviewReason),
        ("How far a sender was proven", Verification),
        ("States of a delivery", DeliveryState),
        ("States of an endpoint", EndpointState),
        ("States of a replay", ReplayState),
        ("Kinds of a replay", ReplayKind),
        ("Kinds of a source", SourceKind),
    ],
)
def test_every_word_for_how_things_are_is_in_the_glossary(heading: str, members: type[StrEnum]) -> None:
    assert GLOSSARY.words(heading) == list(members)


def test_the_glossary_has_every_noun_of_the_design() -> None:
    nouns = {"source", "event", "endpoint", "delivery", "attempt", "rejection", "provider", "organisation"}
    nouns |= {"application", "message", "event type"}
    assert nouns <= set(GLOSSARY.words("Things"))


# -- providers, metrics, settings, commands ---------------------------------------------------------------


@pytest.mark.parametrize("one", [one for one in all_pages() if generated.parts_of(one.text)], ids=str)
def test_the_generated_parts_are_what_the_code_says(one: Page) -> None:
    assert one.text == generated.written(one.text), "run scripts/write-docs"


def test_every_provider_has_a_page_that_says_what_the_code_says() -> None:
    assert generated.parts_of(PROVIDERS.text) == ["catalogue"]
    pages = generated.provider_pages()
    assert sorted(pages) == sorted((generated.DOCS / "providers").glob("*.md"))
    for path, text in pages.items():
        assert path.read_text() == text, "run scripts/write-docs"


def test_a_page_of_a_provider_names_all_that_it_reads() -> None:
    for provider in all_providers():
        text = (generated.DOCS / "providers" / f"{provider.slug}.md").read_text()
        assert all(f"`{name}`" in text for name in (provider.slug, *provider.aliases))
        for scheme in provider.schemes:
            assert scheme.signature is None or scheme.signature.where.name in text
        assert all(f"`{handshake.id}`" in text for handshake in provider.handshakes)


def all_that_is_counted() -> dict[str, tuple[str, str]]:
    """Kind and labels of every metric, once everything that can be counted has happened."""
    metrics = Metrics()
    for said in (
        notice.EventAccepted("msg_1", "shop", "order.paid", "ignored", 0),
        notice.EventAccepted("msg_2", "shop", "order.paid", "needs_review", 0),
        notice.EventDuplicate("msg_1", "shop"),
        notice.RequestRejected("shop", "bad_signature", 401, "192.0.2.7", kept=False),
        notice.HandshakeAnswered("chat", "slack"),
        notice.AttemptMade("dlv_1", "msg_1", "ep_1", 1, 0, "timeout", 15_000.0, "waiting"),
        notice.LeaseLost("dlv_1"),
        notice.ServiceFailed("watch", "the disk is full"),
        notice.RetentionDone(1, 1, 1),
    ):
        metrics.sink(said)
    metrics.set_queue("shop/sales", 1, 1.0)
    metrics.set_waiting(1)
    counted: dict[str, tuple[str, str]] = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        if family.name.endswith("_created"):
            continue
        labels = dict.fromkeys(label for sample in family.samples for label in sample.labels if label != "le")
        name = f"{family.name}_total" if family.type == "counter" else family.name
        counted[name] = (family.type, ", ".join(f"`{label}`" for label in sorted(labels, key="source".__ne__)))
    return counted


def test_every_metric_is_documented_with_its_kind_and_labels() -> None:
    headings = ("What comes in", "What goes out", "The server itself")
    documented = {row[0].strip("`"): (row[1], row[2]) for heading in headings for row in METRICS.rows(heading)}
    assert documented == all_that_is_counted()


def test_every_metric_has_an_example_and_no_example_names_another() -> None:
    examples = "\n".join(block.text for block in METRICS.blocks("promql"))
    assert set(re.findall(r"hookline_\w+", examples.replace("_bucket", ""))) == set(all_that_is_counted())
    for expression in examples.splitlines():
        assert expression.count("(") == expression.count(")")
    for label in re.findall(r"by \((\w+)\)|\{(\w+)=", examples):
        assert any(f"`{''.join(label)}`" in labels for _, labels in all_that_is_counted().values()) or "le" in label


def test_every_service_that_can_fail_is_named() -> None:
    (row,) = [row for row in METRICS.rows("The server itself") if "service_failures" in row[0]]
    assert set(re.findall(r"`(\w+)`", row[3])) == codes.services()


def test_every_setting_and_every_command_has_its_place_in_the_reference() -> None:
    configuration, cli = page("reference/configuration.md").text, page("reference/cli.md").text
    assert [setting.key for setting in SETTINGS if f"| `{setting.variable}` |" not in configuration] == []
    assert [path for path, _, _ in commands() if not re.search(rf"^##+ {path}$", cli, re.MULTILINE)] == []


def operations_in(page: Page) -> set[tuple[str, str]]:
    """Method and path of everything that the tables of a page say can be asked; names of parameters do not count."""
    found = set()
    for row in re.findall(r"^\| (`[^|]+`) \|", page.prose, re.MULTILINE):
        methods: list[str] = []
        for word in re.findall(r"[A-Z]+|/[^\s`]+", row):
            if not word.startswith("/"):
                methods.append(word)
            else:
                found |= {(method, re.sub(r"\{\w+\}", "{}", word)) for method in methods}
    return found


def test_every_operation_of_the_api_is_in_the_reference_and_no_other() -> None:
    api = create_api(cast(ApiDependencies, SimpleNamespace(settings=Settings(secret="not-a-real-secret-" + "s" * 20))))
    served = {
        (method.upper(), re.sub(r"\{\w+\}", "{}", path))
        for path, operations in api.openapi()["paths"].items()
        for method in operations
    }
    assert operations_in(page("reference/api.md")) == served | {("GET", "/docs"), ("GET", "/api/v1/openapi.json")}


# -- the life of a delivery, and numbers ------------------------------------------------------------------


def test_the_diagram_is_the_table_of_transitions() -> None:
    (diagram,) = DELIVERY.blocks("mermaid")
    drawn = {
        (source, move, target)
        for source, target, moves in re.findall(r"(\w+) --> (\w+): (.+)", diagram.text)
        for move in moves.split(", ")
    }
    assert drawn == {(state, move, after) for state, moves in TRANSITIONS.items() for move, after in moves.items()}
    assert set(re.findall(r"\[\*\] --> (\w+)", diagram.text)) == {DeliveryState.WAITING, DeliveryState.LEASED}
    assert DELIVERY.words("The life of a delivery") == list(Move)


def test_every_room_and_every_table_is_in_the_architecture() -> None:
    rooms = re.findall(r"`([\w.]+)`", "".join(row[0] for row in ARCHITECTURE.rows("Rooms")))
    present = {path.name for path in codes.SOURCE.iterdir() if not path.name.startswith("_")} - {"py.typed"}
    assert sorted(rooms) == sorted(present)
    schema = "".join(each.text for each in sql.migrations("sqlite"))
    assert ARCHITECTURE.words("Tables") == re.findall(r"CREATE TABLE (\w+)", schema)


POLICY = RetryPolicy()
KEPT_BYTES = Settings().response_max_bytes
WORDS = {4: "four", 10: "ten"}
WAITS = [format_duration(wait_s) for wait_s in POLICY.schedule_s]


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (SENDING, f"When more than {wanting.WIDE} endpoints want a message"),
        (SENDING, f"| how long it is known | {once.REMEMBERED_MS // 3_600_000} hours |"),
        (SENDING, f"(at most {message.LONGEST_DELAY_MS // 3_600_000} hours ahead)"),
        (SENDING, f"({message.RETENTION_DAYS[0]} to {message.RETENTION_DAYS[1]} days)"),
        (SENDING, f"`disable_after` ({format_duration(Settings().disable_after_s).replace('d', ' days')})"),
        (SENDING, f"made through the API after {portal.LONGEST_LIFETIME_S // 86_400} days at most"),
        (SENDING, f"eight times in about {sum(POLICY.schedule_s) / 3600:.1f} hours"),
        (ROTATION, f"`--overlap`, at most `{format_duration(endpoint_secrets.LONGEST_OVERLAP_S)}`"),
        (ROTATION, f"At most {WORDS[application_endpoints.MOST_OLD_SECRETS]} old secrets"),
        (OPERATIONS, f"failed for the {WORDS[operational.TELLING_FAILURE]}th time at an endpoint"),
        (SECURITY, f"{message.MOST_CHANNELS} channels, {message.MOST_TAGS} tags, metadata of 4 KB"),
        (PROMISE, f"up to {group_commit.LARGEST_GROUP} writes"),
        (PROMISE, "More than 20,000 writes are waiting"),
        (SECURITY, f"more than {http.MOST_WAITING_FOR_REJECTIONS:,} writes"),
        (SECURITY, f"{protocol.MOST_HEAD_BYTES // 1024} KB, within {protocol.HEAD_TIMEOUT_S:g} s"),
        (SECURITY, f"{body.MAX_DEPTH} levels"),
        (SECURITY, f"{body.MAX_XML_ELEMENTS:,} elements"),
        (SECURITY, f"{body.MAX_FORM_FIELDS:,} fields"),
        (SECURITY, f"signatures in one header | {signature_format.MAX_SIGNATURES} |"),
        (SECURITY, f"{limits.MOST_BUCKETS:,} addresses"),
        (
            SECURITY,
            f"a head of {response.HEAD_CAP_BYTES // 1024} KB, the first {Settings().response_max_bytes // 1024} KB",
        ),
        (DELIVERY, f"The first {Settings().response_max_bytes // 1024} KB of the answer"),
        (DELIVERY, f"at once, then after {', '.join(WAITS[:-1])} and {WAITS[-1]}"),
        (DELIVERY, f"about {sum(POLICY.schedule_s) / 3600:.1f} hours"),
        (DELIVERY, f"up to {LONGEST_RETRY_AFTER_S / 3600:g} hours, never shorter"),
        (DELIVERY, f"nothing is sent for\n{breaker.FIRST_COOL_DOWN_MS // 1000} s"),
        (DELIVERY, f"up to {breaker.LONGEST_COOL_DOWN_MS // 60_000} minutes; it never gives up"),
        (DELIVERY, f"`timeout` and {lane.LEASE_MARGIN_MS // 1000} seconds more"),
        (DELIVERY, f"at most {dispatcher.MOST_WORKS:,} deliveries and {dispatcher.MOST_BYTES >> 20} MB"),
    ],
)
def test_numbers_in_the_explanations_are_those_of_the_code(where: Page, said: str) -> None:
    assert said in where.text


# -- the whole ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", all_pages(), ids=str)
def test_every_link_leads_somewhere(one: Page) -> None:
    for link in one.links:
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = unquote(link).partition("#")
        target = one.path if not place else (one.path.parent / place).resolve()
        assert target.exists() and ROOT in (target, *target.parents), f"{one} links to {link}"
        if anchor and target.suffix == ".md":
            assert anchor in Page(target).anchors, f"{one} links to {link}; there are {sorted(Page(target).anchors)}"


def test_every_page_can_be_found_from_the_index() -> None:
    index = page("README.md")
    linked = {(one.path.parent / link.partition("#")[0]).resolve() for one in (index, PROVIDERS) for link in one.links}
    pages = {one.path for one in all_pages() if ROOT / "docs" in one.path.parents} - {index.path}
    assert {path for path in pages - linked if path.parent.name != "decisions"} == set()


#: In pieces, so that this file holds none of them.
REGISTRIES = [
    ".".join(pieces)
    for pieces in (
        ("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("yarnpkg", "com"),
        ("crates", "io"), ("rubygems", "org"), ("proxy.golang", "org"), ("docker", "io"), ("docker", "com"),
        ("ghcr", "io"), ("quay", "io"), ("anaconda", "org"), ("maven.apache", "org"),
    )
]  # fmt: skip

#: The homes of people, and this checkout: in no file of a project that others clone.
MACHINE = re.compile(r"(?<![\w.~/-])/(?:home|Users|root|work)/\w")


def tracked_files() -> list[Path]:
    """Every file that is in the repository, or would be with the next commit."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    return [path for name in listed.decode().split("\0") if name and (path := ROOT / name).is_file()]


def test_no_file_names_a_package_registry_or_a_place_on_this_machine() -> None:
    found = []
    for path in tracked_files():
        text = path.read_text("utf-8", errors="replace")
        hosts = [host for host in REGISTRIES if host in text.lower()]
        places = MACHINE.findall(text) + ([str(ROOT)] if f"{ROOT}/" in text else [])
        found += [f"{path.relative_to(ROOT)}: {what}" for what in (*hosts, *places)]
    assert found == []
