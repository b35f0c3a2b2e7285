"""Weights over all candidates: what a session makes of its own choice of pairs is put right."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from rcu.identity.features import Features
from rcu.identity.model import Model
from rcu.training.trainer import train
from rcu.training.training_set import TrainingSet
from tests.training.conftest import NOON
from tests.training.crowd import crowd

PEOPLE = 120


def _with_one_error(features: Features, number: int) -> Features:
    """Return a copy with one wrong letter or digit: every third in each of three attributes."""
    match number % 3:
        case 0:
            return replace(features, given_name=_mistyped(features.given_name))
        case 1:
            return replace(features, family_name=_mistyped(features.family_name))
    assert features.birth_date is not None
    year = int(features.birth_date[:4]) + 1
    return replace(features, birth_date=f"{year}{features.birth_date[4:]}")


def _mistyped(name: tuple[str, ...]) -> tuple[str, ...]:
    return (f"{name[0][:2]}q{name[0][2:]}", *name[1:])


@pytest.fixture(scope="module")
def each_copy_has_one_error() -> dict[str, Features]:
    """Give records of which each has a copy with just one error."""
    dice = Random(3)  # noqa: S311 - invents people, not secrets
    records: dict[str, Features] = {}
    for number, features in enumerate(crowd(PEOPLE, wrong=0.0).records.values()):
        born = f"{dice.randrange(1940, 2004)}-{dice.randrange(1, 13):02}-{dice.randrange(2, 28):02}"
        one = replace(features, birth_date=born, addresses=())
        records |= {f"{number}": one, f"{number}'": _with_one_error(one, number)}
    return records


def test_errors_that_exclude_one_another_do_not_make_a_rule_of_themselves(
    each_copy_has_one_error: dict[str, Features],
) -> None:
    document = train(TrainingSet(each_copy_has_one_error), Model.shipped(), trained_at=NOON)

    # Two copies in three have the birth date right, although none that has both names right.
    assert document.attributes["birth_date"].levels["exact"].m > 0.5
