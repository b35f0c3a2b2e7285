"""Claiming a ticket afterwards by what is printed on it: once, in time, and not by trying.

Whoever claims is a known client of the source that asks. A claim that is refused says the same
whether the ticket is another's, is cancelled, or was never there; what is said besides (too late,
too many) follows from the request and the claims before it alone. A claim makes the ticket the
client's. It does not make the payment token theirs: a receipt may be a friend's.

A receipt is no proof of who somebody is. So a ticket that is the client's already stays on the
record that it hangs on: whoever came into the client by an e-mail that they merely stated cannot
carry it off. And what the sale carried of somebody else, known or not, keeps it from whoever found
the receipt.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.locks import lock_key, lock_until_commit
from rcu.db.statements import fetch
from rcu.identity import placing
from rcu.identity.holding import find_holdings
from rcu.identity.placing import IdentifierKey
from rcu.ids import uuid7
from rcu.sales import repository
from rcu.sales.errors import ClaimantNotKnownError, ClaimLimitError, ClaimTooLateError
from rcu.sales.facts import Printed
from rcu.sales.rehanging import BY_A_PERSON, CLAIM, Rehang, Rehung, lock_tickets, rehang

WINDOW = timedelta(hours=24)
"""Claims are counted over the time that has just passed, not over a calendar day."""


@dataclass(frozen=True, slots=True)
class ClaimLimits:
    """How long a ticket can be claimed, and how often one may try."""

    days: int
    per_client: int
    per_till: int


@dataclass(frozen=True, slots=True)
class Claim:
    """Who claims, and what is printed on the receipt."""

    source: str
    external_id: str
    printed: Printed
    total_cents: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """A ticket that is the claimant's."""

    ticket_id: UUID
    client_id: UUID
    rehung: tuple[Rehung, ...] = ()


@dataclass(frozen=True, slots=True)
class _Claimant:
    record_id: UUID
    client_id: UUID


async def claim(
    session: AsyncSession, asked: Claim, *, limits: ClaimLimits, actor: str, at: datetime
) -> Claimed | None:
    """Give a ticket to who claims it; return None when it is refused.

    A refusal is returned, not raised: the try is kept and counted. The same claim by the same
    client is answered as before, and counts once.
    """
    claimant = await _find_claimant(session, asked)
    store, till, business_date, _ = asked.printed
    await lock_until_commit(
        session,
        [
            lock_key("claims of a client", str(claimant.client_id)),
            lock_key("claims on a till", store, till),
        ],
    )
    if (before := await _accepted_before(session, asked, claimant)) is not None:
        return Claimed(before, claimant.client_id)
    if (at.date() - business_date).days > limits.days:
        raise ClaimTooLateError(days=limits.days)
    await _refuse_too_many(session, claimant, asked, limits=limits, at=at)
    ticket_id, is_theirs = await _find_claimable(session, asked, claimant)
    if ticket_id is not None and is_theirs:
        return Claimed(ticket_id, claimant.client_id)
    claim_id = await _keep(session, asked, claimant, ticket_id, by=(actor, at))
    if ticket_id is None:
        return None
    change = Rehang(ticket_id, CLAIM, claimant.record_id, {"claim_id": str(claim_id)})
    rehung = await rehang(session, [change], actor=actor, at=at)
    return Claimed(ticket_id, claimant.client_id, tuple(rehung))


_CLAIMANT = """
    SELECT r.id, r.client_id FROM source_record r
    WHERE r.source = $1 AND r.external_id = $2 AND r.kind = 'profile'
"""


async def _find_claimant(session: AsyncSession, asked: Claim) -> _Claimant:
    for row in await fetch(session, _CLAIMANT, asked.source, asked.external_id):
        return _Claimant(*row)
    raise ClaimantNotKnownError


_ACCEPTED_BEFORE = """
    SELECT c.ticket_id
    FROM ticket_claim c
    JOIN source_record r ON r.id = c.record_id
    JOIN ticket t ON t.id = c.ticket_id AND t.record_id = c.record_id AND t.link = 'claim'
    WHERE c.outcome = 'accepted' AND r.client_id = $1
      AND (c.store, c.till, c.business_date, c.number, c.total_cents) = ($2, $3, $4, $5, $6)
"""


async def _accepted_before(session: AsyncSession, asked: Claim, claimant: _Claimant) -> UUID | None:
    rows = await fetch(
        session, _ACCEPTED_BEFORE, claimant.client_id, *asked.printed, asked.total_cents
    )
    return next((row["ticket_id"] for row in rows), None)


# The time of the try that has to pass out of the window before there is room for another.
_OLDEST_COUNTED = """
    SELECT (
        SELECT made_at FROM ticket_claim
        WHERE client_id IN (SELECT $1::uuid UNION
                            SELECT id FROM source_record WHERE client_id = $1)
          AND made_at > $4
        ORDER BY made_at DESC OFFSET $5 - 1 LIMIT 1
    ), (
        SELECT made_at FROM ticket_claim
        WHERE store = $2 AND till = $3 AND made_at > $4
        ORDER BY made_at DESC OFFSET $6 - 1 LIMIT 1
    )
"""


