"""Records that plainly are one client: the links of one tell, whatever else would be compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import TypeVar

from rcu.identity.features import Features
from rcu.identity.grounds import STRONG_LINK, is_blind, is_personal
from rcu.identity.model import Model
from rcu.identity.scoring import Decision, PairScore, contradiction

K = TypeVar("K", bound=Hashable)


def is_sure(score: PairScore) -> bool:
    """Tell whether a link is one that the partition refuses for a contradiction or a limit only.

    It is strong, compared a given name or a birth date, and rests on something of the person's own.
    """
    return (
        score.decision is Decision.LINK
        and score.weight >= STRONG_LINK
        and is_personal(score)
        and not is_blind(score)
    )


def are_compatible(record: Features, others: Sequence[Features], model: Model) -> bool:
    """Tell whether nothing of these keeps `partition` from making one client of them all.

    Sure links tie `record` to each of the others, and nobody has judged them. Then no merge is
    refused, in whatever order the links come and whatever the others weigh among themselves: no two
    contradict each other, and together they have no more values than one client may. False says
    nothing.
    """
    return _values_fit((record, *others), model) and not any(
        contradiction(a, b, model) for a, b in combinations(others, 2)
    )


def are_plainly_one(
    records: Mapping[K, Features], scores: Mapping[tuple[K, K], PairScore], model: Model
) -> bool:
    """Tell whether `partition` makes one client of them all, as sure links of one of them tell.

    Nobody has judged them, and what links does not contradict each other. False says nothing.
    """
    links = {pair for pair, score in scores.items() if score.decision is Decision.LINK}
    ties = dict.fromkeys(records, 0)
    for a, b in links:
        ties[a] += 1
        ties[b] += 1
    hubs = [key for key, count in ties.items() if count == len(records) - 1]
    if not any(all(is_sure(scores[pair]) for pair in links if hub in pair) for hub in hubs):
        return False
    return _values_fit(records.values(), model) and not any(
        contradiction(records[a], records[b], model)
        for a, b in combinations(records, 2)
        if (a, b) not in links and (b, a) not in links
    )


def _values_fit(records: Iterable[Features], model: Model) -> bool:
    """Tell whether the identifiers are within limits, and of no kind that speaks against links."""
    values: dict[str, set[str]] = defaultdict(set)
    for features in records:
        for kind, value in features.identifiers:
            values[kind].add(value)
    return values.keys().isdisjoint(model.compared_kinds) and all(
        len(held) <= model.value_limit(kind) for kind, held in values.items()
    )
