"""What a steward decides of one ticket: whose it is, that it is nobody's, or as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import fetch
from rcu.identity.errors import AnonymousClientError, ClientNotFoundError
from rcu.identity.placing import NAMING
from rcu.sales.clauses import ITS_ORDER, names_nobody
from rcu.sales.errors import TicketNotFoundError, VoidNotAttachedError
from rcu.sales.facts import waiting_for_order
from rcu.sales.rehanging import (
    DETACHED,
    ORDER,
    ORIGINAL,
    STEWARD,
    Rehang,
    Rehung,
    lock_tickets,
    rehang,
)


@dataclass(frozen=True, slots=True)
class Instruction:
    """Who decides, why, and when."""

    actor: str
    reason: str
    at: datetime


_CLIENT = """
    SELECT c.id, c.known
    FROM source_record asked JOIN client c ON c.id = asked.client_id
    WHERE asked.id = $1
"""


async def attach_ticket(
    session: AsyncSession,
    ticket_id: UUID,
    client_id: UUID,
    by: Instruction,
    *,
    evidence: Mapping[str, str] | None = None,
) -> list[Rehung]:
    """Say that a ticket is a known client's, whatever it carried; nothing later changes that.

    It hangs on the oldest profile of the client, after which the client is named, and goes where
    that record goes.
    """
    await _hold(session, ticket_id)
    rows = await fetch(session, _CLIENT, client_id)
    if not rows:
        raise ClientNotFoundError(client_id)
    [(current_id, is_known)] = rows
    if not is_known:
        raise AnonymousClientError(current_id)
    change = Rehang(ticket_id, STEWARD, current_id, evidence or {})
    return await rehang(session, [change], actor=by.actor, at=by.at, reason=by.reason)


async def detach_ticket(session: AsyncSession, ticket_id: UUID, by: Instruction) -> list[Rehung]:
    """Say that a ticket is nobody's that is known: nothing it carries attaches it from now on."""
    await _hold(session, ticket_id)
    change = Rehang(ticket_id, DETACHED, None)
    return await rehang(session, [change], actor=by.actor, at=by.at, reason=by.reason)


# Only a ticket that was hung elsewhere can be restored. What it hung on when it was received says
# what it carried; what it refers to is read as it is now, its order as a new ticket finds it.
_BY_ITSELF = f"""
    SELECT first.old_link, first.old_record_id,
           first.old_link = 'identifiers' AND NOT {names_nobody("first.old_link", "$2")},
           sold.record_id, its_order.record_id
    FROM ticket t
    CROSS JOIN LATERAL (
        SELECT c.old_link, c.old_record_id FROM ticket_link_change c
        WHERE c.ticket_id = t.id ORDER BY c.made_at, c.id LIMIT 1
    ) first
    LEFT JOIN source_record r ON r.id = first.old_record_id
    LEFT JOIN ticket sold ON sold.id = t.original_id
    {ITS_ORDER}
    WHERE t.id = $1
"""  # noqa: S608 - a constant


_LEANS_ON = "SELECT original_id, order_id FROM ticket WHERE id = $1"


async def restore_ticket(session: AsyncSession, ticket_id: UUID, by: Instruction) -> list[Rehung]:
    """Hang a ticket where it would hang by itself, had nobody decided on it.

    That is on whom it named; else where the ticket that it returns hangs now; else on its order, if
    that is here by now; else where it hung when it was received. From then on it finds its client
    by what it carried.
    """
    leans_on = await fetch(session, _LEANS_ON, ticket_id)
    original_id, order_id = leans_on[0] if leans_on else (None, None)
    await _hold(session, ticket_id, original_id=original_id, order_id=order_id)
    rows = await fetch(session, _BY_ITSELF, ticket_id, sorted(NAMING))
    changes = [Rehang(ticket_id, *_by_itself(*row)) for row in rows]
    return await rehang(session, changes, actor=by.actor, at=by.at, reason=by.reason)


def _by_itself(
    link: str,
    record_id: UUID | None,
    names_a_person: bool,  # noqa: FBT001 - a column
    sold_on: UUID | None,
    ordered_on: UUID | None,
) -> tuple[str, UUID | None]:
    """Return what a ticket hangs on by itself: see `rcu.sales.tickets`."""
    if names_a_person:
        return link, record_id
    if sold_on is not None:
        return ORIGINAL, sold_on
    if ordered_on is not None:
        return ORDER, ordered_on
    return ("none", None) if link == ORIGINAL else (link, record_id)


async def _hold(
    session: AsyncSession,
    ticket_id: UUID,
    *,
    original_id: UUID | None = None,
    order_id: str | None = None,
) -> None:
    """Lock a ticket that can be hung elsewhere, and what it is to hang on: that stays meanwhile."""
    wanted = [ticket_id] if original_id is None else [ticket_id, original_id]
    further = [] if order_id is None else [waiting_for_order(order_id)]
    held = (await lock_tickets(session, wanted, further=further)).get(ticket_id)
    if held is None:
        raise TicketNotFoundError
    if held.kind == "void":
        raise VoidNotAttachedError
