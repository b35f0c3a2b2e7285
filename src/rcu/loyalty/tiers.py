"""The tier of a client, from what its records earned or spent in a period; pure.

Nothing is stored of a tier: it is a function of months of earning, so that a merge, a split and
their undoing need no repair.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from typing import Final

from rcu.loyalty.programme import Tier, Tiers


@dataclass(frozen=True, slots=True)
class Month:
    """What counts of one month: returns are taken off."""

    month: date
    points: int
    amount_cents: int


@dataclass(frozen=True, slots=True)
class TierStanding:
    """The tier now, until when, and what the next one takes."""

    tier: Tier
    valid_until: date
    """First day on which a review may lower it."""
    reached: int
    """Points or cents of the period under way."""
    next_tier: Tier | None
    missing: int | None


def period_start(day: date, months: int) -> date:
    """Return the first day of the period of the calendar that a day is in."""
    return _first_day(_period(day, months), months)


def period_after(start: date, months: int) -> date:
    """Return the first day of the next period."""
    return _first_day(_period(start, months) + 1, months)


def standing(tiers: Tiers, months: Iterable[Month], *, on: date) -> TierStanding:
    """Return the tier on a day: the better of what this period and the last one reached.

    So an upgrade holds at once, and until the end of the next period; then the review.
    """
    now = _period(on, tiers.period_months)
    by_points = tiers.by == "points"
    reached = before = 0
    for month in months:
        period = _period(month.month, tiers.period_months)
        if period == now:
            reached += month.points if by_points else month.amount_cents
        elif period == now - 1:
            before += month.points if by_points else month.amount_cents
    current = _level(tiers, reached)
    tier = max(current, _level(tiers, before), key=_bound)
    is_renewed = current.from_ >= tier.from_
    next_tier = next((level for level in tiers.levels if level.from_ > tier.from_), None)
    return TierStanding(
        tier=tier,
        valid_until=_first_day(now + (2 if is_renewed else 1), tiers.period_months),
        reached=reached,
        next_tier=next_tier,
        missing=max(next_tier.from_ - reached, 0) if next_tier else None,
    )


def _period(day: date, months: int) -> int:
    """Return the number of the period of the calendar that a day is in."""
    return (day.year * 12 + day.month - 1) // months


def _first_day(period: int, months: int) -> date:
    year, month = divmod(period * months, 12)
    return date(year, month + 1, 1)


def _level(tiers: Tiers, reached: int) -> Tier:
    found = tiers.levels[0]
    for level in tiers.levels:
        if reached >= level.from_:
            found = level
    return found


_bound: Final = attrgetter("from_")
