"""Shared identifiers: held by too many different people, whatever the order of the holders."""

import random

import pytest

from rcu.identity.model import Model
from rcu.identity.sharing import count_people, is_shared
from tests.identity.people import features

MODEL = Model.shipped()
CROWD = [
    features(given, family)
    for given, family in (
        ("Enora", "Kervella"),
        ("Moussa", "Tavernier"),
        ("Sylvie", "Goarnig"),
        ("Yanis", "Aubrac"),
        ("Odette", "Meulen"),
        ("Bruno", "Castelbou"),
        ("Farida", "Ouazene"),
    )
]


@pytest.mark.parametrize("kind", ["email", "phone", "card", "device", "payment_token"])
def test_a_value_that_a_crowd_holds_is_shared(kind: str) -> None:
    assert is_shared(kind, CROWD, MODEL)


@pytest.mark.parametrize("kind", ["email", "phone", "card", "device", "payment_token"])
def test_a_family_value_is_not_shared(kind: str) -> None:
    family = [features(name, "Kervella") for name in ("Enora", "Alain", "Sylvie")]

    assert not is_shared(kind, family * 10, MODEL)


def test_one_person_in_many_guises_is_one_holder() -> None:
    guises = [
        features("Caroline", "Kervella"),
        features("Caro", "Kervella"),
        features("Kervella", "Caroline"),
        features("C.", "Kervella"),
        features("Carloine", "Kervella"),
        features(None, "Kervella"),
        features(email="caro@orange.fr"),
    ] * 5

    assert count_people(guises, MODEL, limit=10) == 1


def test_the_order_and_repetition_of_the_holders_change_nothing() -> None:
    holders = [*CROWD[:4], features("E.", "Kervella"), features(None, "Aubrac")]
    expected = count_people(holders, MODEL, limit=10)

    for seed in range(20):
        shuffled = holders + holders[:3]
        random.Random(seed).shuffle(shuffled)  # noqa: S311 - draws data, not secrets

        assert count_people(shuffled, MODEL, limit=10) == expected


def test_a_national_id_with_errors_is_still_one_persons() -> None:
    holders = [
        features("Enora", "Kervella", born="17/03/1984"),
        features("Sylvie", "Kervella", born="17/03/1984"),
        features("Bruno", "Kervella", born="17/03/1984"),
        features("Enora", "Kervella", born="02/11/1961"),
    ]

    assert not is_shared("national_id", holders, MODEL)
    assert is_shared("national_id", CROWD_BORN, MODEL)


CROWD_BORN = [
    features(given, "Kervella", born=born)
    for given, born in (
        ("Enora", "17/03/1984"),
        ("Moussa", "02/11/1961"),
        ("Sylvie", "23/08/1975"),
        ("Yanis", "30/12/1999"),
    )
]
