"""The order of arrival decides nothing: a town's messages, in many orders, by many workers."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.engine import Database
from rcu.db.errors import DatabaseUnavailableError
from rcu.identity import holders
from rcu.identity.braking import BrakeLimits
from rcu.identity.features import describe
from rcu.identity.in_memory import resolve, resolve_in_full
from rcu.identity.model import Model
from rcu.identity.scoring import score_pair
from rcu.ingestion import service
from rcu.ingestion.context import Context
from rcu.ingestion.intake import Defaults
from rcu.ingestion.messages import ProfileMessage
from tests.factories import make_source, make_store
from tests.identity.small_crowds import people
from tests.identity.town import SOURCES, Sent, Town, shuffled
from tests.ingestion.shop import assert_sound

KEY_CAP, HOLDER_CAP = 14, 8
"""Low enough for a town to cross them: the name of a family, the tablet of a shop."""

MANY = 1_000_000

MODEL = Model(Model.shipped().document.model_copy(update={"key_cap": KEY_CAP}))
# The merge brake looks at what was merged within a time: by its nature, order matters to it.
UNBRAKED = BrakeLimits(identifier_merges=MANY, source_merges=MANY)
CONTEXT = Context(MODEL, Defaults(brake=UNBRAKED))

ORDERS = int(os.environ.get("RCU_TEST_ORDERS", "3"))
MESSAGES = 2000
WORKERS = (1, 2, 4)

Facts = dict[str, Any]


async def furnish(session: AsyncSession) -> None:
    """Add the sources and the store of the town."""
    for code in SOURCES:
        await make_source(session, code)
    await make_store(session, "S001")


def deliveries(sent: Sequence[Sent], dice: random.Random) -> Iterator[tuple[str, list[Any]]]:
    """Yield messages in batches of one source, of one message or of up to 300."""
    start = 0
    while start < len(sent):
        size = dice.choice([1, 7, 40, 100, 300])
        part = sorted(sent[start : start + size], key=lambda one: one[0])
        start += size
        for source, run in groupby(part, key=lambda one: one[0]):
            yield source, [message for _, message in run]


async def deliver(database: Database, sent: Sequence[Sent], *, seed: int, workers: int) -> None:
    """Send everything, by so many workers at once."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    waiting = list(deliveries(sent, dice))

    async def work() -> None:
        while waiting:
            source, messages = waiting.pop(0)
            try:
                receipts = await service.receive_all(
                    database, source=source, messages=messages, context=CONTEXT
                )
            except DatabaseUnavailableError:  # too busy: the sender sends all of it again
                waiting.insert(0, (source, messages))
                continue
            assert {receipt.status for receipt in receipts} <= {200, 201, 202}

    await asyncio.gather(*(work() for _ in range(workers)))


WHO = "r.source || '/' || r.external_id"
STATE = {
    "clients": f"""
        SELECT array_agg({WHO} ORDER BY {WHO}) AS members,
               (SELECT golden FROM golden_record g WHERE g.client_id = r.client_id) AS golden
        FROM source_record r GROUP BY r.client_id
    """,
    "records": f"SELECT {WHO}, r.kind, r.placement, r.profile, r.features FROM source_record r",
    "identifiers": f"""
        SELECT i.kind, i.value, i.origin, {WHO} FROM identifier i JOIN source_record r
        ON r.id = i.record_id
    """,
    "pairs": f"""
        SELECT least({WHO}, l.source || '/' || l.external_id),
               greatest({WHO}, l.source || '/' || l.external_id),
               round(p.weight::numeric, 6), p.decision, p.contradiction
        FROM record_pair p JOIN source_record l ON l.id = p.left_id
        JOIN source_record r ON r.id = p.right_id
    """,
    "tickets": f"""
        SELECT t.source, t.ticket_id, t.link, {WHO}, r.placement,
               (SELECT known FROM client c WHERE c.id = r.client_id)
        FROM ticket t LEFT JOIN source_record r ON r.id = t.record_id
    """,
    "orders": f"""
        SELECT o.order_id, o.status, {WHO} FROM sales_order o
        LEFT JOIN source_record r ON r.id = o.record_id
    """,
    "events": f"""
        SELECT e.source, e.message_id, {WHO} FROM event e
        LEFT JOIN source_record r ON r.id = e.record_id
    """,
    "consents": f"""
        SELECT c.source, c.message_id, c.status, {WHO} FROM consent_record c
        JOIN source_record r ON r.id = c.record_id
    """,
    "what holds of consents": f"""
        SELECT e.purpose, e.channel, e.status, e.since, c.message_id, {WHO},
               (SELECT min(m.source || '/' || m.external_id) FROM source_record m
                WHERE m.client_id = e.group_id)
        FROM (
            SELECT array_agg(client_id) AS clients, array_agg(id) AS ids FROM source_record
        ) town
        CROSS JOIN LATERAL effective_consents(town.clients, town.ids) e
        JOIN consent_record c ON c.id = e.consent_id
        JOIN source_record r ON r.id = e.record_id
    """,
    "parked": "SELECT source, message_id, reason FROM parked_message WHERE applied_at IS NULL",
}


