"""Bonuses that are given once, for sales that came before their client was known.

A sale of nobody known earns its points under what it showed, and no bonus. When its record becomes
a known client's, the first purchase, or the first one in a month of birth, may turn out to have
been such a sale: its bonus is given then, as if the client had been known at the till. It becomes a
part of what the sale has earned: it goes where that goes, and back with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import columns, fetch
from rcu.ids import uuid7
from rcu.loyalty import ledger, programmes
from rcu.loyalty.earning import Standing, earn
from rcu.loyalty.ledger import Draft, posting_id
from rcu.loyalty.lots import active_from, expires_on
from rcu.loyalty.models import Counterpart, PostingKind
from rcu.loyalty.past import Past
from rcu.loyalty.programme import Bonus, BonusKind, Programme
from rcu.loyalty.programmes import InForce
from rcu.loyalty.remaining import sale_in
from rcu.loyalty.repository import KnownPosting

MOST_YEARS: Final = 10
"""Years of which a birth month is looked at, the last ones."""

_STANDINGS: Final = """
    SELECT (SELECT jsonb_agg(jsonb_build_array(effective_on, version, id) ORDER BY id)
            FROM programme_activation) AS in_force,
           c.id AS client_id, g.golden -> 'birth_date' ->> 'value' AS birth_date,
           ARRAY(SELECT ARRAY[b.bonus, b.period]::text[] FROM points_bonus b
                 WHERE b.record_id = ANY (member.ids)) AS bonuses,
           bought.first_at, bought.last_at
    FROM client c
    CROSS JOIN LATERAL (
        SELECT array_agg(r.id) AS ids FROM source_record r WHERE r.client_id = c.id
    ) AS member
    CROSS JOIN LATERAL (
        SELECT min(p.first_at) AS first_at, max(p.last_at) AS last_at FROM purchase_total p
        WHERE p.record_id = ANY (member.ids)
    ) AS bought
    LEFT JOIN golden_record g ON g.client_id = c.id
    WHERE c.id = ANY ($1::uuid[]) AND c.known AND bought.first_at IS NOT NULL
