"""Who somebody is, asked without writing: what ingestion then decides of the same profile."""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.errors import DatabaseUnavailableError
from rcu.db.locks import ONLY_READS
from rcu.identity.matching import Match, find_matches
from rcu.identity.model import Model
from rcu.identity.outcomes import MAX_REVIEWS
from rcu.identity.scoring import Decision
from rcu.ingestion.context import Context
from rcu.ingestion.intake import Defaults
from rcu.ingestion.messages import ProfileMessage
from rcu.ingestion.service import receive_chunk
from tests.factories import make_source
from tests.identity.small_crowds import SHARED, SHARING, VALUES, crowds
from tests.ingestion.shop import Message, Shop, profile

NEWCOMER = "A"
"""Sorts before the ids of all others, as that of somebody who is asked for does."""


@st.composite
def crowds_and_newcomers(draw: st.DrawFn) -> tuple[list[list[Message]], Message]:
    """Return what is known of a few people, and what is said of one more."""
    optional, most, always = draw(st.sampled_from([(VALUES, 7, {}), (SHARING, 9, SHARED)]))
    said = always | draw(st.fixed_dictionaries({}, optional=optional))
    return draw(crowds(optional, most, **always)), profile(NEWCOMER, **said)


@given(
    crowd=crowds_and_newcomers(),
    key_cap=st.sampled_from([2, 3, 5, 300]),
)
@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_who_is_named_is_who_ingesting_the_same_profile_joins(
    session: AsyncSession, crowd: tuple[list[list[Message]], Message], key_cap: int
) -> None:
    model = Model(Model.shipped().document.model_copy(update={"key_cap": key_cap}))
    context = Context(model, Defaults())
    chunks, said = crowd
    newcomer = ProfileMessage.model_validate(said)
    await make_source(session, "pos")

    async with session.begin_nested() as undone:
        for chunk in chunks:
            messages = [ProfileMessage.model_validate(message) for message in chunk]
            await receive_chunk(session, source="pos", messages=messages, context=context)
        before = await clients_by_record(session)
        match = await asked(session, newcomer, model)
        [receipt] = await receive_chunk(session, source="pos", messages=[newcomer], context=context)
        after = await clients_by_record(session)
        await undone.rollback()

    assert receipt.answer is not None
    assert_foretold(match, receipt.answer, before, after)


def assert_foretold(
    match: Match, answer: dict[str, Any], before: dict[UUID, UUID], after: dict[UUID, UUID]
) -> None:
    """Check that a match said what the answer to the same profile then says."""
    home = UUID(answer["client_id"])
    joined = {
        before[record] for record, client in after.items() if client == home and record in before
    }
    told = {one.client_id for one in match.clients if one.decision is Decision.LINK}
    assert told == joined
    assert (answer["outcome"] == "matched") == bool(joined)
    assert match.client_id == (home if joined else None)
    if answer["match"] is not None:
        best = match.clients[0].score
        assert (round(best.weight, 3), best.decision) == (answer["match"]["weight"], Decision.LINK)
    if not parted(before, after):
        waiting: dict[UUID, float] = {}
        for one in match.clients:
            if one.decision is Decision.REVIEW:
                client_id, weight = after[one.client_id], round(one.score.weight, 3)
                waiting[client_id] = max(weight, waiting.get(client_id, weight))
        ranked = sorted(waiting.values(), reverse=True)[:MAX_REVIEWS]
        assert ranked == [review["weight"] for review in answer["reviews"]]
        reviewed = {UUID(review["client_id"]) for review in answer["reviews"]}
        assert reviewed <= waiting.keys()


def parted(before: dict[UUID, UUID], after: dict[UUID, UUID]) -> bool:
    """Tell whether any client is no more in one piece."""
    now: dict[UUID, set[UUID]] = defaultdict(set)
    for record, client in before.items():
        now[client].add(after[record])
    return any(len(clients) > 1 for clients in now.values())


async def clients_by_record(session: AsyncSession) -> dict[UUID, UUID]:
    rows = await session.execute(text("SELECT id, client_id FROM source_record"))
    return dict(rows.all())


async def asked(session: AsyncSession, newcomer: ProfileMessage, model: Model) -> Match:
    """Ask as `Database.look` does, in the midst of a session that writes."""
    session.info[ONLY_READS] = True
    try:
        return await find_matches(
            session, newcomer.stated(), model=model, region="FR", source="pos"
        )
    finally:
        del session.info[ONLY_READS]


ODILE: dict[str, Any] = {"given_name": "Odile", "family_name": "Vasseur"}
MAIL = [{"value": "odile@mail.example"}]


async def look(shop: Shop, **values: Any) -> Match:
    async def work(session: AsyncSession) -> Match:
        return await find_matches(session, values, model=Model.shipped(), region="FR")

    return await shop.database.look(work)


async def test_who_is_known_is_found_in_one_round_trip(shop: Shop, statements: list[str]) -> None:
    known = await shop.profile("pos", "P1", **ODILE, emails=["odile@mail.example"])
    statements.clear()

    match = await look(shop, **ODILE, emails=MAIL)

    assert match.client_id == UUID(known["client_id"])
    assert len(statements) == 1, statements


async def test_nobody_is_waited_for(shop: Shop) -> None:
    """Whoever writes the client holds its row, and the locks of its keys."""
    known = await shop.profile("pos", "P1", **ODILE, emails=["odile@mail.example"])

    async with shop.database.transaction() as writing:
        await writing.execute(text("SELECT FROM client FOR UPDATE"))
        [receipt] = await receive_chunk(
            writing,
            source="eshop",
            messages=[ProfileMessage.model_validate(profile("E1", **ODILE, emails=MAIL))],
            context=Context(Model.shipped(), Defaults()),
        )
        assert receipt.answer is not None
        assert receipt.answer["client_id"] == known["client_id"]
        match = await look(shop, **ODILE, emails=MAIL)
        await writing.rollback()

    assert match.client_id == UUID(known["client_id"])


async def test_who_looks_can_write_nothing(shop: Shop) -> None:
    async def work(session: AsyncSession) -> None:
        await session.execute(text("DELETE FROM client"))

    await shop.profile("pos", "P1", **ODILE)

    with pytest.raises(DatabaseUnavailableError):
        await shop.database.look(work)

    assert await shop.clients() == 1


async def test_a_connection_that_looked_writes_again(shop: Shop) -> None:
    await look(shop, **ODILE)

    await shop.profile("pos", "P1", **ODILE)

    assert await shop.clients() == 1


async def test_all_is_read_as_of_one_instant(shop: Shop) -> None:
    count = text("SELECT count(*) FROM source_record")

    async def work(session: AsyncSession) -> tuple[Any, Any]:
        before = await session.scalar(count)
        await shop.profile("pos", "P1", **ODILE)
        return before, await session.scalar(count)

    assert await shop.database.look(work) == (0, 0)
