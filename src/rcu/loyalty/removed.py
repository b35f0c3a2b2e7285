"""What was taken back of a posting so far, by all the postings that correct it; pure.

A return and a void take, a void of a return gives again, and what two records of one client were
given twice is withdrawn and given back. Each of them says in its rules by how much, so that their
sum is what is taken now, in whatever order they came.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from rcu.loyalty.models import PostingKind
from rcu.loyalty.repository import EntryOf, KnownPosting

TAKEN: Final = "taken"
"""Points that goods brought back were to take, those borne included; below zero: given again."""
COUNTED: Final = "counted"
"""Points and cents that a posting took off the months that count for tiers."""
WITHDRAWN: Final = "withdrawn"
"""Points that were to be taken back from who was given twice; below zero when given again."""
GONE: Final = "gone"
"""That a referral was taken back: 1, or -1 when it was given again."""
BORNE: Final = "borne"
"""Points that were to be taken and were not there: the retailer bears them."""
NOT_HAD: Final = "not_had"
"""Points not taken from who holds a ticket, as he never got them; below zero, not given again."""
WITHOUT_TICKET: Final = "without_ticket"
"""That a return took by the plain rules of its day: nobody knew which sale it brought back."""

REPAID: Final = "repaid"
"""Of a settled redemption, what the retailer had borne and goods brought back repaid, by lender."""

_TAKING: Final = frozenset({PostingKind.RETURN, PostingKind.VOID, PostingKind.SETTLEMENT})
_RESTORING: Final = frozenset({PostingKind.RESTORATION, PostingKind.VOID})


@dataclass(frozen=True, slots=True)
class Removed:
    """What is taken back of what a posting gave."""

    points: int
    """All in all, those that the retailer bears included."""
    counted_points: int
    counted_cents: int
    borne: int
    not_had: int
    """Not taken, since who holds the ticket had never got them."""
    is_gone: bool
    """Of a referral: whether it is taken back."""
    entries: tuple[EntryOf, ...]
    """Those that took and gave again, in their order."""

    def lots_of(self, account_id: UUID) -> dict[UUID, int]:
        """Return the points that are missing in each lot of an account, in the order of taking."""
        sums = _by_lot(self.entries, account_id)
        return {lot: -points for lot, points in sums.items() if lot is not None and points < 0}

    def debt_of(self, account_id: UUID) -> int:
        """Return what an account came to owe; what was given again as new points taken off."""
        sums = _by_lot(self.entries, account_id)
        new = sum(points for lot, points in sums.items() if lot is not None and points > 0)
        return max(-sums.get(None, 0) - new, 0)


def removed_of(posting: KnownPosting, postings: Iterable[KnownPosting]) -> Removed:
    """Return what is taken back of a posting, of those that correct it."""
    found = [p for p in postings if p.corrects_id == posting.id and p.kind in _TAKING]
    counted = [p.rules.get(COUNTED, (0, 0)) for p in found]
    return Removed(
        points=sum(p.rules.get(TAKEN, 0) + p.rules.get(WITHDRAWN, 0) for p in found),
        counted_points=sum(points for points, _ in counted),
        counted_cents=sum(cents for _, cents in counted),
        borne=sum(p.rules.get(BORNE, 0) for p in found),
        not_had=sum(p.rules.get(NOT_HAD, 0) for p in found),
        is_gone=sum(p.rules.get(GONE, 0) for p in found) > 0,
        entries=tuple(entry for p in found for entry in p.entries),
    )


def restored_of(
    redemption: KnownPosting, postings: Iterable[KnownPosting]
) -> Mapping[UUID, Mapping[UUID | None, int]]:
    """Return the points that went back of a redemption, by account and lot, in their order."""
    entries = [
        entry
        for p in postings
        if p.corrects_id == redemption.id and p.kind in _RESTORING
        for entry in p.entries
    ]
    accounts = dict.fromkeys(entry.account_id for entry in entries)
    return {account: _by_lot(entries, account) for account in accounts}


def repaid_of(redemption: KnownPosting, postings: Iterable[KnownPosting]) -> dict[UUID, int]:
    """Return what goods brought back repaid the retailer of a settled redemption, by lender."""
    found: dict[UUID, int] = defaultdict(int)
    for posting in postings:
        if posting.corrects_id == redemption.id and posting.kind in _RESTORING:
            for lender, points in posting.rules.get(REPAID, {}).items():
                found[UUID(lender)] += points
    return dict(found)


def _by_lot(entries: Iterable[EntryOf], account_id: UUID) -> dict[UUID | None, int]:
    sums: dict[UUID | None, int] = defaultdict(int)
    for entry in entries:
        if entry.account_id == account_id:
            sums[entry.lot_id] += entry.points
    return dict(sums)
