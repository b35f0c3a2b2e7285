"""An activation followed through the whole base: exact, while messages arrive, and taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import groupby
from typing import Any

import pytest

from rcu.bulk import activation as following
from rcu.bulk.activation import follow_activation
from rcu.bulk.duckdb_engine import DuckDBEngine
from rcu.bulk.jobs import OpenEngine, is_job_waiting, turn_of_jobs
from rcu.bulk.whole_database import Difference, resolve_database
from rcu.db.engine import Database
from rcu.db.locks import lock_key
from rcu.identity.in_memory import resolve
from rcu.identity.model import Model
from rcu.identity.model_versions import Activation
from rcu.ids import uuid7
from rcu.ingestion.context import Context
from rcu.ingestion.intake import Defaults
from rcu.ingestion.messages import ProfileMessage, TicketMessage
from rcu.ingestion.service import receive_all
from tests.bulk.crowd import crowd, described
from tests.bulk.sending import Sent, profile_messages, rows, stored_clients
from tests.identity.test_model_versions import SHIPPED, STRICT, activate, document, keep, revert
from tests.ingestion.shop import sale

ACTIVE = Context(None, Defaults())
STRICT_MODEL = Model(STRICT)
EXPORT = """
    SELECT r.source, r.external_id, r.client_id, r.placement, c.known, g.*
    FROM source_record r JOIN client c ON c.id = r.client_id
    LEFT JOIN (SELECT to_jsonb(golden_record) - 'version' - 'rebuilt_at' AS golden, client_id
               FROM golden_record) g ON g.client_id = c.id
    ORDER BY r.source, r.external_id
"""

TRIPPED = """
    INSERT INTO merge_brake (id, scope, kind, value, basis, merges, counted_from, tripped_at)
    VALUES ($1, 'source', '', 'eshop', $2, 101, now() - interval '1 hour', now())
