"""What a basket would earn and what could be spent on it, without writing anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import fetch
from rcu.loyalty import programmes, wallets
from rcu.loyalty.earning import Earned, Line, Sale, Standing, earn
from rcu.loyalty.lots import day_in
from rcu.loyalty.programme import BonusKind, Programme
from rcu.loyalty.referral_repository import read_book
from rcu.loyalty.referrals import Purchase
from rcu.loyalty.repository import months_of
from rcu.loyalty.spending import open_wallet
from rcu.loyalty.tiers import standing
from rcu.loyalty.wallets import Spender, Wallet
from rcu.sales.repository import find_timezones


@dataclass(frozen=True, slots=True)
class Basket:
    """What is about to be sold, and to whom."""

    sold_at: datetime
    total_cents: int
    currency: str
    channel: str
    store: str | None
    lines: Sequence[Line]
    payments: Sequence[tuple[str, int]]
    spender: Spender | None

    def sale(self, timezone: str) -> Sale:
        """Return the sale that it would be, on the business day of a time zone."""
        return Sale(
            total_cents=self.total_cents,
            currency=self.currency,
            channel=self.channel,
            store=self.store,
            business_date=day_in(timezone, self.sold_at),
            lines=self.lines,
            payments=self.payments,
        )


_STANDING: Final = """
    SELECT
        (SELECT jsonb_agg(jsonb_build_array(month, points, amount_cents))
         FROM source_record r JOIN points_month m ON m.record_id = r.id WHERE r.client_id = $1),
        (SELECT jsonb_agg(jsonb_build_array(bonus, period))
         FROM source_record r JOIN points_bonus b ON b.record_id = r.id WHERE r.client_id = $1),
        (SELECT sum(sales) FROM source_record r JOIN purchase_total p ON p.record_id = r.id
         WHERE r.client_id = $1),
        (SELECT (min(first_at) AT TIME ZONE $2)::date
         FROM source_record r JOIN purchase_total p ON p.record_id = r.id WHERE r.client_id = $1),
        (SELECT golden -> 'birth_date' ->> 'value' FROM golden_record WHERE client_id = $1)
"""


@dataclass(frozen=True, slots=True)
class _Buyer:
    """Whose basket it is, as far as it decides the points."""

    client_id: UUID
    available: int
    standing: Standing
    first_on: date | None
    """Business day of the first sale known of it."""


async def quote(
    session: AsyncSession, basket: Basket, *, at: datetime, timezone: str
) -> dict[str, Any]:
    """Return the answer to a basket. The points that it tells are not reserved.

    The day is that of the store; `timezone` is that of sales without a known one.
    """
    stores = await find_timezones(session, {basket.store} if basket.store else set())
    sale = basket.sale(stores.get(basket.store or "", timezone))
    programme = await programmes.get_on(session, sale.business_date)
    buyer = None
    if basket.spender is not None:
        day = sale.business_date
        buyer = await _read_buyer(
            session, basket.spender, programme, day=day, at=at, timezone=timezone
        )
    earned = earn(programme, sale, buyer.standing if buyer else Standing())
    brought = await _brought(session, buyer, programme, sale, earned) if buyer else 0
    available = buyer.available if buyer else None
    worth = programme.free_amount
    return {
        "programme_version": programme.version,
        "earned": earned.total + brought,
        "referral_points": brought,
        "rules": earned.rules(),
        "available": available,
        "available_value_cents": available * worth.value_cents // worth.points
        if available is not None and worth
        else None,
        "rewards": [
            reward.model_dump() for reward in programme.rewards if reward.points <= (available or 0)
        ],
    }


async def _read_buyer(
    session: AsyncSession,
    spender: Spender,
    programme: Programme,
    *,
    day: date,
    at: datetime,
    timezone: str,
) -> _Buyer:
    wallet = await _read_wallet(session, spender, at=at)
    client_id = wallet.spender.client_id
    [row] = await fetch(session, _STANDING, client_id, timezone)
    months, bonuses, sales, first_on, birth_date = row
    given = {(code, period) for code, period in bonuses or ()}
    tier = None
    if programme.tiers:
        tier = standing(programme.tiers, months_of(months), on=day)
    stands = Standing(
        tier=tier.tier.code if tier else None,
        is_first_purchase=not sales
        and not programmes.has_bonus(programme, given, BonusKind.FIRST_PURCHASE, day=day),
        birth_month=programmes.birth_month_due(programme, given, birth_date, day=day),
    )
    available = wallet.most(inferred_up_to=programme.inferred_spend_up_to)
    return _Buyer(client_id, available, stands, first_on)


async def _read_wallet(session: AsyncSession, spender: Spender, *, at: datetime) -> Wallet:
    """Return what a spender may spend: what a redemption at this moment would find.

    Where the client has spent points twice, that takes them back first, from whatever there is:
    what is left is known once it is done. So it is done here as well, and undone.
    """
    found = await wallets.find_spender(session, spender)
    accounts = await wallets.list_accounts(session, found.client_id)
    wallet = await wallets.read_wallet(session, found, accounts, at=at)
    if not wallet.borne:
        return wallet
    trial = await session.begin_nested()
    try:
        return await open_wallet(session, spender, at=at)
    finally:
        await trial.rollback()


async def _brought(
    session: AsyncSession, buyer: _Buyer, programme: Programme, sale: Sale, earned: Earned
) -> int:
    """Return what a referral that waits for such a purchase would give the buyer."""
    if programme.referral is None:
        return 0
    book = await read_book(session, [buyer.client_id])
    first_on = min(sale.business_date, buyer.first_on or sale.business_date)
    purchase = Purchase(sale.business_date, earned.amount_cents, first_on)
    due = book.decide(buyer.client_id, programme.referral, purchase)
    return due.referred_points if due else 0
