"""Crediting tickets anew: their order names its sellers later, or others, or they have an original.

What staff are credited with is a function of the messages, not of their order: a ticket that came
before its order ends with the same credits as one that came after it, and so do its returns.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import columns, fetch, to_json
from rcu.sales.clauses import ITS_ORDER
from rcu.sales.credits import Credit, credits_of
from rcu.sales.rehanging import lock_tickets
from rcu.sales.repository import KnownOrder

_OF_ORDER: Final = """
    SELECT t.id FROM ticket t
    WHERE t.order_id = $1 AND (t.source = $2 OR NOT EXISTS (
        SELECT FROM sales_order other WHERE other.order_id = $1 AND other.source <> $2
    ))
"""
# With all that brings the tickets back or cancels them, each after what it refers to. The sellers
# are those of the order that a ticket finds by itself, as when it comes.
_WITH_WHAT_FOLLOWS: Final = f"""
    WITH RECURSIVE concerned (id, depth) AS (
        SELECT id, 0 FROM unnest($1::uuid[]) AS id
        UNION
        SELECT t.id, depth + 1 FROM concerned JOIN ticket t ON t.original_id = concerned.id
    )
    SELECT t.id, t.kind, t.cashier, t.order_id IS NOT NULL AS is_of_order, t.credits,
           t.original_id, sold.credits AS original_credits, its_order.sellers
    FROM (SELECT id, max(depth) AS depth FROM concerned GROUP BY id) found
    JOIN ticket t USING (id)
    LEFT JOIN ticket sold ON sold.id = t.original_id
    {ITS_ORDER}
    ORDER BY found.depth, t.id
"""  # noqa: S608 - a constant
_CREDIT: Final = """
    UPDATE ticket t SET credits = new.credits
    FROM unnest($1::uuid[], $2::jsonb[]) AS new (id, credits)
    WHERE t.id = new.id
"""


async def credit_order(session: AsyncSession, order: KnownOrder) -> dict[UUID, list[Credit]]:
    """Credit the tickets of an order, and what brings them back, by the sellers it has by now.

    Return what has changed. The caller holds the order; the tickets are locked here.
    """
    rows = await fetch(session, _OF_ORDER, order.order_id, order.source)
    ticket_ids = [row["id"] for row in rows]
    if not ticket_ids:
        return {}
    await lock_tickets(session, ticket_ids)
    return await credit_anew(session, ticket_ids)


async def credit_anew(
    session: AsyncSession, ticket_ids: Collection[UUID]
) -> dict[UUID, list[Credit]]:
    """Credit tickets that are locked, and what brings them back; return what has changed."""
    changed: dict[UUID, list[Credit]] = {}
    for row in await fetch(session, _WITH_WHAT_FOLLOWS, sorted(ticket_ids)):
        before: list[Credit] = row["credits"]
        credited = credits_of(
            kind=row["kind"],
            sellers=[credit for credit in before if credit["rule"] == "named"],
            cashier=row["cashier"],
            order_sellers=row["sellers"] or (),
            is_of_order=row["is_of_order"],
            original_credits=changed.get(row["original_id"], row["original_credits"] or []),
        )
        if credited != before:
            changed[row["id"]] = credited
    if changed:
        told = [(id_, to_json(credited)) for id_, credited in changed.items()]
        await fetch(session, _CREDIT, *columns(told))
    return changed
