"""What is given once to a client, once it turns out that two records are one person, or are not.

A bonus or a referral is given to a record. When two records that were given one each become one
client, the first stands and the others are withdrawn; a referral is withdrawn as well while who
brought somebody is who was brought. When they are parted again, what was withdrawn is given back,
to the lots it was taken from. It depends on who is together, not on the order in which they came.

What is spent already the retailer bears: nobody goes below zero by a merge.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import fetch
from rcu.loyalty import ledger, programmes, repository, wallets
from rcu.loyalty.correcting import NewDays
from rcu.loyalty.ledger import Draft, posting_id
from rcu.loyalty.models import Counterpart, PostingKind
from rcu.loyalty.past import Past
from rcu.loyalty.programme import Programme
from rcu.loyalty.referral_correcting import correct_referral
from rcu.loyalty.remaining import pays_referral
from rcu.loyalty.removed import WITHDRAWN, removed_of
from rcu.loyalty.repository import KnownPosting

# Of all that one client was given of a kind, the first stands. `withdrawn_by` says what does not.
_DUE: Final = "SELECT * FROM points_given_again($1)"
_TICKETS: Final = """
    SELECT id, ticket_id FROM points_posting
    WHERE id = ANY ($1::uuid[]) AND ticket_id IS NOT NULL
"""
_MARK_BONUS: Final = """
    UPDATE points_bonus SET withdrawn_by = $4
    WHERE record_id = $1 AND bonus = $2 AND posting_id = $3
"""
_MARK_REFERRAL: Final = "UPDATE referral SET withdrawn_by = $2 WHERE id = $1"


@dataclass(frozen=True, slots=True)
class _Given:
    """Something given to one record that stands and should not, or the reverse."""

    what: str
    posting_id: UUID
    code: str
    owner_id: UUID
    withdrawn_by: UUID | None
    client_id: UUID


async def put_right(session: AsyncSession, client_ids: Collection[UUID]) -> int:
    """Withdraw what some clients were given twice, give back what was withdrawn without need.

    Return how many points moved.
    """
    found = await _find_due(session, client_ids)
    if not found:
        return 0
    rows = await fetch(session, _TICKETS, [given.posting_id for given in found])
    tickets = {row["id"]: row["ticket_id"] for row in rows}
    postings = await repository.find_postings(session, list(tickets.values()))
    accounts = {entry.account_id for posting in postings for entry in posting.entries}
    locked = await wallets.lock_accounts(session, accounts)
    debts = {account.record_id: account.debt for account in locked}
    # As it is now that nobody else moves these points.
    due = set(await _find_due(session, client_ids))
    at = datetime.now(UTC)
    moved = 0
    for given in found:
        if given in due:
            past = await Past.read(session, tickets[given.posting_id], debts=debts, at=at)
            moved += await _post(session, given, past, at=at)
    return moved


async def _find_due(session: AsyncSession, client_ids: Collection[UUID]) -> list[_Given]:
    return [_Given(*row) for row in await fetch(session, _DUE, sorted(client_ids))]


async def _post(session: AsyncSession, given: _Given, past: Past, *, at: datetime) -> int:
    giving = next(p for p in past.postings if p.id == given.posting_id)
    versions = {giving.programme_version} if giving.programme_version else set()
    loaded = await programmes.load(session, versions)
    draft = _draft(given, giving, past, loaded, at=at)
    await ledger.post(session, [draft], at=at)
    mark = draft.id if given.withdrawn_by is None else None
    if given.what == "bonus":
        key = (given.owner_id, given.code, given.posting_id)
        await fetch(session, _MARK_BONUS, *key, mark)
    else:
        await fetch(session, _MARK_REFERRAL, given.owner_id, mark)
    return sum(abs(movement.points) for movement in draft.movements if movement.account_id)


def _draft(
    given: _Given,
    giving: KnownPosting,
    past: Past,
    loaded: Mapping[str, Programme],
    *,
    at: datetime,
) -> Draft:
    """Return the posting that withdraws something, or gives it back."""
    number = len(past.correcting(giving, PostingKind.SETTLEMENT))
    draft = Draft(
        posting_id("withdrawal", giving.id, given.code, number),
        PostingKind.SETTLEMENT,
        at.date(),
        actor="rcu",
        programme_version=giving.programme_version,
        corrects_id=giving.id,
        reason="Two records are one client, or are no longer",
    )
    is_back = past.goods is not None and past.goods.is_back
    is_to_go = given.withdrawn_by is None
    if given.what == "referral":
        programme = loaded.get(giving.programme_version or "")
        if programme is not None and past.goods is not None:
            is_to_go = is_to_go or not pays_referral(programme, past.accrual(), past.goods)
        if is_to_go != removed_of(giving, past.postings).is_gone:
            days = _days(past, giving)
            correct_referral(draft, past, giving, is_to_go=is_to_go, may_owe=False, days=days)
    elif not is_back:
        # Of a sale that is back nothing is left to withdraw, and nothing to give back.
        _correct_bonus(draft, past, giving, given.code, is_to_go=is_to_go)
    return draft


def _correct_bonus(
    draft: Draft, past: Past, giving: KnownPosting, code: str, *, is_to_go: bool
) -> None:
    given = giving.rules["bonuses"][code]
    points = given if is_to_go else -given
    draft.rules = {WITHDRAWN: points}
    past.correct(draft, giving, points, may_owe=False, days=_days(past, giving))
    draft.against(Counterpart.ISSUED)


def _days(past: Past, giving: KnownPosting) -> NewDays:
    """Return the days of points that have no lot to go back to: those that they were given with."""
    lot = next(lot for lot in past.accounts.lots.values() if lot.posting_id == giving.id)
    return NewDays(lot.earned_at, lot.active_from, lot.expires_on, lot.timezone)
