"""The `m` of every level once more, over candidate pairs that nothing but blocking has chosen.

A session of `em` looks at pairs that agree on something, and learns the rest from them. Where one
error makes another unlikely, as where each copy of a record got just one, pairs of equal names
have all their errors in the birth date, and the session takes for the rule what its own choice of
pairs has brought about. Here the expected matches are those among all candidates, by the whole
scorer with its household rule, its guards and the prior of the base; what they show is counted,
and both repeat until nothing moves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

from rcu.identity.model import Model
from rcu.identity.scoring import PairScore
from rcu.training.document import Counts, with_m
from rcu.training.em import Estimate
from rcu.training.sampling import levels_of

P = TypeVar("P", bound=Any)

MAX_PAIRS = 100_000
"""Pairs looked at in each round; of more, every second, third, ... is taken."""
MAX_ROUNDS = 10
SETTLED = 0.002
"""No `m` moves by more: the rounds end."""
_NEXT_TO_NOTHING = 1e-4
"""A pair that matches with no more than this chance teaches nothing."""


def refined(
    model: Model,
    pairs: Sequence[P],
    score: Callable[[Model, Sequence[P]], Collection[PairScore]],
    known: Counts,
    *,
    start: Model,
) -> Model:
    """Return the model with the `m` that the candidate pairs support together, under its prior.

    `score` gives the scores of pairs under a model, `known` holds the levels of judged matches,
    which are none of `pairs`; every figure leans on that of `start` (see `shrinkage`).
    """
    step = 1 + len(pairs) // MAX_PAIRS
    for _ in range(MAX_ROUNDS):
        before = model
        estimates = _estimates(score(model, pairs[::step]), each=step)
        model = with_m(model, estimates, known, start=start)
        if _largest_move(before, model) < SETTLED:
            break
    return model


def _estimates(scores: Collection[PairScore], *, each: int) -> dict[str, Estimate]:
    """Return what the expected matches show; a pair stands for `each`, unless it contradicts."""
    compared: dict[str, float] = defaultdict(float)
    reached: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for score in scores:
        if score.contradiction is not None or score.probability < _NEXT_TO_NOTHING:
            continue
        for attribute, level in levels_of(score).items():
            compared[attribute] += score.probability
            reached[attribute][level] += score.probability
    found = {}
    for attribute, matches in compared.items():
        found[attribute] = Estimate()
        found[attribute].add(
            {level: n / matches for level, n in reached[attribute].items()}, matches * each
        )
    return found


def _largest_move(before: Model, after: Model) -> float:
    return max(
        abs(level.m - attribute.levels[key].m)
        for name, held in after.document.attributes.items()
        if (attribute := before.document.attributes.get(name)) is not None
        for key, level in held.levels.items()
    )
