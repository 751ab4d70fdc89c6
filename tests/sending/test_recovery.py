"""Sending many messages again to one endpoint, watching that, and how an endpoint is doing."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from .conftest import OTHER_ORG, Json, Sending

HOOK = "/app/customer/endpoint/hook"
SINCE = {"since": "2026-01-01T00:00:00Z"}


async def finished(sending: Sending, task: Json) -> Json:
    """The job when it is over, and what it owed arrived since the requests were cleared."""
    receiver = sending.receiver
    for _ in range(1_000):
        shown = await sending.got("GET", f"/background-task/{task['id']}")
        if shown["status"] != "running":
            cleared = receiver.count - len(receiver.requests)
            await receiver.wait_for(cleared + shown["data"]["messagesSent"])
            await sending.server.dispatcher.quiet()
            assert isinstance(shown, dict)
            return shown
        await asyncio.sleep(0.001)
    raise AssertionError(f"{task['id']} does not end")


async def begin(sending: Sending, operation: str, body: Json, **more: Any) -> Json:
    job = await sending.got("POST", f"{HOOK}/{operation}", body, status=202, **more)
    assert isinstance(job, dict)
    return job


def sent(sending: Sending) -> Counter[str]:
    """How often each message arrived, by its id."""
    return Counter(str(request.header("webhook-id")) for request in sending.receiver.requests)


async def set_up(sending: Sending, **fields: Any) -> None:
    await sending.app()
    await sending.endpoint(uid="hook", retrySchedule=[], **fields)


async def one_of_each(sending: Sending) -> dict[str, str]:
    """Messages that were delivered, are dead, were cancelled, and were never owed, an hour apart; their ids."""
    await set_up(sending)
    ids: dict[str, str] = {}
    sending.receiver.script([200, 500])
    for name in ("delivered", "dead"):
        ids[name] = (await sending.publish(type="a", eventId=name, tags=[name]))["id"]
        sending.advance(3600)
    later = "2026-01-01T20:00:00Z"
    ids["cancelled"] = (await sending.publish(type="b", eventId="cancelled", deliverAt=later))["id"]
    endpoint = (await sending.got("GET", HOOK))["id"]
    await sending.got("POST", f"/deliveries/dlv_{ids['cancelled'][4:]}{endpoint[-16:]}/cancel")
    await sending.got("PATCH", HOOK, {"disabled": True})
    sending.advance(3600)
    ids["never"] = (await sending.publish(type="b", eventId="never"))["id"]
    await sending.got("PATCH", HOOK, {"disabled": False})
    sending.advance(3600)
    sending.receiver.requests.clear()
    return ids


async def test_recover_sends_again_what_was_given_up(sending: Sending) -> None:
    ids = await one_of_each(sending)
    job = await begin(sending, "recover", SINCE)
    assert job == {
        "id": job["id"],
        "status": "running",
        "task": "endpoint.recover",
        "updatedAt": "2026-01-01T04:00:00.000Z",
    }
    over = await finished(sending, job)
    assert (over["status"], over["data"]["messagesSent"]) == ("finished", 1)
    assert sent(sending) == {ids["dead"]: 1}
    [newest, *_] = (await sending.got("GET", f"/app/customer/attempt/msg/{ids['dead']}"))["data"]
    assert (newest["statusText"], newest["triggerType"]) == ("success", 1)


async def test_replay_missing_sends_what_was_never_owed(sending: Sending) -> None:
    ids = await one_of_each(sending)
    job = await begin(sending, "replay-missing", SINCE)
    assert job["task"] == "endpoint.replay"
    assert (await finished(sending, job))["data"]["messagesSent"] == 1
    assert sent(sending) == {ids["never"]: 1}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"delivered", "dead", "cancelled", "never"}),
        ({"eventTypes": ["a"]}, {"delivered", "dead"}),
        ({"tag": "dead"}, {"dead"}),
        ({"channel": "eu"}, set()),
        ({"until": "2026-01-01T01:00:00Z"}, {"delivered"}),
        ({"since": "2026-01-01T01:00:00Z", "until": "2026-01-01T02:00:00.001Z"}, {"dead", "cancelled"}),
    ],
)
async def test_bulk_replay_sends_again_whatever_the_filter_finds(
    sending: Sending, fields: Json, expected: set[str]
) -> None:
    ids = await one_of_each(sending)
    counted = await sending.got("POST", f"{HOOK}/bulk-replay?dry_run=true", {**SINCE, **fields})
    job = await begin(sending, "bulk-replay", {**SINCE, **fields})
    assert job["task"] == "endpoint.bulk-replay"
    assert (await finished(sending, job))["data"]["messagesSent"] == len(expected) == counted["messages"]
    assert sent(sending) == {ids[name]: 1 for name in expected}


async def test_a_dry_run_counts_and_begins_nothing(sending: Sending) -> None:
    await one_of_each(sending)
    for operation, at in (("recover", "2026-01-01T01:00:00.000Z"), ("replay-missing", "2026-01-01T03:00:00.000Z")):
        counted = await sending.got("POST", f"{HOOK}/{operation}?dry_run=true", SINCE)
        assert counted == {"dryRun": True, "messages": 1, "oldestAt": at, "newestAt": at}
    none = await sending.got("POST", f"{HOOK}/recover?dry_run=true", {"since": "2026-01-01T03:00:00Z"})
    assert none == {"dryRun": True, "messages": 0, "oldestAt": None, "newestAt": None}
    assert (await sending.got("GET", "/background-task"))["data"] == []
    await sending.server.dispatcher.quiet()
    assert sent(sending) == {}


async def test_the_same_request_again_begins_nothing_new(sending: Sending) -> None:
    ids = await one_of_each(sending)
    key = {"Idempotency-Key": "once"}
    first = await begin(sending, "recover", SINCE, headers=key)
    await finished(sending, first)
    assert await begin(sending, "recover", SINCE, headers=key) == first
    assert sent(sending) == {ids["dead"]: 1}
    other = {"since": "2026-01-01T00:00:01Z"}
    refused = await sending.refused(409, "POST", f"{HOOK}/recover", other, headers=key)
    assert refused["code"] == "idempotency_key_reused"


@pytest.mark.parametrize(
    ("operation", "body", "place"),
    [
        ("recover", {}, "body.since"),
        ("recover", {"since": ""}, "body.since"),
        ("recover", {"since": "soon"}, "body.since"),
        ("recover", {"since": 1}, "body.since"),
        ("recover", {"since": "2025-12-17T23:00:00Z"}, "body.since"),
        ("recover", {**SINCE, "until": "soon"}, "body.until"),
        ("recover", {**SINCE, "until": SINCE["since"]}, "body.since"),
        ("bulk-replay", {**SINCE, "status": 2}, "body.status"),
        ("bulk-replay", {**SINCE, "statusCodeClass": 500}, "body.statusCodeClass"),
        ("bulk-replay", {**SINCE, "status": 9}, "body.status"),
        ("bulk-replay", {**SINCE, "eventTypes": ["a b"]}, "body.eventTypes.0"),
        ("bulk-replay", {**SINCE, "tag": "a b"}, "body.tag"),
        ("replay-missing?dry_run=maybe", SINCE, "query.dry_run"),
    ],
)
async def test_what_cannot_be_meant_is_refused_with_its_place(
    sending: Sending, operation: str, body: Json, place: str
) -> None:
    await set_up(sending)
    sending.advance(3600)
    assert list(await sending.wrong("POST", f"{HOOK}/{operation}", body)) == [place]
    assert (await sending.got("GET", "/background-task"))["data"] == []


async def test_fourteen_days_back_may_be_recovered_by_a_clock_that_is_a_little_slow(sending: Sending) -> None:
    await set_up(sending)
    await begin(sending, "recover", {"since": "2025-12-17T23:55:00Z"})


async def test_nobody_recovers_an_endpoint_that_is_not_there(sending: Sending) -> None:
    await sending.app()
    for operation in ("recover", "replay-missing", "bulk-replay"):
        await sending.refused(404, "POST", f"{HOOK}/{operation}", SINCE)
    await sending.refused(404, "GET", f"{HOOK}/stats")


# -- background tasks ----------------------------------------------------------------------------------


async def begin_some(sending: Sending) -> list[str]:
    """The ids of three jobs that are over, a second apart."""
    await set_up(sending)
    ids = []
    for operation in ("recover", "replay-missing", "bulk-replay"):
        sending.advance(1)
        ids.append((await finished(sending, await begin(sending, operation, SINCE)))["id"])
    return ids


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [2, 1, 0]),
        ("?order=ascending", [0, 1, 2]),
        ("?task=endpoint.replay", [1]),
        ("?status=finished&limit=1", [2]),
        ("?status=running", []),
        ("?status=failed", []),
    ],
)
async def test_tasks_are_found_by_what_they_do_and_where_they_are(
    sending: Sending, query: str, expected: list[int]
) -> None:
    ids = await begin_some(sending)
    page = await sending.got("GET", f"/background-task{query}")
    assert [ids.index(one["id"]) for one in page["data"]] == expected


async def test_pages_of_tasks_lead_there_and_back(sending: Sending) -> None:
    ids = await begin_some(sending)
    first = await sending.got("GET", "/background-task?limit=2")
    second = await sending.got("GET", f"/background-task?limit=2&iterator={first['iterator']}")
    back = await sending.got("GET", f"/background-task?limit=2&iterator={second['prevIterator']}")
    assert [one["id"] for one in second["data"]] == [ids[0]]
    assert (back["data"], first["done"], second["done"]) == (first["data"], False, True)


async def test_a_task_can_be_stopped(sending: Sending) -> None:
    await set_up(sending)
    for service in sending.server._services:
        service.cancel()  # nobody pushes it
    job = await begin(sending, "recover", SINCE)
    stopped = await sending.got("POST", f"/background-task/{job['id']}/cancel")
    assert (stopped["status"], stopped["data"]["cancelled"]) == ("failed", True)
    assert (await sending.got("GET", f"/background-task/{job['id']}")) == stopped
    await sending.refused(409, "POST", f"/background-task/{job['id']}/cancel")


async def test_tasks_belong_to_the_organisation_and_not_to_one_customer(sending: Sending) -> None:
    [id, *_] = await begin_some(sending)
    portal, other = await sending.portal(), sending.token(OTHER_ORG)
    assert (await sending.got("GET", "/background-task", token=other))["data"] == []
    for method, path in (("GET", f"/background-task/{id}"), ("POST", f"/background-task/{id}/cancel")):
        await sending.refused(404, method, path, token=other)
        await sending.refused(403, method, path, token=portal)
    await sending.refused(403, "GET", "/background-task", token=portal)
    await sending.refused(404, "GET", "/background-task/rpl_0")


async def test_a_replay_of_the_receiving_side_is_no_background_task(sending: Sending) -> None:
    """The SDKs know only the kinds of Svix."""
    replay = await sending.got("POST", "/replays", {"since": "2026-01-01T00:00:00Z"}, status=202)
    assert (await sending.got("GET", "/background-task"))["data"] == []
    await sending.refused(404, "GET", f"/background-task/{replay['id']}")


# -- how an endpoint is doing --------------------------------------------------------------------------


async def test_stats_count_what_became_of_an_endpoints_messages(sending: Sending) -> None:
    await one_of_each(sending)
    stats = await sending.got("GET", f"{HOOK}/stats")
    assert stats == {"success": 1, "pending": 0, "sending": 0, "fail": 1, "canceled": 1}
    some = await sending.got("GET", f"{HOOK}/stats?since=2026-01-01T01:00:00Z&until=2026-01-01T02:00:00Z")
    assert some == {"success": 0, "pending": 0, "sending": 0, "fail": 1, "canceled": 1}
    await sending.publish(deliverAt="2026-01-01T20:00:00Z")
    assert (await sending.got("GET", f"{HOOK}/stats"))["pending"] == 1


async def test_stats_are_of_twenty_eight_days_at_most(sending: Sending) -> None:
    await set_up(sending)
    await sending.got("GET", f"{HOOK}/stats?since=2025-12-03T23:55:00Z")
    assert list(await sending.wrong("GET", f"{HOOK}/stats?since=2025-12-03T23:54:00Z")) == ["query.since"]
    assert list(await sending.wrong("GET", f"{HOOK}/stats?until=soon")) == ["query.until"]
