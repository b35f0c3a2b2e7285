"""Queries on points that tickets need; set-wise, each one round trip."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import fetch
from rcu.loyalty.lots import Lot
from rcu.loyalty.programmes import InForce
from rcu.loyalty.tiers import Month

# Locked in one order by everybody, those of a client or of many tickets: nobody waits in a circle.
# NO KEY UPDATE, since the entries of others refer to the account meanwhile. What is given once to a
# client is decided by one transaction at a time (`lock_points_turn`): two of its records may not
# have an account to lock yet.
_LOCK_FOR_TICKETS: Final = """
    WITH buyer AS MATERIALIZED (
        SELECT DISTINCT r.client_id
        FROM ticket t JOIN source_record r ON r.id = t.record_id WHERE t.id = ANY ($1::uuid[])
    ), awaited AS MATERIALIZED (
        SELECT x.referred_id, x.referrer_id, brought.client_id
        FROM buyer JOIN source_record r USING (client_id)
        JOIN referral x ON x.referred_id = r.id AND x.status = 'pending'
        JOIN source_record brought ON brought.id = x.referrer_id
    ), turn AS MATERIALIZED (
        SELECT lock_points_turn(array_agg(client_id)) FROM (
            SELECT client_id FROM buyer UNION SELECT client_id FROM awaited
        ) one
        HAVING EXISTS (SELECT FROM programme_activation)
    ), wanted AS (
        SELECT t.record_id FROM ticket t WHERE t.id = ANY ($1::uuid[])
        UNION
        SELECT referred_id FROM awaited
        UNION
        SELECT referrer_id FROM awaited
        UNION
        SELECT e.account_id
        FROM ticket t
        JOIN points_posting p ON p.ticket_id = t.original_id
        JOIN points_entry e ON e.posting_id = p.id
        WHERE t.id = ANY ($1::uuid[])
        UNION
        SELECT e.account_id
        FROM ticket t
        JOIN ticket sold ON sold.id = t.original_id
        JOIN points_posting p ON (p.paid_source, p.paid_ticket) = (sold.source, sold.ticket_id)
        JOIN points_entry e ON e.posting_id = p.id
        WHERE t.id = ANY ($1::uuid[])
    ), locked AS MATERIALIZED (
        SELECT a.record_id, a.debt FROM points_account a
        WHERE a.record_id IN (SELECT record_id FROM wanted)
          AND EXISTS (SELECT FROM turn)
        ORDER BY a.record_id
        FOR NO KEY UPDATE OF a
    )
    SELECT
        (SELECT jsonb_agg(jsonb_build_array(effective_on, version) ORDER BY id)
         FROM programme_activation),
        (SELECT jsonb_object_agg(record_id, debt) FROM locked)