async def state_of(database: Database) -> Facts:
    """Return everything that is known, ids aside, in an order of its own."""
    async with database.read() as connection:
        return {
            name: sorted(repr(tuple(row)) for row in await connection.execute(text(statement)))
            for name, statement in STATE.items()
        }


async def partition_of(database: Database) -> set[frozenset[tuple[str, str]]]:
    """Return the clients as sets of their profile records."""
    async with database.read() as connection:
        rows = await connection.execute(
            text(
                "SELECT array_agg(ARRAY[source, external_id]) FROM source_record "
                "WHERE kind = 'profile' GROUP BY client_id"
            )
        )
        return {frozenset((source, key) for source, key in members) for (members,) in rows}


@pytest.fixture(scope="module", autouse=True)
def low_holder_cap() -> Iterator[None]:
    """Let identifiers of the town cross the line above which they designate nobody."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(holders, "HOLDER_CAP", HOLDER_CAP)
        yield


@pytest.fixture(scope="module")
def town() -> Town:
    """Give the town whose messages are mixed."""
    return Town(seed=1, messages=MESSAGES)


@pytest.fixture(scope="module")
async def as_told(module_database: Database, town: Town) -> Facts:
    """Give what is known once everything was told once, in its own order, by one worker."""
    await module_database.run(furnish)
    await deliver(module_database, town.sent, seed=0, workers=1)
    return await state_of(module_database)


@pytest.mark.parametrize("order", range(ORDERS))
async def test_any_order_with_duplicates_by_any_number_of_workers_ends_the_same(
    database: Database, town: Town, as_told: Facts, order: int
) -> None:
    await database.run(furnish)

    await deliver(
        database, shuffled(town.sent, order), seed=order, workers=WORKERS[order % len(WORKERS)]
    )

    await assert_sound(database)
    profiles = profiles_of(town.sent)
    assert await partition_of(database) == set(resolve(people(profiles), MODEL))
    ended = await state_of(database)
    assert {name: sorted(set(ended[name]) ^ set(as_told[name])) for name in STATE} == {
        name: [] for name in STATE
    }


def profiles_of(sent: Sequence[Sent]) -> list[tuple[str, ProfileMessage]]:
    """Return the profile messages among others."""
    return [(who, said) for who, said in sent if isinstance(said, ProfileMessage)]


@pytest.fixture(scope="module")
def hamlet() -> list[tuple[str, ProfileMessage]]:
    """Give the profiles of a place small enough to be resolved in memory two hundred times."""
    return profiles_of(Town(seed=2, messages=100).sent)


def test_two_hundred_orders_end_the_same_in_memory(
    hamlet: list[tuple[str, ProfileMessage]],
) -> None:
    expected = resolve(people(hamlet), MODEL)

    for order in range(200):
        mixed = profiles_of(shuffled(hamlet, order))

        assert resolve(people(mixed), MODEL) == expected


def test_the_town_is_as_bad_as_the_tests_need_it(town: Town) -> None:
    everybody = people(profiles_of(town.sent))
    found = resolve_in_full(everybody, MODEL)

    assert found.generic_keys >= 10
    assert len(found.shared) >= 2
    assert any(len(client) > 2 for client in found.clients)
    assert all(
        score_pair(describe(everybody[b]), describe(everybody[a]), MODEL, shared=found.shared)
        == score
        for (a, b), score in list(found.scores.items())[::7]
    )
