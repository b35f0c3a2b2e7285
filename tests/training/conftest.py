"""Trainings on invented crowds, made once for the tests that look at them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import pytest

from rcu.identity.model import Model, ModelDocument
from rcu.training import sampling, trainer
from rcu.training.training_set import TrainingSet
from tests.training.crowd import Crowd, crowd

NOON = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="session", autouse=True)
def _fewer_random_pairs() -> Iterator[None]:
    """Draw fewer random pairs than in earnest: a tenth of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "random_pairs", partial(sampling.random_pairs, size=20_000))
        yield


@pytest.fixture(scope="session")
def alone() -> Crowd:
    """Give people who live alone."""
    return crowd(400)


@pytest.fixture(scope="session")
def trained(alone: Crowd) -> ModelDocument:
    """Give the shipped model trained on people who live alone."""
    return trainer.train(TrainingSet(alone.records), Model.shipped(), trained_at=NOON)
