"""The pure rules: earning, tiers and lots."""

from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rcu.loyalty.earning import Line, Sale, Standing, earn, exact_of_return, whole
from rcu.loyalty.lots import Lot, expires_on, give_back, take, takes_for_return
from rcu.loyalty.programme import Programme, Rounding
from rcu.loyalty.tiers import Month, standing
from tests.loyalty.club import CLUB

WEDNESDAY = date(2025, 3, 5)


def club(**said: Any) -> Programme:
    return Programme.from_document(CLUB | said)


def basket(total_cents: int, *lines: Line, **said: Any) -> Sale:
    at: dict[str, Any] = {
        "currency": "EUR",
        "channel": "store",
        "store": "S001",
        "business_date": WEDNESDAY,
    }
    return Sale(total_cents=total_cents, lines=lines, **(at | said))


def rule(code: str, factor: float, **when: Any) -> dict[str, Any]:
    return {"code": code, "factor": factor, "when": when}


@pytest.mark.parametrize("channel", ["store", "web", "app", "phone"])
@given(cents=st.integers(0, 10**7))
def test_one_euro_earns_the_same_in_every_channel(channel: str, cents: int) -> None:
    sale = basket(cents, channel=channel, store=None)

    assert earn(club(), sale, Standing()).points == cents // 100


@pytest.mark.parametrize(("rounding", "points"), [("down", 10), ("half_up", 11), ("up", 11)])
def test_a_ticket_is_rounded_once(rounding: str, points: int) -> None:
    lines = [Line(None, 350) for _ in range(3)]

    assert earn(club(rounding=rounding), basket(1050, *lines), Standing()).points == points


def test_the_best_multiplier_holds_or_all_of_them() -> None:
    rules = [rule("a", 2, weekdays=["wednesday"]), rule("b", 3, categories=["shoes"])]
    sale = basket(3000, Line("shoes", 1000), Line("shirts", 2000))

    best = earn(club(multipliers=rules), sale, Standing())
    product = earn(club(multipliers=rules, combining="multiply"), sale, Standing())

    assert (best.points, best.multipliers) == (70, ("a", "b"))
    assert product.points == 100


@pytest.mark.parametrize(
    ("when", "fits"),
    [
        ({"stores": ["S001"]}, True),
        ({"stores": ["S002"]}, False),
        ({"channels": ["web", "store"]}, True),
        ({"channels": ["web"]}, False),
        ({"tiers": ["gold"]}, True),
        ({"tiers": ["classic"]}, False),
        ({"from_on": "2025-03-05", "until_on": "2025-03-05"}, True),
        ({"until_on": "2025-03-04"}, False),
        ({"from_on": "2025-03-06"}, False),
        ({"stores": ["S001"], "weekdays": ["sunday"]}, False),
    ],
)
def test_a_multiplier_holds_where_and_when_it_says(when: dict[str, Any], fits: bool) -> None:
    programme = club(multipliers=[rule("double", 2, **when)])

    earned = earn(programme, basket(1000), Standing(tier="gold"))

    assert earned.points == (20 if fits else 10)
    assert earned.multipliers == (("double",) if fits else ())


def test_excluded_goods_and_payments_earn_nothing_and_are_named() -> None:
    programme = club(excluded_categories=["gift_card"])
    sale = basket(10_000, Line("gift_card", 4000), Line("shoes", 6000), payments=[("points", 5000)])

    earned = earn(programme, sale, Standing())

    assert (earned.points, earned.amount_cents) == (30, 3000)
    assert earned.excluded == ("category:gift_card", "payment:points")


@given(
    cents=st.lists(st.integers(1, 5000), min_size=1, max_size=6),
    rounding=st.sampled_from(list(Rounding)),
)
def test_returning_line_by_line_takes_exactly_what_was_earned(
    cents: list[int], rounding: Rounding
) -> None:
    programme = club(rounding=rounding, multipliers=[rule("odd", 1.37, categories=["shoes"])])
    lines = [Line("shoes" if n % 2 else None, amount) for n, amount in enumerate(cents)]
    sale = basket(sum(cents), *lines)
    exact = earn(programme, sale, Standing()).exact
    kept = [whole(exact, rounding)]

    for line in lines:
        back = basket(-line.amount_cents, Line(line.category, -line.amount_cents))
        exact -= exact_of_return(programme, back, sale, None)
        kept.append(whole(exact, rounding))

    assert exact == Fraction(0)
    assert kept == sorted(kept, reverse=True)
    assert kept[-1] == 0


def test_a_programme_that_contradicts_itself_is_refused() -> None:
    for said in (
        {"multipliers": [rule("x", 2, tiers=["platinum"])]},
        {"multipliers": [rule("x", 2), rule("x", 3)]},
        {"tiers": {"levels": [{"code": "a", "label": "A", "from": 5}]}},
        {"rewards": [{"code": "r", "kind": "euros_off", "points": 5, "label": "R"}]},
        {"points_per_euro": 1},
    ):
        with pytest.raises(ValidationError):
            club(**said)


def test_the_shipped_programme_is_sound_and_survives_being_kept() -> None:
    shipped = Programme.shipped()

    assert Programme.from_document(shipped.to_document()) == shipped


# --- tiers --------------------------------------------------------------------------------------


def test_a_tier_is_had_at_once_kept_for_the_next_period_and_then_reviewed() -> None:
    tiers = club().tiers
    assert tiers is not None
    months = [Month(date(2025, 3, 1), 500, 0)]

    found = {
        year: standing(tiers, months, on=date(year, 6, 1)) for year in (2024, 2025, 2026, 2027)
    }

    assert [found[year].tier.code for year in found] == ["classic", "gold", "gold", "classic"]
    assert found[2025].valid_until == date(2027, 1, 1)
    assert found[2026].valid_until == date(2027, 1, 1)
    assert found[2027].missing == 500


# --- lots ---------------------------------------------------------------------------------------


def lot(number: int, remaining: int, *, held: int = 0, posting: int = 0) -> Lot:
    at = datetime(2025, 1, number, tzinfo=UTC)
    made = (UUID(int=number), UUID(int=99), UUID(int=posting), at, at.date(), None)
    return Lot(*made, "Europe/Paris", remaining, held)


def test_spending_takes_what_is_free_in_the_order_given() -> None:
    taken = take([lot(1, 10, held=4), lot(2, 10)], 8)

    assert [(part.lot.id.int, part.points) for part in taken] == [(1, 6), (2, 2)]


def test_a_return_takes_from_the_lots_of_its_sale_first() -> None:
    taken, missing = takes_for_return([lot(1, 10), lot(2, 5, posting=7)], 20, given_by=UUID(int=7))

    assert [(part.lot.id.int, part.points) for part in taken] == [(2, 5), (1, 10)]
    assert missing == 5


def test_what_was_spent_last_goes_back_first() -> None:
    order = [UUID(int=1), UUID(int=2)]

    assert give_back(dict.fromkeys(order, 10), 15, order=order) == {order[1]: 10, order[0]: 5}


@pytest.mark.parametrize(
    ("start", "months", "day"),
    [
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 11, 30), 3, date(2025, 2, 28)),
        (date(2024, 12, 31), 24, date(2026, 12, 31)),
    ],
)
def test_points_lapse_on_the_same_day_of_a_later_month(start: date, months: int, day: date) -> None:
    assert expires_on(start, months=months) == day
