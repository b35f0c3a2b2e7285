"""The whole identity engine over records in memory: the oracle of the database engine.

Blocking, sharing, scores, partition, each from its own module. Used to evaluate a model, to
check the online engine, and in tests.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from rcu.identity.blocking import blocking_keys
from rcu.identity.features import Features, describe
from rcu.identity.model import Model
from rcu.identity.partition import Judgements, partition
from rcu.identity.person import Person
from rcu.identity.scoring import Decision, PairScore, score_pair
from rcu.identity.sharing import is_shared, with_declared

K = TypeVar("K", bound=Hashable)
_NOTHING: Mapping[tuple[str, str], bool] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Resolution(Generic[K]):
    """A partition and how it came about."""

    clients: list[frozenset[K]]
    scores: dict[tuple[K, K], PairScore]
    """Every candidate pair, scored."""
    shared: frozenset[tuple[str, str]]
    """Identifiers that too many different people hold."""
    keys: int
    """Blocking keys, over all records."""
    generic_keys: int
    """Keys with too many holders, which found no candidates."""


def resolve(
    records: Mapping[K, Person | Features],
    model: Model | None = None,
    judgements: Judgements[K] | None = None,
    *,
    order: Callable[[K], Any] = lambda key: key,
    declared: Mapping[tuple[str, str], bool] = _NOTHING,
) -> list[frozenset[K]]:
    """Return the clients among `records`, as sets of their keys.

    `declared` says of identifiers whether stewards call them shared.
    """
    found = resolve_in_full(records, model, judgements, order=order, declared=declared)
    return found.clients


def resolve_in_full(
    records: Mapping[K, Person | Features],
    model: Model | None = None,
    judgements: Judgements[K] | None = None,
    *,
    order: Callable[[K], Any] = lambda key: key,
    declared: Mapping[tuple[str, str], bool] = _NOTHING,
) -> Resolution[K]:
    """Return the clients among `records`, with the scores and blocking figures behind them."""
    model = model or Model.shipped()
    described = {key: r if isinstance(r, Features) else describe(r) for key, r in records.items()}
    blocks: dict[int, list[K]] = defaultdict(list)
    for key in sorted(described, key=order):
        for block in blocking_keys(described[key]):
            blocks[block].append(key)
    pairs: set[tuple[K, K]] = set()
    generic = 0
    for members in blocks.values():
        if len(members) > model.key_cap:
            generic += 1
        else:
            pairs.update(combinations(members, 2))
    shared = with_declared(shared_identifiers(described, model), declared)
    scores = {
        (a, b): score_pair(described[a], described[b], model, shared=shared) for a, b in pairs
    }
    judgements = judgements or Judgements()
    compared = scores | {
        (a, b): score_pair(described[a], described[b], model, shared=shared)
        for a, b in _within_components(scores, judgements, described.keys())
    }
    clients = partition(described, compared, model=model, judgements=judgements, order=order)
    return Resolution(clients, scores, shared, sum(map(len, blocks.values())), generic)


def _within_components(
    scores: Mapping[tuple[K, K], PairScore], judgements: Judgements[K], present: Collection[K]
) -> Iterator[tuple[K, K]]:
    """Yield the pairs that links and judgements tie together and that share no key.

    What is put together must be compared: the database engine scores them too.
    """
    together: dict[K, set[K]] = {}
    ties = [pair for pair, score in scores.items() if score.decision is Decision.LINK]
    ties += [
        pair
        for judged in judgements.must_link
        if judged.issubset(present)
        for pair in combinations(judged, 2)
    ]
    for a, b in ties:
        one, other = together.get(a, {a}), together.get(b, {b})
        if one is not other:
            one |= other
            together |= dict.fromkeys(one, one)
    for members in {id(group): group for group in together.values()}.values():
        for a, b in combinations(members, 2):
            if (a, b) not in scores and (b, a) not in scores:
                yield a, b


def shared_identifiers(records: Mapping[K, Features], model: Model) -> frozenset[tuple[str, str]]:
    """Return the `(kind, value)` of the identifiers that too many different people hold."""
    holders: dict[tuple[str, str], list[Features]] = defaultdict(list)
    for features in records.values():
        for identifier in features.identifiers:
            holders[identifier].append(features)
    return frozenset(
        (kind, value) for (kind, value), people in holders.items() if is_shared(kind, people, model)
    )
