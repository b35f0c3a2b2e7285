"""Queries on stores, tickets, orders, events and totals; set-wise."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Text, Uuid, bindparam, insert, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import columns, fetch
from rcu.db.writes import Write, Writes
from rcu.sales.facts import Printed
from rcu.sales.models import Event, OrderStep, SalesOrder, Ticket


@dataclass(frozen=True, slots=True)
class KnownTicket:
    """What later facts need of a recorded ticket."""

    id: UUID
    source: str
    ticket_id: str
    kind: str
    digest: bytes
    record_id: UUID | None
    store: str | None
    till: str | None
    business_date: date
    number: int | None
    channel: str
    currency: str
    total_cents: int
    voided_by: UUID | None
    link: str
    credits: Sequence[Mapping[str, Any]] = ()
    order_id: str | None = None
    original_id: UUID | None = None

    @property
    def brings_back(self) -> bool:
        """Whether goods came back by it, all in all, or a ticket was cancelled."""
        return self.kind != "sale" or self.total_cents < 0

    @property
    def printed(self) -> Printed | None:
        """What is printed on the ticket, if it came from a till."""
        if self.store is None or self.till is None or self.number is None:
            return None
        return self.store, self.till, self.business_date, self.number


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """What later steps need of an order."""

    id: UUID
    source: str
    order_id: str
    status: str
    record_id: UUID | None
    sellers: Sequence[Mapping[str, Any]] = ()


_TICKET = """
    t.id, t.source, t.ticket_id, t.kind, t.content_digest, t.record_id, t.store, t.till,
    t.business_date, t.number, t.channel, t.currency, t.total_cents, t.voided_by, t.link,
    t.credits, t.order_id, t.original_id
"""

# Joined to the few sources, so that the indexes that begin with the source serve.
_FIND_TICKETS = f"""
    SELECT {_TICKET}
    FROM unnest($1::text[]) AS wanted (ticket_id)
    CROSS JOIN source s
    JOIN ticket t ON t.source = s.code AND t.ticket_id = wanted.ticket_id
    UNION ALL
    SELECT {_TICKET}
    FROM unnest($2::text[], $3::text[], $4::date[], $5::bigint[])
        AS wanted (store, till, day, number)
    CROSS JOIN source s
    JOIN ticket t ON t.source = s.code AND t.store = wanted.store AND t.till = wanted.till
        AND t.business_date = wanted.day AND t.number = wanted.number
"""  # noqa: S608 - a constant


async def find_tickets(
    session: AsyncSession,
    *,
    ticket_ids: Collection[str],
    printed: Collection[Printed],
) -> list[KnownTicket]:
    """Return the tickets of any source with one of the ids, or one of the printed numbers."""
    numbers = columns(printed) if printed else [[], [], [], []]
    rows = await fetch(session, _FIND_TICKETS, sorted(set(ticket_ids)), *numbers)
    # A ticket that is found both ways comes twice.
    return list({row["id"]: KnownTicket(*row) for row in rows}.values())


# Of an order with more sales nobody can tell which is brought back.
_SALES_OF_ORDERS = f"""
    SELECT {_TICKET}
    FROM unnest($1::text[]) AS wanted (order_id)
    CROSS JOIN LATERAL (
        SELECT * FROM ticket sold
        WHERE sold.order_id = wanted.order_id AND sold.kind = 'sale' LIMIT 50
    ) t
"""  # noqa: S608 - a constant


async def find_sales_of_orders(
    session: AsyncSession, order_ids: Collection[str]
) -> list[KnownTicket]:
    """Return the sales of orders, whatever source has named these; fifty of each at most."""
    return [KnownTicket(*row) for row in await fetch(session, _SALES_OF_ORDERS, sorted(order_ids))]


_REFERRED_TO = f"""
    WITH RECURSIVE named (id, original_id) AS (
        SELECT id, original_id FROM ticket WHERE id = ANY ($1::uuid[])
        UNION
        SELECT t.id, t.original_id FROM named JOIN ticket t ON t.id = named.original_id
    )
    SELECT {_TICKET} FROM named JOIN ticket t USING (id)
"""  # noqa: S608 - a constant


async def find_referred_to(
    session: AsyncSession, ticket_ids: Collection[UUID]
) -> list[KnownTicket]:
    """Return tickets, with those that they refer to, and that these refer to in turn."""
    return [KnownTicket(*row) for row in await fetch(session, _REFERRED_TO, sorted(ticket_ids))]


_TIMEZONES = "SELECT code, timezone FROM store WHERE code = ANY ($1::text[])"


async def find_timezones(session: AsyncSession, stores: Collection[str]) -> dict[str, str]:
    """Return the time zone of each store that exists among `stores`."""
    if not stores:
        return {}
    return dict(await fetch(session, _TIMEZONES, list(stores)))


_ORDERS = text("""
    SELECT o.id, o.source, o.order_id, o.status, o.record_id, o.sellers
    FROM unnest(:order_ids) AS wanted(order_id)
    JOIN sales_order o USING (order_id)
