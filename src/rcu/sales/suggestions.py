"""Tickets that may be a client's: what they carried is one slip away from what the client has.

A suggestion needs a second fact that points to the same client, the payment token or the store, and
only one client whom both fit. It attaches nothing: a steward does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import columns, fetch
from rcu.identity.features import CARD, EMAIL, Features, describe
from rcu.identity.model import Model
from rcu.identity.normalise.cards import normalise_card
from rcu.identity.normalise.emails import normalise_email
from rcu.identity.person import Person
from rcu.identity.placing import DIRECT_PLACEMENTS
from rcu.identity.scoring import contradiction
from rcu.ids import uuid7
from rcu.sales import corrections
from rcu.sales.corrections import Instruction
from rcu.sales.errors import SuggestionDecidedError, SuggestionNotFoundError
from rcu.sales.rehanging import Rehung
from rcu.sales.slips import near_cards, near_emails

PAGE = 100
"""Tickets looked at in one transaction."""

ACCEPTED = "accepted"


class _Missed(NamedTuple):
    id: UUID
    presented: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Looked:
    """What one page of tickets gave."""

    tickets: int
    suggested: int
    last_id: UUID | None
    """The place to go on from; None at the end."""


_MISSED = """
    SELECT t.id, t.presented
    FROM ticket t
    LEFT JOIN source_record r ON r.id = t.record_id
    LEFT JOIN client c ON c.id = r.client_id
    WHERE t.sale_reason IN ('unknown', 'mistyped') AND t.id > $1 AND t.kind = 'sale'
      AND t.link IN ('identifiers', 'none') AND t.voided_by IS NULL AND c.known IS NOT TRUE
      AND t.presented IS NOT NULL
    ORDER BY t.id LIMIT $2
"""


async def suggest(session: AsyncSession, *, after: UUID, model: Model, at: datetime) -> Looked:
    """Look at the next tickets that were missed, and keep what they suggest.

    What was suggested before, and decided on, is not suggested again.
    """
    tickets = [_Missed(*row) for row in await fetch(session, _MISSED, after, PAGE)]
    if not tickets:
        return Looked(0, 0, None)
    neighbours = await _find_neighbours(session, tickets, model)
    chosen = [(uuid7(), *found) for found in _choose(neighbours)]
    kept = await fetch(session, _KEEP, *columns(chosen), at) if chosen else []
    last = tickets[-1].id if len(tickets) == PAGE else None
    return Looked(len(tickets), len(kept), last)


class _Neighbour(NamedTuple):
    ticket_id: UUID
    client_id: UUID
    record_id: UUID
    kind: str
    by_token: bool
    by_store: bool

    @property
    def fits(self) -> list[str]:
        named = (("payment_token", self.by_token), ("store", self.by_store))
        return [name for name, does_fit in named if does_fit]


_NEIGHBOURS = """
    WITH near AS (
        SELECT DISTINCT slip.ticket_id, slip.kind, r.client_id, r.id AS record_id, r.features
        FROM unnest($1::uuid[], $2::text[], $3::text[]) AS slip (ticket_id, kind, value)
        JOIN identifier i ON i.kind = slip.kind AND i.value = slip.value AND i.origin = 'profile'
        JOIN source_record r ON r.id = i.record_id AND r.kind = 'profile'
    )
    SELECT near.ticket_id, near.client_id, near.record_id, near.kind,
           EXISTS (
               SELECT FROM identifier token
               JOIN identifier seen ON seen.kind = token.kind AND seen.value = token.value
               JOIN source_record holder ON holder.id = seen.record_id
               WHERE token.record_id = t.record_id AND token.kind = 'payment_token'
                 AND holder.client_id = near.client_id
                 AND (holder.kind = 'profile' OR holder.placement = ANY ($4::text[]))
           ) AS by_token,
           EXISTS (
               SELECT FROM source_record mine
               JOIN purchase_total p ON p.record_id = mine.id
               WHERE mine.client_id = near.client_id AND p.store = t.store AND p.sales > 0
           ) AS by_store,
           near.features
    FROM near JOIN ticket t ON t.id = near.ticket_id
