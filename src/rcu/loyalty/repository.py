"""Queries on points that tickets need; set-wise, each one round trip."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final, Self
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import fetch, from_json
from rcu.loyalty.lots import Lot
from rcu.loyalty.models import PostingKind
from rcu.loyalty.programmes import InForce
from rcu.loyalty.tiers import Month


@dataclass(frozen=True, slots=True)
class OriginalTicket:
    """The ticket that a return or a void refers to."""

    id: UUID
    source: str
    ticket_id: str
    kind: str
    store: str | None
    channel: str
    business_date: date
    sold_at: datetime
    currency: str
    total_cents: int
    lines: Sequence[Mapping[str, Any]]
    payments: Sequence[Mapping[str, Any]]
    original_id: UUID | None

    @property
    def is_purchase(self) -> bool:
        """Whether it earns: what costs less than nothing, as an exchange may, brings goods back."""
        return self.kind == "sale" and self.total_cents >= 0


@dataclass(frozen=True, slots=True)
class HungTicket(OriginalTicket):
    """A ticket that hangs on a record, or goods that come back under nobody's name."""

    record_id: UUID | None
    timezone: str
    """Of its store."""


@dataclass(frozen=True, slots=True)
class TicketFact(HungTicket):
    """What points need of a ticket of somebody."""

    record_id: UUID
    client_id: UUID
    known: bool

    @classmethod
    def of(cls, ticket: HungTicket, client_id: UUID, known: bool) -> Self:  # noqa: FBT001
        """Return a ticket with the client of its record, and whether that is known."""
        values: tuple[Any, ...] = (*_told(ticket), client_id, known)
        return cls(*values)


_told: Final = attrgetter(*(column.name for column in fields(HungTicket)))


@dataclass(slots=True)
class ClientPoints:
    """The points of a client over all its records, while tickets are added to them."""

    balance: int
    pending: int
    months: list[Month]
    bonuses: set[tuple[str, str]]
    """Code and period of those that one of its records has."""
    sales: int
    """Sales recorded of it."""
    first_on: date | None
    """Business day of the first of them, in the time zone of sales without a store."""
    is_referred: bool
    """Whether a referral that brought it waits for a purchase."""
    birth_date: str | None
    """As the golden record has it, ISO 8601 or not."""


@dataclass(frozen=True, slots=True)
class TicketsRead:
    """What points need of some tickets, read once their accounts are locked."""

    in_force: InForce
    debts: dict[UUID, int]
    """Of the accounts that are locked; one that is not there yet has none."""
    buyers: Mapping[UUID, tuple[UUID, bool]]
    """The client of each record, and whether it is known."""
    clients: dict[UUID, ClientPoints]
    is_due: bool
    """Whether something is to be settled first: nothing is locked, and nothing else was read."""


_LOCK_AND_READ: Final = "SELECT * FROM lock_and_read_buyers($1, $2, $3, $4, $5)"


async def read_for_tickets(
    session: AsyncSession,
    tickets: Collection[HungTicket],
    *,
    touched: Collection[UUID] = (),
    timezone: str,
    at: datetime,
) -> TicketsRead:
    """Lock the accounts that tickets move points of, and return what decides how many.

    The tickets themselves may not be written yet; those that they return must be. `touched` are
    clients whose records moved. `timezone` is that of sales without a store. Without a programme
    nothing is read. One function of the database and one round trip: what it reads is as it is
    once the locks are held.
    """
    begun, *rows = await fetch(
        session,
        _LOCK_AND_READ,
        list({ticket.record_id for ticket in tickets if ticket.record_id}),
        list({ticket.original_id for ticket in tickets if ticket.original_id}),
        list(touched),
        timezone,
        at,
    )
    return TicketsRead(
        InForce.from_json(from_json(begun["in_force"]) or ()),
        {UUID(record_id): debt for record_id, debt in (from_json(begun["debts"]) or {}).items()},
        {row["record_id"]: (row["client_id"], row["known"]) for row in rows},
        {row["client_id"]: _client_points(row) for row in rows},
        begun["is_due"],
    )


