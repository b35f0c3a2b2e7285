"""Spending another record's points at the very moment at which the two are parted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.loyalty import spending, transferring
from rcu.loyalty.models import HoldStatus
from rcu.loyalty.spending import Closing, Request
from rcu.loyalty.transferring import TransferRequest
from rcu.loyalty.wallets import Spender
from tests.ingestion.shop import Shop, assert_sound, sale
from tests.loyalty.club import CLUB, account, activate

EMAIL = [{"value": "odile@mail-example.fr", "verified": True}]
HOME = [{"lines": ["12 rue Fontaine"], "postcode": "69003"}]
ODILE: dict[str, Any] = {"given_name": "Odile", "emails": EMAIL, "addresses": HOME}
ZONE = "Europe/Paris"
AGAIN, PAULE = Spender("app", "A1", None), Spender("pos", "P2", None)

Work = Callable[[AsyncSession], Awaitable[dict[str, Any]]]


def request(message_id: str) -> Request:
    return Request(message_id, b"x" * 32, AGAIN, 100, None, None, ZONE, datetime.now(UTC))


async def redeem(_: Shop) -> Work:
    return lambda session: spending.redeem(session, request("redeemed"))


async def capture(shop: Shop) -> Work:
    async def reserve(session: AsyncSession) -> dict[str, Any]:
        return await spending.hold(session, request("held"))

    held = await shop.database.run(reserve)
    closing = Closing(
        UUID(held["hold_id"]),
        "app",
        HoldStatus.CAPTURED,
        None,
        None,
        b"x" * 32,
        ZONE,
        datetime.now(UTC),
    )
    return lambda session: spending.close(session, closing)


async def give(shop: Shop) -> Work:
    await shop.profile("pos", "P2", given_name="Paule", birth_date="1951-05-02", addresses=HOME)
    gift = TransferRequest("given", b"x" * 32, AGAIN, PAULE, 100, ZONE, datetime.now(UTC))
    return lambda session: transferring.transfer(session, gift)


@pytest.mark.parametrize("spend", [redeem, capture, give])
async def test_a_spend_beside_a_split_is_settled_when_both_are_done(
    shop: Shop, spend: Callable[[Shop], Awaitable[Work]]
) -> None:
    await activate(
        shop.database, CLUB | {"version": "club-2", "household_transfers": {"allowed": True}}
    )
    for source, key in (("pos", "P1"), ("app", "A1")):
        await shop.profile(source, key, **ODILE)
    await shop.ticket(sale(customer={"external_id": "P1"}, total_cents=10000))
    work = await spend(shop)
    is_spent, may_commit = asyncio.Event(), asyncio.Event()

    async def spend_slowly(session: AsyncSession) -> None:
        await work(session)
        is_spent.set()
        await may_commit.wait()

    async with asyncio.TaskGroup() as both:
        both.create_task(shop.database.run(spend_slowly))
        await is_spent.wait()
        client_id = await shop.client_of("pos", "P1")
        split = both.create_task(shop.split(client_id, [("app", "A1")]))
        done, _ = await asyncio.wait([split], timeout=0.3)
        may_commit.set()

    assert not done
    assert split.result().status_code == 200
    assert await account(shop, "pos", "P1") == (100, 0)
    assert await account(shop, "app", "A1") == (0, 0)
    await assert_sound(shop.database)
