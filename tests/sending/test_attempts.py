"""What became of messages, and sending one again."""

from __future__ import annotations

from typing import Any

import pytest

from hookline.testing.receiver import Answer

from .conftest import Json, Sending


async def attempts(sending: Sending, query: str = "", path: str = "endpoint/hook", **more: Any) -> list[Json]:
    found = await sending.got("GET", f"/app/customer/attempt/{path}{query}", **more)
    shown: list[Json] = found["data"]
    return shown


async def set_up(sending: Sending, *answers: int | Answer) -> None:
    """An application with one endpoint that answers like this."""
    await sending.app()
    sending.receiver.script(answers)
    await sending.endpoint(uid="hook", retrySchedule=[60])


async def test_an_attempt_is_shown_as_svix_shows_it(sending: Sending) -> None:
    await set_up(sending, Answer(201, body="Łódź ".encode() + b"\xff"))
    sent = await sending.publish(eventId="evt-7")
    [shown] = await attempts(sending)
    duration_ms = shown.pop("responseDurationMs")
    assert isinstance(duration_ms, int) and 0 <= duration_ms < 5_000
    endpoint = await sending.got("GET", "/app/customer/endpoint/hook")
    assert shown == {
        "id": shown["id"],
        "msgId": sent["id"],
        "endpointId": endpoint["id"],
        "url": f"{sending.receiver.url}/hook",
        "timestamp": "2026-01-01T00:00:00.000Z",
        "status": 0,
        "statusText": "success",
        "responseStatusCode": 201,
        "response": "Łódź \ufffd",
        "triggerType": 0,
    }
    again = await sending.got("GET", f"/app/customer/msg/evt-7/attempt/{shown['id']}")
    assert again == {**shown, "responseDurationMs": duration_ms}
    [hidden] = await attempts(sending, "?with_content=false")
    assert hidden["response"] == "{}"


async def test_an_attempt_that_will_be_repeated_is_a_failure_and_its_message_is_pending(sending: Sending) -> None:
    await set_up(sending, 500)
    await sending.publish(eventId="evt-7")
    [tried] = await attempts(sending)
    assert (tried["status"], tried["statusText"], tried["responseStatusCode"]) == (2, "fail", 500)
    [message] = (await sending.got("GET", "/app/customer/endpoint/hook/msg"))["data"]
    [endpoint] = (await sending.got("GET", "/app/customer/msg/evt-7/endpoint"))["data"]
    for shown in (message, endpoint):
        assert (shown["status"], shown["statusText"]) == (1, "pending")
        assert "2026-01-01T00:00:50" < shown["nextAttempt"] < "2026-01-01T00:01:10"


async def test_why_no_response_came_is_said_in_its_place(sending: Sending) -> None:
    await set_up(sending, Answer.close())
    await sending.publish()
    [tried] = await attempts(sending)
    assert (tried["responseStatusCode"], tried["status"]) == (0, 2)
    assert tried["response"].startswith("connection_closed")


async def test_nothing_confidential_of_an_endpoint_is_in_its_attempts(sending: Sending) -> None:
    await set_up(sending, 500)
    await sending.got(
        "PUT", "/app/customer/endpoint/hook/headers", {"headers": {"X-Key": "not-a-real-key"}}, status=204
    )
    secret = (await sending.got("GET", "/app/customer/endpoint/hook/secret"))["key"]
    await sending.publish(eventId="evt-7")
    for path in ("attempt/endpoint/hook?with_msg=true", "attempt/msg/evt-7", "endpoint/hook/msg", "msg/evt-7/endpoint"):
        text = (await sending.ask("GET", f"/app/customer/{path}")).text
        assert "not-a-real-key" not in text and secret not in text


async def three(sending: Sending) -> list[str]:
    """Three messages with attempts that end in each way; their ids."""
    await set_up(sending, 200, 404, Answer.garbage())
    ids = []
    for type, channel, tag in (("a", "eu", "x"), ("b", "us", "y"), ("a", "us", "x")):
        ids.append((await sending.publish(type=type, channels=[channel], tags=[tag]))["id"])
        sending.advance(1)
    return ids


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [2, 1, 0]),
        ("?status=0", [0]),
        ("?status=2", [2, 1]),
        ("?status=1", []),
        ("?status=3", []),
        ("?status=4", []),
        ("?status_code_class=0", [2]),
        ("?status_code_class=200", [0]),
        ("?status_code_class=400", [1]),
        ("?status_code_class=500", []),
        ("?status=2&status_code_class=200", []),
        ("?channel=us", [2, 1]),
        ("?tag=x", [2, 0]),
        ("?event_types=b", [1]),
        ("?event_types[0]=a&status=2", [2]),
        ("?before=2026-01-01T00:00:01Z", [0]),
        ("?after=2026-01-01T00:00:01Z", [2, 1]),
        ("?expanded_statuses=true&limit=1", [2]),
    ],
)
async def test_attempts_are_found_by_what_became_of_them(sending: Sending, query: str, expected: list[int]) -> None:
    ids = await three(sending)
    assert [ids.index(one["msgId"]) for one in await attempts(sending, query)] == expected


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("?status=5", "query.status"),
        ("?status=success", "query.status"),
        ("?status_code_class=201", "query.status_code_class"),
        ("?iterator=nowhere", "query.iterator"),
    ],
)
async def test_a_question_that_cannot_be_meant_is_refused(sending: Sending, query: str, place: str) -> None:
    await set_up(sending)
    assert list(await sending.wrong("GET", f"/app/customer/attempt/endpoint/hook{query}")) == [place]


