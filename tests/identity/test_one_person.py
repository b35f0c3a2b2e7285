"""One person in two records that differ: swapped, shortened, married, moved, mistyped."""

import pytest

from rcu.identity.features import Features
from rcu.identity.person import PostalAddress
from rcu.identity.scoring import Decision, contradiction
from tests.identity.pairs import LILAS, MODEL, level_of, score
from tests.identity.people import features, home

MOBILE = {"phone": "0637194285"}


@pytest.mark.parametrize(
    ("one", "other", "given_level"),
    [
        (
            features("Caroline", "Kervella", **MOBILE),
            features("Caro", "Kervella", **MOBILE),
            "nickname",
        ),
        (
            features("C.", "Kervella", **MOBILE),
            features("Caroline", "Kervella", **MOBILE),
            "initial",
        ),
        (
            features("J-M", "Kervella", **MOBILE),
            features("Jean-Marc", "Kervella", **MOBILE),
            "initial",
        ),
        (
            features("Anne", "Kervella", **MOBILE),
            features("Anne-Gaëlle", "Kervella", **MOBILE),
            "part",
        ),
        (
            features("Enora", "Kervella", **MOBILE),
            features("Kervella", "Enora", **MOBILE),
            "swapped",
        ),
        (
            features("Enora", "Kervella", **MOBILE),
            features("Enroa", "Kervella", **MOBILE),
            "typing_error",
        ),
        (
            features("Enora", "Kervella", **MOBILE),
            features("Kervela", "Enora", **MOBILE),
            "swapped",
        ),
        (
            features("Soazig", "Kervella", **MOBILE),
            features("Soasig", "Kervella", **MOBILE),
            "same_sound",
        ),
    ],
)
def test_a_given_name_in_another_guise_links(
    one: Features, other: Features, given_level: str
) -> None:
    found = score(one, other)

    assert level_of(found, "given_name") == given_level
    assert found.contradiction is None
    assert found.decision is Decision.LINK


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Julie", "Julien"),
        ("Louis", "Louise"),
        ("Jean-Paul", "Jean-Pierre"),
        ("Marine", "Marie"),
        ("Caroline", "Carole"),
    ],
)
def test_two_common_given_names_are_two_people_however_near(one: str, other: str) -> None:
    found = contradiction(features(one, "Kervella"), features(other, "Kervella"), MODEL)

    assert found == "given_name"


def test_a_married_name_beside_a_birth_name_links() -> None:
    one = features("Enora", "Kervella", email="enora@orange.fr")
    other = features("Enora", "Morvan", birth_name="Kervella", email="enora@orange.fr")

    assert level_of(score(one, other), "family_name") == "birth_name"
    assert score(one, other).decision is Decision.LINK


def test_a_married_name_links_through_birth_date_and_place() -> None:
    one = features("Enora", "Kervella", born="17/03/1984", address=LILAS)
    other = features("Enora", "Morvan", born="17/03/1984", address=LILAS)

    assert score(one, other).decision is Decision.LINK


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("Kervella-Morvan", "Kervella", "part"),
        ("Le Goarnig", "Goarnig", "particle"),
        ("Le Goarnig", "LEGOARNIG", "exact"),
    ],
)
def test_a_compound_name_cut_in_half_links(one: str, other: str, level: str) -> None:
    found = score(features("Enora", one, **MOBILE), features("Enora", other, **MOBILE))

    assert level_of(found, "family_name") == level
    assert found.decision is Decision.LINK


def test_day_and_month_swapped_links() -> None:
    one = features("Enora", "Kervella", born="07/03/1984", address=LILAS)
    other = features("Enora", "Kervella", born="03/07/1984", address=LILAS)

    assert level_of(score(one, other), "birth_date") == "swapped"
    assert score(one, other).decision is Decision.LINK


def test_a_first_of_january_contradicts_nobody() -> None:
    vague = features("Enora", "Kervella", born="01/01/1984")
    exact = features("Enora", "Kervella", born="17/03/1984")
    other_year = features("Enora", "Kervella", born="17/03/1985")

    assert level_of(score(vague, exact), "birth_date") == "same_year"
    assert contradiction(vague, other_year, MODEL) is None


def test_years_alone_part_father_and_son_of_one_name_and_home() -> None:
    father = features("Yann", "Kervella", born="1949", address=LILAS)
    son = features("Yann", "Kervella", born="1984", address=LILAS)
    slip = features("Yann", "Kervella", born="1948", address=LILAS)

    assert contradiction(father, son, MODEL) == "birth_date"
    assert score(father, slip).decision is Decision.LINK


def test_a_postcode_without_its_zero_is_the_same_postcode() -> None:
    whole = features(
        "Enora", "Kervella", address=PostalAddress(("3 Hauptstr",), "06390", "Halle", "DE")
    )
    cut = features(
        "Enora", "Kervella", address=PostalAddress(("3 Hauptstr",), "6390", "Halle", "DE")
    )

    assert level_of(score(whole, cut), "place") == "exact"


def test_a_moved_house_links_through_the_mobile() -> None:
    before = features("Enora", "Kervella", phone="0637194285", address=LILAS)
    after = features(
        "Enora", "Kervella", phone="0637194285", address=home("3 rue Haute", "13001", "Marseille")
    )

    assert score(before, after).decision is Decision.LINK


def test_a_card_with_one_wrong_digit_links_the_same_name() -> None:
    right = features("Enora", "Kervella", card="4006381333931")
    wrong = features("Enora", "Kervella", card="4006381333932")

    assert level_of(score(right, wrong), "card") == "typing_error"
    assert score(right, wrong).decision is Decision.LINK


def test_two_cards_that_pass_their_check_digits_are_two_cards_however_near() -> None:
    found = score(features("Enora", card="4006381333931"), features("Enora", card="4006381333948"))

    assert level_of(found, "card") == "different"


def test_gmail_dots_and_plus_tags_link() -> None:
    one = features("Enora", "Kervella", email="enora.kervella@gmail.com")
    other = features("E", "Kervella", email="enorakervella+soldes@googlemail.com")

    assert score(one, other).decision is Decision.LINK


def test_a_record_of_an_email_alone_links_to_its_owner() -> None:
    owner = features("Enora", "Kervella", email="enora@orange.fr")

    assert score(features(email="enora@orange.fr"), owner).decision is Decision.LINK


def test_a_national_id_outvotes_one_error_but_not_two() -> None:
    national = {"identifiers": (("national_id", "2840344109017"),)}
    one = features("Enora", "Kervella", born="17/03/1984", **national)
    misfiled = features("Sylvie", "Kervella", born="17/03/1984", **national)
    somebody = features("Sylvie", "Kervella", born="02/11/1961", **national)

    assert score(one, misfiled).contradiction is None
    assert score(one, somebody).decision is not Decision.LINK
