"""A record that plainly joins one client: its own links tell, whatever else would be compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations

from rcu.identity.features import Features
from rcu.identity.grounds import is_blind, is_personal
from rcu.identity.model import Model
from rcu.identity.partition import STRONG_LINK
from rcu.identity.scoring import Decision, PairScore, contradiction


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


def _values_fit(records: Iterable[Features], model: Model) -> bool:
    """Tell whether the identifiers are within limits, and of no kind that speaks against links."""
    values: dict[str, set[str]] = defaultdict(set)
    for features in records:
        for kind, value in features.identifiers:
            values[kind].add(value)
    return values.keys().isdisjoint(model.compared_kinds) and all(
        len(held) <= model.value_limit(kind) for kind, held in values.items()
    )