def _client_points(row: Mapping[str, Any]) -> ClientPoints:
    return ClientPoints(
        balance=row["balance"],
        pending=row["pending"],
        months=months_of(row["months"]),
        bonuses={(code, period) for code, period in from_json(row["bonuses"]) or ()},
        sales=row["sales"],
        first_on=row["first_on"],
        is_referred=row["is_referred"],
        birth_date=row["birth_date"],
    )


def months_of(document: Any) -> list[Month]:
    """Return months of earning from their JSON: `[month, points, cents]` each."""
    return [
        Month(date.fromisoformat(month), points, cents)
        for month, points, cents in from_json(document) or ()
    ]


def _json_column(name: str, value: Any) -> Any:
    return from_json(value) if name in {"lines", "payments"} else value


_TO_RECKON: Final = """
    SELECT t.id, t.source, t.ticket_id, t.kind, t.store, t.channel, t.business_date, t.sold_at,
           t.currency, t.total_cents, t.lines, t.payments, t.original_id, t.record_id,
           coalesce(s.timezone, $2) AS timezone
    FROM ticket t LEFT JOIN store s ON s.code = t.store
    WHERE t.id = ANY ($1::uuid[]) AND t.record_id IS NOT NULL
      AND (t.kind <> 'sale' OR t.voided_by IS NULL)
    UNION
    SELECT t.id, t.source, t.ticket_id, t.kind, t.store, t.channel, t.business_date, t.sold_at,
           t.currency, t.total_cents, t.lines, t.payments, t.original_id, t.record_id,
           coalesce(s.timezone, $2) AS timezone
    FROM ticket t LEFT JOIN store s ON s.code = t.store
    WHERE t.original_id = ANY ($3::uuid[]) OR t.original_id IN (
        SELECT back.id FROM ticket back
        WHERE back.original_id = ANY ($3::uuid[]) AND back.kind <> 'void'
    )
"""


async def list_to_reckon(
    session: AsyncSession,
    ticket_ids: Collection[UUID],
    sale_ids: Collection[UUID],
    *,
    timezone: str,
) -> list[HungTicket]:
    """Return recorded tickets that hang on a record, and all that brings back or cancels sales.

    A sale that is cancelled is left out: it earns nothing. `timezone` is that of no store.
    """
    if not ticket_ids and not sale_ids:
        return []
    rows = await fetch(session, _TO_RECKON, list(ticket_ids), timezone, list(sale_ids))
    return [
        HungTicket(**{name: _json_column(name, row[name]) for name in row.keys()})  # noqa: SIM118 - a record iterates over its values
        for row in rows
    ]


_PAID: Final = "SELECT id FROM ticket WHERE source = $1 AND ticket_id = $2"


async def list_back(
    session: AsyncSession, source: str, ticket_id: str, *, timezone: str
) -> list[HungTicket]:
    """Return all that brings back or cancels a ticket that its source calls by an id."""
    rows = await fetch(session, _PAID, source, ticket_id)
    return await list_to_reckon(session, (), [row["id"] for row in rows], timezone=timezone)


# --- what a return or a void takes back ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EntryOf:
    """One entry of a posting, on the side of an account."""

    account_id: UUID
    lot_id: UUID | None
    points: int


@dataclass(frozen=True, slots=True)
class KnownPosting:
    """A posting that later ones correct."""

    id: UUID
    kind: str
    ticket_id: UUID | None
    corrects_id: UUID | None
    programme_version: str | None
    amount_cents: int | None
    exact_points: Decimal | None
    rules: Mapping[str, Any]
    entries: tuple[EntryOf, ...]
    """In the order in which they were made."""
    withdrawn: frozenset[str]
    """Codes of the bonuses that it gave and that are withdrawn; of a referral, an empty one."""


