"""When PostgreSQL is slow, full, restarting or gone: no false 2xx, a reason that a person understands, and recovery."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from hookline.core.notice import AttemptMade, ServiceFailed
from hookline.testing.receiver import Answer as Response
from hookline.testing.receiver import Receiver
from tests.pipeline.service import Service, shop
from tests.pipeline.wire import Answer
from tests.postgres.cluster import Cluster

#: By then a server must have noticed that the database is there again.
RECOVERY_S = 15.0


@pytest.fixture(scope="module")
def database() -> Iterator[Cluster]:
    """One that these tests may stop."""
    with Cluster() as running:
        yield running


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


@pytest.fixture
async def service(database: Cluster, receiver: Receiver, tmp_path: Path) -> AsyncIterator[Service]:
    async with Service(tmp_path, database=database.new_database()) as running:
        await running.apply(shop({"name": "all", "url": receiver.url, "retry": {"schedule": ["1s"] * 20, "jitter": 0}}))
        yield running


async def attempt(service: Service, event_id: str) -> Answer:
    return await service.post("standard_webhooks", b'{"type":"order.paid"}', source="shop", event_id=event_id)


async def until(wanted: Callable[[Answer], bool], ask: Callable[[], object]) -> Answer:
    """Ask again and again: another process's recovery gives no sign of its own."""
    async with asyncio.timeout(RECOVERY_S):
        while True:
            answer = await ask()  # type: ignore[misc]
            assert isinstance(answer, Answer)
            if wanted(answer):
                return answer
            await asyncio.sleep(0.05)


def is_refused(answer: Answer) -> bool:
    return answer.status == 503


def retry_after(answer: Answer) -> str:
    return answer.head.lower().partition(b"\r\nretry-after: ")[2].partition(b"\r\n")[0].decode()


async def recovers(service: Service, event_id: str) -> Answer:
    """The door accepts again, and says so at /readyz."""
    answer = await until(lambda answer: answer.status == 200, lambda: attempt(service, event_id))
    await until(lambda answer: answer.status == 200, lambda: service.get("/readyz"))
    return answer


async def arrives(receiver: Receiver, service: Service, event_id: str) -> None:
    await service.notices.settled("delivered", event_id=event_id)
    assert event_id in {request.header("webhook-id") for request in receiver.requests}


async def test_while_it_is_gone_doors_say_503_and_when_it_is_back_all_goes_on(
    database: Cluster, service: Service, receiver: Receiver
) -> None:
    before = await service.publish()
    await arrives(receiver, service, before)
    database.stop(signal.SIGQUIT)
    try:
        refused = await until(is_refused, lambda: attempt(service, "evt-gone"))
        assert retry_after(refused) == "1"
        assert refused.json()["code"] == "store_unavailable"
        unready = await until(is_refused, lambda: service.get("/readyz"))
        assert "connection" in unready.json()["detail"]
        assert (await service.get("/healthz")).status == 200
    finally:
        database.start()
    answer = await recovers(service, "evt-gone")
    assert answer.json()["duplicate"] is False  # nothing of the refused ones was stored
    await arrives(receiver, service, answer.event_id)


async def test_what_was_owed_is_delivered_after_a_restart_as_if_the_power_had_failed(
    database: Cluster, service: Service, receiver: Receiver
) -> None:
    receiver.script([500] * 3)
    owed = [await service.publish() for _ in range(3)]
    await service.notices.settled("waiting", count=3)
    database.restart(signal.SIGQUIT)
    await recovers(service, "evt-after")
    for event_id in owed:
        await arrives(receiver, service, event_id)


async def test_an_attempt_that_ends_while_it_is_gone_is_recorded_when_it_is_back(
    database: Cluster, service: Service, receiver: Receiver
) -> None:
    receiver.script([Response(200, delay_s=1.0)])
    event_id = await service.publish()
    await receiver.wait_for(1)
    database.stop(signal.SIGQUIT)
    try:
        await service.notices.until(ServiceFailed, lambda said: said.service == "settler")
    finally:
        database.start()
    await arrives(receiver, service, event_id)
    assert receiver.count == 1
    (made,) = [said for said in service.notices.of(AttemptMade) if said.event_id == event_id]
    assert made.number == 1


@contextlib.contextmanager
def a_trigger(service: Service, body: str) -> Iterator[None]:
    """Something that happens inside PostgreSQL whenever an event is stored."""
    with psycopg.connect(service.settings.database, autocommit=True) as beside:
        function = "CREATE FUNCTION mischief() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} RETURN NEW; END $$"
        beside.execute(sql.SQL(function).format(sql.SQL(body)))  # type: ignore[arg-type,unused-ignore]
        beside.execute("CREATE TRIGGER mischief BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION mischief()")
        yield
        beside.execute("DROP FUNCTION mischief CASCADE")


async def test_a_full_disk_is_said_and_when_there_is_room_again_all_goes_on(service: Service) -> None:
    full = "RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';"
    with a_trigger(service, full):
        answers = await asyncio.gather(*(attempt(service, f"evt-{n}") for n in range(20)))
        assert {answer.status for answer in answers} == {503}
        assert {retry_after(answer) for answer in answers} == {"1"}
        assert await service.event_ids() == []
    again = await asyncio.gather(*(attempt(service, f"evt-{n}") for n in range(20)))
    assert [(answer.status, answer.json()["duplicate"]) for answer in again] == [(200, False)] * 20


async def test_one_that_is_too_slow_is_not_waited_for_and_nothing_is_acknowledged(service: Service) -> None:
    loop = asyncio.get_running_loop()
    with a_trigger(service, "PERFORM pg_sleep(60);"):
        began = loop.time()
        answer = await attempt(service, "evt-slow")
        assert answer.status == 503
        assert loop.time() - began < 8
        assert await service.event_ids() == []
    await recovers(service, "evt-slow")


async def test_a_standby_after_a_failover_is_not_written_to(service: Service) -> None:
    with psycopg.connect(service.settings.database, autocommit=True) as beside:
        name = beside.info.dbname
        alter = sql.SQL("ALTER DATABASE {} {} default_transaction_read_only {}")
        beside.execute(alter.format(sql.Identifier(name), sql.SQL("SET"), sql.SQL("= on")))
        beside.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'hookline%'")
        refused = await until(is_refused, lambda: attempt(service, "evt-standby"))
        assert retry_after(refused) == "1"
        await until(is_refused, lambda: service.get("/readyz"))
        beside.execute("SET default_transaction_read_only = off")
        beside.execute(alter.format(sql.Identifier(name), sql.SQL("RESET"), sql.SQL("")))
    await recovers(service, "evt-standby")
