"""Precision and recall of the links, estimated from judged pairs, with intervals; pure arithmetic.

Pairs are counted by stratum: a band of match weights, together in one client or apart. Within a
stratum the judged pairs stand for all. The interval of a stratum is Wilson's (1927), which holds
for few judgements and for shares near 0 and 1; those of several are combined by Zou and Donner's
MOVER (2008), which keeps them as lopsided as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, sqrt
from statistics import NormalDist

WEIGHT_EDGES = (2.0, 4.0, 6.0, 9.0, 13.0, 18.0)
"""Match weights, in bits, between one band and the next."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, and the interval that holds the true one at the confidence asked for."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Stratum:
    """Pairs of like weight, together or apart, and what was said of those that were judged."""

    together: bool
    band: int
    """Number of edges that the weights reach: 0 is below the first."""
    pairs: int
    expected_matches: float
    """As the model has it: stands in for judgements where there are none."""
    judged: int
    matches: int

    @property
    def share(self) -> float:
        """Return the share of matches: as judged, or else as the model has it."""
        if self.judged:
            return self.matches / self.judged
        return self.expected_matches / self.pairs if self.pairs else 0.0


def wilson(matches: int, judged: int, *, confidence: float) -> tuple[float, float]:
    """Return Wilson's score interval of a share; all of 0 to 1 when nothing was judged."""
    if judged == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = matches / judged
    centre = (share + z * z / (2 * judged)) / (1 + z * z / judged)
    half = (
        z
        / (1 + z * z / judged)
        * sqrt(share * (1 - share) / judged + z * z / (4 * judged * judged))
    )
    return max(0.0, centre - half), min(1.0, centre + half)


def estimate_matches(strata: Sequence[Stratum], *, confidence: float) -> Estimate:
    """Return how many of the pairs of some strata are matches."""
    value = sum(stratum.pairs * stratum.share for stratum in strata)
    below, above = [0.0], [0.0]
    for stratum in strata:
        low, high = wilson(stratum.matches, stratum.judged, confidence=confidence)
        below.append(stratum.pairs * max(0.0, stratum.share - low))
        above.append(stratum.pairs * max(0.0, high - stratum.share))
    pairs = sum(stratum.pairs for stratum in strata)
    return Estimate(value, max(0.0, value - hypot(*below)), min(pairs, value + hypot(*above)))


def estimate_precision(strata: Sequence[Stratum], *, confidence: float) -> Estimate | None:
    """Return the share of matches among the pairs that are together; None when there are none."""
    together = [stratum for stratum in strata if stratum.together]
    pairs = sum(stratum.pairs for stratum in together)
    if not pairs:
        return None
    matches = estimate_matches(together, confidence=confidence)
    return Estimate(matches.value / pairs, matches.low / pairs, matches.high / pairs)


def estimate_recall(strata: Sequence[Stratum], *, confidence: float) -> Estimate | None:
    """Return the share of the matches that are together; None when there are none at all.

    The matches are those among the pairs that were weighed and reached the review line. What the
    blocking keys never brought together, or the weights put below that line, nobody was asked:
    this is an upper bound of the recall over all pairs. The ends of the interval pair the worst of
    one part with the best of the other, which is wider than need be.
    """
    found = estimate_matches([s for s in strata if s.together], confidence=confidence)
    missed = estimate_matches([s for s in strata if not s.together], confidence=confidence)
    if found.value + missed.value == 0:
        return None
    return Estimate(
        value=found.value / (found.value + missed.value),
        low=_share(found.low, missed.high),
        high=_share(found.high, missed.low),
    )


def _share(part: float, rest: float) -> float:
    return part / (part + rest) if part else 0.0
