"""What outvotes a plain difference: a national id that may be lent, errors known to be errors."""

from typing import Any

import pytest

from rcu.identity.blocking import blocking_keys
from rcu.identity.features import Features
from rcu.identity.in_memory import resolve
from rcu.identity.model import Model, ModelDocument
from rcu.identity.scoring import Decision, score_pair
from tests.identity.people import features, home

NATIONAL = {"identifiers": (("national_id", "2840344109017"),)}
LILAS = home("12 rue des Lilas")


def model(**members: Any) -> Model:
    document = Model.shipped().document
    return Model(ModelDocument.model_validate(document.model_dump() | members))


LENT = model(lent_kinds=["national_id"])
SLIPS = model(excusable_differences=["given_name", "birth_date"])


def clients(records: dict[str, Features], under: Model) -> set[frozenset[str]]:
    return set(resolve(records, under))


def test_a_lent_number_does_not_make_one_of_two_given_names() -> None:
    mother = features("Sylvie", "Kervella", address=LILAS, **NATIONAL)
    daughter = features("Enora", "Kervella", address=LILAS, **NATIONAL)

    assert score_pair(mother, daughter, Model.shipped()).decision is Decision.LINK
    found = score_pair(mother, daughter, LENT)
    assert (found.decision, found.contradiction) == (Decision.REVIEW, "given_name")


def test_a_lent_number_still_outvotes_a_difference_beside_an_agreement() -> None:
    one = features("Enora", "Kervella", born="17/03/1984", **NATIONAL)
    misfiled = features("Sylvie", "Kervella", born="17/03/1984", **NATIONAL)

    assert score_pair(one, misfiled, LENT).decision is Decision.LINK


def test_who_borrows_a_number_brings_nobody_into_the_client_of_the_lender() -> None:
    records = {
        "mother, at work": features("Sylvie", "Kervella", address=LILAS, **NATIONAL),
        "mother": features("Sylvie", "Kervella", address=LILAS, born="12/05/1959"),
        "daughter, at work": features("Enora", "Kervella", address=LILAS, **NATIONAL),
        "daughter": features("Enora", "Kervella", address=LILAS, born="17/03/1984", **NATIONAL),
    }

    for client in clients(records, LENT):
        assert len({key.split(",")[0] for key in client}) == 1


def test_a_lent_number_on_a_record_without_a_given_name_joins_nobody_through_it() -> None:
    records = {
        "mother": features("Sylvie", "Kervella", address=LILAS, **NATIONAL),
        "nameless": features(None, "Kervella", address=LILAS, **NATIONAL),
        "daughter": features("Enora", "Kervella", address=LILAS, **NATIONAL),
    }

    for client in clients(records, LENT):
        assert not {"mother", "daughter"} <= client


def test_another_given_name_is_excused_only_of_who_shares_a_home_or_a_contact() -> None:
    likely = model(excusable_differences=["given_name", "birth_date"], prior_bits=0.0)
    one = features("Enora", "Kervella", born="17/03/1984", email="enora@orange.fr")
    same = features("Xaqop", "Kervella", born="17/03/1984", email="enora@orange.fr")
    twin = features("Maiwenn", "Kervella", born="17/03/1984", phone="0639981208")

    assert score_pair(one, same, likely).decision is Decision.LINK
    found = score_pair(one, twin, likely)
    assert found.weight > likely.link_weight
    assert (found.decision, found.contradiction) == (Decision.APART, "given_name")


def test_another_birth_date_is_excused_where_the_names_are_rare_enough() -> None:
    one = features("Enora", "Kervella", born="17/03/1984", email="enora@orange.fr", address=LILAS)
    at_home = features("Enora", "Kervella", born="02/11/1961", email="enora@orange.fr")
    elsewhere = features("Enora", "Kervella", born="02/11/1961")
    small = model(excusable_differences=["birth_date"], prior_bits=-9.0)

    assert score_pair(one, at_home, SLIPS).decision is Decision.LINK
    assert score_pair(one, elsewhere, SLIPS).decision is Decision.APART
    assert score_pair(one, elsewhere, small).decision is Decision.LINK
    assert score_pair(one, elsewhere, model(prior_bits=-9.0)).contradiction == "birth_date"


def test_two_errors_are_one_persons_when_a_third_record_shows_each_of_them_alone() -> None:
    email = "enora@orange.fr"
    records = {
        "right": features("Enora", "Kervella", born="17/03/1984", email=email),
        "late": features("Enora", "Kervella", born="28/05/1984", email=email),
        "scrambled": features("Xaqop", "Kervella", born="28/05/1984", email=email),
    }

    assert clients(records, SLIPS) == {frozenset(records)}
    assert len(clients(records, Model.shipped())) > 1