"""


async def lock_for_tickets(
    session: AsyncSession, ticket_ids: Collection[UUID]
) -> tuple[InForce, dict[UUID, int]]:
    """Lock the accounts that tickets move points of; return what is in force, and the debts.

    An account that is not there yet has no debt, and is opened by the first posting.
    """
    [(activations, debts)] = await fetch(session, _LOCK_FOR_TICKETS, list(ticket_ids))
    in_force = InForce(
        tuple((date.fromisoformat(start), version) for start, version in _json(activations) or ())
    )
    return in_force, {UUID(record_id): debt for record_id, debt in (_json(debts) or {}).items()}


def _json(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str | bytes) else value


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


@dataclass(frozen=True, slots=True)
class TicketFact(OriginalTicket):
    """What points need of a recorded ticket."""

    record_id: UUID
    client_id: UUID
    known: bool
    timezone: str


@dataclass(slots=True)
class ClientPoints:
    """The points of a client over all its records, while tickets are added to them."""

    balance: int
    pending: int
    months: list[Month]
    bonuses: set[tuple[str, str]]
    """Code and period of those that one of its records has."""
    sales: int
    """Sales recorded of it, those of this transaction included."""
    first_on: date | None
    """Business day of the first of them, in the time zone of sales without a store."""
    is_referred: bool
    """Whether a referral that brought it waits for a purchase."""
    birth_date: str | None
    """As the golden record has it, ISO 8601 or not."""


_TICKETS: Final = """
    WITH fact AS MATERIALIZED (
        SELECT t.id, t.source, t.ticket_id, t.kind, t.store, t.channel, t.business_date, t.sold_at,
               t.currency, t.total_cents, t.lines, t.payments, t.original_id, t.record_id,
               r.client_id, c.known, coalesce(s.timezone, $2) AS timezone
        FROM ticket t
        JOIN source_record r ON r.id = t.record_id
        JOIN client c ON c.id = r.client_id
        LEFT JOIN store s ON s.code = t.store
        WHERE t.id = ANY ($1::uuid[])
    ), member AS MATERIALIZED (
        SELECT r.client_id, r.id AS record_id
        FROM (SELECT DISTINCT client_id FROM fact) f JOIN source_record r USING (client_id)
    ), account AS (
        SELECT client_id, sum(balance)::bigint AS balance
        FROM member JOIN points_account USING (record_id) GROUP BY 1
    ), waiting AS (
        SELECT client_id, sum(remaining)::bigint AS pending
        FROM member m JOIN points_lot l ON l.account_id = m.record_id AND l.remaining > 0
        WHERE l.active_from > ($3::timestamptz AT TIME ZONE l.timezone)::date GROUP BY 1
    ), month AS (
        SELECT client_id, jsonb_agg(jsonb_build_array(month, points, amount_cents)) AS months
        FROM member JOIN points_month USING (record_id) GROUP BY 1
    ), bonus AS (
        SELECT client_id, jsonb_agg(jsonb_build_array(bonus, period)) AS bonuses
        FROM member JOIN points_bonus USING (record_id) GROUP BY 1
    ), bought AS (
        SELECT client_id, sum(sales)::bigint AS sales,
               (min(first_at) AT TIME ZONE $2)::date AS first_on
        FROM member JOIN purchase_total USING (record_id) GROUP BY 1
    )
    SELECT fact.*, coalesce(balance, 0), coalesce(pending, 0), months, bonuses, coalesce(sales, 0),
           first_on,
           EXISTS (
               SELECT FROM member m JOIN referral x ON x.referred_id = m.record_id
               WHERE m.client_id = fact.client_id AND x.status = 'pending'
           ),
           g.golden -> 'birth_date' ->> 'value'
    FROM fact
    LEFT JOIN account USING (client_id)
    LEFT JOIN waiting USING (client_id)
    LEFT JOIN month USING (client_id)
    LEFT JOIN bonus USING (client_id)
    LEFT JOIN bought USING (client_id)
    LEFT JOIN golden_record g USING (client_id)
    ORDER BY fact.sold_at, fact.ticket_id, fact.id
