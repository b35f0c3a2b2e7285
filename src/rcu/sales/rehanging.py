"""Hanging tickets elsewhere after their sale: a claim, a steward, or an order that comes later.

Most tickets never need it: the record that they hang on moves, and they with it (ADR 3). Here a
single ticket leaves its record. What it hung on before is kept; the totals of both records follow,
and so do the returns and voids of the ticket that name nobody themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.locks import lock_key, lock_until_commit
from rcu.db.statements import columns, fetch, to_json
from rcu.db.writes import Writes
from rcu.identity.placing import NAMING
from rcu.ids import uuid7
from rcu.sales import repository
from rcu.sales.clauses import names_nobody
from rcu.sales.facts import names_of_ticket
from rcu.sales.repository import TotalRow

ORIGINAL, ORDER, CLAIM, STEWARD, DETACHED = "original", "order", "claim", "steward", "detached"
BY_A_PERSON = frozenset({CLAIM, STEWARD, DETACHED})
"""Links that a person decided on: nothing that arrives by itself changes them."""


@dataclass(frozen=True, slots=True)
class Rehang:
    """What a ticket hangs on from now on, and why."""

    ticket_id: UUID
    link: str
    record_id: UUID | None
    evidence: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rehung:
    """A ticket that went from one record to another; points of it have to follow."""

    ticket_id: UUID
    old_record_id: UUID | None
    record_id: UUID | None


class HangingTicket(NamedTuple):
    """A ticket, locked, and what it hangs on."""

    id: UUID
    kind: str
    link: str
    record_id: UUID | None
    original_id: UUID | None
    channel: str
    store: str
    currency: str
    total_cents: int
    sold_at: datetime
    is_voided: bool


_COLUMNS = """
    t.id, t.kind, t.link, t.record_id, t.original_id, t.channel, coalesce(t.store, ''), t.currency,
    t.total_cents, t.sold_at, t.voided_by IS NOT NULL
"""
_LOCK = f"SELECT {_COLUMNS} FROM ticket t WHERE t.id = ANY ($1::uuid[]) ORDER BY t.id FOR UPDATE"  # noqa: S608 - a constant

# What a return or a void says of a person stands in the identifiers of its record.
_FOLLOWING = f"""
    SELECT {_COLUMNS}
    FROM ticket t LEFT JOIN source_record r ON r.id = t.record_id
    WHERE t.original_id = ANY ($1::uuid[])
      AND (t.link IN ('original', 'none') OR {names_nobody("t.link", "$2")})
    ORDER BY t.id FOR UPDATE OF t
"""  # noqa: S608 - a constant


# With all that refers to them, and to these in turn.
_NAMES = """
    WITH RECURSIVE named (id) AS (
        SELECT unnest($1::uuid[])
        UNION
        SELECT t.id FROM named JOIN ticket t ON t.original_id = named.id
    )
    SELECT t.id, t.ticket_id, t.store, t.till, t.business_date, t.number
    FROM named JOIN ticket t USING (id)