"""
HELD = "SELECT count(*) FROM record_pair WHERE contradiction = 'brake'"


async def send(database: Database, sent: Sent) -> None:
    """Send profiles along the path of all messages, under the active model."""
    for source, run in groupby(sent, key=lambda one: one[0]):
        messages = [message for _, message in run]
        receipts = await receive_all(database, source=source, messages=messages, context=ACTIVE)
        assert all(receipt.status < 300 for receipt in receipts)


@pytest.fixture(scope="module")
def engine() -> Iterator[OpenEngine]:
    """Give one engine for all tests: what takes longest is to start its processes."""
    with DuckDBEngine(processes=1) as running:
        yield lambda: nullcontext(running)


async def follow(database: Database, engine: OpenEngine, **said: Any) -> Activation:
    followed = await follow_activation(database, engine, region="FR", **said)
    assert followed is not None
    return followed


async def test_what_was_resolved_before_follows_the_model_and_comes_back(
    open_database: Database, engine: OpenEngine
) -> None:
    people = crowd(90, seed=41)
    await send(open_database, profile_messages(people))
    cards = sorted({card for person in people.values() for card in person.cards})
    tickets = [TicketMessage.model_validate(sale(customer={"card": card})) for card in cards]
    await receive_all(open_database, source="pos", messages=tickets, context=ACTIVE)
    before = await rows(open_database, EXPORT)
    await keep(open_database, STRICT)

    await activate(open_database, "strict")
    seen: list[tuple[int, int | None]] = []
    strict = await follow(open_database, engine, on_progress=lambda *told: seen.append(told))
    between = await stored_clients(open_database)
    await revert(open_database)
    back = await follow(open_database, engine)

    assert between == set(resolve(described(people), STRICT_MODEL))
    assert strict.state == back.state == "done"
    assert strict.done_records == strict.total_records
    assert strict.moved_records is not None
    assert strict.moved_records > 0
    assert (seen[0][1], seen[-2]) == (None, (strict.total_records, strict.total_records))
    assert await rows(open_database, EXPORT) == before


async def test_messages_that_arrive_meanwhile_end_in_the_partition_of_a_fresh_resolution(
    open_database: Database, engine: OpenEngine
) -> None:
    people = crowd(90, seed=42)
    sent = profile_messages(people)
    half = len(sent) // 2
    await send(open_database, sent[:half])
    corrected = [
        (source, message.model_copy(update={"message_id": f"again-{message.message_id}"}))
        for source, message in sent[:20]
    ]
    await keep(open_database, STRICT)

    async def ingest() -> None:
        for one in corrected + sent[half:]:
            await send(open_database, [one])

    sending = asyncio.create_task(ingest())
    await asyncio.sleep(0.1)
    await activate(open_database, "strict")
    await follow(open_database, engine)
    await sending

    assert await stored_clients(open_database) == set(resolve(described(people), STRICT_MODEL))


async def test_what_a_crash_left_is_taken_on_where_it_stopped(
    open_database: Database, engine: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = crowd(90, seed=43)
    await send(open_database, profile_messages(people))
    await keep(open_database, STRICT)
    await activate(open_database, "strict")
    monkeypatch.setattr("rcu.bulk.whole_database.BATCH_RECORDS", 10)

    def stop(done: int, _all: int | None) -> None:
        if done >= 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await follow_activation(open_database, engine, region="FR", on_progress=stop)
    [(left,)] = await rows(open_database, "SELECT state FROM model_activation")
    waiting = await is_job_waiting(open_database)
    followed = await follow(open_database, engine)

    assert (left, waiting) == ("running", True)
    assert followed.state == "done"
    assert await stored_clients(open_database) == set(resolve(described(people), STRICT_MODEL))


async def test_a_later_activation_ends_the_work_for_the_earlier_one(
    open_database: Database, engine: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = crowd(60, seed=44)
    await send(open_database, profile_messages(people))
    before = await rows(open_database, EXPORT)
    await keep(open_database, STRICT)
    await activate(open_database, "strict")
    real = resolve_database

    async def revert_first(*given: Any, **named: Any) -> Difference:
        monkeypatch.undo()
        await revert(open_database)
        return await real(*given, **named)

    monkeypatch.setattr(following, "resolve_database", revert_first)
    last = await follow(open_database, engine)

    states = await rows(open_database, "SELECT state FROM model_activation ORDER BY number")
    assert states == [("superseded",), ("done",)]
    assert last.version == SHIPPED.version
    moves = "SELECT count(*) FROM identity_change WHERE cause = 'resolution'"
    assert await rows(open_database, moves) == [(0,)]
    assert await rows(open_database, EXPORT) == before


async def test_a_failure_is_kept_with_the_activation_and_can_be_tried_again(
    open_database: Database, engine: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keep(open_database, STRICT)
    await activate(open_database, "strict")

    async def fail(*_: Any, **__: Any) -> Difference:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(following, "resolve_database", fail)
        with pytest.raises(RuntimeError):
            await follow(open_database, engine)
    failed = await rows(open_database, "SELECT state, failure FROM model_activation")

    assert failed == [("failed", "unexpected")]
    assert await follow_activation(open_database, engine, region="FR") is None
    assert (await follow(open_database, engine, retry_failed=True)).state == "done"


async def test_one_process_works_at_a_time(open_database: Database, engine: OpenEngine) -> None:
    await keep(open_database, STRICT)
    await activate(open_database, "strict")

    assert await is_job_waiting(open_database)
    async with turn_of_jobs(open_database) as is_ours:
        assert is_ours
        assert not await is_job_waiting(open_database)
        assert await follow_activation(open_database, engine, region="FR") is None
    await follow(open_database, engine)
    assert not await is_job_waiting(open_database)


async def test_a_ticket_whose_name_contradicts_under_one_model_only_is_placed_anew(
    open_database: Database, engine: OpenEngine
) -> None:
    said = {
        "message_id": "p1",
        "external_id": "P1",
        "occurred_at": "2025-03-01T12:00:00Z",
        "given_name": "Zorian",
        "family_name": "Vasseur",
        "cards": [{"value": "ABC-1234"}],
    }
    await send(open_database, [("pos", ProfileMessage.model_validate(said))])
    bought = sale(customer={"card": "ABC-1234", "given_name": "Zoriane"})
    ticket = TicketMessage.model_validate(bought)
    await receive_all(open_database, source="pos", messages=[ticket], context=ACTIVE)
    placed = "SELECT placement FROM source_record WHERE kind = 'identifiers'"
    assert await rows(open_database, placed) == [("card",)]
    names = SHIPPED.document.frequencies["given_name"]
    both_common = names.model_copy(
        update={"values": {**names.values, "zorian": 1e-3, "zoriane": 1e-3}}
    )
    frequencies = SHIPPED.document.frequencies | {"given_name": both_common}
    await keep(open_database, document("two-names", frequencies=frequencies))

    await activate(open_database, "two-names")
    await follow(open_database, engine)

    assert await rows(open_database, placed) == [("none",)]


async def test_what_a_brake_holds_back_stays_held_back_and_ends_the_work(
    open_database: Database, engine: OpenEngine
) -> None:
    async with open_database.driver_connection() as connection:
        await connection.execute(TRIPPED, uuid7(), lock_key("merges of source", "eshop"))
    await send(open_database, profile_messages(crowd(60, seed=46)))
    before = await stored_clients(open_database)
    await keep(open_database, STRICT)

    await activate(open_database, "strict")
    strict = await follow(open_database, engine)
    await revert(open_database)
    back = await follow(open_database, engine)

    assert strict.state == back.state == "done"
    assert await rows(open_database, HELD) != [(0,)]
    after = await stored_clients(open_database)
    assert all(any(now <= then for then in before) for now in after)
