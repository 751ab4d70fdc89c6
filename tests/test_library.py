"""``hookline.verify`` and its two sisters: for programs that receive webhooks themselves."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from email.message import Message
from io import BytesIO
from types import ModuleType, SimpleNamespace
from typing import Any

import httpx
import pytest

import hookline
from hookline.core.body import MalformedBody
from hookline.core.errors import InvalidInput
from hookline.core.model import Request, Verification
from hookline.core.providers.provider import Provider
from hookline.core.providers.registry import all_providers, build_generic, get
from hookline.core.providers.sign import sign_request
from hookline.core.providers.where import parsed
from hookline.testing.requests import Bad, sample_request
from hookline.testing.secrets import Pair, new_pair
from tests.core.providers.making import NOW, SECRETS, pair_of
from tests.docs.pages import page

PROVIDERS = [one for one in all_providers() if one.needs_secret or one.learns_secret]
EVENT_ID = "evt_0123456789abcdef01234567"
GITHUB = SECRETS["github"]
HOOK = "https://hooks.example.com/webhooks/shop"

every_provider = pytest.mark.parametrize("provider", PROVIDERS, ids=[one.slug for one in PROVIDERS])


def pair(provider: Provider) -> Pair:
    """What signs and what verifies requests of this provider."""
    return Pair(*pair_of(provider, provider.usual_scheme))


def made(slug: str, **more: Any) -> Request:
    """A genuine request of this provider, sent at NOW."""
    given = {"now_s": NOW, "event_id": EVENT_ID, **more}
    return sample_request(get(slug), given.pop("secret", pair(get(slug)).signing), **given)


def texts(request: Request) -> dict[str, str]:
    """The header lines as most frameworks give them."""
    return {name.decode(): value.decode() for name, value in request.headers}


def verified(request: Request, slug: str, **more: Any) -> hookline.VerifiedEvent:
    """What the library says of the request; anything that is not given is as it came."""
    given: dict[str, Any] = {
        "headers": texts(request),
        "body": request.body,
        "secrets": more.get("secrets") or pair(get(slug)).verifying,
        "method": request.method,
        "url": request.url,
        "now": NOW,
        **more,
    }
    return hookline.verify(slug, **given)


def cause(request: Request, slug: str, **more: Any) -> str:
    """Why the library refuses it."""
    with pytest.raises(hookline.VerificationError) as refused:
        verified(request, slug, **more)
    assert refused.value.code == refused.value.cause
    return refused.value.cause


# -- every provider ----------------------------------------------------------------------------------------


@every_provider
def test_a_genuine_request_of_every_provider_is_recognised(provider: Provider) -> None:
    request = made(provider.slug)
    event = verified(request, provider.slug)
    identity = provider.identify(request, parsed(request))
    assert (event.id, event.type) == (identity.event_id, identity.event_type)
    assert event.authenticated
    assert event.verified is (event.level is Verification.VERIFIED) is provider.usual_scheme.covers_body
    assert (event.scheme, event.secret_index) == (provider.usual_scheme.id, 0)
    assert event.body == request.body
    assert event.timestamp in (None, NOW)


@every_provider
def test_headers_may_come_as_frameworks_give_them(provider: Provider) -> None:
    request = made(provider.slug)
    one = verified(request, provider.slug)
    upper = {name.upper(): value for name, value in texts(request).items()}
    shapes: list[Any] = [
        upper,
        list(upper.items()),
        request.headers,
        iter(request.headers),
        {name: [value] for name, value in texts(request).items()},
        {name: (value,) for name, value in request.headers},
    ]
    assert [verified(request, provider.slug, headers=shape) for shape in shapes] == [one] * len(shapes)


@every_provider
def test_what_was_tampered_with_on_the_way_is_refused(provider: Provider) -> None:
    assert cause(made(provider.slug, bad=Bad.TAMPERED), provider.slug)


@every_provider
def test_no_secret_and_an_empty_one_prove_nothing(provider: Provider) -> None:
    request = made(provider.slug)
    assert cause(request, provider.slug, secrets=[])
    assert cause(request, provider.slug, secrets="")
    assert cause(request, provider.slug, secrets=["", " "])


# -- what is given -----------------------------------------------------------------------------------------


def test_the_headers_of_the_standard_library_will_do() -> None:
    request = made("github")
    lines = Message()
    for name, value in texts(request).items():
        lines[name] = value
    assert verified(request, "github", headers=lines).verified


def test_a_signature_that_came_twice_is_not_chosen_from() -> None:
    request = made("github")
    signature = texts(request)["x-hub-signature-256"]
    for second in (signature, "sha256=" + "0" * 64):
        lines = {**texts(request), "x-hub-signature-256": [signature, second]}
        assert cause(request, "github", headers=lines) == "repeated_signature"


def test_a_body_may_be_text() -> None:
    request = made("github")
    assert verified(request, "github", body=request.body.decode()).body == request.body


@pytest.mark.parametrize("body", [{"ref": "main"}, ["ref"], None, 7], ids=str)
def test_a_body_that_was_parsed_is_not_the_body(body: Any) -> None:
    with pytest.raises(
        InvalidInput, match=r"bytes as they were received, not (dict|list|NoneType|int): read it before"
    ):
        verified(made("github"), "github", body=body)


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"X-Hub-Signature-256": None}, "text or bytes, not NoneType"),
        ({"Content-Length": 7}, "text or bytes, not int"),
        (["X-Hub-Signature-256"], "a mapping, or pairs"),
        (7, "a mapping, or pairs"),
        (None, "a mapping, or pairs"),
    ],
    ids=str,
)
def test_headers_that_are_none_are_told(headers: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        verified(made("github"), "github", headers=headers)


@pytest.mark.parametrize(
    ("secrets", "said"),
    [
        (None, "a secret is None; is the variable set"),
        ([GITHUB, None], "a secret is None; is the variable set"),
        (b"not-a-real-secret", "secrets must be text"),
        ([b"not-a-real-secret"], "secrets must be text"),
        (7, "secrets must be text"),
    ],
    ids=str,
)
def test_secrets_that_are_none_are_told_without_being_repeated(secrets: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as refused:
        verified(made("github"), "github", secrets=secrets)
    assert "not-a-real-secret" not in str(refused.value)


def test_of_several_secrets_the_one_that_fits_is_named() -> None:
    request = made("github")
    assert verified(request, "github", secrets=["not-the-secret", GITHUB]).secret_index == 1
    assert verified(request, "github", secrets=(GITHUB, "not-the-secret")).secret_index == 0
    assert cause(request, "github", secrets=["not-the-secret", "nor-this-one"]) == "bad_signature"
    assert cause(request, "github", secrets="not-the-secret") == "bad_signature"


def test_hyphens_capitals_and_aliases_name_the_same_provider() -> None:
    request = made("standard_webhooks")
    secret = SECRETS["standard_webhooks"]
    names = ["standard-webhooks", "Standard_Webhooks", *get("standard_webhooks").aliases]
    events = [
        hookline.verify(name, headers=request.headers, body=request.body, secrets=secret, now=NOW) for name in names
    ]
    assert len(names) > 2
    assert len(set(map(repr, events))) == 1


@pytest.mark.parametrize("function", [hookline.verify, hookline.handshake, hookline.key_url])
def test_an_unknown_provider_is_told_with_the_nearest_names(function: Any) -> None:
    with pytest.raises(InvalidInput, match="no provider is called 'strpe'; did you mean `stripe`") as refused:
        function("strpe", headers={}, body=b"", secrets="x")
    assert refused.value.code == "unknown_provider"


def test_options_that_the_provider_does_not_have_are_told() -> None:
    with pytest.raises(InvalidInput, match="did you mean `scheme`"):
        verified(made("github"), "github", options={"schema": "default"})


def test_generic_is_what_its_options_say() -> None:
    block = {"header": "X-Shop-Signature", "encoding": "hex", "event_type": "body:/type"}
    generic = build_generic(block)
    request = sign_request(generic, body=b'{"type":"order.paid"}', secret="not-a-real-secret", now_s=NOW)
    event = verified(request, "generic", secrets="not-a-real-secret", options=block)
    assert (event.type, event.verified) == ("order.paid", True)
    with pytest.raises(InvalidInput):
        hookline.verify("generic", headers={}, body=b"", secrets="x")


# -- time --------------------------------------------------------------------------------------------------


def test_now_is_that_of_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = made("stripe", now_s=time.time())
    assert verified(fresh, "stripe", now=None).verified
    assert cause(made("stripe"), "stripe", now=None) == "stale_timestamp"
    monkeypatch.setattr(time, "time", lambda: NOW + 7)
    assert verified(made("stripe"), "stripe", now=None).timestamp == NOW


def test_the_tolerance_counts_in_both_directions() -> None:
    request = made("stripe")
    assert verified(request, "stripe", now=NOW + 299).verified
    assert cause(request, "stripe", now=NOW + 301) == "stale_timestamp"
    assert cause(request, "stripe", now=NOW - 301) == "future_timestamp"
    assert verified(request, "stripe", now=NOW + 301, tolerance_s=400).verified
    assert cause(request, "stripe", now=NOW + 20, tolerance_s=10) == "stale_timestamp"


# -- addresses and keys ------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", ["twilio", "square"])
def test_whoever_signs_the_address_needs_it_as_it_was_given(slug: str) -> None:
    request = made(slug, url=HOOK)
    inside = f"http://10.0.0.7:8000/shop{request.url.removeprefix(HOOK)}"
    assert verified(request, slug, url=request.url).verified
    assert verified(request, slug, url=inside, configured_url=HOOK).verified
    assert verified(request, slug, url=None, configured_url=HOOK).verified
    assert verified(request, slug, url=None, options={"url": HOOK}).verified
    assert cause(request, slug, url=inside) == "bad_signature"
    assert cause(request, slug, configured_url=f"{HOOK}/other") == "bad_signature"


@pytest.mark.parametrize(
    ("slug", "host"), [("aws_sns", "sns.eu-west-1.amazonaws.com"), ("paypal", "api.sandbox.paypal.com")]
)
def test_a_key_that_is_published_is_handed_in(slug: str, host: str) -> None:
    request, keys = made(slug), pair(get(slug))
    name, _, pem = keys.verifying.partition("\n")
    assert re.fullmatch(
        rf"https://{re.escape(host)}/\S+", hookline.key_url(slug, headers=texts(request), body=request.body)
    )
    for certificate in (pem, pem.encode()):
        assert verified(request, slug, secrets=name, certificate=certificate).authenticated
    assert cause(request, slug, secrets=name) == "key_unavailable"
    assert cause(request, slug, secrets=name, certificate="not a key") == "key_unavailable"
    another = new_pair(get(slug), get(slug).usual_scheme).verifying.partition("\n")[2]
    assert cause(request, slug, secrets=name, certificate=another) == "bad_signature"


def test_only_addresses_of_the_provider_are_given_for_a_key() -> None:
    request = made("paypal")
    lines = {**texts(request), "paypal-cert-url": "https://paypal.example.com/certs/CERT-1"}
    with pytest.raises(hookline.VerificationError) as refused:
        hookline.key_url("paypal", headers=lines, body=request.body)
    assert refused.value.cause == "untrusted_key"
    assert hookline.key_url("github", headers=texts(made("github")), body=made("github").body) == ""


def test_a_secret_may_say_whose_keys_they_are() -> None:
    request, address = made("kinde"), "https://shop.kinde.com"
    asked = hookline.key_url("kinde", headers=texts(request), body=request.body, secrets=address)
    assert asked == f"{address}/.well-known/jwks.json"
    assert hookline.key_url("kinde", headers=texts(request), body=request.body) == ""


# -- what is told ------------------------------------------------------------------------------------------


def test_an_event_shows_nothing_of_its_body() -> None:
    event = verified(made("stripe"), "stripe")
    assert "payment_intent.succeeded" in repr(event)
    for hidden in ("pi_000", "amount", "livemode", SECRETS["stripe"]):
        assert hidden not in repr(event)


def test_a_body_is_parsed_when_it_is_asked_for() -> None:
    event = verified(made("stripe"), "stripe")
    assert event.json["data"]["object"]["amount"] == 2000
    assert event.parsed == event.json
    assert event.json is event.json
    form = verified(made("twilio", url=HOOK), "twilio")
    assert isinstance(form.parsed, dict)
    with pytest.raises(MalformedBody):
        _ = form.json


def test_a_genuine_body_may_still_be_malformed() -> None:
    request = sign_request(get("github"), body=b'{"ref":', secret=GITHUB, now_s=NOW, event_id="1", event_type="push")
    event = verified(request, "github")
    assert (event.verified, event.type) == (True, "push")
    for name in ("json", "parsed"):
        with pytest.raises(InvalidInput) as refused:
            getattr(event, name)
        assert refused.value.code == "malformed_body"


def test_without_a_content_type_a_body_is_read_as_json() -> None:
    request = made("github")
    lines = {name: value for name, value in texts(request).items() if name != "content-type"}
    event = verified(request, "github", headers=lines)
    assert event.parsed == event.json


def test_none_is_believed_but_not_proved() -> None:
    event = hookline.verify("none", headers={}, body=b"{}", secrets=[])
    assert (event.level, event.verified, event.authenticated) == (Verification.UNVERIFIED, False, False)
    assert event.secret_index == -1


def test_a_static_token_proves_the_sender_alone() -> None:
    event = verified(made("telegram"), "telegram")
    assert (event.authenticated, event.verified) == (True, False)


def test_no_message_of_a_refusal_holds_a_secret_or_the_body() -> None:
    for provider in PROVIDERS:
        with pytest.raises(hookline.VerificationError) as refused:
            verified(made(provider.slug), provider.slug, secrets="not-the-secret-of-anybody")
        assert "not-the-secret-of-anybody" not in str(refused.value)
        assert len(str(refused.value)) < 600


# -- handshakes --------------------------------------------------------------------------------------------


def shake(slug: str, body: bytes = b"", **more: Any) -> Any:
    given: dict[str, Any] = {"headers": {"Content-Type": "application/json"}, "body": body, "now": NOW, **more}
    return hookline.handshake(slug, **given)


def test_slack_gets_its_challenge_back_when_it_is_signed() -> None:
    body, secret = b'{"token":"not-real","challenge":"3eZbrw1a","type":"url_verification"}', SECRETS["slack"]
    lines = sign_request(get("slack"), body=body, secret=secret, now_s=NOW).headers
    answer = shake("slack", body, headers=lines, secrets=secret)
    assert (answer.status, answer.body, answer.content_type) == (200, b"3eZbrw1a", "text/plain")
    assert shake("slack", body, secrets=secret) is None
    assert shake("slack", body, headers=lines, secrets="not-the-secret") is None
    assert shake("slack", body, headers=lines, secrets=secret, now=NOW + 301) is None


def test_zoom_gets_its_token_signed() -> None:
    body = b'{"event":"endpoint.url_validation","payload":{"plainToken":"not-a-real-token"}}'
    lines = sign_request(get("zoom"), body=body, secret="not-a-real-secret", now_s=NOW).headers
    answer = shake("zoom", body, headers=lines, secrets=["not-a-real-secret"])
    assert answer is not None
    assert b'"plainToken":"not-a-real-token"' in answer.body.replace(b" ", b"")
    assert answer.content_type == "application/json"


def test_meta_gets_its_challenge_back_for_its_verify_token() -> None:
    url = f"{HOOK}?hub.mode=subscribe&hub.verify_token=my-token&hub.challenge=1158201444"
    given: dict[str, Any] = {"method": "GET", "url": url, "headers": {}}
    answer = shake("meta", secrets="not-a-real-secret", options={"verify_token": "my-token"}, **given)
    assert (answer.status, answer.body) == (200, b"1158201444")
    assert shake("meta", secrets="not-a-real-secret", options={"verify_token": "another"}, **given) is None


def test_what_asana_brings_is_learned_and_shown_to_nobody() -> None:
    answer = shake("asana", headers={"X-Hook-Secret": "a-new-fake-secret"})
    assert answer.learned == "a-new-fake-secret"
    assert (b"X-Hook-Secret".lower(), b"a-new-fake-secret") in [(name.lower(), value) for name, value in answer.headers]
    assert "learned" not in repr(answer)


def test_amazon_names_an_address_to_call() -> None:
    request = made("aws_sns", event_type="SubscriptionConfirmation")
    answer = shake("aws_sns", request.body, headers=texts(request), secrets=pair(get("aws_sns")).verifying)
    assert answer.visit.startswith("https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription")


def test_an_event_is_no_handshake() -> None:
    for provider in PROVIDERS:
        request = made(provider.slug)
        answer = hookline.handshake(
            provider.slug,
            headers=request.headers,
            body=request.body,
            secrets=pair(provider).verifying,
            method=request.method,
            url=request.url,
            now=NOW,
        )
        assert answer is None, provider.slug


# -- nothing else ------------------------------------------------------------------------------------------

_ALONE = """
import sys, time
began = time.perf_counter()
import hookline
took = time.perf_counter() - began
loaded = [name for name in sys.modules if name.partition(".")[0] == "hookline" or name in {heavy}]
assert loaded == ["hookline"], loaded
assert took < 0.5, took
assert set(hookline.__all__) >= {{"VerificationError", "VerifiedEvent", "handshake", "key_url", "verify"}}
import hashlib, hmac
body = b'{{"ref":"main"}}'
lines = {{"X-Hub-Signature-256": "sha256=" + hmac.new(b"not-a-real-secret", body, hashlib.sha256).hexdigest()}}
hookline.verify  # what is imported, is imported now
def refuse(event, arguments):
    if event == "open" and str(arguments[0]).endswith(".py"):
        return
    if event in ("open", "import") or event.startswith(("socket.", "subprocess.", "os.")):
        raise AssertionError((event, arguments))
