"""Bonuses that are given once, for sales that came before their client was known.

A sale of nobody known earns its points under what it showed, and no bonus. When its record becomes
a known client's, the first purchase, or the first one in a month of birth, may turn out to have
been such a sale: its bonus is given then, as if the client had been known at the till. It becomes a
part of what the sale has earned: it goes where that goes, and back with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Self
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import arrays, columns, fetch
from rcu.db.writes import Write, Writes
from rcu.loyalty import ledger, programmes, wallets
from rcu.loyalty.earning import Standing, earn
from rcu.loyalty.ledger import Draft, NewLot, posting_id
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
_HANG_ON: Final = """
    SELECT t.id, t.record_id, coalesce(s.timezone, $2) AS timezone
    FROM ticket t LEFT JOIN store s ON s.code = t.store WHERE t.id = ANY ($1::uuid[])
"""
# A bonus joins the lot of its sale, and stands beside it among what is given once.
_GIVE: Final = Write(
    """
    grown AS (
        UPDATE points_lot SET granted = granted + more.points
        FROM unnest($1::uuid[], $2::bigint[]) AS more (lot_id, points)
        WHERE points_lot.id = more.lot_id
    ), late AS (
        INSERT INTO points_lot (
            id, account_id, posting_id, earned_at, active_from, expires_on, timezone, granted
        )
        SELECT * FROM unnest(
            $3::uuid[], $4::uuid[], $5::uuid[], $6::timestamptz[], $7::date[], $8::date[],
            $9::text[], $10::bigint[]
        )
    ), given AS (
        INSERT INTO points_bonus (record_id, bonus, period, posting_id)
        SELECT * FROM unnest($11::uuid[], $12::text[], $13::text[], $14::uuid[])
    )
    """
)


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
    due: dict[UUID, list[BonusKind]] = defaultdict(list)
    for one in await _find_due(session, client_ids, at=at):
        due[one.ticket_id].append(one.kind)
    hangs_on = {
        row["id"]: (row["record_id"], row["timezone"])
        for row in await fetch(session, _HANG_ON, list(due), timezone)
    }
    locked = await wallets.lock_accounts(session, {record_id for record_id, _ in hangs_on.values()})
    debts = {account.record_id: account.debt for account in locked}
    past = await Past.read_all(session, due, debts=debts, at=at)
    sales = [sale for id_, one in past.items() if (sale := _Sale.of(one, *hangs_on[id_]))]
    loaded = await programmes.load(session, {sale.version for sale in sales})
    giving = _Giving()
    for sale in sales:
        giving.add(sale, loaded[sale.version], due[sale.past.ticket.id])
    return await giving.send(session, at=at)


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


@dataclass(frozen=True, slots=True)
class _Sale:
    """A sale that has earned and is kept, at least in part, with its points where it hangs."""

    past: Past
    accrual: KnownPosting
    version: str
    """The programme by which it has earned."""
    record_id: UUID
    timezone: str

    @classmethod
    def of(cls, past: Past, record_id: UUID, timezone: str) -> Self | None:
        """Return it of what is known of a sale; None of one that is given nothing any more."""
        accrual = past.accrual()
        if accrual is None or accrual.programme_version is None:
            return None
        if past.goods is None or past.goods.is_back:
            return None
        if accrual.entries and past.holder(accrual).account_id != record_id:
            return None
        return cls(past, accrual, accrual.programme_version, record_id, timezone)

    def lot_id(self) -> UUID | None:
        """Return the lot that its points are in; None where it has earned none."""
        accrual = self.accrual
        given_by = self.past.holder(accrual).posting_id if accrual.entries else accrual.id
        lots = self.past.accounts.lots.values()
        return next((lot.id for lot in lots if lot.posting_id == given_by), None)

    def new_lot(self, programme: Programme) -> NewLot:
        """Return a lot with the days of the sale and nothing in it."""
        sold = self.past.ticket
        start = active_from(sold.business_date, after_days=programme.active_after_days)
        until = expires_on(start, months=programme.expires_after_months)
        return NewLot(self.record_id, sold.sold_at, start, until, self.timezone, 0)


@dataclass(slots=True)
class _Giving:
    """Bonuses of some sales, made ready to be written together."""

    drafts: list[Draft] = field(default_factory=list)
    grown: dict[UUID, int] = field(default_factory=dict)
    """Points that join lots that are there."""
    lots: dict[UUID, NewLot] = field(default_factory=dict)
    """Lots of sales that have none, by their accrual."""
    given: list[tuple[UUID, str, str, UUID]] = field(default_factory=list)

    def add(self, sale: _Sale, programme: Programme, kinds: Iterable[BonusKind]) -> None:
        """Give what a sale would have been given, by the rules that it had earned by."""
        account, debts = sale.record_id, sale.past.accounts.debts
        for bonus in (bonus for kind in kinds for bonus in _bonuses(programme, kind, sale)):
            period = programmes.bonus_period(bonus.kind, sale.past.ticket.business_date)
            draft = _draft(sale, bonus, period)
            lot_id = self._lot_for(sale, programme, bonus.points)
            debt = debts.get(account, 0)
            paid = min(debt, bonus.points)
            debts[account] = debt - paid
            draft.move(bonus.points, to=account, lot=lot_id)
            draft.move(-paid, to=account, lot=lot_id)
            draft.move(paid, to=account)
            draft.against(Counterpart.ISSUED)
            self.drafts.append(draft)
            self.given.append((account, bonus.code, period, sale.accrual.id))

    def _lot_for(self, sale: _Sale, programme: Programme, points: int) -> UUID:
        """Return the lot of a sale, with so many points more in it."""
        found = sale.lot_id()
        if found is not None:
            self.grown[found] = self.grown.get(found, 0) + points
            return found
        new = self.lots.get(sale.accrual.id) or sale.new_lot(programme)
        self.lots[sale.accrual.id] = replace(new, granted=new.granted + points)
        return new.id

    async def send(self, session: AsyncSession, *, at: datetime) -> int:
        """Write all of them, in one round trip; return the points that were given."""
        if not self.drafts:
            return 0
        writes = Writes(session)
        new = [
            (lot.id, lot.account_id, accrual_id, lot.earned_at, lot.active_from, lot.expires_on,
             lot.timezone, lot.granted)
            for accrual_id, lot in self.lots.items()
        ]  # fmt: skip
        await writes.add(
            _GIVE,
            *arrays(list(self.grown.items()), width=2),
            *arrays(new, width=8),
            *columns(self.given),
        )
        await ledger.post_with(writes, self.drafts, at=at)
        await writes.send()
        return sum(m.points for draft in self.drafts for m in draft.movements if m.account_id)


def _bonuses(programme: Programme, kind: BonusKind, sale: _Sale) -> Sequence[Bonus]:
    """Return what the sale would have been given of a kind, by the rules that it had earned by."""
    is_first = kind is BonusKind.FIRST_PURCHASE
    ticket = sale.past.ticket
    standing = Standing(
        is_first_purchase=is_first, birth_month=None if is_first else ticket.business_date.month
    )
    given = sale.accrual.rules.get("bonuses", {})
    found = earn(programme, sale_in(ticket), standing).bonuses
    # One that it gave to its client before it moved here has moved along.
    return [bonus for bonus in found if bonus.code not in given]


def _draft(sale: _Sale, bonus: Bonus, period: str) -> Draft:
    """Return the posting of a bonus, without its movements."""
    accrual, ticket = sale.accrual, sale.past.ticket
    return Draft(
        posting_id("bonus", accrual.id, bonus.code, period),
        PostingKind.ACCRUAL,
        ticket.business_date,
        actor="rcu",
        programme_version=sale.version,
        ticket_id=ticket.id,
        corrects_id=accrual.id,
        rules={"multipliers": [], "bonuses": {bonus.code: bonus.points}, "excluded": []},
        reason="The client of the sale is known by now",
    )
