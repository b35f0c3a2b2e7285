"""What a model is trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from rcu.identity.features import Features
from rcu.identity.partition import Judgements

K = TypeVar("K", bound=Any)


@dataclass(frozen=True, slots=True)
class TrainingSet(Generic[K]):
    """Records under keys that can be ordered, and what stewards said of pairs of them."""

    records: Mapping[K, Features]
    judgements: Judgements[K] = field(default_factory=Judgements)
    base_records: int = 0
    """Of how many records these are a sample, drawn client by client; 0 when they are all.

    The prior is that of the whole base.
    """
    left_out: int = 0
    """Rows of files that make no profile."""
