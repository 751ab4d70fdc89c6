"""Endpoints as people write them."""

# ruff: noqa: E501 (a table of messages is read line by line)

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hookline.config.endpoint_spec import EndpointSpec, RetrySpec
from hookline.config.problems import explain
from hookline.core.errors import InvalidInput
from hookline.core.model import Endpoint, EndpointState, RateLimit, RetryPolicy

FAKE_SECRET = "whsec_" + base64.b64encode(b"fake-secret-nobody-uses!").decode()
MINIMAL: dict[str, Any] = {"name": "build", "url": "http://127.0.0.1:9000/build"}


def problems(**written: Any) -> list[tuple[Any, str]]:
    with pytest.raises(ValidationError) as caught:
        EndpointSpec.model_validate({**MINIMAL, **written})
    return [(problem.path, problem.message) for problem in explain(caught.value, EndpointSpec)]


def test_a_minimal_endpoint_has_the_defaults_of_the_core() -> None:
    built = EndpointSpec(**MINIMAL).build(id="ep_1", org_id="org_1", source_id="src_1", secrets=(FAKE_SECRET,))
    assert built == Endpoint("ep_1", "org_1", "src_1", "build", MINIMAL["url"], secrets=(FAKE_SECRET,))


def test_everything_that_is_written_is_built() -> None:
    spec = EndpointSpec.model_validate(
        {
            **MINIMAL,
            "events": ["push", "pull_request.*"],
            "headers": {"X-Team": "platform"},
            "secrets": ["env:BUILD_SECRET", FAKE_SECRET],
            "retry": {"schedule": ["250ms", 5, "2h"], "jitter": 0.5},
            "timeout": "30s",
            "connect_timeout": "1s",
            "concurrency": 3,
            "rate_limit": "100/m",
            "pause_after_failures": 0,
        }
    )
    built = spec.build(
        id="ep_1", org_id="org_1", source_id="src_1", secrets=(), state=EndpointState.PAUSED, state_reason="by Ada"
    )
    assert built == Endpoint(
        "ep_1",
        "org_1",
        "src_1",
        "build",
        MINIMAL["url"],
        events=("push", "pull_request.*"),
        headers=(("X-Team", "platform"),),
        retry=RetryPolicy((0.25, 5, 7200), 0.5),
        connect_timeout_s=1,
        timeout_s=30,
        concurrency=3,
        rate_limit=RateLimit(100, 60),
        pause_after_failures=0,
        state=EndpointState.PAUSED,
        state_reason="by Ada",
    )
    assert EndpointSpec.model_validate_json(spec.model_dump_json()) == spec
    assert EndpointSpec.model_validate(spec.model_dump(mode="json")) == spec
    assert EndpointSpec.model_validate(spec.model_dump()) == spec


def test_the_json_form_is_in_peoples_units() -> None:
    written = {"retry": {"schedule": ["5s", "2h"], "jitter": 0.1}, "timeout": "30s", "rate_limit": "100/m"}
    dumped = EndpointSpec.model_validate({**MINIMAL, **written}).model_dump(mode="json")
    assert {key: dumped[key] for key in written} == written


def test_a_disabled_endpoint_is_disabled_whatever_its_state_was() -> None:
    built = EndpointSpec(**MINIMAL, enabled=False).build(id="ep_1", org_id="o", source_id="s", secrets=())
    assert (built.state, built.state_reason) == (EndpointState.DISABLED, "disabled in the configuration")


def test_connecting_never_takes_longer_than_the_whole_try() -> None:
    built = EndpointSpec(**MINIMAL, timeout=2.0).build(id="ep_1", org_id="o", source_id="s", secrets=())
    assert (built.connect_timeout_s, built.timeout_s) == (2, 2)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://example.com/", "a URL begins with http:// or https://"),
        ("example.com/hook", "a URL begins with http:// or https://"),
        ("//example.com/", "a URL begins with http:// or https://"),
        ("http://", "is not a URL; write one such as `https://example.com/hooks`"),
        ("http://:80/", "is not a URL; write one such as `https://example.com/hooks`"),
        ("http://a:99999/", "is not a URL; write one such as `https://example.com/hooks`"),
        ("http://a:0/", "is not a URL; write one such as `https://example.com/hooks`"),
        ("http://[::1/", "is not a URL; write one such as `https://example.com/hooks`"),
        ("http://exa%6dple.com/", "is not a URL; write one such as `https://example.com/hooks`"),
        ("http://-/", "is not a URL; write one such as `https://example.com/hooks`"),
        ("http://ada:fake-pw@example.com/", "a URL must not hold a user name or password; use `headers`"),
        (
            "http://example.com\\@evil.test/",
            "a URL has no spaces, backslashes or letters beyond ASCII; encode them with %",
        ),
        ("http://a b/", "a URL has no spaces, backslashes or letters beyond ASCII; encode them with %"),
        ("http://bücher.test/", "a URL has no spaces, backslashes or letters beyond ASCII; encode them with %"),
        ("http://a/\r\nHost: b", "a URL has no spaces, backslashes or letters beyond ASCII; encode them with %"),
        ("http://a/#b", "a URL for requests has no fragment (the part after #)"),
        ("http://a/" + "a" * 2048, "must have at most 2048 characters"),
    ],
)
def test_a_url_that_cannot_be_sent_to_is_refused(url: str, message: str) -> None:
    assert problems(url=url) == [(("url",), message)]


@pytest.mark.parametrize(
    "url", ["https://example.com", "HTTP://Example.com:8080/a?b=c%20d", "http://[::1]:9000/", "http://my_host.test/"]
)
def test_other_urls_are_kept_as_they_are(url: str) -> None:
    assert EndpointSpec(name="a", url=url).url == url


