"""Which points are spent, taken back or lapse first; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

_LAST_DAY: Final = date(2200, 1, 1)
"""A message may name any day of the calendar; near its end nothing can be added to one."""


@dataclass(frozen=True, slots=True)
class Lot:
    """Points that were given together, and what is left of them."""

    id: UUID
    account_id: UUID
    posting_id: UUID
    earned_at: datetime
    active_from: date
    """First business day on which they can be spent."""
    expires_on: date | None
    """First business day on which they no longer can."""
    timezone: str
    remaining: int
    held: int

    @property
    def free(self) -> int:
        """Points that are not reserved."""
        return self.remaining - self.held

    def is_spendable(self, at: datetime) -> bool:
        """Say whether the points are active at an instant, by the day of their store."""
        return self.active_from <= day_in(self.timezone, at) and not self.is_past(at)

    def is_past(self, at: datetime) -> bool:
        """Say whether the points have lapsed at an instant, written off by the job or not yet."""
        return self.expires_on is not None and self.expires_on <= day_in(self.timezone, at)


@dataclass(frozen=True, slots=True)
class Taken:
    """Points of one lot."""

    lot: Lot
    points: int


def day_in(zone: str, at: datetime) -> date:
    """Return the business day of a store at an instant."""
    return at.astimezone(ZoneInfo(zone)).date()


def oldest_first(lots: Iterable[Lot]) -> list[Lot]:
    """Return lots in the order in which they are spent: as they were earned, ties by id."""
    return sorted(lots, key=lambda lot: (lot.earned_at, lot.id))


def take(lots: Sequence[Lot], points: int) -> list[Taken]:
    """Take free points from lots in the order given, `points` of them or as many as there are."""
    taken = []
    for lot in lots:
        part = min(lot.free, points)
        if part > 0:
            taken.append(Taken(lot, part))
            points -= part
    return taken


def taken_points(taken: Iterable[Taken]) -> int:
    """Return how many points were taken."""
    return sum(part.points for part in taken)


def takes_for_return(
    lots: Iterable[Lot], points: int, *, given_by: UUID
) -> tuple[list[Taken], int]:
    """Take points that goods brought back had earned; return them, and what is missing.

    They come from the lots that the sale gave, then from the account's other lots, the oldest
    first. What is reserved stays reserved.
    """
    ordered = oldest_first(lots)
    own = [lot for lot in ordered if lot.posting_id == given_by]
    others = [lot for lot in ordered if lot.posting_id != given_by]
    taken = take([*own, *others], points)
    return taken, points - taken_points(taken)


def give_back(spent: Mapping[UUID, int], points: int, *, order: Sequence[UUID]) -> dict[UUID, int]:
    """Return how many points go back to each lot: those spent last go back first.

    `spent` says how many points of each lot were spent and have not gone back yet; `order` is
    that in which they were spent. Who brings back a part keeps the use of the points that lapse
    first.
    """
    back: dict[UUID, int] = {}
    for lot_id in reversed(order):
        part = min(spent[lot_id], points)
        if part > 0:
            back[lot_id] = part
            points -= part
    return back


def active_from(business_date: date, *, after_days: int) -> date:
    """Return the first day on which points of a sale can be spent."""
    return min(business_date, _LAST_DAY) + timedelta(days=after_days)


@lru_cache(maxsize=4096)
def expires_on(start: date, *, months: int | None) -> date | None:
    """Return the day on which points lapse: so many months after `start`, same day of the month.

    A day that the month has not is its last one.
    """
    if months is None:
        return None
    start = min(start, _LAST_DAY)
    month = start.month - 1 + months
    year, month = start.year + month // 12, month % 12 + 1
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month, min(start.day, last))
