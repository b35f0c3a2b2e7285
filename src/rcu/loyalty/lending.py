"""What became of the points that one record lent another: lent, given back, paid for; pure.

A redemption takes points of a lender's lots under a record of somebody else. Its settlements give
them back and let the spender pay, or, once the two are one client again, do the reverse. All of
them correct the redemption, so that the sums of their entries say how things stand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from rcu.loyalty.ledger import Draft, Movement
from rcu.loyalty.lots import Lot
from rcu.loyalty.models import Counterpart, PostingKind

LENDER: Final = "lender"
"""Whose points a settlement is about, in its rules."""
LAPSED: Final = "lapsed"
"""Points that had lapsed, by lot, in the rules of the settlement that counts them as there."""


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
class Loan:
    """The points of a lender in one redemption."""

    lender_id: UUID
    entries: Sequence[LoanEntry]
    """Of the redemption, then of all that corrects it, in the order of time; lots only."""

    def lent(self) -> dict[UUID, int]:
        """Return what is missing in each lot of the lender, in the order of the taking."""
        spent = (e for e in self.entries if e.kind != PostingKind.SETTLEMENT)
        return _sums(
            (e.lot_id, -e.points)
            for e in (*spent, *self._settled())
            if e.account_id == self.lender_id
        )

    def given(self) -> dict[UUID, int]:
        """Return what settlements gave to each lot of the lender, lapsed points taken off."""
        rules = {e.posting_id: e.rules.get(LAPSED, {}) for e in self._settled()}
        gone = [(UUID(lot), -n) for found in rules.values() for lot, n in found.items()]
        moved = [(e.lot_id, e.points) for e in self._settled() if e.account_id == self.lender_id]
        return _sums([*moved, *gone])

    def paid(self) -> dict[UUID, int]:
        """Return what others paid to settle, lot by lot, as far as it has not gone back yet."""
        missing = _sums((e.lot_id, -e.points) for e in self.entries)
        paid = _sums(
            (e.lot_id, -e.points) for e in self._settled() if e.account_id != self.lender_id
        )
        both = {lot: min(points, missing.get(lot, 0)) for lot, points in paid.items()}
        return {lot: points for lot, points in both.items() if points > 0}

    def _settled(self) -> list[LoanEntry]:
        """Return the entries of the settlements that are about this lender."""
        about = {e.posting_id for e in self.entries if _is_about(e, self.lender_id)}
        return [entry for entry in self.entries if entry.posting_id in about]


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
