"""Chance that falls the same on every machine and in every release of Python."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """A seeded source of chance.

    Built on `Random.random()` alone: the sequence of that one method is what Python promises
    to keep from release to release; `choice`, `shuffle` and `sample` may change theirs.
    """

    def __init__(self, seed: int) -> None:
        """Start the sequence that belongs to `seed`."""
        self._random = random.Random(seed).random  # noqa: S311 - chance for a demo, not a secret

    def happens(self, probability: float) -> bool:
        """Say yes with this probability."""
        return self._random() < probability

    def between(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`, both included."""
        return low + int(self._random() * (high - low + 1))

    def one_of(self, values: Sequence[T]) -> T:
        """Return one of the values, each as likely."""
        return values[self.between(0, len(values) - 1)]

    def weighted(self, chances: Mapping[T, int]) -> T:
        """Return one of the keys, as likely as its weight says.

        Weights are integers: since Python 3.12, `sum` adds floats more exactly than before.
        """
        left = self._random() * sum(chances.values())
        for value, weight in chances.items():
            left -= weight
            if left < 0:
                return value
        return list(chances)[-1]

    def shuffled(self, values: Sequence[T]) -> list[T]:
        """Return the values in another order (Fisher-Yates)."""
        mixed = list(values)
        for last in range(len(mixed) - 1, 0, -1):
            other = self.between(0, last)
            mixed[last], mixed[other] = mixed[other], mixed[last]
        return mixed
