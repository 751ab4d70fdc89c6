"""What must be true in the end of everything that was published for a customer, whatever happened to it."""

from __future__ import annotations

from collections import Counter, defaultdict

import msgspec

from hookline.core.model import Attempt, Delivery, EndpointState, EventStatus, SourceKind
from hookline.core.state import DeliveryState, event_status
from hookline.storage.events import Story
from tests.simulation.customer import OPERATIONAL, Customer, Known
from tests.simulation.world import Try

#: The failure of a delivery that the organisation is told about.
TELLING_FAILURE = 4
ENDED = {EventStatus.PROCESSED, EventStatus.FAILED, EventStatus.IGNORED}
DEAD_OF = {"exhausted", "gone", "endpoint_disabled", "endpoint_deleted"}


async def judge(customer: Customer, lives: int) -> None:
    """Hold what the publisher knows, what the wire saw and what is stored against each other."""
    world = customer.world
    world.tries += world.wire.tries
    stories = await world.stories()
    sources = world.server.store.routing.sources
    told = [story for story in stories if sources[story.event.source_id].kind is SourceKind.OPERATIONAL]
    sent = [story for story in stories if sources[story.event.source_id].kind is SourceKind.APPLICATION]
    _Case(customer, sent, told, world.tries, lives).check()


class _Case:
    def __init__(self, customer: Customer, sent: list[Story], told: list[Story], tries: list[Try], lives: int) -> None:
        self._customer, self._sent, self._told, self._lives = customer, sent, told, lives
        self._known = {known.id: known for known in customer.endpoints.values()}
        self._tries = defaultdict[str, list[Try]](list)  #: by address
        for made in tries:
            self._tries[made.url].append(made)
        self._told_of = Counter[tuple[str, str, str]]()
        for story in told:
            said = msgspec.json.decode(story.event.request.body)
            data = said["data"]
            self._told_of[said["type"], data.get("msgId", ""), data["endpointId"]] += 1

    def check(self) -> None:
        stored = {story.event.id for story in self._sent}
        assert self._customer.published.keys() <= stored, "an acknowledged message is gone"
        self._each_key_is_one_message()
        for story in self._sent:
            self._ended_well(story)
            self._went_where_it_should(story)
            for delivery in story.deliveries:
                made = [attempt for attempt in story.attempts if attempt.delivery_id == delivery.id]
                self._was_sent_as_often_as_explained(story, delivery, made)
                self._was_told_of(delivery, made)
        for known in self._known.values():
            if known.uid == "ordered" and not known.order_is_off:
                self._came_in_order(known)
        self._was_told_in_the_end()

    def _each_key_is_one_message(self) -> None:
        keys = Counter(msgspec.json.decode(s.event.request.body).get("key") for s in self._sent if s.event.request.body)
        keys.pop(None, None)
        assert all(count == 1 for count in keys.values()), f"a key made several messages: {keys}"

    def _ended_well(self, story: Story) -> None:
        states = [DeliveryState(delivery.state) for delivery in story.deliveries]
        assert story.event.status in ENDED, story
        assert story.event.status == event_status(states, attempted=bool(story.attempts)), story
        for delivery in story.deliveries:
            if delivery.state == DeliveryState.CANCELLED:
                assert story.event.id in self._customer.expunged
                assert delivery.reason == "expunged"
            elif delivery.state == DeliveryState.DEAD:
                assert delivery.reason in DEAD_OF
            else:
                assert delivery.state == DeliveryState.DELIVERED

    def _went_where_it_should(self, story: Story) -> None:
        """To every endpoint that wanted it when it was published, and to no other."""
        published = self._customer.published.get(story.event.id)
        if published is None or not published.wanted:
            return
        owed = {delivery.endpoint_id for delivery in story.deliveries}
        if story.event.id not in self._customer.expunged:
            missed = published.wanted - owed - {known.id for known in self._known.values() if self._was_off(known)}
            assert not missed, f"{story.event.id} never went to {missed}"
        asked = {id for id, known in self._known.items() if known.filled or self._customer.resent[story.event.id, id]}
        assert not owed - published.wanted - asked, f"{story.event.id} went to one that does not want it"

    def _was_off(self, known: Known) -> bool:
        """Whether it was disabled or deleted at some time, by a person or by its answers."""
        endpoint = self._customer.world.server.store.routing.endpoints.get(known.id)
        disabled = endpoint is None or endpoint.state is EndpointState.DISABLED
        return known.ever_off or disabled or bool(self._told_of["endpoint.disabled", "", known.id])

    def _was_sent_as_often_as_explained(self, story: Story, delivery: Delivery, made: list[Attempt]) -> None:
        known = self._known[delivery.endpoint_id]
        assert [attempt.number for attempt in made] == list(range(1, len(made) + 1))
        tries = [one for one in self._tries[known.url] if one.event_id == story.event.id]
        succeeded = sum(200 <= attempt.status < 300 for attempt in made)
        assert succeeded <= 1 + self._customer.resent[story.event.id, known.id], "it was delivered twice, on record"
        if delivery.state == DeliveryState.DELIVERED:
            assert succeeded
            assert any(200 <= one.status < 300 for one in tries)
        unrecorded = len(tries) - len(made)
        assert unrecorded >= 0, "an attempt is on record that nobody made"
        # Each life can leave one attempt that nobody recorded; so can the expunging of what is under way.
        assert unrecorded <= self._lives + (story.event.id in self._customer.expunged), "there are unexplained doubles"

    def _was_told_of(self, delivery: Delivery, made: list[Attempt]) -> None:
        """What became of a delivery was told once."""
        about = delivery.event_id, delivery.endpoint_id
        exhausted = self._told_of["message.attempt.exhausted", *about]
        died = delivery.state == DeliveryState.DEAD and delivery.reason in ("exhausted", "gone")
        if self._known[delivery.endpoint_id].deleted and not exhausted:
            return  # nobody is told what becomes of an attempt that was under way when its endpoint went
        revived = self._customer.resent[about] + self._known[delivery.endpoint_id].recovered
        if revived:
            assert died <= exhausted <= revived + 1, (exhausted, delivery)
            return
        if delivery.event_id not in self._customer.expunged:
            assert exhausted == died, (exhausted, delivery)
        failures = sum(not 200 <= attempt.status < 300 for attempt in made)
        recovered = failures >= TELLING_FAILURE and delivery.state == DeliveryState.DELIVERED
        assert self._told_of["message.attempt.recovered", *about] == recovered, delivery
        failing = failures > TELLING_FAILURE or (failures == TELLING_FAILURE and not died)
        assert self._told_of["message.attempt.failing", *about] == failing, delivery

    def _came_in_order(self, known: Known) -> None:
        """One at a time, and every try of a message before the first of a later one."""
        tries = self._tries[known.url]
        assert not any(one.beside for one in tries), f"{known.uid} was sent two at once"
        latest, over = "", set[str]()
        for one in tries:
            if self._customer.resent[one.event_id, known.id] or one.event_id not in self._customer.published:
                continue  # a person who sends it again, or a publisher that has no answer, knows no order
            assert one.event_id not in over, f"{one.event_id} came again after a later one"
            assert one.event_id >= latest, f"{one.event_id} came after {latest}"
            if one.event_id > latest:
                over.add(latest)
                latest = one.event_id

    def _was_told_in_the_end(self) -> None:
        customer = self._customer
        arrived = {one.event_id for one in self._tries[customer.endpoints[OPERATIONAL].url]}
        for story in self._told:
            assert story.event.status == EventStatus.PROCESSED, story
            assert story.event.id in arrived
        assert self._times_told("endpoint.created") == customer.added
        assert self._times_told("endpoint.deleted") == customer.deleted

    def _times_told(self, type: str) -> int:
        return sum(count for (told, _, _), count in self._told_of.items() if told == type)
