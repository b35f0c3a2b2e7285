"""How many values of one kind a client may have, where the records show that many have many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from typing import TypeVar

from rcu.identity.features import Features
from rcu.identity.model import Model
from rcu.training.document import changed

K = TypeVar("K", bound=Hashable)

OUTLIERS_SHARE = 0.01
"""A limit keeps out what is not of one person, which is rare: it may stop so many, of the clients
that have several values. Where it stops more, having many is the rule: each line of a telephone
company has a number of its own, and each copy of a badly typed record too."""
FEWEST_STOPPED = 5
MOST_DOUBLINGS = 4


def with_value_limits(
    model: Model,
    records: Mapping[K, Features],
    partition: Callable[[Model], Iterable[Collection[K]]],
) -> Model:
    """Return the model with its limits doubled, again and again, for the kinds that they bind.

    `partition` forms the clients under a model. Kinds of which a person has one keep their limit.
    """
    for _ in range(MOST_DOUBLINGS):
        binding = _binding(model, [[records[key] for key in c] for c in partition(model)])
        if not binding:
            break
        limits = {kind: 2 * model.value_limit(kind) for kind in sorted(binding)}
        model = changed(model, value_limits=model.document.value_limits | limits)
    return model


def _binding(model: Model, clients: Iterable[Iterable[Features]]) -> set[str]:
    """Return the kinds of which more than a few outliers reach the limit."""
    several, stopped = Counter[str](), Counter[str]()
    for client in clients:
        values = Counter(kind for kind, _ in {i for r in client for i in r.identifiers})
        several.update(kind for kind, n in values.items() if n > 1)
        stopped.update(kind for kind, n in values.items() if n >= model.value_limit(kind))
    return {
        kind
        for kind, n in stopped.items()
        if kind not in model.compared_kinds
        if n >= FEWEST_STOPPED and n > OUTLIERS_SHARE * several[kind]
    }
