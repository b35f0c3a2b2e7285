"""Totals: after any mix of sales, returns and voids they are what a recount of the tickets says."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.identity.model import Model
from rcu.ingestion.context import Context
from rcu.ingestion.intake import Defaults
from rcu.ingestion.messages import TicketMessage
from rcu.ingestion.service import receive_chunk
from rcu.sales.corrections import Instruction, attach_ticket
from tests.factories import make_source, make_store
from tests.ingestion.shop import Message, Shop, at_minute, bring_back, cancel, sale, typed, unsound

CONTEXT = Context(Model.shipped(), Defaults())

CUSTOMERS: list[dict[str, Any] | None] = [
    None,
    {"external_id": "P1"},
    {"card": "ABC-1234"},
    {"email": "odile.vasseur@mail.example"},
]


def _drawn_sale(draw: st.DrawFn) -> Message:
    return sale(
        customer=draw(st.sampled_from(CUSTOMERS)),
        token=draw(st.sampled_from([None, "par_tok_1"])),
        store=draw(st.sampled_from(["S001", "S002"])),
        currency=draw(st.sampled_from(["EUR", "CHF"])),
        total_cents=draw(st.integers(0, 5000)),
        sold_at=at_minute(draw(st.integers(0, 600))),
    )


@st.composite
def days_at_the_till(draw: st.DrawFn) -> list[list[Message]]:
    """Return chunks of tickets: sales, and returns and voids of any of the tickets, mixed up."""
    sent = [_drawn_sale(draw) for _ in range(draw(st.integers(1, 3)))]
    for _ in range(draw(st.integers(1, 4))):
        original = draw(st.sampled_from(sent))
        said: Message = {"sold_at": at_minute(draw(st.integers(0, 600)))}
        if draw(st.booleans()):
            sent.append(cancel(original, **said))
        else:
            sent.append(bring_back(original, customer=draw(st.sampled_from(CUSTOMERS)), **said))
    shuffled = draw(st.permutations(sent + sent[:1]))
    cut = draw(st.integers(0, len(shuffled)))
    return [chunk for chunk in (shuffled[:cut], shuffled[cut:]) if chunk]


@given(chunks=days_at_the_till())
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_totals_are_the_recount_of_the_tickets(
    session: AsyncSession, chunks: list[list[Message]]
) -> None:
    await make_source(session, "pos")
    for store in ("S001", "S002"):
        await make_store(session, store)

    async with session.begin_nested() as undone:
        for chunk in chunks:
            messages = [TicketMessage.model_validate(message) for message in chunk]
            await receive_chunk(session, source="pos", messages=messages, context=CONTEXT)
        broken = await unsound(session)
        waiting = await session.scalars(
            text("SELECT reason FROM parked_message WHERE applied_at IS NULL")
        )
        await undone.rollback()

    assert broken == []
    assert set(waiting) <= {"already_voided", "original_is_void", "unknown_ticket"}


async def test_a_return_that_is_voided_in_the_same_batch_leaves_nothing(shop: Shop) -> None:
    await shop.profile("pos", "P1", given_name="Odile", cards=["ABC-1234"])
    sold = sale(customer={"card": "ABC-1234"})
    await shop.ticket(sold)
    back = bring_back(sold, customer={"card": "ABC-1234"})

    await shop.batch("pos", [typed("ticket", back), typed("ticket", cancel(back))])

    totals = await shop.rows("SELECT sales, returns, amount_cents FROM purchase_total")
    assert totals == [(1, 0, 1000)]


async def test_sales_returns_and_voids_of_one_client_at_once_are_all_counted(shop: Shop) -> None:
    await shop.profile("pos", "P1", given_name="Odile", cards=["ABC-1234"])
    sold = [sale(customer={"card": "ABC-1234"}, sold_at=at_minute(n)) for n in range(24)]
    for message in sold[:12]:
        await shop.ticket(message)

    await asyncio.gather(
        *(shop.ticket(message) for message in sold[12:]),
        *(shop.ticket(cancel(message)) for message in sold[:6]),
        *(shop.ticket(bring_back(message)) for message in sold[6:12]),
    )

    assert await shop.rows("SELECT sales, returns, amount_cents FROM purchase_total") == [
        (18, 6, 18 * 1000 - 6 * 400)
    ]


async def test_a_void_that_comes_while_a_steward_moves_its_sale_takes_it_from_its_new_client(
    shop: Shop,
) -> None:
    """The decision is held open while the void waits for it: it must not read what was before."""
    await shop.profile("pos", "P1", given_name="Odile", cards=["ABC-1234"])
    basile = await shop.profile("pos", "P2", given_name="Basile", birth_date="1990-10-30")
    sold = sale(customer={"card": "ABC-1234"})
    await shop.ticket(sold)
    id_ = await shop.scalar("SELECT id FROM ticket")
    by = Instruction("user:hugo", "seen on the receipt", datetime.now(UTC))

    async with shop.database.transaction() as session:
        await attach_ticket(session, id_, UUID(basile["client_id"]), by)
        void = asyncio.create_task(shop.ticket(cancel(sold)))
        await asyncio.sleep(0.3)
    await void

    assert await shop.rows("SELECT DISTINCT sales, amount_cents FROM purchase_total") == [(0, 0)]


async def test_a_void_leaves_the_dates_of_a_sale_that_is_coming_in_elsewhere(shop: Shop) -> None:
    """The sale is held open while the void waits for it: the void has read what was before."""
    await shop.profile("pos", "P1", given_name="Odile", cards=["ABC-1234"])
    odile = {"card": "ABC-1234"}
    voided = sale(customer=odile)
    await shop.ticket(voided)
    await shop.ticket(sale(customer=odile, store="S002", sold_at=at_minute(1)))
    coming = TicketMessage.model_validate(sale(customer=odile, store="S002", sold_at=at_minute(9)))

    async with shop.database.transaction() as session:
        await receive_chunk(session, source="pos", messages=[coming], context=CONTEXT)
        void = asyncio.create_task(shop.ticket(cancel(voided)))
        await asyncio.sleep(0.3)
    await void

    last = await shop.scalar("SELECT last_at FROM purchase_total WHERE store = 'S002'")
    assert last.isoformat() == at_minute(9)