async def test_the_message_is_shown_beside_its_attempt_when_it_is_asked_for(sending: Sending) -> None:
    await set_up(sending)
    sent = await sending.publish(eventId="evt-7")
    for path in ("endpoint/hook", "msg/evt-7"):
        assert (await attempts(sending, "?with_msg=true", path))[0]["msg"] == sent
        [hidden] = await attempts(sending, "?with_msg=true&with_content=false", path)
        assert hidden["msg"] == {**sent, "payload": {}}
        assert "msg" not in (await attempts(sending, path=path))[0]


async def test_the_attempts_of_a_message_are_listed_at_all_its_endpoints_and_in_every_spelling(
    sending: Sending,
) -> None:
    await set_up(sending, 500, 500)
    await sending.endpoint(path="/other", uid="other")
    sent = await sending.publish(eventId="evt-7")
    assert len(await attempts(sending, path="msg/evt-7")) == 2
    ids = {uid: (await sending.got("GET", f"/app/customer/endpoint/{uid}"))["id"] for uid in ("hook", "other")}
    for uid in ("hook", "other"):
        for path in (
            f"attempt/msg/{sent['id']}?endpoint_id={uid}",
            f"msg/evt-7/attempt?endpoint_id={ids[uid]}",
            f"msg/evt-7/endpoint/{uid}/attempt",
        ):
            found = (await sending.got("GET", f"/app/customer/{path}"))["data"]
            assert [one["endpointId"] for one in found] == [ids[uid]], path
    await sending.refused(404, "GET", "/app/customer/attempt/msg/evt-7?endpoint_id=nobody")
    await sending.refused(404, "GET", "/app/customer/attempt/msg/evt-8")
    await sending.refused(404, "GET", "/app/customer/attempt/endpoint/nobody")


async def test_an_attempt_is_found_only_at_its_own_message(sending: Sending) -> None:
    await set_up(sending)
    await sending.publish(eventId="one")
    [tried] = await attempts(sending)
    await sending.publish(eventId="two")
    for name in (tried["id"] + "0", tried["id"][:-1], "atmpt_", "x" * 90, "é"):
        await sending.refused(404, "GET", f"/app/customer/msg/one/attempt/{name}")
    await sending.refused(404, "GET", f"/app/customer/msg/two/attempt/{tried['id']}")
    await sending.refused(404, "DELETE", f"/app/customer/msg/two/attempt/{tried['id']}/content")


async def test_an_expunged_response_is_gone_everywhere(sending: Sending) -> None:
    await set_up(sending, Answer(200, body=b"not-a-real-secret", headers=(("X-Says", "not-a-real-secret"),)))
    sent = await sending.publish(eventId="evt-7")
    [tried] = await attempts(sending)
    path = f"/app/customer/msg/evt-7/attempt/{tried['id']}"
    await sending.got("DELETE", f"{path}/content", status=204)
    assert (await sending.got("GET", path))["response"] == "EXPUNGED"
    assert "not-a-real-secret" not in (await sending.ask("GET", f"/events/{sent['id']}")).text


# -- deliveries ----------------------------------------------------------------------------------------


