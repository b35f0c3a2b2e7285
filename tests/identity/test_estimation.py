"""Estimates from judgements: figures known from the literature, and what they must obey."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcu.identity.estimation import (
    Stratum,
    estimate_matches,
    estimate_precision,
    estimate_recall,
    wilson,
)


def stratum(pairs: int, judged: int, matches: int, *, together: bool = True) -> Stratum:
    return Stratum(together, 3, pairs, pairs * 0.9, judged, matches)


@pytest.mark.parametrize(
    ("matches", "judged", "low", "high"),
    [(9, 10, 0.5958, 0.9821), (0, 10, 0.0, 0.2775), (81, 263, 0.2553, 0.3662), (0, 0, 0.0, 1.0)],
)
def test_the_interval_of_a_share_is_that_of_wilson(
    matches: int, judged: int, low: float, high: float
) -> None:
    # 81 of 263: Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    assert wilson(matches, judged, confidence=0.95) == pytest.approx((low, high), abs=5e-5)


def test_the_precision_of_one_stratum_is_its_share_and_interval() -> None:
    found = estimate_precision([stratum(1000, 10, 9)], confidence=0.95)

    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((0.9, 0.5958, 0.9821), abs=5e-5)


def test_strata_count_by_their_pairs_and_not_by_their_judgements() -> None:
    many, few = stratum(9000, 10, 10), stratum(1000, 100, 50)

    found = estimate_precision([many, few], confidence=0.95)

    assert found is not None
    assert found.value == pytest.approx(0.95)


def test_what_nobody_judged_counts_at_the_model_s_word_and_may_be_anything() -> None:
    found = estimate_precision([stratum(100, 0, 0)], confidence=0.95)

    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((0.9, 0.0, 1.0))


def test_recall_sets_the_matches_found_against_those_left_apart() -> None:
    found = stratum(1000, 100, 100)
    missed = stratum(500, 100, 50, together=False)

    recall = estimate_recall([found, missed], confidence=0.95)

    assert recall is not None
    assert recall.value == pytest.approx(1000 / 1250)
    assert recall.low < recall.value < recall.high <= 1


def test_nothing_is_estimated_from_nothing() -> None:
    assert estimate_precision([], confidence=0.95) is None
    assert estimate_recall([], confidence=0.95) is None


strata = st.builds(
    lambda pairs, judged, share: stratum(
        pairs, min(judged, pairs), round(min(judged, pairs) * share)
    ),
    st.integers(1, 10_000),
    st.integers(0, 500),
    st.floats(0, 1),
)


@given(st.lists(strata, min_size=1, max_size=6))
def test_an_interval_holds_its_estimate_and_stays_possible(found: list[Stratum]) -> None:
    estimate = estimate_matches(found, confidence=0.95)

    assert 0 <= estimate.low <= estimate.value + 1e-9
    assert estimate.value - 1e-9 <= estimate.high <= sum(s.pairs for s in found) + 1e-9
