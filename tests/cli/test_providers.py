"""``hookline providers``, and the addresses that providers publish."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from hookline.cli import providers as command
from hookline.core.errors import InvalidInput
from hookline.core.providers.provider import Provider
from hookline.core.providers.registry import all_providers
from hookline.core.providers.special import KeyRequest
from hookline.guides import addresses, guide_of
from tests.cli.conftest import Run

Ask: TypeAlias = Callable[..., Any]

PROVIDERS = all_providers()


# -- list and show -----------------------------------------------------------------------------------------


def test_all_providers_are_listed(run: Run, ask: Ask) -> None:
    head, *lines = [line.split("\t") for line in run("providers", "list").out.splitlines()]
    assert head == ["PROVIDER", "NAME", "PROVES ITSELF BY", "EVENT ID", "HANDSHAKES"]
    assert [line[0] for line in lines] == [one.slug for one in PROVIDERS]
    (slack,) = [line for line in lines if line[0] == "slack"]
    assert slack[1:3] == ["Slack", "hmac"]
    assert "url_verification" in slack[4].replace("-", "_")
    assert [one["provider"] for one in ask("providers", "list")] == [one.slug for one in PROVIDERS]


def test_a_text_finds_them_by_name(run: Run, ask: Ask) -> None:
    assert [one["provider"] for one in ask("providers", "list", "GitHub")] == ["github"]
    assert {one["provider"] for one in ask("providers", "list", "git")} >= {"github", "gitlab", "gitea"}
    assert [one["provider"] for one in ask("providers", "list", "amazon")] == [
        one.slug for one in PROVIDERS if "amazon" in one.name.lower()
    ]
    assert ask("providers", "list", "nobody-is-called-so") == []
    assert len(run("providers", "list", "nobody-is-called-so").out.splitlines()) == 1


def test_what_a_program_is_told_of_each(ask: Ask) -> None:
    for one in ask("providers", "list"):
        assert set(one) == {"provider", "name", "aliases", "schemes", "event_id_is_signed", "handshakes", "docs"}
        assert one["schemes"]
        assert all(set(scheme) == {"id", "kind", "covers_body"} for scheme in one["schemes"])


@pytest.mark.parametrize("provider", PROVIDERS, ids=[one.slug for one in PROVIDERS])
def test_every_provider_is_shown_with_all_that_is_known(run: Run, ask: Ask, provider: Provider) -> None:
    said = run("providers", "show", provider.slug)
    assert said.code == 0
    assert said.out.startswith(provider.name)
    assert f"Try it: hookline trigger {provider.slug}\n" in said.out
    guide = guide_of(provider.slug)
    words = " ".join(said.out.split())
    for step in guide.setup:
        assert " ".join(step.split()) in words
    whole = ask("providers", "show", provider.slug)
    assert (whole["provider"], whole["setup"], whole["events"]) == (provider.slug, guide.setup, guide.events)
    assert whole["samples"] == [sample.type for sample in guide.samples]
    assert len(whole["proof"]) == len(provider.schemes)
    assert set(whole["options"]) == {option.name for option in provider.options}
    assert all(whole["facts"].values())


def test_hyphens_capitals_and_aliases_will_do(run: Run) -> None:
    said = {run("providers", "show", name).out for name in ("standard_webhooks", "Standard-Webhooks", "svix")}
    assert len(said) == 1


def test_an_unknown_one_is_told_with_the_nearest(run: Run) -> None:
    for arguments in (("show", "strpe"), ("addresses", "strpe")):
        result = run("providers", *arguments)
        assert result.code == 2
        assert "no provider is called 'strpe'; did you mean `stripe`" in result.err
    assert json.loads(run("providers", "show", "strpe", "--json").err)["code"] == "unknown_provider"


# -- addresses ---------------------------------------------------------------------------------------------


def test_the_addresses_that_came_along_are_shown(run: Run, ask: Ask, home: Path) -> None:
    shown = ask("providers", "addresses")
    assert shown["failed"] == {}
    assert list(shown["ranges"]) == sorted(addresses.published())
    assert "192.30.252.0/22" in shown["ranges"]["github"]
    (line,) = run("providers", "addresses", "github").out.splitlines()[1:]
    slug, ranges, place = line.split("\t")
    assert (slug, place) == ("github", "https://api.github.com/meta")
    assert ranges.split(", ") == shown["ranges"]["github"]
    assert "not fetched yet" in run("providers", "addresses", "bitbucket").out
    assert "asana\tnone are published\t\n" in run("providers", "addresses", "asana").out
    assert ask("providers", "addresses", "mollie")["ranges"].keys() == {"mollie"}
    assert list(home.iterdir()) == []  # looking makes nothing


def test_whoever_sends_by_way_of_another_has_its_addresses(ask: Ask) -> None:
    assert addresses.origin("clerk") == "standard_webhooks"
    assert addresses.origin("github") == "github"
    assert addresses.origin("nobody-is-called-so") == "nobody-is-called-so"
    shown = ask("providers", "addresses")["ranges"]
    assert shown["clerk"] == shown["standard_webhooks"] != []


class Documents:
    """Fetched documents by URL: stands in for the network, since the addresses of documents are fixed."""

    def __init__(self, found: dict[str, bytes]) -> None:
        self.found, self.asked = found, list[str]()

    def __call__(self, *_: Any) -> Documents:
        return self

    async def fetch(self, wanted: KeyRequest) -> bytes | None:
        self.asked.append(wanted.url)
        return self.found.get(wanted.url)

    async def close(self) -> None:
        pass


def test_refreshed_addresses_are_kept_and_a_failure_leaves_what_was(
    run: Run, ask: Ask, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meta = addresses.published()["github"].url
    documents = Documents({meta: b'{"hooks": ["192.0.2.0/24"], "git": ["198.51.100.0/24"]}'})
    monkeypatch.setattr(command, "Fetcher", documents)
    assert ask("providers", "addresses", "github", "--refresh")["ranges"] == {"github": ["192.0.2.0/24"]}
    assert documents.asked == [meta]
    assert ask("providers", "addresses", "github")["ranges"] == {"github": ["192.0.2.0/24"]}
    documents.found[meta] = b'{"hooks": []}'
    failed = run("providers", "addresses", "github", "--refresh")
    assert failed.code == 1
    assert "github: the document holds no addresses where they should be; what was known before stays" in failed.out
    assert "192.0.2.0/24" in failed.out
    documents.found.clear()
    failed = run("providers", "addresses", "github", "--refresh", "--json")
    assert failed.code == 1
    assert failed.json()["failed"] == {"github": f"{meta} did not answer with a document"}
    assert failed.json()["ranges"] == {"github": ["192.0.2.0/24"]}
    documents.asked.clear()
    assert run("providers", "addresses", "--refresh").code == 1
    assert sorted(documents.asked) == sorted({one.url for one in addresses.published().values() if one.url})


def test_a_kept_file_that_is_none_is_told(run: Run, home: Path) -> None:
    (home / "hookline-data").mkdir()
    (home / "hookline-data" / addresses.KEPT).write_text("{")
    result = run("providers", "addresses")
    assert result.code == 2
    assert "addresses.json cannot be read" in result.err
    assert "remove it, and fetch the addresses anew" in result.err


@pytest.mark.parametrize(
    ("document", "at", "found"),
    [
        (b'["192.0.2.0/24", "2001:db8::/32"]', "", ["192.0.2.0/24", "2001:db8::/32"]),
        (b'{"hooks": ["192.0.2.1"], "web": ["198.51.100.1"]}', "/hooks", ["192.0.2.1/32"]),
        (b'{"data": {"v4": ["192.0.2.1"]}}', "/data/v4", ["192.0.2.1/32"]),
        (b'{"items": [{"cidr": "192.0.2.0/24"}, {"cidr": "::1"}]}', "/items/*/cidr", ["192.0.2.0/24", "::1/128"]),
        (b'{"us": ["192.0.2.1"], "eu": {"a": ["198.51.100.1"]}}', "", ["192.0.2.1/32", "198.51.100.1/32"]),
        (b"192.0.2.1\n198.51.100.0/24\r\n\n", "", ["192.0.2.1/32", "198.51.100.0/24"]),
        (b"# addresses\n192.0.2.1 192.0.2.1\n", "", ["192.0.2.1/32"]),
        (b'["192.0.2.7/24", " 192.0.2.0/24 "]', "", ["192.0.2.0/24"]),
        (b'["0.0.0.0/0", "::/0", "192.0.2.1"]', "", ["192.0.2.1/32"]),
        (b'["192.0.2.1", 7, null, "hooks.example.com", {"a": "2001:db8::1"}]', "", ["192.0.2.1/32", "2001:db8::1/128"]),
    ],
    ids=str,
)  # fmt: skip
def test_the_networks_in_a_document_are_read(document: bytes, at: str, found: list[str]) -> None:
    assert addresses.read_ranges(document, at) == found


@pytest.mark.parametrize(
    ("document", "at"),
    [
        (b"", ""),
        (b"{}", "/hooks"),
        (b'{"hooks": "soon"}', "/hooks"),
        (b'["0.0.0.0/0", "::/0"]', ""),
        (b"<html>not today</html>", ""),
        (b"192.0.2.1", "/hooks"),
        (b"\xff\xfe", ""),
        (b'{"items": 7}', "/items/*/cidr"),
    ],
    ids=str,
)
def test_a_document_without_networks_is_told(document: bytes, at: str) -> None:
    with pytest.raises(InvalidInput, match="holds no addresses where they should be"):
        addresses.read_ranges(document, at)


def test_what_was_fetched_is_kept_and_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    assert addresses.read_kept(folder) == {}
    addresses.write_kept(folder, {"github": ["192.0.2.0/24"], "paddle": []})
    assert addresses.read_kept(folder) == {"github": ["192.0.2.0/24"], "paddle": []}
    merged = addresses.all_ranges(folder)
    assert merged["github"] == ["192.0.2.0/24"]
    assert merged["pagerduty"] == addresses.published()["pagerduty"].ranges
    for text in ("[]", '{"github": "192.0.2.0/24"}', '{"github": [7]}'):
        (folder / addresses.KEPT).write_text(text)
        with pytest.raises(InvalidInput, match="remove it, and fetch the addresses anew"):
            addresses.read_kept(folder)


def test_what_came_along_is_of_known_providers_and_can_be_used() -> None:
    slugs = {one.slug for one in PROVIDERS}
    for slug, known in addresses.published().items():
        assert slug in slugs
        assert known.url.startswith("https://") or known.ranges or known.same_as
        assert known.read or not known.ranges
        assert not known.same_as or known.same_as in addresses.published()
        if known.ranges:
            assert len(addresses.read_ranges(json.dumps(known.ranges).encode(), "")) == len(set(known.ranges))
