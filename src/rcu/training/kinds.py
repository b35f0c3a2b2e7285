"""Which kinds of other identifiers a person has only one of, and which are lent, by the records."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from rcu.identity.comparison import compare_numbers
from rcu.identity.contradictions import AGREEING_GIVEN_NAME
from rcu.identity.features import Features
from rcu.identity.levels import DIFFERENT, EXACT
from rcu.identity.model import Model
from rcu.identity.normalise.other_identifiers import number_spelled
from rcu.identity.scoring import PairScore

K = TypeVar("K", bound=Hashable)

ENOUGH_PAIRS = 50
AGREEING_SHARE = 0.8
"""Of the pairs that match by all else, how many must agree on the kind."""
CONTRADICTING_SHARE = 0.02
"""Of the pairs that agree on the kind, how many may be two people to all appearance."""


@dataclass(frozen=True, slots=True)
class KindCensus:
    """By kind of other identifiers, what the candidate pairs that compare it show."""

    held: Counter[str]
    """Pairs that match by all else and hold the kind on both sides."""
    agreed: Counter[str]
    """Of these, those that agree on it, be it but for a slip."""
    equal: Counter[str]
    """Pairs that agree on it, whatever else they say."""
    contradicting: Counter[str]
    """Of these, those that are two people to all appearance."""

    @classmethod
    def of(
        cls, records: Mapping[K, Features], scores: Mapping[tuple[K, K], PairScore], model: Model
    ) -> KindCensus:
        """Count the pairs."""
        census = cls(*(Counter[str]() for _ in range(4)))
        for (a, b), score in scores.items():
            if records[a].others and records[b].others:
                census._add(_by_kind(records[a]), _by_kind(records[b]), score, model)
        return census

    def _add(
        self, ours: dict[str, set[str]], theirs: dict[str, set[str]], score: PairScore, model: Model
    ) -> None:
        for kind in ours.keys() & theirs.keys():
            agrees = not ours[kind].isdisjoint(theirs[kind])
            if agrees:
                self.contradicting[kind] += _are_two_people(score)
                self.equal[kind] += 1
            if score.contradiction is None and _weight_without(score, kind) >= model.link_weight:
                self.held[kind] += 1
                self.agreed[kind] += compare_numbers(ours[kind], theirs[kind]) != DIFFERENT

    def single_valued(self, model: Model) -> frozenset[str]:
        """Return the kinds of which a person has one: the model's, and those of the records.

        Means of payment and devices, which households share, are never among them.
        """
        return model.single_valued_kinds | {
            kind for kind in self._one_a_person(model) if not self._is_of_several(kind)
        }

    def ambiguous(self, model: Model) -> frozenset[str]:
        """Return the kinds of which a person has one value, which other people have too."""
        return model.document.ambiguous_kinds | {
            kind
            for kind in self._one_a_person(model) - model.single_valued_kinds
            if self._is_of_several(kind)
        }

    def _one_a_person(self, model: Model) -> set[str]:
        return {
            kind
            for kind, pairs in self.held.items()
            if kind not in model.household.attributes
            if pairs >= ENOUGH_PAIRS and self.agreed[kind] >= AGREEING_SHARE * pairs
        }

    def _is_of_several(self, kind: str) -> bool:
        return self.contradicting[kind] > CONTRADICTING_SHARE * self.equal[kind]

    def lent(self, model: Model) -> frozenset[str]:
        """Return the single-valued kinds that people lend: too many who agree on it are two."""
        return model.lent_kinds | {
            kind
            for kind in self.single_valued(model)
            if self.equal[kind] >= ENOUGH_PAIRS and self._is_of_several(kind)
        }


def _by_kind(features: Features) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for kind, value in features.others:
        found[kind].add(number_spelled(value))
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
