"""Shrinkage: what was counted, weighed against what was held before counting."""

from __future__ import annotations

PRIOR_EVENTS = 10.0
"""Strength of what was held before: as if it had been seen in this many events.

So a probability that was seen ten times stands half-way, in its logarithm's neighbourhood,
between the shipped figure and the counted one; the rarer the event, the more records it takes.
"""

_LARGEST, _SMALLEST = 0.999, 1e-12
_DIGITS = 6


def shrunk(events: float, trials: float, held: float, *, strength: float = PRIOR_EVENTS) -> float:
    """Return a probability after `events` in `trials`, `held` having been believed before.

    The mean of a Gamma prior of shape `strength` and mean `held`, updated by Poisson counts.
    Unlike a Dirichlet prior it lets trials that were too few to show a rare event say nothing
    of it: 0 of 200,000 leaves 4e-9 where it is.
    """
    return rounded(min(_LARGEST, max(_SMALLEST, (events + strength) / (trials + strength / held))))


def rounded(figure: float) -> float:
    """Return a figure to six significant digits: more of them mean nothing, and read badly."""
    return float(f"{figure:.{_DIGITS}g}")
