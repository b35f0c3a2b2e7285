"""Posting: movements of points written down, all of a transaction in one statement.

What is posted here is complete and sums to zero, or the database refuses it; balances, debts and
lots move with the entries (`apply_points_entries`). The accounts are locked by who calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.errors import StaleReadError
from rcu.db.statements import as_read, columns, to_json
from rcu.db.writes import Check, Write, Writes
from rcu.ids import uuid7
from rcu.loyalty.lots import Taken
from rcu.loyalty.models import Counterpart, PostingKind

_NAMESPACE: Final = UUID("5b0f6a5e-6f0c-5d0e-9a53-8f4b5f3c2a10")


def posting_id(what: str, *parts: object) -> UUID:
    """Return the id of the posting that something is posted by, the same for ever.

    The parts are told apart whatever they hold.
    """
    return as_read(uuid5(_NAMESPACE, to_json([what, *map(str, parts)])))


@dataclass(frozen=True, slots=True)
class Movement:
    """Points added to one side (below zero: taken): a lot, a debt, or a counterpart."""

    points: int
    account_id: UUID | None = None
    lot_id: UUID | None = None
    counterpart: Counterpart | None = None


@dataclass(frozen=True, slots=True)
class NewLot:
    """A lot that a posting makes; the points come with a movement."""

    account_id: UUID
    earned_at: datetime
    active_from: date
    expires_on: date | None
    timezone: str
    granted: int
    id: UUID = field(default_factory=lambda: as_read(uuid7()))


@dataclass(frozen=True, slots=True)
class Counted:
    """What counts for tiers, added to a month of a record."""

    record_id: UUID
    month: date
    points: int
    amount_cents: int


@dataclass(frozen=True, slots=True)
class GivenBonus:
    """A bonus that is given once in its period; the period is empty for ever, else a year."""

    record_id: UUID
    bonus: str
    period: str


@dataclass(frozen=True, slots=True)
class Crossing:
    """Points of one record that are spent under another."""

    account_id: UUID
    spender_id: UUID
    points: int


@dataclass(slots=True)
class Draft:
    """A posting to be, with all that goes with it."""

    id: UUID
    kind: PostingKind
    business_date: date
    actor: str
    programme_version: str | None = None
    ticket_id: UUID | None = None
    corrects_id: UUID | None = None
    spender_id: UUID | None = None
    paid: tuple[str, str] | None = None
    """Source and id of the ticket that was paid with the points."""
    inferred_points: int = 0
    amount_cents: int | None = None
    exact_points: Decimal | None = None
    rules: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None
    request_digest: bytes | None = None
    answer: dict[str, Any] | None = None
    movements: list[Movement] = field(default_factory=list)
    lots: list[NewLot] = field(default_factory=list)
    counted: list[Counted] = field(default_factory=list)
    bonuses: list[GivenBonus] = field(default_factory=list)
    crossings: list[Crossing] = field(default_factory=list)

    def move(self, points: int, *, to: UUID, lot: UUID | None = None) -> None:
        """Add points to an account, in a lot, or without one to lessen a debt."""
        if points:
            self.movements.append(Movement(points, to, lot))

    def against(self, counterpart: Counterpart) -> None:
        """Balance what was moved so far against an account of the programme."""
        rest = -sum(movement.points for movement in self.movements)
        if rest:
            self.movements.append(Movement(rest, counterpart=counterpart))

    def take(self, taken: Iterable[Taken]) -> None:
        """Take points from lots."""
        for part in taken:
            self.move(-part.points, to=part.lot.account_id, lot=part.lot.id)

    def give(self, lot: NewLot, *, debt: int) -> int:
        """Give a new lot to an account, and pay its debt from it; return the debt that is left."""
        self.lots.append(lot)
        self.move(lot.granted, to=lot.account_id, lot=lot.id)
        paid = min(lot.granted, debt)
        self.move(-paid, to=lot.account_id, lot=lot.id)
        self.move(paid, to=lot.account_id)
        return debt - paid


_POST: Final = Write(
    """
    account AS (
        INSERT INTO points_account (record_id, opened_at)
        SELECT record_id, $2 FROM unnest($1::uuid[]) AS record_id ORDER BY record_id
        ON CONFLICT (record_id) DO NOTHING
    ), posting AS (
        INSERT INTO points_posting (
            id, kind, business_date, actor, programme_version, ticket_id, corrects_id, spender_id,
            paid_source, paid_ticket, inferred_points, amount_cents, exact_points, rules, reason,
            request_digest, answer, posted_at
        )
        SELECT *, $2 FROM unnest($3::new_posting[])
        ON CONFLICT (id) DO NOTHING
        RETURNING id
    ), lot AS (
        INSERT INTO points_lot (
            id, account_id, posting_id, earned_at, active_from, expires_on, timezone, granted
        )
        SELECT new.* FROM unnest($4::new_lot[]) AS new
        WHERE new.posting_id = ANY (ARRAY(SELECT id FROM posting))
    ), entry AS (
        INSERT INTO points_entry (
            posting_id, number, account_id, lot_id, counterpart, points, posted_at
        )
        SELECT new.*, $2 FROM unnest($5::new_entry[]) AS new
        WHERE new.posting_id = ANY (ARRAY(SELECT id FROM posting))
    ), month AS (
        INSERT INTO points_month AS held (record_id, month, points, amount_cents)
        SELECT * FROM unnest($6::new_month[])
        ON CONFLICT (record_id, month) DO UPDATE
        SET points = held.points + excluded.points,
            amount_cents = held.amount_cents + excluded.amount_cents
    )
    """,
    told=("(SELECT count(*) FROM posting)",),
)
# With their postings, in one statement: one that another transaction has made gives nothing twice.
_GIVE_BONUSES: Final = Write(
    """
    bonus AS (
        INSERT INTO points_bonus (record_id, bonus, period, posting_id)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[])
        ON CONFLICT DO NOTHING
        RETURNING 1
    )
    """,
    told=("(SELECT count(*) FROM bonus)",),
)
_CROSS: Final = Write(
    """
    crossing AS (
        INSERT INTO points_crossing (posting_id, account_id, spender_id, points)
        SELECT new.* FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[])
            AS new (posting_id, account_id, spender_id, points)
        WHERE new.posting_id = ANY (ARRAY(SELECT id FROM posting))
    )
    """
)


async def post(session: AsyncSession, drafts: Sequence[Draft], *, at: datetime) -> None:
    """Write postings with their lots and entries: one round trip, for one or for hundreds.

    Raises `StaleReadError`, upon which the edge runs the work again, when one of them, or a bonus
    that is given once, was posted by others meanwhile.
    """
    writes = Writes(session)
    await post_with(writes, drafts, at=at)
    await writes.send()


async def post_with(writes: Writes, drafts: Sequence[Draft], *, at: datetime) -> None:
    """Do as `post` does, with all else that `writes` holds, when that is sent."""
    if not drafts:
        return
    await writes.add(
        _POST,
        sorted(
            {m.account_id for d in drafts for m in d.movements if m.account_id} | _counted(drafts)
        ),
        at,
        [_posting_row(draft) for draft in drafts],
        [_lot_row(lot, draft) for draft in drafts for lot in draft.lots],
        [
            (d.id, number, m.account_id, m.lot_id, m.counterpart, m.points)
            for d in drafts
            for number, m in enumerate(d.movements)
        ],
        _months(drafts),
        check=_are(len(drafts)),
    )
    bonuses = [(*_values(bonus), draft.id) for draft in drafts for bonus in draft.bonuses]
    if bonuses:
        await writes.add(_GIVE_BONUSES, *columns(bonuses), check=_are(len(bonuses)))
    crossings = [(draft.id, *_values(c)) for draft in drafts for c in draft.crossings]
    if crossings:
        await writes.add(_CROSS, *columns(crossings))


def _are(wanted: int) -> Check:
    """Return the check that as many rows were written as had to be."""

    def check(told: Sequence[int]) -> None:
        if told[0] != wanted:
            raise StaleReadError

    return check


def _counted(drafts: Iterable[Draft]) -> set[UUID]:
    counted = {counted.record_id for draft in drafts for counted in draft.counted}
    return counted | {bonus.record_id for draft in drafts for bonus in draft.bonuses}


def _months(drafts: Iterable[Draft]) -> list[tuple[UUID, date, int, int]]:
    """Return one row for each record and month, sorted: a row is written once by a statement."""
    sums: dict[tuple[UUID, date], tuple[int, int]] = {}
    for draft in drafts:
        for one in draft.counted:
            points, cents = sums.get((one.record_id, one.month), (0, 0))
            sums[one.record_id, one.month] = points + one.points, cents + one.amount_cents
    return [(*key, *value) for key, value in sorted(sums.items())]


def _values(part: GivenBonus | Crossing) -> tuple[Any, ...]:
    if isinstance(part, GivenBonus):
        return part.record_id, part.bonus, part.period
    return part.account_id, part.spender_id, part.points


def _lot_row(lot: NewLot, draft: Draft) -> tuple[Any, ...]:
    dates = (lot.earned_at, lot.active_from, lot.expires_on)
    return (lot.id, lot.account_id, draft.id, *dates, lot.timezone, lot.granted)


def _posting_row(draft: Draft) -> tuple[Any, ...]:
    paid_source, paid_ticket = draft.paid or (None, None)
    return (
        draft.id,
        draft.kind,
        draft.business_date,
        draft.actor,
        draft.programme_version,
        draft.ticket_id,
        draft.corrects_id,
        draft.spender_id,
        paid_source,
        paid_ticket,
        draft.inferred_points,
        draft.amount_cents,
        draft.exact_points,
        to_json(draft.rules),
        draft.reason,
        draft.request_digest,
        to_json(draft.answer) if draft.answer is not None else None,
    )
