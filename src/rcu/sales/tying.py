"""Returns that name no sale, and the sale that they bring back.

A till that takes back a web order often knows nothing but its number. Where the order has one sale,
the return brings that back as if it named it, in whatever order the two come; where it has several,
nobody can tell which. What names such a return goes with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.locks import lock_key, lock_until_commit
from rcu.db.statements import columns, fetch
from rcu.identity.placing import NAMING
from rcu.sales import repository
from rcu.sales.clauses import names_nobody
from rcu.sales.crediting import credit_anew
from rcu.sales.facts import NewTicket, names_of_ticket
from rcu.sales.recording import Recording
from rcu.sales.references import References
from rcu.sales.rehanging import ORIGINAL, Rehang, lock_tickets, rehang
from rcu.sales.repository import KnownTicket

MOST: Final = 1000
"""Returns without a sale that one sale of their order is looked for."""

# One that names a person, or that a person has decided on, keeps what it hangs on.
_WAITING: Final = f"""
    SELECT t.id, named.source, named.order_id,
           t.link IN ('order', 'original', 'none') OR {names_nobody("t.link", "$2")} AS may_follow
    FROM ticket named
    CROSS JOIN LATERAL (
        SELECT named.id UNION ALL
        SELECT b.id FROM ticket b WHERE b.original_id = named.id AND b.kind <> 'void'
    ) back
    JOIN ticket t ON t.id = back.id
    LEFT JOIN source_record r ON r.id = t.record_id
    WHERE named.order_id = ANY ($1::text[]) AND named.kind = 'return' AND named.original_id IS NULL
    ORDER BY t.sold_at, t.id LIMIT $3
"""  # noqa: S608 - a constant
_TIE: Final = """
    UPDATE ticket t SET original_id = tied.original_id
    FROM unnest($1::uuid[], $2::uuid[]) AS tied (id, original_id)
    WHERE t.id = tied.id
"""


async def tie_returns(recording: Recording, order_ids: Collection[str], refs: References) -> None:
    """Let returns that came before the sale of their order bring it back: `{return: sale}`.

    To be called once new sales of the orders are among what the recording writes. One round trip
    when no return waits. The points that they move follow (`Recording.tied`).
    """
    session = recording.session
    asked = (sorted(order_ids), sorted(NAMING), MOST)
    waiting = await fetch(session, _WAITING, *asked) if order_ids else ()
    if not waiting:
        return
    await recording.writes.send()
    await lock_tickets(session, [row["id"] for row in waiting])
    # As they are now that nobody can void or move them.
    waiting = await fetch(session, _WAITING, *asked)
    for ticket in await repository.find_sales_of_orders(session, order_ids):
        refs.know_ticket(ticket)
    tied: dict[UUID, KnownTicket] = {}
    for row in waiting:
        sold = refs.sale_of_order(row["source"], row["order_id"])
        if sold is not None:
            tied[row["id"]] = sold
    if not tied:
        return
    await fetch(session, _TIE, *columns([(id_, sold.id) for id_, sold in tied.items()]))
    refs.know_credits(await credit_anew(session, tied))
    followers = {row["id"] for row in waiting if row["may_follow"]}
    recording.rehung += await rehang(
        session,
        [
            Rehang(id_, ORIGINAL, sold.record_id, {"original_id": str(sold.id)})
            for id_, sold in tied.items()
            if id_ in followers and sold.record_id is not None
        ],
        actor=recording.cause.actor,
        at=recording.at,
    )
    recording.tied |= {id_: sold.id for id_, sold in tied.items()}


async def find_returned_sales(
    session: AsyncSession, tickets: Iterable[NewTicket], refs: References
) -> None:
    """Let the references know the sales of returns that name none.

    That is of those that name an order, and of those that name what brought goods back itself. The
    sales are locked by their names: from now on such a return refers to one as if it named it. No
    round trip without such a return.
    """
    tickets = list(tickets)
    order_ids = {t.returned_order for t in tickets if t.returned_order is not None}
    named = (refs.original(t, t.original) for t in tickets if t.original and t.kind != "void")
    named_ids = {one.id for one in named if one and one.brings_back and one.original_id}
    sold = await _find_sold(session, order_ids, named_ids)
    if not sold:
        return
    keys = {key for one in sold for key in names_of_ticket(one.ticket_id, one.printed)}
    await lock_until_commit(session, {lock_key(key) for key in keys})
    for ticket in await _find_sold(session, order_ids, named_ids):
        refs.know_ticket(ticket)


async def _find_sold(
    session: AsyncSession, order_ids: Collection[str], ticket_ids: Collection[UUID]
) -> list[KnownTicket]:
    """Return the sales of orders, and all that tickets refer to, with these themselves."""
    sold = await repository.find_sales_of_orders(session, order_ids) if order_ids else []
    return sold + (await repository.find_referred_to(session, ticket_ids) if ticket_ids else [])