def test_a_third_record_that_shows_neither_explains_nothing() -> None:
    email = "kervella@orange.fr"
    records = {
        "mother": features("Sylvie", "Kervella", born="12/05/1959", email=email),
        "nameless": features(None, "Kervella", email=email),
        "daughter": features("Enora", "Kervella", born="17/03/1984", email=email),
    }

    for client in clients(records, SLIPS):
        assert not {"mother", "daughter"} <= client


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("19850412-1234", "8504121234"),
        ("012.345.678-90", "1234567890"),
        ("12345678-Z", "12345678z"),
    ],
)
def test_one_national_id_in_two_spellings_finds_and_ties_its_person(one: str, other: str) -> None:
    records = {
        "clinic": features("Enora", "Kervella", identifiers=(("national_id", one),)),
        "registry": features("Enora", "Le Bras", identifiers=(("national_id", other),)),
    }

    assert not blocking_keys(records["clinic"]).isdisjoint(blocking_keys(records["registry"]))
    assert clients(records, Model.shipped()) == {frozenset(records)}


def test_many_spellings_of_one_national_id_are_one_value_of_the_client() -> None:
    spellings = ("19850412-1234", "198504121234", "850412-1234", "8504121234")
    records = {
        text: features("Enora", "Kervella", identifiers=(("national_id", text),))
        for text in spellings
    }

    assert clients(records, Model.shipped()) == {frozenset(records)}


DIGITS = model(ambiguous_kinds=["ssn_last4"])


def test_a_number_that_others_have_too_speaks_against_and_outvotes_nothing() -> None:
    def holder(given: str, digits: str) -> Features:
        return features(given, "Kervella", address=LILAS, identifiers=(("ssn_last4", digits),))

    levels = {
        item.attribute: item.level
        for item in score_pair(holder("Enora", "8699"), holder("Enora", "1237"), DIGITS).evidence
    }
    other_name = score_pair(holder("Enora", "8699"), holder("Sylvie", "8699"), DIGITS)

    assert levels["ssn_last4"] == "different"
    assert other_name.contradiction == "given_name"


@pytest.mark.parametrize(
    ("bits", "city", "are_one"),
    [
        (5.0, None, True),
        (5.0, "Quimper", False),
        (6.5, "Quimper", True),
    ],
)
def test_a_rare_name_alone_needs_more_against_another_place(
    bits: float, city: str | None, *, are_one: bool
) -> None:
    there = {"address": home("", "29000", city)} if city else {}
    records = {
        "one": features("Enora", "Kervella", address=home("", "44000", "Nantes")),
        "other": features("Enora", "Kervella", **there),
    }
    weight = score_pair(records["one"], records["other"], Model.shipped()).weight

    assert len(clients(records, model(prior_bits=-18.0 + bits - weight))) == (1 if are_one else 2)


def test_a_relative_of_one_name_elsewhere_keeps_it_from_tying_others() -> None:
    there = home("", "29000", "Quimper")
    records = {
        "here": features(
            "Enora", "Kervella", born="17/03/1960", address=home("", "44000", "Nantes")
        ),
        "anywhere": features("Enora", "Kervella", email="enora@example.org"),
        "there": features("Enora", "Kervella", address=there, email="kervella@example.org"),
        "also there": features(
            "Enora", "Kervella", born="02/11/1991", email="kervella@example.org"
        ),
    }
    weight = score_pair(records["here"], records["there"], Model.shipped()).weight
    barely = model(prior_bits=-18.0 + 5.0 - weight)

    assert score_pair(records["here"], records["anywhere"], barely).decision is Decision.LINK
    assert frozenset({"here", "anywhere"}) not in clients(records, barely)


def test_what_a_client_knows_of_its_number_counts_against_a_link_that_does_not() -> None:
    own = {"email": "enora.kervella@example.org"}
    one, other = (("national_id", "2840344109017"),), (("national_id", "1591231877404"),)
    records = {
        "registry": features("Enora", "Kervella", identifiers=one, **own),
        "shop": features("Enora", "Kervella", **own),
        "clinic": features("Enora", "Kervella", identifiers=other),
    }
    by_name = score_pair(records["shop"], records["clinic"], Model.shipped()).weight
    barely = model(prior_bits=-18.0 + 6.0 - by_name)

    assert score_pair(records["shop"], records["clinic"], barely).decision is Decision.LINK
    assert clients(records, barely) == {frozenset({"registry", "shop"}), frozenset({"clinic"})}
