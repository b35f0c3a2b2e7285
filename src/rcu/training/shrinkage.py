"""Shrinkage: what was counted, weighed against what was held before counting."""

from __future__ import annotations

from math import exp, lgamma, log

PRIOR_EVENTS = 10.0
"""Strength of what was held before: as if it had been seen in this many events.

So a probability that was seen ten times stands half-way, in its logarithm's neighbourhood,
between the shipped figure and the counted one; the rarer the event, the more records it takes.
"""

DOUBT = 0.1
"""Chance, before anything is counted, that what was held does not hold of these records."""
VAGUE_EVENTS = 1.0
"""Strength of what was held where it does not: its size, and little more."""

_LARGEST, _SMALLEST = 0.999, 1e-12
_DIGITS = 6


def shrunk(events: float, trials: float, held: float, *, strength: float = PRIOR_EVENTS) -> float:
    """Return a probability after `events` in `trials`, `held` having been believed before.

    The mean of a Gamma prior of shape `strength` and mean `held`, updated by Poisson counts.
    Unlike a Dirichlet prior it lets trials that were too few to show a rare event say nothing
    of it: 0 of 200,000 leaves 4e-9 where it is.
    """
    return rounded(min(_LARGEST, max(_SMALLEST, (events + strength) / (trials + strength / held))))


def shrunk_or_refuted(events: float, trials: float, held: float) -> float:
    """Return a probability as `shrunk` does, unless what was counted refutes what was held.

    The mean under two Gamma priors of mean `held`, one of the strength of `shrunk` and one that is
    vague, each as likely as `DOUBT` has it and as the counts are under it (negative binomial).
    Where 150 of 1,000 matches show what was held to be one in 500, a belief worth 5,000 trials
    must not stand: these records err in another way. Fewer events than were held refute nothing:
    what these records do not show, others may.
    """
    if events <= held * trials:
        return shrunk(events, trials, held)
    firm = _log_chance(events, trials, held, PRIOR_EVENTS) + log(1.0 - DOUBT)
    vague = _log_chance(events, trials, held, VAGUE_EVENTS) + log(DOUBT)
    refuted = 1.0 / (1.0 + exp(min(firm - vague, _FAR)))
    return rounded(
        (1.0 - refuted) * shrunk(events, trials, held)
        + refuted * shrunk(events, trials, held, strength=VAGUE_EVENTS)
    )


_FAR = 700.0
"""Beyond it, an exponential is no number any more."""


def _log_chance(events: float, trials: float, held: float, strength: float) -> float:
    """Return the logarithm of the chance of so many events, less what no strength changes."""
    rate = strength / held
    return (
        lgamma(strength + events)
        - lgamma(strength)
        + strength * log(rate / (rate + trials))
        - events * log(rate + trials)
    )


def rounded(figure: float) -> float:
    """Return a figure to six significant digits: more of them mean nothing, and read badly."""
    return float(f"{figure:.{_DIGITS}g}")