sys.addaudithook(refuse)
assert hookline.verify("github", headers=lines, body=body, secrets="not-a-real-secret").verified
assert not [name for name in {heavy} if name in sys.modules], sorted(sys.modules)
"""

HEAVY = (
    "sqlite3",
    "psycopg",
    "uvicorn",
    "fastapi",
    "starlette",
    "pydantic",
    "asyncio",
    "httptools",
    "typer",
    "structlog",
)


def test_it_imports_no_server_and_touches_nothing() -> None:
    script = _ALONE.format(heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# -- the page ----------------------------------------------------------------------------------------------

HOWTO = page("howto/verify-without-a-server.md")


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the page defines, with the secrets that it names; the frameworks that are not here are stood in for."""
    for name, value in {
        "GITHUB_WEBHOOK_SECRET": GITHUB,
        "GITHUB_WEBHOOK_SECRET_NEW": "the-new-fake-secret",
        "TWILIO_AUTH_TOKEN": pair(get("twilio")).signing,
        "SLACK_SIGNING_SECRET": SECRETS["slack"],
        "SNS_TOPIC_ARN": pair(get("aws_sns")).verifying.partition("\n")[0],
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(time, "time", lambda: NOW)
    names: dict[str, Any] = {}
    for block in HOWTO.blocks("python"):
        exec(compile(block.text, str(HOWTO), "exec"), names)
    return names


def stand_in(monkeypatch: pytest.MonkeyPatch, **modules: dict[str, Any]) -> None:
    """Modules of these names with dots for underscores, which have only what the page takes from them."""
    for name, attributes in modules.items():
        module = ModuleType(name.replace("_", "."))
        vars(module).update(attributes)
        monkeypatch.setitem(sys.modules, module.__name__, module)


async def test_the_fastapi_of_the_page_takes_what_is_genuine(written: dict[str, Any]) -> None:
    request = made("github")
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=written["app"]), base_url="http://shop.example"
    ) as client:
        answer = await client.post("/github", content=request.body, headers=texts(request))
        assert (answer.status_code, answer.json()) == (200, {"took": EVENT_ID})
        answer = await client.post("/github", content=request.body + b" ", headers=texts(request))
        assert (answer.status_code, answer.json()) == (401, {"detail": "bad_signature"})