_POSTINGS: Final = """
    WITH first AS (
        SELECT p.ticket_id AS asked_for, p.id
        FROM points_posting p WHERE p.ticket_id = ANY ($1::uuid[])
        UNION
        SELECT t.id, p.id FROM ticket t
        JOIN points_posting p ON (p.paid_source, p.paid_ticket) = (t.source, t.ticket_id)
        WHERE t.id = ANY ($1::uuid[])
    ), wanted AS (
        SELECT asked_for, id FROM first
        UNION
        SELECT asked_for, p.id FROM first JOIN points_posting p ON p.corrects_id = first.id
        UNION
        SELECT asked_for, undone.id FROM first JOIN points_posting p ON p.corrects_id = first.id
        JOIN points_posting undone ON undone.corrects_id = p.id
    )
    SELECT wanted.asked_for, p.id, p.kind, p.ticket_id, p.corrects_id, p.programme_version,
           p.amount_cents, p.exact_points, p.rules,
           (SELECT jsonb_agg(jsonb_build_array(account_id, lot_id, points) ORDER BY number)
            FROM points_entry e WHERE e.posting_id = p.id AND account_id IS NOT NULL),
           CASE p.kind WHEN 'accrual' THEN ARRAY(
               SELECT b.bonus FROM points_bonus b
               WHERE b.posting_id = p.id AND b.withdrawn_by IS NOT NULL AND b.record_id IN (
                   SELECT e.account_id FROM points_entry e
                   WHERE e.posting_id = p.id OR e.posting_id IN (
                       SELECT late.id FROM points_posting late
                       WHERE late.corrects_id = p.id AND late.kind = 'accrual'
                   )
               )
           ) WHEN 'referral' THEN ARRAY(
               SELECT '' FROM referral x
               WHERE x.id = (p.rules ->> 'referral')::uuid AND x.withdrawn_by IS NOT NULL
           ) END
    FROM points_posting p JOIN wanted USING (id)
    ORDER BY p.posted_at, p.id
"""


async def find_postings(session: AsyncSession, ticket_ids: Collection[UUID]) -> list[KnownPosting]:
    """Return the postings of tickets, of what was paid for them, and all that corrects these.

    A bonus that a sale was given later, when its client became known, is a part of its accrual.
    """
    found = {posting.id: posting for _, posting in await _read_postings(session, ticket_ids)}
    return _with_bonuses(list(found.values()))


async def find_postings_by_ticket(
    session: AsyncSession, ticket_ids: Collection[UUID]
) -> dict[UUID, list[KnownPosting]]:
    """Return what `find_postings` does, by the ticket that it was found for."""
    found: dict[UUID, list[KnownPosting]] = {ticket_id: [] for ticket_id in ticket_ids}
    for ticket_id, posting in await _read_postings(session, ticket_ids):
        found[ticket_id].append(posting)
    return {ticket_id: _with_bonuses(postings) for ticket_id, postings in found.items()}


async def _read_postings(
    session: AsyncSession, ticket_ids: Collection[UUID]
) -> list[tuple[UUID, KnownPosting]]:
    """Return postings in the order in which they were made, each with a ticket it is found for."""
    return [
        (
            row[0],
            KnownPosting(
                id=row[1],
                kind=row[2],
                ticket_id=row[3],
                corrects_id=row[4],
                programme_version=row[5],
                amount_cents=row[6],
                exact_points=row[7],
                rules=from_json(row[8]),
                entries=tuple(
                    EntryOf(UUID(account), UUID(lot) if lot else None, points)
                    for account, lot, points in from_json(row[9]) or ()
                ),
                withdrawn=frozenset(row[10] or ()),
            ),
        )
        for row in await fetch(session, _POSTINGS, list(ticket_ids))
    ]


def _with_bonuses(postings: list[KnownPosting]) -> list[KnownPosting]:
    """Return postings, each accrual with what was given later as if it had given that itself."""
    late = [p for p in postings if p.kind == PostingKind.ACCRUAL and p.corrects_id is not None]
    if not late:
        return postings
    return [_with_its_bonuses(p, late) for p in postings if p not in late]


