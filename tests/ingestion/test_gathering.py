"""Single messages of one source that come at the same time are received together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest

from rcu.db.engine import Database
from rcu.ingestion.gathering import Gatherer
from rcu.ingestion.messages import Message, TicketMessage
from rcu.ingestion.service import CHUNK_OF_FACTS, Receipt
from tests.eventually import eventually
from tests.ingestion.shop import Shop, event, open_shop, profile, sale

LONG_SECONDS = 60.0


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """Give a shop on a database of the test's own."""
    async with open_shop(database) as opened:
        yield opened


@dataclass
class Recorder:
    """Stands for the transactions: each lasts until it is let go."""

    groups: list[list[str]] = field(default_factory=list)
    """The messages of each, as they began."""
    wrong: frozenset[str] = frozenset()
    """Messages with which a transaction fails."""
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def receive(self, source: str, messages: Sequence[Message]) -> list[Receipt]:
        """Receive messages, once they are let go."""
        ids = [message.message_id for message in messages]
        self.groups.append(ids)
        await self.go_on.wait()
        if self.wrong & set(ids):
            raise ValueError(source)
        return [Receipt(message_id, 201, {}, None, replayed=False) for message_id in ids]

    async def begun(self, number: int) -> None:
        """Wait until so many transactions have begun."""

        async def have_begun() -> bool:
            return len(self.groups) >= number

        await eventually(have_begun)


def ticket(message_id: str) -> TicketMessage:
    """Return a ticket of which only its id matters."""
    return TicketMessage.model_validate(sale(message_id=message_id))


def send(gatherer: Gatherer, message_id: str, *, source: str = "pos") -> asyncio.Task[Receipt]:
    """Send a ticket, and go on."""
    return asyncio.create_task(gatherer.receive(source=source, message=ticket(message_id)))


async def test_a_message_alone_is_received_at_once() -> None:
    recorder = Recorder()
    gatherer = Gatherer(recorder.receive)

    sent = send(gatherer, "one")
    await recorder.begun(1)

    recorder.go_on.set()
    assert (await sent).message_id == "one"
    assert recorder.groups == [["one"]]


async def test_what_comes_while_another_is_received_goes_together_afterwards() -> None:
    recorder = Recorder()
    gatherer = Gatherer(recorder.receive, patience_seconds=LONG_SECONDS)
    sent = [send(gatherer, name) for name in ("one", "two", "three")]
    await recorder.begun(1)

    recorder.go_on.set()
    receipts = await asyncio.gather(*sent)

    assert recorder.groups == [["one"], ["two", "three"]]
    assert [receipt.message_id for receipt in receipts] == ["one", "two", "three"]


async def test_no_more_go_together_than_a_transaction_may_hold() -> None:
    recorder = Recorder()
    gatherer = Gatherer(recorder.receive, patience_seconds=LONG_SECONDS)
    sent = [send(gatherer, f"number-{number}") for number in range(CHUNK_OF_FACTS + 6)]
    await recorder.begun(1)

    recorder.go_on.set()
    await asyncio.gather(*sent)

    assert [len(group) for group in recorder.groups] == [1, CHUNK_OF_FACTS, 5]


async def test_two_contents_under_one_id_go_one_after_the_other(shop: Shop) -> None:
    known = sale(ticket_id="T1")
    await shop.ticket(known)
    clash = known | {"message_id": "m", "total_cents": 7}
    sent = [sale(), clash, sale(ticket_id="T2", message_id="m"), sale()]

    answers = await asyncio.gather(*(shop.send("pos", "ticket", one) for one in sent))

    assert [answer.status_code for answer in answers] == [201, 409, 201, 201]


async def test_one_that_fails_harms_no_other() -> None:
    recorder = Recorder(wrong=frozenset({"two"}))
    gatherer = Gatherer(recorder.receive, patience_seconds=LONG_SECONDS)
    sent = [send(gatherer, name) for name in ("one", "two", "three")]
    await recorder.begun(1)

    recorder.go_on.set()
    one, two, three = await asyncio.gather(*sent, return_exceptions=True)

    assert isinstance(one, Receipt)
    assert isinstance(two, ValueError)
    assert isinstance(three, Receipt)
    assert recorder.groups == [["one"], ["two", "three"], ["two"], ["three"]]


async def test_sources_do_not_wait_for_one_another() -> None:
    recorder = Recorder()
    gatherer = Gatherer(recorder.receive, patience_seconds=LONG_SECONDS)

    sent = [send(gatherer, "one", source="pos"), send(gatherer, "two", source="eshop")]
    await recorder.begun(2)

    recorder.go_on.set()
    await asyncio.gather(*sent)
    assert recorder.groups == [["one"], ["two"]]


async def test_what_takes_long_stops_nobody_for_long() -> None:
    recorder = Recorder()
    gatherer = Gatherer(recorder.receive, patience_seconds=0.01)
    sent = [send(gatherer, name) for name in ("one", "two", "three")]

    await recorder.begun(2)

    assert recorder.groups == [["one"], ["two", "three"]]
    recorder.go_on.set()
    await asyncio.gather(*sent)


async def test_who_hangs_up_takes_nobody_along() -> None:
    recorder = Recorder()
    gatherer = Gatherer(recorder.receive, patience_seconds=LONG_SECONDS)
    first, second, third = (send(gatherer, name) for name in ("one", "two", "three"))
    await recorder.begun(1)

    second.cancel()
    first.cancel()
    await recorder.begun(2)
    recorder.go_on.set()

    assert (await third).message_id == "three"


async def test_a_message_sent_at_the_same_time_again_is_recorded_once(shop: Shop) -> None:
    message = sale(customer={"email": "jeanne.morel@example.org"})

    answers = await asyncio.gather(*(shop.send("pos", "ticket", message) for _ in range(8)))

    assert [answer.status_code for answer in answers] == [201] * 8
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 7
    assert all(answer.json() == answers[0].json() for answer in answers)


async def test_what_is_sent_at_the_same_time_is_answered_as_if_alone(shop: Shop) -> None:
    await shop.profile("pos", "P1", family_name="Morel", cards=["2900000000018"])
    known = sale(7, ticket_id="T1")
    await shop.ticket(known)
    sent = [
        ("ticket", sale(), 201),
        ("ticket", sale(customer={"card": "2900000000018"}), 201),
        ("ticket", known | {"message_id": "other", "total_cents": 7}, 409),
        ("ticket", sale(store="S999"), 202),
        ("event", event(external_id="P1"), 201),
        ("profile", profile("P2", family_name="Petit"), 201),
    ]

    answers = await asyncio.gather(*(shop.send("pos", kind, message) for kind, message, _ in sent))

    assert [answer.status_code for answer in answers] == [status for *_, status in sent]
    assert answers[1].json()["method"] == "card"
