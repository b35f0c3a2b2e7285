"""The prior: how many pairs match, from the scores of all candidates, and as judgements say."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import count
from math import exp2, log, log1p, log2

from rcu.identity.model import Model
from rcu.identity.scoring import PairScore, probability
from rcu.training.shrinkage import PRIOR_EVENTS

_ENOUGH_BITS = 1e-4
_MAX_ROUNDS = 200
SHIFT_DEVIATION_BITS = 2.0
"""How far judgements are expected to move the prior: the standard deviation of the shift."""


def evidence_of(scores: Collection[PairScore], model: Model) -> list[float]:
    """Return the evidence of each pair that may match, in bits and without the prior."""
    return [score.weight - model.prior_bits for score in scores if score.contradiction is None]


def estimate_prior(evidence: Sequence[float], *, records: int, start_bits: float) -> float:
    """Return the prior, in bits, of two records drawn at random.

    The fixed point of expectation maximisation in one parameter: the matches expected among
    all candidates, over all pairs of records. Blocking misses few matches, so it needs no
    correction. Held beforehand: that a record has one other of its person, whatever the size
    of the base; so the prior falls by one bit with each doubling of the records.
    """
    pairs = records * (records - 1) / 2
    bits = start_bits
    for number in count():
        expected = expected_matches(evidence, bits)
        share = (expected + PRIOR_EVENTS) / (pairs + PRIOR_EVENTS * records)
        previous, bits = bits, log2(share / (1.0 - share))
        if abs(bits - previous) < _ENOUGH_BITS or number > _MAX_ROUNDS:
            return bits
    raise AssertionError  # pragma: no cover - count() never ends


def expected_matches(evidence: Sequence[float], prior_bits: float) -> float:
    """Return how many of the pairs match, by their probabilities."""
    return sum(probability(bits + prior_bits) for bits in evidence)


def log_likelihood_bits(evidence: Sequence[float], prior_bits: float) -> float:
    """Return the log-likelihood of the pairs, in bits, above that of a world without matches."""
    share = probability(prior_bits)
    return sum(
        max(bits + prior_bits, 0.0) + log1p(exp2(-abs(bits + prior_bits))) / log(2)
        for bits in evidence
    ) + len(evidence) * log2(1.0 - share)


def judged_shift(judged: Sequence[tuple[float, bool]]) -> float:
    """Return by how many bits judgements move the weights, most likely.

    `judged` holds the weight of each judged pair and whether it is a match. Logistic regression
    with a free intercept only, which is sound although stewards see pairs chosen by weight; the
    shift has a normal prior around 0. Without judgements, 0.
    """
    shift = 0.0
    for _ in range(_MAX_ROUNDS):
        gradient = -shift / SHIFT_DEVIATION_BITS**2
        curvature = 1.0 / SHIFT_DEVIATION_BITS**2
        for weight, is_match in judged:
            p = probability(weight + shift)
            gradient += log(2) * (is_match - p)
            curvature += log(2) ** 2 * p * (1.0 - p)
        step = gradient / curvature
        shift += max(-1.0, min(1.0, step))
        if abs(step) < _ENOUGH_BITS:
            break
    return shift