"""


async def _find_neighbours(
    session: AsyncSession, tickets: Sequence[_Missed], model: Model
) -> list[_Neighbour]:
    names = {ticket.id: _names(ticket.presented) for ticket in tickets}
    slips = [(t.id, kind, value) for t in tickets for kind, value in _near(t.presented)]
    if not slips:
        return []
    rows = await fetch(session, _NEIGHBOURS, *columns(slips), sorted(DIRECT_PLACEMENTS))
    return [
        _Neighbour(*row[:6])
        for row in rows
        if (row["by_token"] or row["by_store"])
        and not contradiction(Features.from_json(row["features"]), names[row["ticket_id"]], model)
    ]


def _names(presented: dict[str, Any]) -> Features:
    return describe(
        Person(given_name=presented.get("given_name"), family_name=presented.get("family_name"))
    )


def _near(presented: dict[str, Any]) -> Iterable[tuple[str, str]]:
    number = normalise_card(presented["card"]) if presented.get("card") else None
    if number:
        yield from ((CARD, value) for value in near_cards(number))
    email = normalise_email(presented["email"]) if presented.get("email") else None
    if email:
        yield from ((EMAIL, value) for value in near_emails(email))


def _choose(neighbours: Iterable[_Neighbour]) -> list[tuple[UUID, UUID, str, str]]:
    """Return `(ticket, record, kind, fits)` of the tickets that one client alone fits.

    A token that fits outweighs a store. Of several records of the client, the lowest id.
    """
    by_ticket: dict[UUID, list[_Neighbour]] = defaultdict(list)
    for neighbour in neighbours:
        by_ticket[neighbour.ticket_id].append(neighbour)
    chosen = []
    for ticket_id, found in sorted(by_ticket.items()):
        best = [n for n in found if n.by_token] or found
        if len({n.client_id for n in best}) == 1:
            one = min(best, key=lambda n: (n.record_id, n.kind))
            chosen.append((ticket_id, one.record_id, one.kind, ",".join(one.fits)))
    return chosen


_KEEP = """
    INSERT INTO ticket_suggestion (id, ticket_id, record_id, kind, fits, made_at)
    SELECT id, ticket_id, record_id, kind, string_to_array(fits, ','), $6
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[])
        AS found (id, ticket_id, record_id, kind, fits)
    ON CONFLICT (ticket_id, record_id) DO NOTHING
    RETURNING id
"""

# --- the steward's side ---------------------------------------------------------------------------

_OPEN = """
    SELECT s.id, s.ticket_id, near.client_id, s.kind, s.fits, s.made_at
    FROM ticket_suggestion s
    JOIN source_record near ON near.id = s.record_id
    JOIN ticket t ON t.id = s.ticket_id
    LEFT JOIN source_record r ON r.id = t.record_id
    LEFT JOIN client c ON c.id = r.client_id
    WHERE s.verdict IS NULL AND c.known IS NOT TRUE AND t.link IN ('identifiers', 'none')
      AND ($1::timestamptz IS NULL OR (s.made_at, s.id) > ($1, $2::uuid))
    ORDER BY s.made_at, s.id LIMIT $3
"""


async def list_open(
    session: AsyncSession, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[dict[str, Any]]:
    """Return suggestions that wait for an answer, oldest first; a ticket found since has none."""
    made_at, id_ = after or (None, None)
    return [dict(row) for row in await fetch(session, _OPEN, made_at, id_, limit)]


_HOLD = """
    SELECT s.ticket_id, near.client_id, s.verdict, t.link, coalesce(c.known, false) AS is_attached
    FROM ticket_suggestion s
    JOIN source_record near ON near.id = s.record_id
    JOIN ticket t ON t.id = s.ticket_id
    LEFT JOIN source_record r ON r.id = t.record_id
    LEFT JOIN client c ON c.id = r.client_id
    WHERE s.id = $1 FOR UPDATE OF s, t
"""
_DECIDE = """
    UPDATE ticket_suggestion SET verdict = $2, decided_at = $3, actor = $4, reason = $5
    WHERE id = $1
"""


async def decide(
    session: AsyncSession, suggestion_id: UUID, verdict: str, by: Instruction
) -> tuple[UUID, list[Rehung]]:
    """Keep a steward's answer and, accepted, attach the ticket; return it, and what moved.

    The same answer again changes nothing.
    """
    rows = await fetch(session, _HOLD, suggestion_id)
    if not rows:
        raise SuggestionNotFoundError
    [(ticket_id, client_id, decided, link, is_attached)] = rows
    if decided == verdict:
        return ticket_id, []
    if decided is not None or is_attached or link not in {"identifiers", "none"}:
        raise SuggestionDecidedError
    await fetch(session, _DECIDE, suggestion_id, verdict, by.at, by.actor, by.reason)
    if verdict != ACCEPTED:
        return ticket_id, []
    evidence = {"suggestion_id": str(suggestion_id)}
    return ticket_id, await corrections.attach_ticket(
        session, ticket_id, client_id, by, evidence=evidence
    )
