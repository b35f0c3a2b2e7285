"""What became of the points that one record lent another: lent, given back, paid for; pure.

A redemption takes points of a lender's lots under a record of somebody else. Its settlements give
them back and let the spender's client pay, or, once lender and spender are one client again, do the
reverse. Whoever pays for the spender out of another record lends it as much. All settlements
correct the redemption, so that the sums of their entries say how things stand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from rcu.loyalty.ledger import Draft, Movement
from rcu.loyalty.lots import Lot, give_back
from rcu.loyalty.models import Counterpart, PostingKind

LENDER: Final = "lender"
"""Whose points a settlement is about, in its rules."""
LAPSED: Final = "lapsed"
"""Points that had lapsed, by lot, in the rules of the settlement that counts them as there."""


@dataclass(slots=True)
class Crossing:
    """Points of an account that a redemption took under another record, or that paid for it."""

    account_id: UUID
    points: int
    settled: int
    """Of these, given back to the account by now."""
    given: int
    """Of the settled, what settlements gave: to be taken back once lender and spender are one."""
    borne: int
    """Of the given, what nobody has paid for."""
    is_parted: bool
    """Whether the account is of another client than the spender."""

    @property
    def lost(self) -> int:
        """What the account misses."""
        return self.points - self.settled

    def pay(self, points: int) -> None:
        """Let the account pay: it gives back what it was given first, the rest it lends."""
        back = min(points, self.given)
        self.given -= back
        self.settled -= back
        self.points += points - back

    def be_repaid(self, points: int) -> None:
        """Let the account have back what it had paid."""
        self.settled = min(self.settled + points, self.points)


@dataclass(frozen=True, slots=True)
class LoanEntry:
    """Points added to a lot by a redemption or by what corrects it."""

    posting_id: UUID
    kind: str
    rules: Mapping[str, Any]
    account_id: UUID
    lot_id: UUID
    points: int


@dataclass(frozen=True, slots=True)
class Loans:
    """What a redemption and all that corrects it did to lots, in the order of time."""

    entries: Sequence[LoanEntry]

    def missing(self, account_id: UUID) -> dict[UUID, int]:
        """Return what is missing in each lot of an account, in the order of the taking."""
        return _sums((e.lot_id, -e.points) for e in self.entries if e.account_id == account_id)

    def given(self, lender_id: UUID) -> dict[UUID, int]:
        """Return what settlements gave to each lot of a lender, lapsed points taken off."""
        about = [e for e in self.entries if _is_about(e, lender_id)]
        rules = {e.posting_id: e.rules.get(LAPSED, {}) for e in about}
        gone = [(UUID(lot), -n) for found in rules.values() for lot, n in found.items()]
        moved = [(e.lot_id, e.points) for e in about if e.account_id == lender_id]
        return _sums([*moved, *gone])

    def paid(
        self, account_ids: Collection[UUID], *, lender_id: UUID | None = None
    ) -> dict[UUID, int]:
        """Return what lots of accounts paid to settle, as far as it has not gone back yet.

        To settle with one lender, or with all.
        """
        own = [e for e in self.entries if e.account_id in account_ids]
        missing = _sums((e.lot_id, -e.points) for e in own)
        settled = [e for e in own if e.kind == PostingKind.SETTLEMENT]
        paid = _sums((e.lot_id, -e.points) for e in settled)
        both = {lot: min(points, missing.get(lot, 0)) for lot, points in paid.items()}
        if lender_id is not None:
            about = (e for e in settled if _is_about(e, lender_id))
            with_one = _sums((e.lot_id, -e.points) for e in about)
            both = {lot: min(points, with_one.get(lot, 0)) for lot, points in both.items()}
        return {lot: points for lot, points in both.items() if points > 0}

    def repay(
        self, points: int, account_ids: Collection[UUID], *, lender_id: UUID
    ) -> dict[UUID, int]:
        """Return how much of what a lender gives back goes to each lot of accounts that has paid.

        To those first that paid to settle with this lender.
        """
        own = self.paid(account_ids, lender_id=lender_id)
        first = give_back(own, points, order=list(own))
        paid = self.paid(account_ids)
        others = {lot: n - first.get(lot, 0) for lot, n in paid.items()}
        then = give_back(others, points - sum(first.values()), order=list(others))
        return {lot: first.get(lot, 0) + then.get(lot, 0) for lot in {**first, **then}}


def _is_about(entry: LoanEntry, lender_id: UUID) -> bool:
    if entry.kind != PostingKind.SETTLEMENT:
        return False
    if LENDER in entry.rules:
        return bool(entry.rules[LENDER] == str(lender_id))
    # Posted before settlements said so.
    return entry.account_id == lender_id and entry.points > 0


def _sums(parts: Iterable[tuple[UUID, int]]) -> dict[UUID, int]:
    found: dict[UUID, int] = defaultdict(int)
    for lot_id, points in parts:
        found[lot_id] += points
    return {lot_id: points for lot_id, points in found.items() if points > 0}


@dataclass(slots=True)
class Undone:
    """What undoing a settlement takes from the lots that it gave points to."""

    taken: dict[UUID, int] = field(default_factory=dict)
    lapsed: dict[UUID, int] = field(default_factory=dict)
    """What counts as taken, though it has lapsed or is about to: nobody could spend it."""

    @property
    def points(self) -> int:
        """All in all."""
        return sum(self.taken.values()) + sum(self.lapsed.values())

    def fill(self, draft: Draft, lender_id: UUID) -> None:
        """Add it to a posting."""
        for lot_id, points in self.taken.items():
            draft.move(-points, to=lender_id, lot=lot_id)
        if self.lapsed:
            lapsed = sum(self.lapsed.values())
            draft.movements.append(Movement(-lapsed, counterpart=Counterpart.EXPIRED))
            draft.rules[LAPSED] = {str(lot_id): n for lot_id, n in self.lapsed.items()}


def undo(
    given: Mapping[UUID, int],
    points: int,
    *,
    lots: Mapping[UUID, Lot],
    past: Mapping[UUID, int],
) -> Undone:
    """Take up to `points` of what was given, from the lots that it was given to.

    `past` has the lots that are past their day, with the points that the job has written off.
    Whether that has run makes no difference.
    """
    undone = Undone()
    for lot_id, most in given.items():
        free, is_past = lots[lot_id].free, lot_id in past
        part = min(most, points, free + past[lot_id] if is_past else free)
        if part > 0:
            (undone.lapsed if is_past else undone.taken)[lot_id] = part
            points -= part
    return undone
