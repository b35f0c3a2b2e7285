"""What a steward decides of one ticket: whose it is, that it is nobody's, or as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import fetch
from rcu.identity.errors import AnonymousClientError, ClientNotFoundError
from rcu.sales.errors import TicketNotFoundError, VoidNotAttachedError
from rcu.sales.rehanging import (
    DETACHED,
    STEWARD,
    HangingTicket,
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


_AS_RECEIVED = """
    SELECT old_link, old_record_id FROM ticket_link_change
    WHERE ticket_id = $1 ORDER BY made_at, id LIMIT 1
"""


async def restore_ticket(session: AsyncSession, ticket_id: UUID, by: Instruction) -> list[Rehung]:
    """Hang a ticket where it hung when it was received, and by the same link.

    From then on it finds its client by what it carried, as if nobody had decided on it.
    """
    await _hold(session, ticket_id)
    for link, record_id in await fetch(session, _AS_RECEIVED, ticket_id):
        change = Rehang(ticket_id, link, record_id)
        return await rehang(session, [change], actor=by.actor, at=by.at, reason=by.reason)
    return []


async def _hold(session: AsyncSession, ticket_id: UUID) -> HangingTicket:
    held = (await lock_tickets(session, [ticket_id])).get(ticket_id)
    if held is None:
        raise TicketNotFoundError
    if held.kind == "void":
        raise VoidNotAttachedError
    return held