def test_the_wsgi_of_the_page_takes_what_is_genuine(written: dict[str, Any]) -> None:
    request, told = made("github"), []
    lines = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in texts(request).items()}
    environ = {**lines, "CONTENT_LENGTH": str(len(request.body)), "CONTENT_TYPE": "application/json"}

    def ask(body: bytes) -> bytes:
        said = written["wsgi"]({**environ, "wsgi.input": BytesIO(body)}, lambda status, _: told.append(status))
        return b"".join(said)

    assert ask(request.body) == EVENT_ID.encode()
    assert ask(request.body.replace(b"main", b"evil")) == b"bad_signature"
    assert told == ["200 OK", "401 Unauthorized"]


def test_the_flask_of_the_page_takes_what_is_genuine(written: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    class App:
        def __init__(self, _: str) -> None: ...

        def post(self, _: str) -> Any:
            return lambda view: view

    request = made("github")
    bodies = [request.body, b"{}"]
    came = SimpleNamespace(headers=list(texts(request).items()), get_data=lambda: bodies.pop(0))
    stand_in(monkeypatch, flask={"Flask": App, "request": came})
    exec(HOWTO.blocks("python flask")[0].text, written)
    assert written["github"]() == {"took": EVENT_ID}
    assert written["github"]() == ("bad_signature", 401)


def test_the_django_of_the_page_takes_what_is_genuine(written: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(
        monkeypatch,
        django={},
        django_http={"JsonResponse": dict, "HttpResponse": lambda text, status: (text, status)},
        django_views={},
        django_views_decorators={},
        django_views_decorators_csrf={"csrf_exempt": lambda view: view},
    )
    exec(HOWTO.blocks("python django")[0].text, written)
    request = made("github")
    assert written["github"](SimpleNamespace(headers=texts(request), body=request.body)) == {"took": EVENT_ID}
    assert written["github"](SimpleNamespace(headers=texts(request), body=b"{}")) == ("bad_signature", 401)


def test_the_rest_of_the_page_does_what_it_says(written: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for secret, position in (("the-new-fake-secret", 0), (GITHUB, 1)):
        request = made("github", secret=secret)
        assert written["while_rotating"](texts(request), request.body).secret_index == position
    call = made("twilio", url="https://hooks.example.com/twilio")
    inside = call.url.replace("https://hooks.example.com/twilio", "http://10.0.0.7:8000/")
    assert written["twilio_event"](texts(call), call.body, inside).verified
    message, asked = made("aws_sns"), list[str]()
    key = pair(get("aws_sns")).verifying.partition("\n")[2].encode()

    def urlopen(url: str, timeout: float) -> BytesIO:
        asked.append(url)
        return BytesIO(key)

    written["urlopen"] = urlopen
    for _ in range(2):
        assert written["amazon_event"](texts(message), message.body).verified
    assert len(asked) == 1
    question = b'{"token":"not-real","challenge":"3eZbrw1a","type":"url_verification"}'
    lines = sign_request(get("slack"), body=question, secret=SECRETS["slack"], now_s=NOW).headers
    assert written["slack"](lines, question) == (200, b"3eZbrw1a")
    event = made("slack")
    assert written["slack"](texts(event), event.body)[0] == 200


def test_the_page_names_all_that_an_event_has() -> None:
    told = set(re.findall(r"`event\.(\w+)`", "".join(row[0] for row in HOWTO.rows("2. Use the event"))))
    has = {name for name in dir(hookline.VerifiedEvent) if not name.startswith("_")}
    has |= set(hookline.VerifiedEvent.__dataclass_fields__)
    assert told == has - {"level", "content_type"}


def test_what_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'hookline' has no attribute 'verfy'"):
        _ = hookline.verfy
