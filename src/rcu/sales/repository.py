"""Queries on stores, tickets, orders, events and totals; set-wise."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Date, Text, Uuid, bindparam, insert, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.sales.facts import Printed
from rcu.sales.models import Event, OrderStep, PurchaseTotal, SalesOrder, Store, Ticket


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


_TICKET = """
    t.id, t.source, t.ticket_id, t.kind, t.content_digest, t.record_id, t.store, t.till,
    t.business_date, t.number, t.channel, t.currency, t.total_cents, t.voided_by, t.link
"""

_BY_ID = text(f"""
    SELECT DISTINCT {_TICKET}
    FROM unnest(:ticket_ids) AS wanted(ticket_id)
    CROSS JOIN source s
    JOIN ticket t ON t.source = s.code AND t.ticket_id = wanted.ticket_id
""").bindparams(bindparam("ticket_ids", type_=ARRAY(Text)))  # noqa: S608 - a constant

_BY_PRINT = text(f"""
    SELECT DISTINCT {_TICKET}
    FROM unnest(:stores, :tills, :days, :numbers) AS wanted(store, till, day, number)
    CROSS JOIN source s
    JOIN ticket t ON t.source = s.code AND t.store = wanted.store AND t.till = wanted.till
        AND t.business_date = wanted.day AND t.number = wanted.number
""").bindparams(  # noqa: S608 - a constant
    bindparam("stores", type_=ARRAY(Text)),
    bindparam("tills", type_=ARRAY(Text)),
    bindparam("days", type_=ARRAY(Date)),
    bindparam("numbers", type_=ARRAY(BigInteger)),
)


async def find_tickets(
    session: AsyncSession,
    *,
    ticket_ids: Collection[str],
    printed: Collection[Printed],
) -> list[KnownTicket]:
    """Return the tickets of any source with one of the ids, or one of the printed numbers."""
    found: dict[UUID, KnownTicket] = {}
    if ticket_ids:
        rows = await session.execute(_BY_ID, {"ticket_ids": sorted(set(ticket_ids))})
        found |= {row.id: KnownTicket(*row) for row in rows}
    if printed:
        stores, tills, days, numbers = (list(column) for column in zip(*printed, strict=True))
        rows = await session.execute(
            _BY_PRINT, {"stores": stores, "tills": tills, "days": days, "numbers": numbers}
        )
        found |= {row.id: KnownTicket(*row) for row in rows}
    return list(found.values())


async def find_timezones(session: AsyncSession, stores: Collection[str]) -> dict[str, str]:
    """Return the time zone of each store that exists among `stores`."""
    if not stores:
        return {}
    rows = await session.execute(
        select(Store.code, Store.timezone).where(_any(Store.code, sorted(stores), Text()))
    )
    return {row.code: row.timezone for row in rows}


_ORDERS = text("""
    SELECT o.id, o.source, o.order_id, o.status, o.record_id
    FROM unnest(:order_ids) AS wanted(order_id)
    JOIN sales_order o USING (order_id)
""").bindparams(bindparam("order_ids", type_=ARRAY(Text)))


async def find_orders(session: AsyncSession, order_ids: Collection[str]) -> list[KnownOrder]:
    """Return the orders of any source with one of the ids."""
    if not order_ids:
        return []
    rows = await session.execute(_ORDERS, {"order_ids": sorted(set(order_ids))})
    return [KnownOrder(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Holding:
    """The client of a record that facts hang on."""

    client_id: UUID
    placement: str
    known: bool
    is_profile: bool


_HOLDINGS = text("""
    SELECT r.id, r.client_id, r.placement, c.known, r.kind = 'profile' AS is_profile
    FROM unnest(:record_ids) AS wanted(id)
    JOIN source_record r USING (id)
    JOIN client c ON c.id = r.client_id
""").bindparams(bindparam("record_ids", type_=ARRAY(Uuid)))


async def find_holdings(session: AsyncSession, record_ids: Collection[UUID]) -> dict[UUID, Holding]:
    """Return the client of each record."""
    if not record_ids:
        return {}
    rows = await session.execute(_HOLDINGS, {"record_ids": sorted(record_ids)})
    return {
        row.id: Holding(row.client_id, row.placement, row.known, row.is_profile) for row in rows
    }


def _any(column: Any, values: Sequence[Any], of: Any) -> Any:
    return column == bindparam(None, list(values), type_=ARRAY(of)).any_()


# --- writing ------------------------------------------------------------------------------------


async def add_tickets(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert tickets."""
    if rows:
        await session.execute(insert(Ticket), list(rows))


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


async def add_to_totals(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add tickets to the totals of the records they hang on; rows come sorted by their key."""
    if not rows:
        return
    statement = upsert(PurchaseTotal)
    added = statement.excluded
    held = PurchaseTotal
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[held.record_id, held.channel, held.store, held.currency],
            set_={
                "sales": held.sales + added.sales,
                "returns": held.returns + added.returns,
                "amount_cents": held.amount_cents + added.amount_cents,
                "first_at": text("least(purchase_total.first_at, excluded.first_at)"),
                "last_at": text("greatest(purchase_total.last_at, excluded.last_at)"),
            },
        ),
        list(rows),
    )


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


async def refresh_purchase_dates(session: AsyncSession, record_ids: Collection[UUID]) -> None:
    """Find the first and last purchase of records anew: a sale of theirs was cancelled."""
    if record_ids:
        await session.execute(_PURCHASE_DATES, {"record_ids": sorted(record_ids)})
