"""Taking points back from an account, and giving them again, lot by lot, as a draft is made.

What is taken comes from the lots of the sale, then from the account's others, then it is owed or
borne. What is given again goes back the other way round: what was borne or owed first, then to the
lots that were taken from last.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from rcu.loyalty.ledger import Draft, NewLot
from rcu.loyalty.lots import Lot, Taken, oldest_first, take, taken_points, takes_for_return
from rcu.loyalty.removed import BORNE, Removed


@dataclass(frozen=True, slots=True)
class NewDays:
    """The days of points that are given anew, since no lot is left that they could go back to."""

    earned_at: datetime
    active_from: date
    expires_on: date | None
    timezone: str


@dataclass(slots=True)
class Accounts:
    """The accounts that a correction moves points of, as they are while it is made."""

    lots: dict[UUID, Lot]
    debts: dict[UUID, int]
    """By account; of one that is not there, none."""
    at: datetime
    """When they are corrected: lots that have lapsed by then pay nothing, written off or not."""

    def take(
        self, draft: Draft, account: UUID, points: int, *, given_by: UUID, may_owe: bool
    ) -> None:
        """Take points that a posting had given; what is missing is owed, or borne."""
        taken, missing = takes_for_return(self._lots_of(account), points, given_by=given_by)
        self._take(draft, taken)
        if missing and may_owe:
            self._owe(draft, account, missing)
        elif missing:
            draft.rules[BORNE] = draft.rules.get(BORNE, 0) + missing

    def take_again(
        self, draft: Draft, account: UUID, points: int, *, preferred: Sequence[UUID]
    ) -> None:
        """Take points that had gone back to some lots: from these, then others, then as a debt."""
        lots = oldest_first(self._lots_of(account))
        rank = {lot_id: number for number, lot_id in enumerate(preferred)}
        lots.sort(key=lambda lot: rank.get(lot.id, len(rank)))
        taken = take(lots, points)
        self._take(draft, taken)
        self._owe(draft, account, points - taken_points(taken))

    def give_again(
        self, draft: Draft, account: UUID, points: int, removed: Removed, *, days: NewDays
    ) -> None:
        """Give points again that are `removed`; those that have no lot to go back to, as new ones.

        These are what later sales have paid of a debt, and what was taken before the sale's points
        went to this account.
        """
        borne = min(max(removed.borne, 0), points)
        if borne:
            draft.rules[BORNE] = draft.rules.get(BORNE, 0) - borne
        points -= borne
        missing = removed.lots_of(account)
        owed = min(removed.debt_of(account), points)
        forgiven = min(self.debts.get(account, 0), owed)
        self.debts[account] = self.debts.get(account, 0) - forgiven
        draft.move(forgiven, to=account)
        left = points - owed
        for lot_id in reversed(missing):
            part = min(missing[lot_id], left)
            draft.move(part, to=account, lot=lot_id)
            self._add(lot_id, part)
            left -= part
        self._give_anew(draft, account, owed - forgiven + left, days)

    def _give_anew(self, draft: Draft, account: UUID, points: int, days: NewDays) -> None:
        if points:
            lot = NewLot(
                account, days.earned_at, days.active_from, days.expires_on, days.timezone, points
            )
            self.debts[account] = draft.give(lot, debt=self.debts.get(account, 0))

    def _lots_of(self, account: UUID) -> list[Lot]:
        lots = (lot for lot in self.lots.values() if lot.account_id == account)
        return [lot for lot in lots if not lot.is_past(self.at)]

    def _take(self, draft: Draft, taken: Iterable[Taken]) -> None:
        draft.take(taken)
        for part in taken:
            self._add(part.lot.id, -part.points)

    def _add(self, lot_id: UUID, points: int) -> None:
        lot = self.lots[lot_id]
        self.lots[lot_id] = replace(lot, remaining=lot.remaining + points)

    def _owe(self, draft: Draft, account: UUID, points: int) -> None:
        draft.move(-points, to=account)
        self.debts[account] = self.debts.get(account, 0) + points
