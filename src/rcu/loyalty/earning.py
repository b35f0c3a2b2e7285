"""What a sale earns, and what goods that come back take with them; pure.

Points are reckoned exactly, as fractions, line by line, and become whole once for each ticket. A
return leaves what the rest of the ticket would have earned: `kept` after it, whatever was rounded
before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor
from typing import Any, NamedTuple

from rcu.loyalty.programme import (
    Bonus,
    BonusKind,
    Combining,
    Conditions,
    Multiplier,
    Programme,
    Rounding,
    Weekday,
)

_WEEKDAYS = tuple(Weekday)
_STORED = Decimal("0.00000001")
Exact = Fraction | int
"""A whole number as long as nothing breaks it: most lines are reckoned without a fraction."""
MOST_POINTS = 10**12
"""Of one ticket: whatever rules multiply, the sum of an account stays within the database's."""


class Line(NamedTuple):
    """One product of a ticket; the amount is negative when it comes back."""

    category: str | None
    amount_cents: int


@dataclass(frozen=True, slots=True)
class Sale:
    """What of a ticket decides its points."""

    total_cents: int
    currency: str
    channel: str
    store: str | None
    business_date: date
    lines: Sequence[Line] = ()
    payments: Sequence[tuple[str, int]] = ()
    """Method and cents of each payment whose amount is known."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What of the client decides the points."""

    tier: str | None = None
    is_first_purchase: bool = False
    birth_month: int | None = None
    """1 to 12; None when it is not known, or this year's bonus was given."""


@dataclass(frozen=True, slots=True)
class Earned:
    """The points of a sale, and the rules that made them."""

    points: int
    """For the amount, whole."""
    exact: Fraction
    """For the amount, before rounding."""
    amount_cents: int
    """Of the ticket, as far as it earns; an excluded payment is a share of every line."""
    multipliers: tuple[str, ...] = ()
    bonuses: tuple[Bonus, ...] = ()
    excluded: tuple[str, ...] = ()
    """Categories and payment methods that kept a part from earning."""

    @property
    def total(self) -> int:
        """Points with the bonuses."""
        return self.points + sum(bonus.points for bonus in self.bonuses)

    def rules(self) -> dict[str, Any]:
        """Return the rules as they are kept with the posting."""
        return {
            "multipliers": list(self.multipliers),
            "bonuses": {bonus.code: bonus.points for bonus in self.bonuses},
            "excluded": list(self.excluded),
        }


def earn(programme: Programme, sale: Sale, standing: Standing) -> Earned:
    """Return what a sale earns; nothing when its total is not above zero."""
    rate = programme.points_per_unit.get(sale.currency)
    if rate is None:
        return Earned(0, Fraction(0), 0, excluded=(f"currency:{sale.currency}",))
    if sale.total_cents <= 0:
        return Earned(0, Fraction(0), 0)
    reckoned = _Reckoning(programme, sale, standing.tier)
    cents, weighted = reckoned.amounts()
    exact = _points(weighted, _exactly(rate))
    return Earned(
        points=whole(exact, programme.rounding),
        exact=exact,
        amount_cents=max(floor(cents), 0),
        multipliers=tuple(sorted(reckoned.used)),
        bonuses=tuple(_bonuses(programme, sale, standing)),
        excluded=tuple(sorted(reckoned.excluded)),
    )


def earn_back(programme: Programme, back: Sale) -> Earned:
    """Return what goods would earn by the plain rules of the day on which they come back.

    `back` is what brings them back: its total and its amounts are those that are given for them.
    """
    goods = replace(
        back,
        total_cents=-back.total_cents,
        lines=[Line(line.category, -line.amount_cents) for line in back.lines],
        payments=(),
    )
    return earn(programme, goods, Standing())


def _points(cents: Exact, rate: Fraction) -> Fraction:
    """Return the points of some cents, at a rate for one unit of the currency: one division."""
    points = cents.numerator * rate.numerator
    whole_points = cents.denominator * rate.denominator * 100
    if points <= 0:
        return Fraction(0)
    if points >= MOST_POINTS * whole_points:
        return Fraction(MOST_POINTS)
    return Fraction(points, whole_points)


def exact_of_return(programme: Programme, back: Sale, original: Sale, tier: str | None) -> Fraction:
    """Return what the goods that come back had earned, exactly, under the rules of their sale.

    `back` has the lines and the total of the return, which is zero or negative.
    """
    goods = Sale(
        total_cents=-back.total_cents,
        currency=original.currency,
        channel=original.channel,
        store=original.store,
        business_date=original.business_date,
        lines=[Line(line.category, -line.amount_cents) for line in back.lines],
        # The share of the sale that was paid with points earned nothing: nor does it take.
        payments=_scaled(original, -back.total_cents),
    )
    return earn(programme, goods, Standing(tier)).exact