def _with_its_bonuses(posting: KnownPosting, late: Sequence[KnownPosting]) -> KnownPosting:
    """Return an accrual with the bonuses that were given later, as if it had given them itself."""
    own = [one for one in late if one.corrects_id == posting.id]
    if not own:
        return posting
    bonuses = {code: n for p in (posting, *own) for code, n in p.rules["bonuses"].items()}
    entries = (entry for p in (posting, *own) for entry in p.entries)
    return replace(posting, rules={**posting.rules, "bonuses": bonuses}, entries=tuple(entries))


_OF_SALES: Final = """
    WITH asked AS (
        SELECT t.id AS asked_for, CASE WHEN t.kind = 'sale' AND t.total_cents >= 0 THEN t.id
                                       ELSE coalesce(t.original_id, t.id) END AS id
        FROM ticket t WHERE t.id = ANY ($1::uuid[])
    ), back AS (
        SELECT asked.asked_for, t.id FROM ticket t JOIN asked ON t.original_id = asked.id
    ), wanted AS (
        SELECT asked_for, id FROM asked
        UNION SELECT asked_for, id FROM back
        UNION SELECT back.asked_for, t.id FROM ticket t JOIN back ON t.original_id = back.id
              WHERE t.kind = 'void'
    )
    SELECT wanted.asked_for, t.id, t.source, t.ticket_id, t.kind, t.store, t.channel,
           t.business_date, t.sold_at, t.currency, t.total_cents, t.lines, t.payments, t.original_id
    FROM ticket t JOIN wanted USING (id)
    ORDER BY t.sold_at, t.ticket_id, t.id
"""


async def list_of_sales(
    session: AsyncSession, ticket_ids: Collection[UUID]
) -> dict[UUID, list[OriginalTicket]]:
    """Return by ticket: itself, what it refers to, and all that brings back or cancels these."""
    found: dict[UUID, list[OriginalTicket]] = {ticket_id: [] for ticket_id in ticket_ids}
    for row in await fetch(session, _OF_SALES, list(ticket_ids)):
        told = {name: _json_column(name, value) for name, value in row.items()}
        found[told.pop("asked_for")].append(OriginalTicket(**told))
    return found


_BUSINESS_DATES: Final = "SELECT id, business_date FROM ticket WHERE id = ANY ($1::uuid[])"


async def find_business_dates(
    session: AsyncSession, ticket_ids: Collection[UUID]
) -> dict[UUID, date]:
    """Return the business day of each ticket."""
    rows = await fetch(session, _BUSINESS_DATES, list(ticket_ids))
    return {row["id"]: row["business_date"] for row in rows}


_LOT: Final = """
    l.id, l.account_id, l.posting_id, l.earned_at, l.active_from, l.expires_on, l.timezone,
    l.remaining, l.held
"""
_LOTS: Final = f"""
    SELECT {_LOT} FROM points_lot l
    WHERE (l.account_id = ANY ($1::uuid[]) AND l.remaining > 0) OR l.id = ANY ($2::uuid[])
"""  # noqa: S608 - a constant


_LOTS_OF: Final = f"""
    SELECT {_LOT} FROM points_lot l WHERE l.posting_id = ANY ($1::uuid[])
"""  # noqa: S608 - a constant


async def list_lots_of(session: AsyncSession, posting_ids: Collection[UUID]) -> list[Lot]:
    """Return the lots that postings gave, those that nothing is left of as well."""
    return [Lot(*row) for row in await fetch(session, _LOTS_OF, list(posting_ids))]


async def list_lots(
    session: AsyncSession, account_ids: Collection[UUID], *, lot_ids: Collection[UUID] = ()
) -> list[Lot]:
    """Return what is left of the lots of accounts, which the caller has locked.

    Of those with the ids `lot_ids` also when nothing is left.
    """
    return [Lot(*row) for row in await fetch(session, _LOTS, list(account_ids), list(lot_ids))]