async def _refuse_too_many(
    session: AsyncSession, claimant: _Claimant, asked: Claim, *, limits: ClaimLimits, at: datetime
) -> None:
    store, till, _, _ = asked.printed
    [(of_client, on_till)] = await fetch(
        session,
        _OLDEST_COUNTED,
        claimant.client_id,
        store,
        till,
        at - WINDOW,
        limits.per_client,
        limits.per_till,
    )
    for oldest, limit, per in (
        (of_client, limits.per_client, "client"),
        (on_till, limits.per_till, "till"),
    ):
        if oldest is not None:
            wait = int((oldest + WINDOW - at).total_seconds()) + 1
            raise ClaimLimitError(limit=limit, per=per, retry_after_seconds=wait)


_CLAIMED = "SELECT 1 FROM ticket_claim WHERE ticket_id = $1"


async def _find_claimable(
    session: AsyncSession, asked: Claim, claimant: _Claimant
) -> tuple[UUID | None, bool]:
    """Return the sale that was printed, and whether it is the claimant's client's already.

    None when somebody else has it or was named with it, or a person has decided on it.
    """
    found = await repository.find_tickets(session, ticket_ids=(), printed=[asked.printed])
    if len(found) != 1 or await fetch(session, _CLAIMED, found[0].id):
        return None, False
    held = (await lock_tickets(session, [found[0].id]))[found[0].id]
    is_as_printed = held.kind == "sale" and held.total_cents == asked.total_cents
    if not is_as_printed or held.is_voided or held.link in BY_A_PERSON:
        return None, False
    if held.record_id is None:
        return held.id, False
    holding = (await find_holdings(session, {held.record_id}))[held.record_id]
    if holding.known:
        is_theirs = holding.client_id == claimant.client_id
        return held.id if is_theirs else None, is_theirs
    names_another = await _names_another(session, held.record_id, claimant)
    return None if names_another else held.id, False


# What a sale showed that names a person, and who states it or has; without what is shared.
_NAMED = """
    SELECT hung.kind = 'reference', shown.kind, shown.value, held.client_id,
           held.origin = 'profile', held.verified_at IS NOT NULL, held.stated_since
    FROM source_record hung
    LEFT JOIN identifier shown ON shown.record_id = hung.id AND shown.kind = ANY ($2::text[])
        AND coalesce((
            SELECT status FROM identifier_status_change s
            WHERE (s.kind, s.value) = (shown.kind, shown.value) ORDER BY s.id DESC LIMIT 1
        ), 'personal') <> 'shared'
    LEFT JOIN LATERAL (
        SELECT r.client_id, i.origin, i.verified_at, i.stated_since
        FROM identifier i JOIN source_record r ON r.id = i.record_id
        WHERE (i.kind, i.value) = (shown.kind, shown.value)
          AND i.origin IN ('profile', 'withdrawn') AND r.kind = 'profile'
    ) AS held ON true
    WHERE hung.id = $1
"""


async def _names_another(session: AsyncSession, record_id: UUID, claimant: _Claimant) -> bool:
    """Tell whether what a sale carried names somebody who is not the claimant.

    Who holds it is told as for attaching tickets: who stated it once holds it still.
    """
    claims: dict[IdentifierKey, list[placing.Claim]] = {}
    for is_reference, kind, value, *said in await fetch(
        session, _NAMED, record_id, sorted(placing.NAMING)
    ):
        if is_reference:
            return True
        if kind is not None:
            of_it = claims.setdefault((kind, value), [])
            of_it += [placing.Claim(*said)] if said[0] is not None else []
    return any(_is_anothers(one, said, claimant) for one, said in claims.items())


def _is_anothers(
    identifier: IdentifierKey, claims: Collection[placing.Claim], claimant: _Claimant
) -> bool:
    """Tell whether an identifier names somebody else.

    An e-mail or a phone that no profile ever stated may be a typing error of the claimant's own; a
    card and an account have been given to somebody.
    """
    owners = placing.holding(claims)
    is_of_somebody = bool(owners) or identifier[0] in placing.ISSUED
    return is_of_somebody and claimant.client_id not in owners


_KEEP = """
    INSERT INTO ticket_claim
        (id, made_at, actor, record_id, client_id, store, till, business_date, number, total_cents,
         outcome, ticket_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""


async def _keep(
    session: AsyncSession,
    asked: Claim,
    claimant: _Claimant,
    ticket_id: UUID | None,
    *,
    by: tuple[str, datetime],
) -> UUID:
    """Keep the try, by whom and when, whatever came of it; return its id."""
    claim_id = uuid7()
    actor, at = by
    await fetch(
        session,
        _KEEP,
        claim_id,
        at,
        actor,
        claimant.record_id,
        claimant.client_id,
        *asked.printed,
        asked.total_cents,
        "accepted" if ticket_id is not None else "refused",
        ticket_id,
    )
    return claim_id


def is_in_the_future(business_date: date, at: datetime) -> bool:
    """Tell whether a date lies ahead in every time zone: no receipt bears it."""
    return business_date > (at + timedelta(hours=14)).date()
