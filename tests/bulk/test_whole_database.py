"""A whole database resolved anew: what differs is adopted, with its history, under the locks."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.bulk import snapshot, whole_database
from rcu.bulk.duckdb_engine import DuckDBEngine
from rcu.bulk.whole_database import Difference, resolve_database
from rcu.clients.service import rebuild
from rcu.db.engine import Database
from rcu.identity.adoption import Cause
from rcu.identity.decisions import Instruction
from rcu.identity.declarations import declare
from rcu.identity.identifier_models import DeclaredStatus
from rcu.identity.in_memory import resolve
from rcu.identity.model import Model, ModelDocument
from rcu.identity.presented import place_presented
from rcu.identity.stewardship import merge_clients
from rcu.ingestion.messages import ProfileMessage, TicketMessage
from rcu.ingestion.service import receive_all
from tests.bulk.crowd import SHOP_EMAIL, crowd, described
from tests.bulk.sending import profile_messages, rows, send, stored_clients
from tests.ingestion.shop import NOON, sale

SHIPPED = Model.shipped()
STRICT = Model(
    ModelDocument.model_validate(
        SHIPPED.document.model_dump() | {"version": "strict", "link_weight": 14.0}
    )
)
TOLERANT = Model(
    SHIPPED.document.model_copy(
        update={
            "version": "tolerant",
            "shared_limits": SHIPPED.document.shared_limits | {"email": 250},
        }
    )
)
STATUSES = "SELECT kind, value, status, cause, actor FROM identifier_status_change ORDER BY id"


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDBEngine]:
    with DuckDBEngine() as running:
        yield running


async def resolve_anew(
    database: Database, engine: DuckDBEngine, *, model: Model, dry_run: bool = False
) -> Difference:
    return await resolve_database(database, engine, model=model, region="FR", dry_run=dry_run)


async def test_what_messages_resolved_one_by_one_comes_out_the_same_at_once(
    open_database: Database, engine: DuckDBEngine
) -> None:
    people = crowd(120, seed=21)
    await send(open_database, profile_messages(people))

    found = await resolve_anew(open_database, engine, model=SHIPPED)

    assert found.figures.records == len(people)
    assert (found.moved_records, found.changed_pairs, found.records) == (0, 0, 0)


async def test_another_model_is_adopted_with_its_history_and_nothing_differs_afterwards(
    open_database: Database, engine: DuckDBEngine
) -> None:
    people = crowd(120, seed=22)
    await send(open_database, profile_messages(people))
    before = await stored_clients(open_database)

    found = await resolve_anew(open_database, engine, model=STRICT)

    strict = set(resolve(described(people), STRICT))
    assert before != strict
    assert await stored_clients(open_database) == strict
    assert found.moved_records > 0
    assert found.new_clients > 0
    assert found.adopted_records == found.records
    assert found.overtaken_records == 0
    [(splits, actor)] = await rows(
        open_database,
        "SELECT count(*), min(actor) FROM identity_change "
        "WHERE cause = 'resolution' AND kind = 'split'",
    )
    assert splits > 0
    assert actor == "model:strict"
    again = await resolve_anew(open_database, engine, model=STRICT)
    assert again.records == again.changed_pairs == 0
    await resolve_anew(open_database, engine, model=SHIPPED)
    assert await stored_clients(open_database) == before


async def test_what_a_model_calls_shared_is_told_in_the_history_of_the_identifier(
    open_database: Database, engine: DuckDBEngine
) -> None:
    await send(open_database, profile_messages(crowd(120, seed=21)))
    told = await rows(open_database, STATUSES)
    shop = [("email", SHOP_EMAIL, "personal", "resolution", "model:tolerant")]
    [shared_before] = [row for row in told if row[1] == SHOP_EMAIL]
    assert shared_before[2:4] == ("shared", "message")

    await resolve_anew(open_database, engine, model=SHIPPED)
    assert await rows(open_database, STATUSES) == told
    await resolve_anew(open_database, engine, model=TOLERANT, dry_run=True)
    assert await rows(open_database, STATUSES) == told

    await resolve_anew(open_database, engine, model=TOLERANT)
    turned = (await rows(open_database, STATUSES))[len(told) :]
    assert [row for row in turned if row[1] == SHOP_EMAIL] == shop
    await resolve_anew(open_database, engine, model=SHIPPED)
    last = {
        (kind, value): status for kind, value, status, *_ in await rows(open_database, STATUSES)
    }
    assert last == {(kind, value): status for kind, value, status, *_ in told}


async def test_after_declarations_a_whole_resolution_finds_nothing_to_change(
    open_database: Database, engine: DuckDBEngine
) -> None:
    people = crowd(120, seed=21)
    await send(open_database, profile_messages(people))
    before = await stored_clients(open_database)
    held = Counter(email for one in described(people).values() for email in one.emails)
    of_several = sorted(email for email, count in held.items() if 1 < count < 4)[:5]
    declared = {("email", SHOP_EMAIL): False} | {("email", email): True for email in of_several}

    async def work(session: AsyncSession) -> None:
        for identifier, is_shared in sorted(declared.items()):
            decided = await declare(
                session,
                identifier,
                DeclaredStatus.SHARED if is_shared else DeclaredStatus.PERSONAL,
                expected_version=None,
                instruction=Instruction("test", "as the test says"),
                model=SHIPPED,
            )
            await rebuild(session, decided.touched_client_ids, region="FR")

    await open_database.run(work)
    found = await resolve_anew(open_database, engine, model=SHIPPED)

    assert await stored_clients(open_database) != before
    assert (found.moved_records, found.changed_pairs, found.records) == (0, 0, 0)
    assert await stored_clients(open_database) == set(
        resolve(described(people), SHIPPED, declared=declared)
    )


async def test_a_dry_run_says_what_would_change_and_changes_nothing(
    open_database: Database, engine: DuckDBEngine
) -> None:
    await send(open_database, profile_messages(crowd(60, seed=23)))
    state = "SELECT id, client_id, version FROM source_record ORDER BY id"
    before = await rows(open_database, state)

    found = await resolve_anew(open_database, engine, model=STRICT, dry_run=True)

    assert found.moved_records > 0
    assert found.adopted_records == 0
    assert await rows(open_database, state) == before
    done = await resolve_anew(open_database, engine, model=STRICT)
    after = {row[0]: row[1] for row in await rows(open_database, state)}
    assert done.moved_records == found.moved_records
    assert sum(after[row[0]] != row[1] for row in before) == found.moved_records


async def test_judgements_hold_whatever_the_model_says(
    open_database: Database, engine: DuckDBEngine
) -> None:
    people = crowd(60, seed=24)
    await send(open_database, profile_messages(people))
    one, other = sorted(await stored_clients(open_database), key=min)[:2]
    async with open_database.transaction() as session:
        found = await rows(
            open_database, "SELECT external_id, client_id FROM source_record ORDER BY id"
        )
        clients = dict(found)
        ids = [clients[min(side).partition("\x1f")[2]] for side in (one, other)]
        decided = await merge_clients(
            session,
            *ids,
            expected_versions={},
            instruction=Instruction(actor="ada", reason="same person"),
            model=SHIPPED,
        )
        await rebuild(session, decided.touched_client_ids)

    await resolve_anew(open_database, engine, model=STRICT)

    assert any(client >= one | other for client in await stored_clients(open_database))


async def test_a_ticket_follows_when_its_holder_is_another(
    open_database: Database, engine: DuckDBEngine
) -> None:
    people = crowd(60, seed=25)
    await send(open_database, profile_messages(people))
    cards = [card for person in people.values() for card in person.cards]
    tickets = [TicketMessage.model_validate(sale(customer={"card": card})) for card in set(cards)]
    await receive_all(open_database, source="pos", messages=tickets)

    await resolve_anew(open_database, engine, model=STRICT)
    placed = (
        "SELECT external_id, client_id, placement FROM source_record WHERE kind = 'identifiers'"
    )
    once = set(await rows(open_database, placed))

    async with open_database.transaction() as session:
        every = await rows(open_database, "SELECT DISTINCT kind, value FROM identifier")
        await place_presented(
            session, [], model=STRICT, at=NOON, cause=Cause("message", "test"), touched=every
        )
    assert set(await rows(open_database, placed)) == once


async def test_messages_that_arrive_meanwhile_are_neither_lost_nor_undone(
    open_database: Database, engine: DuckDBEngine
) -> None:
    people = crowd(120, seed=26)
    sent = profile_messages(people)
    await send(open_database, sent[: len(sent) // 2])
    corrected = [
        (source, message.model_copy(update={"message_id": f"again-{message.message_id}"}))
        for source, message in sent[:40]
    ]

    async def ingest() -> None:
        for source, message in corrected + sent[len(sent) // 2 :]:
            await send(open_database, [(source, message)], model=STRICT)

    await asyncio.gather(ingest(), resolve_anew(open_database, engine, model=STRICT))
    await resolve_anew(open_database, engine, model=STRICT)

    assert await stored_clients(open_database) == set(resolve(described(people), STRICT))


async def test_a_record_that_changed_after_the_reading_keeps_what_its_message_made(
    open_database: Database, engine: DuckDBEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = crowd(40, seed=27)
    sent = profile_messages(people)
    await send(open_database, sent)
    family = max(await stored_clients(open_database), key=lambda client: (len(client), min(client)))
    source, _, external_id = min(family).partition("\x1f")
    said = {
        "message_id": "gone",
        "external_id": external_id,
        "occurred_at": "2025-04-01T00:00:00Z",
        "given_name": "Isaure",
        "family_name": "Quelqun",
        "birth_date": "1961-07-19",
    }
    gone = ProfileMessage.model_validate(said)

    async def take_then_change(database: Database, folder: Path) -> snapshot.Snapshot:
        taken = await snapshot.take_snapshot(database, folder)
        await send(open_database, [(source, gone)], model=STRICT)
        return taken

    monkeypatch.setattr(whole_database, "take_snapshot", take_then_change)
    found = await resolve_anew(open_database, engine, model=STRICT)

    assert found.overtaken_records == 1
    stale = await rows(
        open_database,
        "SELECT p.left_id FROM record_pair p JOIN source_record r "
        "ON r.id IN (p.left_id, p.right_id) WHERE r.external_id = :id AND p.decision = 'link'",
        id=external_id,
    )
    assert stale == []