@given(st.text() | st.text("htps:/@[]%\\.a1#? ").map(lambda rest: "http://" + rest))
def test_any_text_is_a_url_or_a_problem(url: str) -> None:
    try:
        EndpointSpec(name="a", url=url)
    except ValidationError as error:
        assert all(problem.path == ("url",) for problem in explain(error, EndpointSpec))


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"Host": "a"}, "header `Host` is set by Hookline itself; leave it out"),
        ({"content-length": "1"}, "header `content-length` is set by Hookline itself; leave it out"),
        ({"Transfer-Encoding": "a"}, "header `Transfer-Encoding` is set by Hookline itself; leave it out"),
        ({"Webhook-Id": "a"}, "header `Webhook-Id` is set by Hookline itself; leave it out"),
        ({"X-A": "fake\r\nX-B: secret"}, "the value of header `X-A` must be printable ASCII without spaces around it"),
        ({"X-A": " fake-secret"}, "the value of header `X-A` must be printable ASCII without spaces around it"),
        ({"X-A": "fäke"}, "the value of header `X-A` must be printable ASCII without spaces around it"),
        ({"X A": "b"}, "a header name has only letters, digits and `-` (RFC 9110 §5.6.2)"),
        ({"": "b"}, "a header name has only letters, digits and `-` (RFC 9110 §5.6.2)"),
        ({"X-A": "1", "x-a": "2"}, "header `x-a` is given twice"),
        ({f"X-{n}": "1" for n in range(51)}, "must have at most 50 entries"),
        (["X-A"], "must be a mapping of keys to values"),
    ],
)
def test_headers_that_must_not_be_sent_are_refused(headers: object, message: str) -> None:
    assert problems(headers=headers) == [(("headers",), message)]


@pytest.mark.parametrize(
    ("written", "path", "message"),
    [
        ({"nmae": 1}, "nmae", "there is no such key; did you mean `name`?"),
        ({"name": "Build"}, "name", "must be 1 to 63 lower-case letters, digits, `-` and `_`, beginning with a letter or digit"),
        ({"name": 5}, "name", "must be text; put it in quotes"),
        ({"url": None}, "url", "has no value; give it one or remove the key"),
        ({"events": []}, "events", "needs at least 1"),
        ({"events": "push"}, "events", "must be a list, as in [a, b]"),
        ({"events": ["a*"]}, ("events", 0), "event pattern 'a*': `*` may stand alone or as the last level, as in `order.*`"),
        ({"secrets": ["fake"]}, ("secrets", 0), "an endpoint's secret begins with `whsec_`; leave `secrets` out to have one generated"),
        ({"secrets": ["whsec_ZmFrZQ=="]}, ("secrets", 0), "an endpoint's secret has 24 to 75 bytes, encoded in base64 after `whsec_`"),
        ({"retry": {"schedule": ["x"]}}, ("retry", "schedule", 0), "`x` is not a duration; write `250ms`, `5s`, `5m`, `2h`, `30d` or a number of seconds"),
        ({"retry": {"schedule": ["31d"]}}, ("retry", "schedule", 0), "must be between 0s and 30d"),
        ({"retry": {"jiter": 1}}, ("retry", "jiter"), "there is no such key; did you mean `jitter`?"),
        ({"retry": {"jitter": 2}}, ("retry", "jitter"), "must be at most 1"),
        ({"retry": {"jitter": "a"}}, ("retry", "jitter"), "must be a number"),
        ({"timeout": "0s"}, "timeout", "must be between 10ms and 5m"),
        ({"concurrency": 0}, "concurrency", "must be at least 1"),
        ({"concurrency": "5"}, "concurrency", "must be a whole number"),
        ({"concurrency": True}, "concurrency", "must be a whole number"),
        ({"rate_limit": 5}, "rate_limit", "`5` is not a rate; write `100/s`, `600/m` or `10/h`"),
        ({"pause_after_failures": -1}, "pause_after_failures", "must be at least 0"),
        ({"enabled": "yes"}, "enabled", "must be true or false"),
    ],
)  # fmt: skip
def test_every_mistake_is_told_with_its_key_and_the_remedy(written: dict[str, Any], path: Any, message: str) -> None:
    assert problems(**written) == [(path if isinstance(path, tuple) else (path,), message)]


def test_a_resolved_secret_that_cannot_sign_is_refused_without_showing_it() -> None:
    with pytest.raises(InvalidInput) as caught:
        EndpointSpec(**MINIMAL).build(id="e", org_id="o", source_id="s", secrets=("fake-secret",))
    assert "fake-secret" not in str(caught.value)


def test_neither_repr_nor_public_form_shows_what_is_secret() -> None:
    spec = EndpointSpec(
        **MINIMAL,
        secrets=(FAKE_SECRET, "env:BUILD_SECRET"),
        headers={"Authorization": "Bearer fake-token", "X-Team": "platform"},
    )
    assert FAKE_SECRET not in repr(spec)
    assert "fake-token" not in repr(spec)
    public = spec.public()
    assert public["secrets"] == ["(hidden)", "env:BUILD_SECRET"]
    assert public["headers"] == {"Authorization": "(hidden)", "X-Team": "platform"}


def test_the_default_schedule_is_the_customary_one() -> None:
    assert RetrySpec().build() == RetryPolicy()


def test_every_field_is_described() -> None:
    for name, field in {**EndpointSpec.model_fields, **RetrySpec.model_fields}.items():
        assert field.description, name