"""
# By the index of each record's tickets: a look for each record and period, however many there are.
# A sum, lest the index of business days be read as well, with all of a record's tickets.
_FIRST_SALES: Final = """
    SELECT wanted.number, sold.id
    FROM unnest($1::int[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::date[], $6::date[])
        AS wanted (number, client_id, from_at, until_at, first_on, last_on)
    CROSS JOIN LATERAL (
        SELECT t.* FROM source_record r CROSS JOIN LATERAL (
            SELECT t.id, t.sold_at, t.ticket_id, t.sale_client_id FROM ticket t
            WHERE t.record_id = r.id AND t.sold_at >= wanted.from_at
              AND t.sold_at < wanted.until_at AND t.kind = 'sale'
              AND t.business_date + 0 BETWEEN wanted.first_on AND wanted.last_on
            ORDER BY t.sold_at, t.ticket_id, t.id LIMIT 1
        ) t
        WHERE r.client_id = wanted.client_id
        ORDER BY t.sold_at, t.ticket_id, t.id LIMIT 1
    ) sold
    WHERE sold.sale_client_id IS NULL
"""
_TURN: Final = "SELECT lock_points_turn($1::uuid[])"
_HANGS_ON: Final = """
    SELECT t.record_id, coalesce(s.timezone, $2) AS timezone
    FROM ticket t LEFT JOIN store s ON s.code = t.store WHERE t.id = $1
"""
_GRANT_MORE: Final = "UPDATE points_lot SET granted = granted + $2 WHERE id = $1"
_OPEN: Final = """
    INSERT INTO points_account (record_id, opened_at) VALUES ($1, $2)
    ON CONFLICT (record_id) DO NOTHING
"""
_ADD_LOT: Final = """
    INSERT INTO points_lot (
        id, account_id, posting_id, earned_at, active_from, expires_on, timezone, granted
    ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_GIVE: Final = """
    INSERT INTO points_bonus (record_id, bonus, period, posting_id) VALUES ($1, $2, $3, $4)
"""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A period of which the first sale may have been due a bonus, and was nobody's then."""

    client_id: UUID
    kind: BonusKind
    first_on: date
    last_on: date

    def row(self, number: int) -> tuple[Any, ...]:
        """Return what `_FIRST_SALES` asks for: business days lie within a day of the clock's."""
        day = timedelta(days=1)
        first = max(self.first_on, date.min + day) - day
        last = min(self.last_on, date.max - 2 * day) + 2 * day
        return (
            number,
            self.client_id,
            _midnight(first),
            _midnight(last),
            self.first_on,
            self.last_on,
        )


@dataclass(frozen=True, slots=True)
class _Due:
    """A sale that was nobody's when it came, and the bonus that it may be due."""

    ticket_id: UUID
    client_id: UUID
    kind: BonusKind


async def are_due(session: AsyncSession, client_ids: Collection[UUID], *, at: datetime) -> bool:
    """Tell whether clients may be due bonuses for sales that were nobody's before.

    To be asked when records have come to clients, once golden records are up to date. One round
    trip where no sale hangs on them, two elsewhere, however many sales there are.
    """
    return bool(client_ids) and bool(await _find_due(session, client_ids, at=at))


async def give_late_bonuses(
    session: AsyncSession, client_ids: Collection[UUID], *, at: datetime, timezone: str
) -> int:
    """Give the bonuses that are due to clients for sales that were nobody's before; return points.

    To be called where they `are_due`, with all that was posted before written. Each bonus is given
    once to a client and period, as ever. `timezone` is that of sales without a store.
    """
    await fetch(session, _TURN, sorted(client_ids))
    # As it is now that nobody else gives them something.
    due = await _find_due(session, client_ids, at=at)
    debts: dict[UUID, int] = {}
    given = 0
    for one in due:
        past = await Past.read(session, one.ticket_id, debts=debts, at=at)
        given += await _give(session, one, past, at=at, timezone=timezone)
    return given


async def _find_due(
    session: AsyncSession, client_ids: Collection[UUID], *, at: datetime
) -> list[_Due]:
    rows = await fetch(session, _STANDINGS, sorted(client_ids))
    if not rows or rows[0]["in_force"] is None:
        return []
    in_force = InForce.from_json(rows[0]["in_force"])
    begun = {activation.effective_on for activation in in_force.activations}
    loaded = await in_force.load_on(session, begun)
    kinds = {bonus.kind for programme in loaded.values() for bonus in programme.bonuses}
    wanted = [one for row in rows for one in _wanted(row, kinds, at)]
    if not wanted:
        return []
    asked = columns([one.row(number) for number, one in enumerate(wanted)])
    return [
        _Due(row["id"], wanted[row["number"]].client_id, wanted[row["number"]].kind)
        for row in await fetch(session, _FIRST_SALES, *asked)
    ]


def _wanted(row: Any, kinds: Collection[BonusKind], at: datetime) -> Iterable[_Wanted]:
    """Return the periods of which a client has not been given its bonus."""
    periods = {period for _, period in row["bonuses"]}
    ever = programmes.bonus_period(BonusKind.FIRST_PURCHASE, date.min)
    if BonusKind.FIRST_PURCHASE in kinds and ever not in periods:
        yield _Wanted(row["client_id"], BonusKind.FIRST_PURCHASE, date.min, date.max)
    month = programmes.birth_month(row["birth_date"])
    if BonusKind.BIRTHDAY_MONTH not in kinds or month is None:
        return
    # The business day may be of the next year; no till whose clock is years ahead is believed.
    last = min(row["last_at"].year, at.year) + 1
    for year in range(max(row["first_at"].year - 1, last - MOST_YEARS), last + 1):
        if str(year) not in periods:
            first = date(year, month, 1)
            until = date(year + month // 12, month % 12 + 1, 1)
            kind = BonusKind.BIRTHDAY_MONTH
            yield _Wanted(row["client_id"], kind, first, until - timedelta(days=1))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


async def _give(
    session: AsyncSession, due: _Due, past: Past, *, at: datetime, timezone: str
) -> int:
    """Give the bonuses of a sale, unless it has not earned, or all of it has come back."""
    accrual = past.accrual()
    if accrual is None or accrual.programme_version is None:
        return 0
    if past.goods is None or past.goods.is_back:
        return 0
    [(record_id, zone)] = await fetch(session, _HANGS_ON, due.ticket_id, timezone)
    if accrual.entries and past.holder(accrual).account_id != record_id:
        return 0
    loaded = await programmes.load(session, [accrual.programme_version])
    programme = loaded[accrual.programme_version]
    await fetch(session, _OPEN, record_id, at)
    drafts = []
    for bonus in _bonuses(programme, due, past):
        drafts.append(await _draft(session, past, accrual, bonus, programme, (record_id, zone)))
        period = programmes.bonus_period(bonus.kind, past.ticket.business_date)
        await fetch(session, _GIVE, record_id, bonus.code, period, accrual.id)
    await ledger.post(session, drafts, at=at)
    return sum(m.points for draft in drafts for m in draft.movements if m.account_id)


def _bonuses(programme: Programme, due: _Due, past: Past) -> Sequence[Bonus]:
    """Return what the sale would have been given of a kind, by the rules that it had earned by."""
    is_first = due.kind is BonusKind.FIRST_PURCHASE
    standing = Standing(
        is_first_purchase=is_first,
        birth_month=None if is_first else past.ticket.business_date.month,
    )
    accrual = past.accrual()
    given = accrual.rules.get("bonuses", {}) if accrual is not None else {}
    found = earn(programme, sale_in(past.ticket), standing).bonuses
    # One that it gave to its client before it moved here has moved along.
    return [bonus for bonus in found if bonus.code not in given]


async def _draft(
    session: AsyncSession,
    past: Past,
    accrual: KnownPosting,
    bonus: Bonus,
    programme: Programme,
    account: tuple[UUID, str],
) -> Draft:
    """Return the posting of a bonus, whose points join the lot of the sale's."""
    record_id, zone = account
    ticket = past.ticket
    period = programmes.bonus_period(bonus.kind, ticket.business_date)
    draft = Draft(
        posting_id("bonus", accrual.id, bonus.code, period),
        PostingKind.ACCRUAL,
        ticket.business_date,
        actor="rcu",
        programme_version=programme.version,
        ticket_id=ticket.id,
        corrects_id=accrual.id,
        rules={"multipliers": [], "bonuses": {bonus.code: bonus.points}, "excluded": []},
        reason="The client of the sale is known by now",
    )
    given_by = past.holder(accrual).posting_id if accrual.entries else accrual.id
    lots = past.accounts.lots.values()
    lot_id = next((lot.id for lot in lots if lot.posting_id == given_by), None)
    if lot_id is not None:
        await fetch(session, _GRANT_MORE, lot_id, bonus.points)
    else:
        lot_id = uuid7()
        start = active_from(ticket.business_date, after_days=programme.active_after_days)
        until = expires_on(start, months=programme.expires_after_months)
        days = (ticket.sold_at, start, until, zone)
        await fetch(session, _ADD_LOT, lot_id, record_id, accrual.id, *days, bonus.points)
    debt = past.accounts.debts.get(record_id, 0)
    paid = min(debt, bonus.points)
    past.accounts.debts[record_id] = debt - paid
    draft.move(bonus.points, to=record_id, lot=lot_id)
    draft.move(-paid, to=record_id, lot=lot_id)
    draft.move(paid, to=record_id)
    draft.against(Counterpart.ISSUED)
    return draft
