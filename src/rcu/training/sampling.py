"""The pairs that training looks at: all candidates, and pairs drawn at random."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from random import Random
from typing import Any, TypeVar

from rcu.identity.blocking import blocking_keys
from rcu.identity.features import Features
from rcu.identity.levels import SHARED
from rcu.identity.model import Model
from rcu.identity.scoring import PairScore, score_pair

K = TypeVar("K", bound=Any)
Pair = tuple[K, K]

RANDOM_PAIRS = 200_000
_SEED = 20_250_101


def candidate_pairs(records: Mapping[K, Features], *, key_cap: int) -> list[Pair[K]]:
    """Return the pairs that share a blocking key which is not held by too many, in order."""
    holders: dict[int, list[K]] = defaultdict(list)
    for key in sorted(records):
        for block in blocking_keys(records[key]):
            holders[block].append(key)
    pairs = {
        pair
        for members in holders.values()
        if len(members) <= key_cap
        for pair in combinations(members, 2)
    }
    return sorted(pairs)


def random_pairs(records: Sequence[K], *, size: int = RANDOM_PAIRS) -> Iterator[Pair[K]]:
    """Yield pairs of different records drawn at random, or all pairs where they are fewer.

    The draw is seeded: the same records, in the same order, give the same pairs.
    """
    n = len(records)
    if n * (n - 1) // 2 <= size:
        yield from combinations(records, 2)
        return
    dice = Random(_SEED)  # noqa: S311 - a sample, not a secret
    for _ in range(size):
        a, b = dice.sample(range(n), 2)
        yield records[a], records[b]


def score_all(
    records: Mapping[K, Features],
    pairs: Sequence[Pair[K]],
    model: Model,
    shared: frozenset[tuple[str, str]],
) -> dict[Pair[K], PairScore]:
    """Return the score of every pair."""
    return {(a, b): score_pair(records[a], records[b], model, shared=shared) for a, b in pairs}


def levels_of(score: PairScore) -> dict[str, str]:
    """Return the levels that a pair reached: what was not compared, or is shared, left out."""
    return {item.attribute: item.level for item in score.evidence if item.level != SHARED}
