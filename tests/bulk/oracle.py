"""What an engine answered, in the terms of the in-memory engine, to be compared with it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from rcu.bulk.resolution import Resolved
from rcu.identity.in_memory import Resolution
from rcu.identity.scoring import Decision

StoredPairs = dict[frozenset[str], tuple[float, str, str | None]]


@dataclass(frozen=True)
class Answer:
    """A partition, and the pairs at or above the review line."""

    clients: set[frozenset[str]]
    pairs: StoredPairs


def answer_of(resolved: Resolved) -> Answer:
    """Read what a bulk engine resolved."""
    members: dict[str, set[str]] = defaultdict(set)
    for batch in resolved.clients():
        for row in batch.to_pylist():
            members[row["client_key"]].add(row["key"])
    pairs: StoredPairs = {}
    for batch in resolved.pairs():
        for row in batch.to_pylist():
            pairs[frozenset((row["left_key"], row["right_key"]))] = _stored(row)
    return Answer(set(map(frozenset, members.values())), pairs)


def _stored(row: dict[str, Any]) -> tuple[float, str, str | None]:
    return round(row["weight"], 6), row["decision"], row["contradiction"]


def expected(found: Resolution[str]) -> Answer:
    """Read what the engine in memory resolved."""
    return Answer(
        set(found.clients),
        {
            frozenset(pair): (round(score.weight, 6), str(score.decision), score.contradiction)
            for pair, score in found.scores.items()
            if score.decision is not Decision.APART
        },
    )