"""


async def lock_tickets(
    session: AsyncSession, ticket_ids: Collection[UUID], *, further: Collection[str] = ()
) -> dict[UUID, HangingTicket]:
    """Lock tickets until the transaction ends, and return what they hang on.

    First by their names, and by those of what returns or voids them, since these may go with them:
    a message that refers to one, such as a void, has read by then what it hangs on. `further` are
    keys of what else must not change meanwhile.
    """
    locked: set[UUID] | None = None
    while True:
        named = await fetch(session, _NAMES, sorted(ticket_ids))
        found = {row["id"] for row in named}
        if locked is not None and found <= locked:
            break
        # What came while we waited is locked as well; from then on nothing can come.
        keys = {*further}
        for _, ticket_id, *printed in named:
            keys |= names_of_ticket(ticket_id, None if None in printed else tuple(printed))
        await lock_until_commit(session, {lock_key(key) for key in keys})
        locked = found
    rows = await fetch(session, _LOCK, sorted(ticket_ids))
    return {row["id"]: HangingTicket(*row) for row in rows}


async def rehang(
    session: AsyncSession,
    changes: Sequence[Rehang],
    *,
    actor: str,
    at: datetime,
    reason: str | None = None,
) -> list[Rehung]:
    """Hang tickets elsewhere, and with them what returns or voids them; return what moved.

    A ticket that hangs there already, by the same link, is left alone.
    """
    if not changes:
        return []
    wanted = {change.ticket_id: change for change in changes}
    held = await lock_tickets(session, wanted)
    wanted |= await _following(session, wanted, held)
    moves = [
        (held[ticket_id], change)
        for ticket_id, change in wanted.items()
        if (held[ticket_id].link, held[ticket_id].record_id) != (change.link, change.record_id)
    ]
    if not moves:
        return []
    await _write(session, moves, actor=actor, reason=reason, at=at)
    return [
        Rehung(ticket.id, ticket.record_id, change.record_id)
        for ticket, change in moves
        if ticket.record_id != change.record_id
    ]


async def _following(
    session: AsyncSession, wanted: Mapping[UUID, Rehang], held: dict[UUID, HangingTicket]
) -> dict[UUID, Rehang]:
    """Return the changes of what returns or voids the tickets, and of what voids these.

    `held` learns of it. Its names are locked by now.
    """
    found: dict[UUID, Rehang] = {}
    newest = wanted
    while newest:
        rows = await fetch(session, _FOLLOWING, sorted(newest), sorted(NAMING))
        followers = [HangingTicket(*row) for row in rows]
        held |= {ticket.id: ticket for ticket in followers}
        newest = {
            ticket.id: _with_original(ticket, newest)
            for ticket in followers
            if ticket.id not in wanted and ticket.id not in found
        }
        found |= newest
    return found


def _with_original(ticket: HangingTicket, changes: Mapping[UUID, Rehang]) -> Rehang:
    """Return the change of a ticket that goes with the one that it refers to."""
    assert ticket.original_id is not None  # noqa: S101 - it was found by it
    record_id = changes[ticket.original_id].record_id
    evidence = {"original_id": str(ticket.original_id)}
    return Rehang(ticket.id, ORIGINAL if record_id else "none", record_id, evidence)


_MOVE = """
    UPDATE ticket t SET link = moved.link, record_id = moved.record_id
    FROM unnest($1::uuid[], $2::text[], $3::uuid[]) AS moved (id, link, record_id)
    WHERE t.id = moved.id
"""
_ADD_CHANGES = """
    INSERT INTO ticket_link_change
        (id, ticket_id, old_link, old_record_id, link, record_id, evidence, made_at, actor, reason)
    SELECT *, $8, $9, $10
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::uuid[], $7::jsonb[])
"""


async def _write(
    session: AsyncSession,
    moves: Sequence[tuple[HangingTicket, Rehang]],
    *,
    actor: str,
    reason: str | None,
    at: datetime,
) -> None:
    await fetch(
        session, _MOVE, *columns([(t.id, change.link, change.record_id) for t, change in moves])
    )
    told = [
        (
            uuid7(),
            ticket.id,
            ticket.link,
            ticket.record_id,
            change.link,
            change.record_id,
            to_json(dict(change.evidence)),
        )
        for ticket, change in moves
    ]
    await fetch(session, _ADD_CHANGES, *columns(told), at, actor, reason)
    writes = Writes(session)
    await repository.add_to_totals(writes, moved_totals(moves))
    await writes.send()
    await repository.refresh_purchase_dates(
        session, {ticket.record_id for ticket, _ in moves if ticket.record_id is not None}
    )


def moved_totals(moves: Sequence[tuple[HangingTicket, Rehang]]) -> list[TotalRow]:
    """Return what leaves the totals of the old records and enters those of the new, sorted."""
    sums: dict[tuple[UUID, str, str, str], list[Any]] = defaultdict(lambda: [0, 0, 0, None, None])
    for ticket, change in moves:
        if ticket.kind == "void" or ticket.is_voided or ticket.record_id == change.record_id:
            continue
        for record_id, sign in ((ticket.record_id, -1), (change.record_id, 1)):
            if record_id is None:
                continue
            total = sums[record_id, ticket.channel, ticket.store, ticket.currency]
            total[0] += sign * (ticket.kind == "sale")
            total[1] += sign * (ticket.kind == "return")
            total[2] += sign * ticket.total_cents
            if sign > 0 and ticket.kind == "sale":
                total[3] = min(ticket.sold_at, total[3] or ticket.sold_at)
                total[4] = max(ticket.sold_at, total[4] or ticket.sold_at)
    return [TotalRow(*key, *total) for key, total in sorted(sums.items())]