async def test_the_messages_of_an_endpoint_are_found_by_what_became_of_them(sending: Sending) -> None:
    await sending.app()
    sending.receiver.script([200, 500, 500])
    await sending.endpoint(uid="hook")
    for event_id, schedule in (("delivered", [60]), ("waiting", [60]), ("dead", [])):
        await sending.got("PATCH", "/app/customer/endpoint/hook", {"retrySchedule": schedule})
        await sending.publish(eventId=event_id)
        sending.advance(1)
    waiting = (await sending.got("GET", "/app/customer/msg/waiting"))["id"]
    endpoint = (await sending.got("GET", "/app/customer/endpoint/hook"))["id"]

    async def found(query: str) -> list[str]:
        page = await sending.got("GET", f"/app/customer/endpoint/hook/msg{query}")
        return [f"{one['eventId']} {one['statusText']}" for one in page["data"]]

    assert await found("") == ["dead fail", "waiting pending", "delivered success"]
    assert await found("?status=0") == ["delivered success"]
    assert await found("?status=1") == ["waiting pending"]
    assert await found("?status=2") == ["dead fail"]
    assert await found("?status=3") == []
    delivery = f"dlv_{waiting[4:]}{endpoint[-16:]}"
    await sending.got("POST", f"/deliveries/{delivery}/cancel")
    assert await found("") == ["dead fail", "waiting fail", "delivered success"]
    assert await found("?status=2") == ["dead fail", "waiting fail"]
    assert await found("?status=4") == []
    assert await found("?expanded_statuses=true") == ["dead fail", "waiting canceled", "delivered success"]
    assert await found("?expanded_statuses=true&status=2") == ["dead fail"]
    assert await found("?expanded_statuses=true&status=4") == ["waiting canceled"]


async def test_the_endpoints_of_a_message_are_listed_also_when_one_was_deleted(sending: Sending) -> None:
    await set_up(sending)
    gone = await sending.endpoint(path="/gone", uid="gone", description="for a while", throttleRate=7)
    await sending.publish(eventId="evt-7")
    path = "/app/customer/msg/evt-7/endpoint"
    before = {one["id"]: one for one in (await sending.got("GET", path))["data"]}
    assert before[gone["id"]]["description"] == "for a while" and before[gone["id"]]["throttleRate"] == 7
    await sending.got("DELETE", "/app/customer/endpoint/gone", status=204)
    after = {one["id"]: one for one in (await sending.got("GET", path))["data"]}
    assert after.keys() == before.keys()
    assert (after[gone["id"]]["url"], after[gone["id"]]["disabled"]) == ("about:blank", True)
    assert (after[gone["id"]]["statusText"], after[gone["id"]]["uid"]) == ("success", None)
    [deleted] = [one for one in await attempts(sending, path="msg/evt-7") if one["endpointId"] == gone["id"]]
    assert deleted["url"] == "about:blank"


async def test_a_message_is_sent_again_as_somebody_asked(sending: Sending) -> None:
    await set_up(sending, 200, 200)
    sent = await sending.publish(eventId="evt-7")
    sending.advance(60)
    key = {"Idempotency-Key": "again"}
    for _ in range(2):
        answer = await sending.got("POST", "/app/customer/msg/evt-7/endpoint/hook/resend", status=202, headers=key)
        assert answer == {}
        await sending.server.dispatcher.quiet()
    assert [request.header("webhook-id") for request in sending.receiver.requests] == [sent["id"]] * 2
    assert [one["triggerType"] for one in await attempts(sending)] == [1, 0]
    await sending.refused(404, "POST", "/app/customer/msg/evt-8/endpoint/hook/resend")
    await sending.refused(404, "POST", "/app/customer/msg/evt-7/endpoint/nobody/resend")


async def test_a_customer_may_look_and_send_again_and_not_expunge(sending: Sending) -> None:
    await set_up(sending)
    await sending.publish(eventId="evt-7")
    portal = await sending.portal()
    [tried] = await attempts(sending, token=portal)
    for path in (
        "attempt/msg/evt-7",
        f"msg/evt-7/attempt/{tried['id']}",
        "msg/evt-7/attempt",
        "msg/evt-7/endpoint",
        "msg/evt-7/endpoint/hook/attempt",
        "endpoint/hook/msg",
        "endpoint/hook/stats",
    ):
        await sending.got("GET", f"/app/customer/{path}", token=portal)
    await sending.got("POST", "/app/customer/msg/evt-7/endpoint/hook/resend", status=202, token=portal)
    refused = await sending.refused(
        403, "DELETE", f"/app/customer/msg/evt-7/attempt/{tried['id']}/content", token=portal
    )
    assert refused["code"] == "insufficient_access"
    await sending.app("other")
    theirs = await sending.portal("other")
    await sending.refused(404, "GET", "/app/customer/attempt/msg/evt-7", token=theirs)


async def test_a_message_that_is_being_sent_says_so(sending: Sending) -> None:
    await set_up(sending, Answer.hang())
    await sending.got("POST", "/app/customer/msg", {"eventType": "a", "payload": {}, "eventId": "evt-7"}, status=202)
    await sending.receiver.wait_for(1)
    [shown] = (await sending.got("GET", "/app/customer/endpoint/hook/msg?status=3"))["data"]
    assert (shown["status"], shown["statusText"], shown["nextAttempt"]) == (3, "sending", None)
    assert await attempts(sending) == []
    sending.receiver.hang_up()
    await sending.server.dispatcher.quiet()
    assert [one["responseStatusCode"] for one in await attempts(sending)] == [0]
