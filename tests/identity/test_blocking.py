"""Blocking keys: records of one person meet whatever is mistyped; keys are stable and few."""

from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcu.identity.blocking import blocking_keys, identifier_key
from rcu.identity.features import Features
from tests.identity.people import features, home


def meet(one: Features, other: Features) -> bool:
    return bool(blocking_keys(one) & blocking_keys(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (features("Lou", "Kervella"), features("LOU", "KERVELA")),
        (features("Lou", "Kervella"), features("Kervella", "Lou")),
        (features("Lou", "Le Goarnig"), features("Lou", "Goarnig")),
        (features("Lou", "Legoarnig"), features("Lou", "Le Goarnig")),
        (features("Lou", "Kervella-Morvan"), features("Lou", "Morvan")),
        (features("Lou", "Kervella"), features("Lou", "Morvan", birth_name="Kervella")),
        (features("Caroline", "Kervella"), features("Caro", "Kervella")),
        (features("L.", "Kervella"), features("Lou", "Kervella")),
        (features("Jean-Marc", "Kervella"), features("J-M", "Kervella")),
        (features("Adrien", "Kervella"), features("Adren", "Kervella")),
        (features(card="4006381333931"), features(card="4006381333932")),
        (features(card="4006381333932"), features(card="4006381333941")),
        (features(phone="0637194285"), features(phone="0637194258")),
        (features(phone="0637194285"), features(phone="0637194281")),
        (
            features("Lou", "Kervella", born="1984-03-07"),
            features("Lou", "Morvan", born="1984-07-03"),
        ),
        (
            features("Lou", "Kervella", address=home("12 rue des Lilas")),
            features("Lou", "Morvan", address=home("12, r. des Lilas")),
        ),
        (
            features(None, "Kervella", address=home("12 rue des Lilas", "44100", "Nantes")),
            features(None, "Kervella", address=home("12 rue des Lilas", "44000", "Nantes")),
        ),
    ],
)
def test_records_of_one_person_meet(one: Features, other: Features) -> None:
    assert meet(one, other)


def test_people_with_nothing_in_common_do_not_meet() -> None:
    one = features("Lou", "Kervella", email="lou@orange.fr", phone="0637194285", born="1984-03-17")
    other = features(
        "Yanis", "Morvan", email="yanis@free.fr", phone="0752806391", born="1991-11-02"
    )

    assert not meet(one, other)


def test_junk_makes_no_key() -> None:
    assert blocking_keys(features(email="client@magasin.fr", phone="0600000000")) == frozenset()


def test_the_key_of_an_identifier_is_among_the_keys_of_its_holder() -> None:
    holder = features("Lou", "Kervella", email="lou@orange.fr", identifiers=(("device", "d-81"),))

    assert identifier_key("email", "lou@orange.fr") in blocking_keys(holder)
    assert identifier_key("device", "d-81") in blocking_keys(holder)


def test_keys_fit_a_bigint_and_never_change() -> None:
    key = identifier_key("email", "lou@orange.fr")

    assert key == -2017566255568855923
    assert -(2**63) <= key < 2**63


def test_a_full_record_has_about_thirty_keys() -> None:
    full = features(
        "Anne-Gaëlle",
        "Kervella",
        email="ag@orange.fr",
        phone="0637194285",
        card="4006381333931",
        born="1984-03-17",
        address=home("12 rue des Lilas"),
    )

    assert len(blocking_keys(full)) <= 40
    assert len(blocking_keys(features("Lou", "Kervella", phone="0637194285"))) <= 15


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_a_key_is_the_hash_of_kind_and_value(value: str) -> None:
    digest = blake2b(f"device:{value}".encode(), digest_size=8).digest()

    assert identifier_key("device", value) == int.from_bytes(digest, signed=True)
