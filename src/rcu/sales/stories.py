"""One ticket, one order, told whole: whose each is, how that changed, and what belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import fetch
from rcu.sales.attachments import METHOD_SQL
from rcu.sales.credits import credited_amounts

REASON_SQL: Final = """
    CASE WHEN c.known THEN NULL
         WHEN t.kind = 'void' THEN NULL
         WHEN t.link = 'detached' THEN 'detached'
         WHEN t.sale_reason IN ('mistyped', 'unreadable') THEN t.sale_reason
         WHEN r.placement IN ('ambiguous', 'shared') THEN r.placement
         WHEN t.sale_reason IN ('ambiguous', 'shared') THEN 'unknown'
         ELSE coalesce(t.sale_reason, 'unknown') END
"""
"""Why a ticket `t`, of record `r` and client `c`, is attached to nobody now.

What was given and is held by several is judged by today; that nothing, or nothing that can be read,
was given stays as it was.
"""

_TICKET = f"""
    SELECT t.id, t.source, t.ticket_id, t.kind, t.store, t.till, t.number, t.business_date,
           t.sold_at, t.received_at, t.channel, t.currency, t.total_cents, t.order_id,
           t.fulfilment, t.original_id, t.voided_by, t.credits, t.link,
           CASE WHEN c.known THEN c.id END AS client_id, {METHOD_SQL} AS method,
           {REASON_SQL} AS reason, t.sale_client_id, t.sale_method, t.sale_reason,
           coalesce((
               SELECT json_agg(told ORDER BY told.at, told.id) FROM (
                   SELECT l.id, l.made_at AS at, 'ticket' AS moved, l.link AS by, l.actor,
                          l.reason, gone.client_id
                   FROM ticket_link_change l
                   LEFT JOIN source_record gone ON gone.id = l.record_id
                   WHERE l.ticket_id = t.id
                   UNION ALL
                   SELECT p.id, p.made_at, 'record', p.placement, p.actor, NULL, p.client_id
                   FROM placement_change p
                   WHERE p.record_id = t.record_id AND p.made_at > t.received_at
               ) told
           ), '[]') AS changes
    FROM ticket t
    LEFT JOIN source_record r ON r.id = t.record_id
    LEFT JOIN client c ON c.id = r.client_id
    WHERE t.id = $1
"""  # noqa: S608 - constants


async def find_ticket(session: AsyncSession, ticket_id: UUID) -> dict[str, Any] | None:
    """Return a ticket with its attachment now, at its sale, and each change between; or None."""
    for row in await fetch(session, _TICKET, ticket_id):
        told = dict(row)
        return told | {
            "credits": [
                part._asdict() for part in credited_amounts(told["total_cents"], told["credits"])
            ],
            "attachment": _attachment(told, ""),
            "at_sale": _attachment(told, "sale_"),
        }
    return None


def _attachment(told: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {name: told[prefix + name] for name in ("client_id", "method", "reason")}


_ORDERS = """
    SELECT o.id FROM sales_order o
    WHERE o.order_id = $1 AND ($2::text IS NULL OR o.source = $2)
    ORDER BY o.id LIMIT 20
"""


async def find_orders(session: AsyncSession, *, order_id: str, source: str | None) -> list[UUID]:
    """Return the orders that a source, or any, calls by an id."""
    return [row["id"] for row in await fetch(session, _ORDERS, order_id, source)]


_ORDER = """
    SELECT o.id, o.source, o.order_id, o.status, o.placed_at, o.changed_at, o.channel, o.store,
           o.fulfilment, o.currency, o.total_cents, o.sellers,
           CASE WHEN c.known THEN c.id END AS client_id,
           CASE WHEN NOT c.known THEN NULL WHEN r.kind = 'profile' THEN 'own_record'
                ELSE r.placement END AS method,
           coalesce((
               SELECT json_agg(step ORDER BY step.at, step.id) FROM (
                   SELECT s.id, s.occurred_at AS at, s.status, s.stated ->> 'store' AS store
                   FROM order_step s WHERE s.order_id = o.id
               ) step
           ), '[]') AS steps
    FROM sales_order o
    LEFT JOIN source_record r ON r.id = o.record_id
    LEFT JOIN client c ON c.id = r.client_id
    WHERE o.id = $1
"""

# The tickets that name the order, and what brings those back or cancels them, in any channel and
# store. A ticket of another source belongs to the only order of that name, as when it came.
_TICKETS_OF_ORDER = f"""
    WITH named AS (
        SELECT t.id FROM ticket t
        WHERE t.order_id = $1 AND (t.source = $2 OR NOT EXISTS (
            SELECT FROM sales_order other WHERE other.order_id = $1 AND other.source <> $2
        ))
    )
    SELECT t.id, t.source, t.ticket_id, t.kind, t.store, t.channel, t.fulfilment, t.sold_at AS at,
           t.currency, t.total_cents, t.voided_by IS NOT NULL AS voided, t.original_id,
           CASE WHEN c.known THEN c.id END AS client_id, {METHOD_SQL} AS method
    FROM ticket t
    LEFT JOIN source_record r ON r.id = t.record_id
    LEFT JOIN client c ON c.id = r.client_id
    WHERE t.id IN (SELECT id FROM named) OR t.original_id IN (SELECT id FROM named)
    ORDER BY t.sold_at, t.id
    LIMIT 200
"""  # noqa: S608 - a constant


@dataclass(frozen=True, slots=True)
class OrderStory:
    """An order, its steps, and every ticket of it."""

    order: dict[str, Any]
    tickets: list[dict[str, Any]]

    @property
    def sold_cents(self) -> int:
        """The sales of the order that are not cancelled."""
        return self._sum("sale")

    @property
    def returned_cents(self) -> int:
        """What came back, as a negative amount."""
        return self._sum("return")

    def _sum(self, kind: str) -> int:
        return sum(
            ticket["total_cents"]
            for ticket in self.tickets
            if ticket["kind"] == kind
            and not ticket["voided"]
            and ticket["currency"] == self.order["currency"]
        )


async def find_order(session: AsyncSession, order_id: UUID) -> OrderStory | None:
    """Return the story of an order over channels and stores, or None."""
    for row in await fetch(session, _ORDER, order_id):
        tickets = await fetch(session, _TICKETS_OF_ORDER, row["order_id"], row["source"])
        return OrderStory(dict(row), [dict(ticket) for ticket in tickets])
    return None
