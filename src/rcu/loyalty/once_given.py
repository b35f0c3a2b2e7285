"""What is given once to a client, once it turns out that two records are one person, or are not.

A bonus or a referral is given to a record. When two records that were given one each become one
client, the first stands and the others are withdrawn; a referral is withdrawn as well while who
brought somebody is who was brought. When they are parted again, what was withdrawn is given back,
to the lots it was taken from. It depends on who is together, not on the order in which they came.

What is spent already the retailer bears: nobody goes below zero by a merge.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import fetch
from rcu.loyalty import ledger, repository, wallets
from rcu.loyalty.ledger import Draft, posting_id
from rcu.loyalty.lots import Lot, takes_for_return
from rcu.loyalty.models import Counterpart, PostingKind
from rcu.loyalty.moving import WITHDRAWN, holder_of
from rcu.loyalty.repository import KnownPosting

# Of all that one client was given of a kind, the first stands. `withdrawn_by` says what does not.
_DUE: Final = "SELECT * FROM points_given_again($1)"
_TICKETS: Final = """
    SELECT p.ticket_id, t.total_cents FROM points_posting p JOIN ticket t ON t.id = p.ticket_id
    WHERE p.id = ANY ($1::uuid[])
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
    tickets = await fetch(session, _TICKETS, [given.posting_id for given in found])
    totals = {row["ticket_id"]: row["total_cents"] for row in tickets}
    postings = await repository.find_postings(session, list(totals))
    accounts = {entry.account_id for posting in postings for entry in posting.entries}
    await wallets.lock_accounts(session, accounts)
    # As it is now that nobody else moves these points.
    due = set(await _find_due(session, client_ids))
    at = datetime.now(UTC)
    moved = 0
    for given in found:
        if given in due:
            postings = await repository.find_postings(session, list(totals))
            lots = await wallets.list_lots(session, accounts, at=at)
            case = _Case(given, postings, lots, totals, at)
            moved += await _post(session, case, at=at)
    return moved


async def _find_due(session: AsyncSession, client_ids: Collection[UUID]) -> list[_Given]:
    return [_Given(*row) for row in await fetch(session, _DUE, sorted(client_ids))]


async def _post(session: AsyncSession, case: _Case, *, at: datetime) -> int:
    given, draft = case.given, case.draft()
    await ledger.post(session, [draft], at=at)
    mark = draft.id if given.withdrawn_by is None else None
    if given.what == "bonus":
        key = (given.owner_id, given.code, given.posting_id)
        await fetch(session, _MARK_BONUS, *key, mark)
    else:
        await fetch(session, _MARK_REFERRAL, given.owner_id, mark)
    return sum(abs(movement.points) for movement in draft.movements if movement.account_id)


@dataclass(frozen=True, slots=True)
class _Case:
    """One of them, and what the ledger says of it."""

    given: _Given
    postings: Sequence[KnownPosting]
    lots: Sequence[Lot]
    totals: dict[UUID, int]
    """Cents of the tickets."""
    at: datetime

    def draft(self) -> Draft:
        """Return the posting that withdraws it, or gives it back."""
        given = self.given
        giving = next(p for p in self.postings if p.id == given.posting_id)
        correcting = [p for p in self.postings if p.corrects_id == giving.id]
        number = sum(p.kind == PostingKind.SETTLEMENT for p in correcting)
        draft = Draft(
            posting_id("withdrawal", giving.id, given.code, number),
            PostingKind.SETTLEMENT,
            self.at.date(),
            actor="rcu",
            programme_version=giving.programme_version,
            corrects_id=giving.id,
            reason="Two records are one client, or are no longer",
        )
        if given.withdrawn_by is None:
            self._withdraw(draft, giving, correcting)
        else:
            self._give_back(draft)
        return draft

    def _withdraw(
        self, draft: Draft, giving: KnownPosting, correcting: Sequence[KnownPosting]
    ) -> None:
        lots = list(self.lots)
        wanted = {} if self._has_come_back(giving, correcting) else self._points(giving, correcting)
        draft.rules = {WITHDRAWN: sum(points for _, points in wanted.values())}
        for account, (given_by, points) in wanted.items():
            own = [lot for lot in lots if lot.account_id == account]
            taken, missing = takes_for_return(own, points, given_by=given_by)
            draft.take(taken)
            if missing:
                draft.rules["borne"] = draft.rules.get("borne", 0) + missing
        draft.against(Counterpart.ISSUED)

    def _points(
        self, giving: KnownPosting, correcting: Sequence[KnownPosting]
    ) -> dict[UUID, tuple[UUID, int]]:
        """Return what each account was given, with the posting that made its lot."""
        if self.given.what == "referral":
            sums: dict[UUID, int] = {}
            for entry in giving.entries:
                sums[entry.account_id] = sums.get(entry.account_id, 0) + entry.points
            return {account: (giving.id, points) for account, points in sums.items()}
        holder = holder_of(giving, correcting)
        points = giving.rules["bonuses"][self.given.code]
        return {holder.account_id: (holder.posting_id, points)}

    def _has_come_back(self, giving: KnownPosting, correcting: Iterable[KnownPosting]) -> bool:
        """Say whether all that was sold is back: its points were taken with it."""
        voided = {p.corrects_id for p in self.postings if p.kind == PostingKind.VOID}
        if giving.id in voided:
            return True
        returns = [p for p in correcting if p.kind == PostingKind.RETURN and p.id not in voided]
        if self.given.what == "referral":
            return bool(returns)
        total = self.totals.get(giving.ticket_id, 0) if giving.ticket_id else 0
        return bool(returns) and sum(p.amount_cents or 0 for p in returns) >= total

    def _give_back(self, draft: Draft) -> None:
        withdrawal = next(p for p in self.postings if p.id == self.given.withdrawn_by)
        giving = next(p for p in self.postings if p.id == self.given.posting_id)
        correcting = [p for p in self.postings if p.corrects_id == giving.id]
        if self._has_come_back(giving, correcting):
            # It stays withdrawn: the return took what there was beside.
            draft.rules = {WITHDRAWN: 0}
            return
        draft.rules = {WITHDRAWN: -withdrawal.rules[WITHDRAWN]}
        for entry in withdrawal.entries:
            draft.move(-entry.points, to=entry.account_id, lot=entry.lot_id)
        draft.against(Counterpart.ISSUED)
