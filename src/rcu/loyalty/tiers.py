"""The tier of a client, from what its records earned or spent in a period; pure.

Nothing is stored of a tier: it is a function of months of earning, so that a merge, a split and
their undoing need no repair.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

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
    index = (day.month - 1) // months
    return date(day.year, index * months + 1, 1)


def period_after(start: date, months: int) -> date:
    """Return the first day of the next period."""
    month = start.month - 1 + months
    return date(start.year + month // 12, month % 12 + 1, 1)


def standing(tiers: Tiers, months: Iterable[Month], *, on: date) -> TierStanding:
    """Return the tier on a day: the better of what this period and the last one reached.

    So an upgrade holds at once, and until the end of the next period; then the review.
    """
    start = period_start(on, tiers.period_months)
    after = period_after(start, tiers.period_months)
    before = _period_before(start, tiers.period_months)
    sums = {start: 0, before: 0}
    for month in months:
        period = period_start(month.month, tiers.period_months)
        if period in sums:
            sums[period] += month.points if tiers.by == "points" else month.amount_cents
    current, last = (_level(tiers, sums[period]) for period in (start, before))
    tier = max(current, last, key=lambda level: level.from_)
    is_renewed = current.from_ >= tier.from_
    next_tier = next((level for level in tiers.levels if level.from_ > tier.from_), None)
    return TierStanding(
        tier=tier,
        valid_until=period_after(after, tiers.period_months) if is_renewed else after,
        reached=sums[start],
        next_tier=next_tier,
        missing=max(next_tier.from_ - sums[start], 0) if next_tier else None,
    )


def _level(tiers: Tiers, reached: int) -> Tier:
    return next((t for t in reversed(tiers.levels) if reached >= t.from_), tiers.levels[0])


def _period_before(start: date, months: int) -> date:
    month = start.month - 1 - months
    return date(start.year + month // 12, month % 12 + 1, 1)