def _scaled(original: Sale, cents: int) -> list[tuple[str, int]]:
    if original.total_cents <= 0:
        return []
    return [(method, paid * cents // original.total_cents) for method, paid in original.payments]


def whole(exact: Fraction, rounding: Rounding) -> int:
    """Return whole points."""
    if rounding is Rounding.DOWN:
        return floor(exact)
    if rounding is Rounding.UP:
        return ceil(exact)
    return floor(exact + Fraction(1, 2))


def stored(exact: Fraction) -> Decimal:
    """Return an exact number of points as it is kept: eight decimals, never too many points."""
    value = Decimal(exact.numerator) / Decimal(exact.denominator)
    return value.quantize(_STORED, rounding=ROUND_FLOOR)


@lru_cache(maxsize=1024)
def _exactly(value: Decimal) -> Fraction:
    """Return a number of the programme as a fraction, made once: each line of a ticket asks."""
    return Fraction(value)


class _Reckoning:
    """The amounts of one sale, and the rules that had a say in them."""

    def __init__(self, programme: Programme, sale: Sale, tier: str | None) -> None:
        self._programme = programme
        self._sale = sale
        self._fitting = [
            rule for rule in programme.multipliers if _fits(rule.when, sale=sale, tier=tier)
        ]
        self.used: set[str] = set()
        self.excluded: set[str] = set()

    def amounts(self) -> tuple[Exact, Exact]:
        """Return the cents that earn, and the same times their factors."""
        share = self._share_that_earns()
        earning = [
            (line.category, line.amount_cents) for line in self._sale.lines if self._earns(line)
        ]
        rest = self._sale.total_cents - sum(line.amount_cents for line in self._sale.lines)
        parts = [*earning, (None, rest)] if rest else earning
        cents = sum(amount for _, amount in parts)
        weighted: Exact = cents
        if self._fitting:
            weighted = sum((amount * self._factor(category) for category, amount in parts), 0)
        return cents * share, weighted * share

    def _earns(self, line: Line) -> bool:
        if line.category not in self._programme.excluded_categories:
            return True
        self.excluded.add(f"category:{line.category}")
        return False

    def _share_that_earns(self) -> Exact:
        """Return the share of the ticket that was not paid with what earned already."""
        total = self._sale.total_cents
        paid = 0
        for method, cents in self._sale.payments:
            if method in self._programme.excluded_payment_methods and cents > 0:
                self.excluded.add(f"payment:{method}")
                paid += cents
        return Fraction(max(total - paid, 0), total) if paid else 1

    def _factor(self, category: str | None) -> Exact:
        rules = [rule for rule in self._fitting if _fits_category(rule, category)]
        if not rules:
            return 1
        if self._programme.combining is Combining.BEST:
            best = max(rules, key=lambda rule: rule.factor)
            self.used.add(best.code)
            return _exactly(best.factor)
        factor = Fraction(1)
        for rule in rules:
            self.used.add(rule.code)
            factor *= _exactly(rule.factor)
        return factor


def _fits_category(rule: Multiplier, category: str | None) -> bool:
    return rule.when.categories is None or category in rule.when.categories


def _fits(when: Conditions, *, sale: Sale, tier: str | None) -> bool:
    """Say whether all conditions but that on the category fit."""
    weekday = _WEEKDAYS[sale.business_date.weekday()]
    return all(
        (
            when.stores is None or sale.store in when.stores,
            when.channels is None or sale.channel in when.channels,
            when.weekdays is None or weekday in when.weekdays,
            when.tiers is None or tier in when.tiers,
            when.from_on is None or sale.business_date >= when.from_on,
            when.until_on is None or sale.business_date <= when.until_on,
        )
    )


def _bonuses(programme: Programme, sale: Sale, standing: Standing) -> Iterable[Bonus]:
    for bonus in programme.bonuses:
        is_due = {
            BonusKind.FIRST_PURCHASE: standing.is_first_purchase,
            BonusKind.BIRTHDAY_MONTH: standing.birth_month == sale.business_date.month,
        }
        if is_due[bonus.kind]:
            yield bonus


def lines_of(document: Iterable[Mapping[str, Any]]) -> list[Line]:
    """Return the lines of a ticket as they are kept."""
    return [Line(line.get("category"), line["amount_cents"]) for line in document]


def payments_of(document: Iterable[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Return the payments of a ticket as they are kept; one without an amount says nothing."""
    return [
        (payment.get("method", "card"), payment["amount_cents"])
        for payment in document
        if payment.get("amount_cents") is not None
    ]
