"""Which kinds of other identifiers a person has only one of, as the records show it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping
from typing import TypeVar

from rcu.identity.features import Features
from rcu.identity.levels import DIFFERENT, EXACT
from rcu.identity.model import Model
from rcu.identity.scoring import AGREEING_GIVEN_NAME, PairScore

K = TypeVar("K", bound=Hashable)

ENOUGH_PAIRS = 50
AGREEING_SHARE = 0.8
"""Of the pairs that match by all else, how many must agree on the kind."""
CONTRADICTING_SHARE = 0.02
"""Of the pairs that agree on the kind, how many may be two people to all appearance."""


def single_valued_kinds(
    records: Mapping[K, Features], scores: Mapping[tuple[K, K], PairScore], model: Model
) -> frozenset[str]:
    """Return the kinds of which a person has one: the model's, and those that the records show.

    Means of payment and devices, which households share, are never among them.
    """
    held, agreed, equal, contradicting = (Counter[str]() for _ in range(4))
    for (a, b), score in scores.items():
        ours, theirs = _by_kind(records[a]), _by_kind(records[b])
        for kind in ours.keys() & theirs.keys():
            agrees = not ours[kind].isdisjoint(theirs[kind])
            if agrees:
                contradicting[kind] += _are_two_people(score)
                equal[kind] += 1
            if score.contradiction is None and _weight_without(score, kind) >= model.link_weight:
                held[kind] += 1
                agreed[kind] += agrees
    return model.single_valued_kinds | {
        kind
        for kind, pairs in held.items()
        if kind not in model.household.attributes
        if pairs >= ENOUGH_PAIRS and agreed[kind] >= AGREEING_SHARE * pairs
        if contradicting[kind] <= CONTRADICTING_SHARE * equal[kind]
    }


def _by_kind(features: Features) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for kind, value in features.others:
        found[kind].add(value)
    return found


def _are_two_people(score: PairScore) -> bool:
    """Tell whether given name or birth date differs, and the other does not make up for it."""
    levels = {item.attribute: item.level for item in score.evidence}
    name, born = levels.get("given_name"), levels.get("birth_date")
    if name == DIFFERENT:
        return born != EXACT
    return born == DIFFERENT and name not in AGREEING_GIVEN_NAME


def _weight_without(score: PairScore, kind: str) -> float:
    return score.weight - sum(item.counted for item in score.evidence if item.attribute == kind)
