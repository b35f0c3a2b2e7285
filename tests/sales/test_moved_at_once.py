"""A ticket that moves while something comes of it: what goes with it ends where it is."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.sales import orders, rehanging
from rcu.sales.corrections import Instruction, attach_ticket, restore_ticket
from rcu.sales.rehanging import HangingTicket
from tests.ingestion.shop import Shop, assert_sound, bring_back, cancel, order_step, sale

BY = Instruction("user:hugo", "seen on the receipt", datetime.now(UTC))


async def _people(shop: Shop) -> UUID:
    """Make two people; return the client of the second."""
    await shop.profile("pos", "P1", given_name="Odile", cards=["ABC-1234"])
    basile = await shop.profile("pos", "P2", given_name="Basile", birth_date="1990-10-30")
    return UUID(basile["client_id"])


async def _id(shop: Shop, ticket_id: str) -> UUID:
    found: UUID = await shop.scalar("SELECT id FROM ticket WHERE ticket_id = :t", t=ticket_id)
    return found


async def _records(shop: Shop) -> dict[str, Any]:
    rows = await shop.rows("SELECT ticket_id, record_id FROM ticket")
    return {row[0]: row[1] for row in rows}


async def test_the_void_of_a_return_that_comes_while_its_sale_moves_is_taken_where_that_went(
    shop: Shop,
) -> None:
    """The decision is held open while the void waits for it: it must not read what was before."""
    basile = await _people(shop)
    sold = sale(ticket_id="T1", customer={"card": "ABC-1234"})
    await shop.ticket(sold)
    back = bring_back(sold, ticket_id="R1")
    await shop.ticket(back)

    async with shop.database.transaction() as session:
        await attach_ticket(session, await _id(shop, "T1"), basile, BY)
        void = asyncio.create_task(shop.ticket(cancel(back)))
        await asyncio.sleep(0.3)
    await void

    await assert_sound(shop.database)


async def test_a_return_that_is_restored_while_its_sale_moves_goes_where_that_went(
    shop: Shop,
) -> None:
    basile = await _people(shop)
    sold = sale(ticket_id="T1", customer={"card": "ABC-1234"})
    await shop.ticket(sold)
    await shop.ticket(bring_back(sold, ticket_id="R1"))
    await shop.staff("POST", f"tickets/{await _id(shop, 'R1')}/detach", {"reason": "not theirs"})

    async with shop.database.transaction() as session:
        await restore_ticket(session, await _id(shop, "R1"), BY)
        asked = {"client_id": str(basile), "reason": "seen on the receipt"}
        path = f"tickets/{await _id(shop, 'T1')}/attach"
        attached = asyncio.create_task(shop.staff("POST", path, asked))
        await asyncio.sleep(0.3)
    await attached

    records = await _records(shop)
    assert records["R1"] == records["T1"] == basile
    await assert_sound(shop.database)


async def test_a_ticket_that_is_restored_while_its_order_changes_hands_goes_with_it(
    shop: Shop,
) -> None:
    basile = await _people(shop)
    await shop.accept("pos", "order", order_step("O1", "placed", customer={"external_id": "P1"}))
    await shop.ticket(sale(ticket_id="T1", order_id="O1"))
    await shop.staff("POST", f"tickets/{await _id(shop, 'T1')}/detach", {"reason": "not theirs"})

    async with shop.database.transaction() as session:
        await restore_ticket(session, await _id(shop, "T1"), BY)
        paid = order_step("O1", "paid", minute=1, customer={"external_id": "P2"})
        step = asyncio.create_task(shop.accept("pos", "order", paid))
        await asyncio.sleep(0.3)
    await step

    assert (await _records(shop))["T1"] == basile


async def test_an_order_that_comes_while_a_steward_decides_leaves_the_decision(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The decision is committed after the order has read its tickets, before it locks them."""
    basile = await _people(shop)
    await shop.ticket(sale(ticket_id="T1", order_id="O1"))
    ticket_id = await _id(shop, "T1")

    async def late(session: AsyncSession, ids: list[UUID]) -> dict[UUID, HangingTicket]:
        async with shop.database.transaction() as other:
            await attach_ticket(other, ticket_id, basile, BY)
        return await rehanging.lock_tickets(session, ids)

    monkeypatch.setattr(orders, "lock_tickets", late)
    placed = order_step("O1", "placed", customer={"external_id": "P1"})
    await shop.accept("pos", "order", placed)

    assert (await _records(shop))["T1"] == basile


async def test_all_that_brings_a_ticket_back_goes_with_it(shop: Shop) -> None:
    basile = await _people(shop)
    sold = sale(ticket_id="T1", customer={"card": "ABC-1234"})
    back = bring_back(sold, ticket_id="R1")
    again = bring_back(back, ticket_id="R2")
    for message in (sold, back, again, cancel(again, ticket_id="V1")):
        await shop.ticket(message)

    async with shop.database.transaction() as session:
        await attach_ticket(session, await _id(shop, "T1"), basile, BY)

    assert set((await _records(shop)).values()) == {basile}
    await assert_sound(shop.database)
