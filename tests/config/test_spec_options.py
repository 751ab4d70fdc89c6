"""The ``signature`` block of a source whose provider is in the catalogue: its options."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from hookline.config.spec import SourceSpec


def spec(**fields: object) -> SourceSpec:
    return SourceSpec.model_validate({"name": "shop", "secrets": ["not-a-real-secret"], **fields})


def test_a_token_among_the_options_is_not_shown() -> None:
    source = spec(provider="meta", signature={"verify_token": "not-a-real-token", "scheme": "default"})
    assert source.public()["signature"] == {"verify_token": "(hidden)", "scheme": "default"}
    built = source.build(id="src_1", org_id="org_1", secrets=("not-a-real-secret",))
    assert "not-a-real-token" not in repr(source.find_provider()) + repr(built)


@pytest.mark.parametrize(
    ("provider", "block", "words"),
    [
        ("stripe", {"header": "X"}, "there is no key `header` for this provider; there are scheme"),
        ("stripe", {"scheme": "v9"}, "'v9' is not one of default"),
        ("twilio", {"ulr": "https://hooks.example.com"}, "did you mean `url`?"),
        ("twilio", {"url": 3}, "must be text: the address of the source"),
        ("datadog", {"header": "X-Ünicode"}, "must be text"),
    ],
)
def test_an_option_that_is_not_one_is_told_with_what_there_is(
    provider: str, block: dict[str, object], words: str
) -> None:
    with pytest.raises(ValidationError, match="signature") as refusal:
        spec(provider=provider, signature=block)
    assert words in str(refusal.value)


def test_a_header_of_ones_own_choice_takes_the_place_of_the_rows() -> None:
    source = spec(provider="datadog", signature={"header": "X-My-Token"})
    provider = source.find_provider()
    assert b"x-my-token" in provider.secret_headers


def test_addresses_that_a_provider_publishes_can_be_asked_for_by_a_word() -> None:
    assert spec(provider="github", allow_ips=["published", "192.0.2.7"]).allow_ips == ("published", "192.0.2.7/32")
    with pytest.raises(ValidationError, match="publishes no addresses"):
        spec(provider="tally", allow_ips=["published"])