""").bindparams(bindparam("order_ids", type_=ARRAY(Text)))


async def find_orders(session: AsyncSession, order_ids: Collection[str]) -> list[KnownOrder]:
    """Return the orders of any source with one of the ids."""
    if not order_ids:
        return []
    rows = await session.execute(_ORDERS, {"order_ids": sorted(set(order_ids))})
    return [KnownOrder(*row) for row in rows]


def _any(column: Any, values: Sequence[Any], of: Any) -> Any:
    return column == bindparam(None, list(values), type_=ARRAY(of)).any_()


# --- writing ------------------------------------------------------------------------------------


class TicketRow(NamedTuple):
    """A ticket to insert. `lines`, `payments`, `presented` and `credits` are JSON text."""

    id: UUID
    source: str
    ticket_id: str
    message_id: str
    content_digest: bytes
    kind: str
    store: str | None
    till: str | None
    number: int | None
    business_date: date
    sold_at: datetime
    channel: str
    currency: str
    total_cents: int
    lines: str
    payments: str
    cashier: str | None
    order_id: str | None
    fulfilment: str | None
    original_id: UUID | None
    presented: str | None
    record_id: UUID | None
    link: str
    sale_client_id: UUID | None
    sale_method: str | None
    sale_reason: str | None
    credits: str


_ADD_TICKETS = Write(
    f"""
    new_ticket AS (
        INSERT INTO ticket ({", ".join(TicketRow._fields)}, received_at)
        SELECT *, $2 FROM unnest($1::new_ticket[])
    )
    """  # noqa: S608 - names of this module
)


async def add_tickets(writes: Writes, tickets: Sequence[TicketRow], *, at: datetime) -> None:
    """Insert tickets, when `writes` is sent."""
    if tickets:
        await writes.add(_ADD_TICKETS, tickets, at)


async def void_tickets(session: AsyncSession, voids: Mapping[UUID, UUID]) -> None:
    """Mark tickets as cancelled: `{ticket: the void that cancelled it}`."""
    for ticket_id, void_id in sorted(voids.items()):
        await session.execute(
            update(Ticket).where(Ticket.id == ticket_id).values(voided_by=void_id)
        )


async def add_orders(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert orders."""
    if rows:
        await session.execute(insert(SalesOrder), list(rows))


async def add_order_steps(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append steps to the life of orders."""
    if rows:
        await session.execute(insert(OrderStep), list(rows))


async def list_order_steps(
    session: AsyncSession, order_ids: Collection[UUID]
) -> dict[UUID, list[OrderStep]]:
    """Return the steps of each order."""
    found: dict[UUID, list[OrderStep]] = {order_id: [] for order_id in order_ids}
    steps = await session.scalars(
        select(OrderStep).where(_any(OrderStep.order_id, sorted(order_ids), Uuid()))
    )
    for step in steps:
        found[step.order_id].append(step)
    return found


async def update_order(session: AsyncSession, order_id: UUID, values: Mapping[str, Any]) -> None:
    """Change an order to `values`."""
    await session.execute(update(SalesOrder).where(SalesOrder.id == order_id).values(**values))


async def add_events(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert events."""
    if rows:
        await session.execute(insert(Event), list(rows))


class TotalRow(NamedTuple):
    """What tickets add to the total of a record; `first_at` and `last_at` are of sales."""

    record_id: UUID
    channel: str
    store: str
    currency: str
    sales: int
    returns: int
    amount_cents: int
    first_at: datetime | None
    last_at: datetime | None


_ADD_TO_TOTALS = Write(
    f"""
    new_total AS (
        INSERT INTO purchase_total AS held ({", ".join(TotalRow._fields)})
        SELECT * FROM unnest($1::new_purchase[])
        ON CONFLICT (record_id, channel, store, currency) DO UPDATE
        SET sales = held.sales + excluded.sales,
            returns = held.returns + excluded.returns,
            amount_cents = held.amount_cents + excluded.amount_cents,
            first_at = least(held.first_at, excluded.first_at),
            last_at = greatest(held.last_at, excluded.last_at)
    )
    """  # noqa: S608 - names of this module
)


async def add_to_totals(writes: Writes, totals: Sequence[TotalRow]) -> None:
    """Add tickets to the totals of the records they hang on, when `writes` is sent.

    They come sorted by their key.
    """
    if totals:
        await writes.add(_ADD_TO_TOTALS, totals)


_PURCHASE_DATES = text("""
    UPDATE purchase_total p
    SET first_at = bought.first_at, last_at = bought.last_at
    FROM (
        SELECT total.record_id, total.channel, total.store, total.currency,
               min(t.sold_at) AS first_at, max(t.sold_at) AS last_at
        FROM purchase_total total
        LEFT JOIN ticket t ON t.record_id = total.record_id AND t.channel = total.channel
            AND coalesce(t.store, '') = total.store AND t.currency = total.currency
            AND t.kind = 'sale' AND t.voided_by IS NULL
        WHERE total.record_id = ANY(:record_ids)
        GROUP BY total.record_id, total.channel, total.store, total.currency
    ) AS bought
    WHERE (p.record_id, p.channel, p.store, p.currency)
        = (bought.record_id, bought.channel, bought.store, bought.currency)
""").bindparams(bindparam("record_ids", type_=ARRAY(Uuid)))


_LOCK_TOTALS = """
    SELECT 1 FROM purchase_total WHERE record_id = ANY ($1::uuid[])
    ORDER BY record_id, channel, store, currency FOR UPDATE
"""


async def refresh_purchase_dates(session: AsyncSession, record_ids: Collection[UUID]) -> None:
    """Find the first and last purchase of records anew: a sale of theirs was cancelled.

    The totals are locked first: a sale that is being added to one of them would not be seen.
    """
    if record_ids:
        await fetch(session, _LOCK_TOTALS, sorted(record_ids))
        await session.execute(_PURCHASE_DATES, {"record_ids": sorted(record_ids)})