"""

_FACT_COLUMNS: Final = tuple(column.name for column in fields(TicketFact))


async def find_tickets(
    session: AsyncSession, ticket_ids: Collection[UUID], *, timezone: str, at: datetime
) -> tuple[list[TicketFact], dict[UUID, ClientPoints]]:
    """Return tickets that hang on a record, in the order of their sale, and their clients.

    `timezone` is that of sales without a store.
    """
    rows = await fetch(session, _TICKETS, list(ticket_ids), timezone, at)
    facts, clients = [], dict[UUID, ClientPoints]()
    for row in rows:
        fact = TicketFact(**{name: _json_column(name, row[name]) for name in _FACT_COLUMNS})
        facts.append(fact)
        balance, pending, months, bonuses, sales, *rest = tuple(row)[len(_FACT_COLUMNS) :]
        first_on, is_referred, birth_date = rest
        clients[fact.client_id] = ClientPoints(
            balance=balance,
            pending=pending,
            months=months_of(months),
            bonuses={(code, period) for code, period in _json(bonuses) or ()},
            sales=sales,
            first_on=first_on,
            is_referred=is_referred,
            birth_date=birth_date,
        )
    return facts, clients


def months_of(document: Any) -> list[Month]:
    """Return months of earning from their JSON: `[month, points, cents]` each."""
    return [
        Month(date.fromisoformat(month), points, cents)
        for month, points, cents in _json(document) or ()
    ]


def _json_column(name: str, value: Any) -> Any:
    return _json(value) if name in {"lines", "payments"} else value


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


_POSTINGS: Final = """
    WITH first AS (
        SELECT p.id FROM points_posting p WHERE p.ticket_id = ANY ($1::uuid[])
        UNION
        SELECT p.id FROM ticket t
        JOIN points_posting p ON (p.paid_source, p.paid_ticket) = (t.source, t.ticket_id)
        WHERE t.id = ANY ($1::uuid[])
    ), wanted AS (
        SELECT id FROM first
        UNION
        SELECT p.id FROM first JOIN points_posting p ON p.corrects_id = first.id
        UNION
        SELECT undone.id FROM first JOIN points_posting p ON p.corrects_id = first.id
        JOIN points_posting undone ON undone.corrects_id = p.id
    )
    SELECT p.id, p.kind, p.ticket_id, p.corrects_id, p.programme_version, p.amount_cents,
           p.exact_points, p.rules,
           (SELECT jsonb_agg(jsonb_build_array(account_id, lot_id, points) ORDER BY number)
            FROM points_entry e WHERE e.posting_id = p.id AND account_id IS NOT NULL)
    FROM points_posting p JOIN wanted USING (id)
    ORDER BY p.posted_at, p.id
"""


async def find_postings(session: AsyncSession, ticket_ids: Collection[UUID]) -> list[KnownPosting]:
    """Return the postings of tickets, of what was paid for them, and all that corrects these."""
    rows = await fetch(session, _POSTINGS, list(ticket_ids))
    return [
        KnownPosting(
            id=row[0],
            kind=row[1],
            ticket_id=row[2],
            corrects_id=row[3],
            programme_version=row[4],
            amount_cents=row[5],
            exact_points=row[6],
            rules=_json(row[7]),
            entries=tuple(
                EntryOf(UUID(account), UUID(lot) if lot else None, points)
                for account, lot, points in _json(row[8]) or ()
            ),
        )
        for row in rows
    ]


_ORIGINALS: Final = """
    SELECT t.id, t.source, t.ticket_id, t.kind, t.store, t.channel, t.business_date, t.sold_at,
           t.currency, t.total_cents, t.lines, t.payments, t.original_id
    FROM ticket t
    WHERE t.id = ANY ($1::uuid[])
       OR t.id IN (SELECT original_id FROM ticket WHERE id = ANY ($1::uuid[]))
"""


async def find_originals(
    session: AsyncSession, ticket_ids: Collection[UUID]
) -> dict[UUID, OriginalTicket]:
    """Return tickets by their ids, and those that they return in turn."""
    rows = await fetch(session, _ORIGINALS, list(ticket_ids))
    return {
        row["id"]: OriginalTicket(**{name: _json_column(name, row[name]) for name in row.keys()})  # noqa: SIM118 - a record iterates over its values
        for row in rows
    }


_LOT: Final = """
    l.id, l.account_id, l.posting_id, l.earned_at, l.active_from, l.expires_on, l.timezone,
    l.remaining, l.held
"""
_LOTS: Final = f"""
    SELECT {_LOT} FROM points_lot l
    WHERE l.account_id = ANY ($1::uuid[]) AND l.remaining > 0
"""  # noqa: S608 - a constant


_LOTS_OF: Final = f"""
    SELECT {_LOT} FROM points_lot l WHERE l.posting_id = ANY ($1::uuid[])
"""  # noqa: S608 - a constant


async def list_lots_of(session: AsyncSession, posting_ids: Collection[UUID]) -> list[Lot]:
    """Return the lots that postings gave, those that nothing is left of as well."""
    return [Lot(*row) for row in await fetch(session, _LOTS_OF, list(posting_ids))]


async def list_lots(session: AsyncSession, account_ids: Collection[UUID]) -> list[Lot]:
    """Return what is left of the lots of accounts, which the caller has locked."""
    return [Lot(*row) for row in await fetch(session, _LOTS, list(account_ids))]
