"""Evaluation: exact figures on partitions small enough to count by hand."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcu.evaluation import evaluate

TRUTH = {"a1": "A", "a2": "A", "a3": "A", "b1": "B", "b2": "B", "c1": "C"}


def test_a_perfect_partition_scores_one() -> None:
    found = evaluate({record: f"client {true}" for record, true in TRUTH.items()}, TRUTH)

    assert (found.precision, found.recall, found.f1) == (1, 1, 1)
    assert (found.b3_precision, found.b3_recall, found.b3_f1) == (1, 1, 1)
    assert (found.over_merged_clients, found.split_clients, found.exact_clients) == (0, 0, 3)


def test_a_merge_and_a_split_are_counted_by_hand() -> None:
    found = evaluate({"a1": 1, "a2": 1, "a3": 2, "b1": 2, "b2": 2, "c1": 3}, TRUTH)

    assert (found.pairs_true, found.pairs_assigned, found.pairs_correct) == (4, 4, 2)
    assert (found.precision, found.recall) == (0.5, 0.5)
    assert found.b3_precision == pytest.approx((2 + (1 + 4) / 3 + 1) / 6)
    assert found.b3_recall == pytest.approx((4 / 3 + 1 / 3 + 2 + 1) / 6)
    assert (found.over_merged_clusters, found.over_merged_clients) == (1, 2)
    assert (found.split_clients, found.exact_clients, found.largest_cluster) == (1, 1, 3)


def test_a_missing_record_is_a_client_of_its_own_and_an_unknown_one_is_ignored() -> None:
    found = evaluate({"a1": 1, "a2": 1, "b1": 2, "b2": 2, "z9": 1}, TRUTH)

    assert (found.unassigned, found.unknown) == (2, 1)
    assert (found.clients_assigned, found.over_merged_clients) == (4, 0)
    assert found.precision == 1
    assert found.recall == 0.5


def test_nothing_to_measure_is_perfect() -> None:
    assert evaluate({}, {}).f1 == 1


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=12))
def test_figures_from_sizes_equal_figures_from_pairs(drawn: list[tuple[int, int]]) -> None:
    assigned = {i: cluster for i, (cluster, _) in enumerate(drawn)}
    truth = {i: client for i, (_, client) in enumerate(drawn)}
    pairs = list(combinations(range(len(drawn)), 2))

    found = evaluate(assigned, truth)

    assert found.pairs_true == sum(truth[a] == truth[b] for a, b in pairs)
    assert found.pairs_assigned == sum(assigned[a] == assigned[b] for a, b in pairs)
    assert found.pairs_correct == sum(
        truth[a] == truth[b] and assigned[a] == assigned[b] for a, b in pairs
    )
