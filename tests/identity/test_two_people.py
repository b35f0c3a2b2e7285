"""Two people whom much ties together: they stay two, or wait for a steward."""

from math import isclose
from typing import Any

import pytest

from rcu.identity.model import Model
from rcu.identity.scoring import Decision, score_pair
from tests.identity.pairs import FAMILY_EMAIL, LANDLINE, LILAS, MODEL, level_of, score
from tests.identity.people import features, home


def test_spouses_with_one_email_and_one_landline_stay_apart() -> None:
    shared = {"email": FAMILY_EMAIL, "phone": LANDLINE, "address": LILAS}

    found = score(features("Sylvie", "Kervella", **shared), features("Alain", "Kervella", **shared))

    assert found.weight > MODEL.link_weight
    assert found.contradiction == "given_name"
    assert found.decision is Decision.APART


def test_a_spouse_known_by_title_only_is_not_merged() -> None:
    one = features(None, "Kervella", title="Mme", email=FAMILY_EMAIL)
    other = features("Alain", "Kervella", title="M.", email=FAMILY_EMAIL)

    assert score(one, other).contradiction == "title"
    assert score(one, other).decision is not Decision.LINK


def test_a_child_on_the_card_of_its_parent_stays_apart() -> None:
    card = "4006381333931"
    parent = features("Sylvie", "Kervella", card=card, born="12/05/1979", address=LILAS)
    child = features("Enora", "Kervella", card=card, born="03/09/2008", address=LILAS)

    assert score(parent, child).decision is Decision.APART


def test_twins_at_one_address_stay_apart() -> None:
    twin = {"born": "17/03/2004", "address": LILAS}

    found = score(features("Enora", "Kervella", **twin), features("Maelle", "Kervella", **twin))

    assert found.contradiction == "given_name"
    assert found.decision is Decision.APART


def test_twins_with_one_phone_go_to_review_at_most() -> None:
    twin = {"born": "17/03/2004", "address": LILAS, "phone": "0637194285"}

    found = score(features("Julie", "Kervella", **twin), features("Julien", "Kervella", **twin))

    assert found.decision is not Decision.LINK


@pytest.mark.parametrize(
    ("brother", "sister"), [("Frédéric", "Frédérique"), ("Adrien", "Adrienne"), ("Paul", "Paula")]
)
def test_twins_of_nearly_one_name_and_two_titles_go_to_review_at_most(
    brother: str, sister: str
) -> None:
    twin = {"born": "17/03/2004", "address": LILAS}

    found = score(
        features(brother, "Kervella", title="M.", **twin),
        features(sister, "Kervella", title="Mme", **twin),
    )

    assert found.weight > MODEL.link_weight
    assert (found.decision, found.contradiction) == (Decision.REVIEW, "title")


def test_twins_of_nearly_one_name_with_contacts_of_their_own_go_to_review() -> None:
    twin = {"born": "17/03/2004", "address": LILAS}
    lola = {"email": "lola@orange.fr", "phone": "0637194285"}
    lila = {"email": "lila@free.fr", "phone": "0752806391"}

    found = score(
        features("Lola", "Kervella", **twin, **lola), features("Lila", "Kervella", **twin, **lila)
    )

    assert found.weight > MODEL.link_weight
    assert (found.decision, found.contradiction) == (Decision.REVIEW, "kin_of_one_name")


def test_a_title_does_not_outvote_the_very_name() -> None:
    one = features("Dominique", "Kervella", title="M.", born="17/03/2004", address=LILAS)
    other = features("Dominique", "Kervella", title="Mme", born="17/03/2004", address=LILAS)

    assert score(one, other).decision is Decision.LINK


def test_father_and_son_of_one_name_are_parted_by_their_birth_dates() -> None:
    father = features("Yann", "Kervella", born="12/05/1959", address=LILAS, phone=LANDLINE)
    son = features("Yann", "Kervella", born="03/09/1988", address=LILAS, phone=LANDLINE)

    assert score(father, son).contradiction == "birth_date"
    assert score(father, son).decision is Decision.APART


def test_father_and_son_of_one_name_without_birth_date_go_to_review() -> None:
    father = features("Yann", "Kervella", address=LILAS, email="yk59@orange.fr", phone="0637194285")
    son = features("Yann", "Kervella", address=LILAS, email="yannou@free.fr", phone="0752806391")

    assert score(father, son).contradiction == "kin_of_one_name"
    assert score(father, son).decision is Decision.REVIEW


def test_a_recycled_phone_number_links_nobody() -> None:
    before = features("Sylvie", "Kervella", phone="0637194285", address=home("3 rue Haute"))
    after = features(
        "Moussa", "Tavernier", phone="0637194285", address=home("8 cours Bas", "13001")
    )

    assert score(before, after).decision is Decision.APART


def test_a_household_does_not_outvote_a_missing_given_name() -> None:
    one = features(None, "Kervella", phone=LANDLINE, address=LILAS)
    other = features("Sylvie", "Kervella", phone=LANDLINE, address=LILAS)

    assert score(one, other).decision is not Decision.LINK


def test_a_landline_is_not_held_against_a_mobile() -> None:
    landline = features("Lou", "Morvan", phone=LANDLINE)
    mobile = features("Lou", "Morvan", phone="0637194285")
    other = features("Lou", "Morvan", phone="0752806391")

    assert "phone" not in {item.attribute for item in score(landline, mobile).evidence}
    assert level_of(score(other, mobile), "phone") == "different"


def test_a_rare_name_alone_links_where_the_model_lets_names_link() -> None:
    one, other = features("Enora", "Kervella"), features("Enora", "Kervella")
    cautious = Model(MODEL.document.model_copy(update={"names_alone_link": False}))

    assert score_pair(one, other, MODEL).decision is Decision.LINK
    assert score_pair(one, other, cautious).decision is Decision.REVIEW


def test_a_common_name_alone_links_nobody() -> None:
    found = score(features("Marie", "Martin"), features("Marie", "Martin"))

    assert found.decision is Decision.APART


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("lou.morvan@orange.fr", "lou.morvam@orange.fr"),
        ("lou.morvan@orange.fr", "lou.morvan@free.fr"),
        ("jack@orange.fr", "jac\u212a@orange.fr"),
    ],
)
def test_emails_that_look_alike_are_no_evidence(one: str, other: str) -> None:
    found = score(features("Lou", "Morvan", email=one), features("Lou", "Morvan", email=other))

    assert level_of(found, "email") != "exact"
    assert found.decision is not Decision.LINK


@pytest.mark.parametrize(
    "junk",
    [
        {"email": "client@magasin.fr"},
        {"phone": "0600000000"},
        {"phone": "01 23 45 67 89"},
        {"born": "01/01/1900"},
    ],
)
def test_junk_is_no_evidence(junk: dict[str, str]) -> None:
    with_junk = score(features("Lou", "Morvan", **junk), features("Lou", "Morvan", **junk))
    without = score(features("Lou", "Morvan"), features("Lou", "Morvan"))

    assert with_junk == without


@pytest.mark.parametrize(
    ("said", "identifier"),
    [
        ({"email": FAMILY_EMAIL}, ("email", FAMILY_EMAIL)),
        ({"phone": LANDLINE}, ("phone", "+33240194285")),
        ({"card": "4006381333931"}, ("card", "4006381333931")),
        ({"identifiers": (("device", "tablet-7"),)}, ("device", "tablet-7")),
    ],
)
def test_a_shared_identifier_is_no_evidence(
    said: dict[str, Any], identifier: tuple[str, str]
) -> None:
    one, other = features("Lou", "Morvan", **said), features("Lou", "Morvan", **said)

    alone = score(features("Lou", "Morvan"), features("Lou", "Morvan"))
    shared = score_pair(one, other, MODEL, shared={identifier})

    assert score(one, other).decision is Decision.LINK
    assert isclose(shared.weight, alone.weight)
    assert shared.decision is Decision.REVIEW


@pytest.mark.parametrize("given", [None, "A."])
@pytest.mark.parametrize("kind", ["siret", "device"])
def test_another_family_name_at_one_home_and_contact_is_another_person(
    given: str | None, kind: str
) -> None:
    common = {"email": FAMILY_EMAIL, "phone": LANDLINE, "address": LILAS}
    number = {"identifiers": ((kind, "8397915765"),)}
    one = features(given, "Fontaine", **common, **number)
    other = features("Astrid", "Diaz", **common, **number)

    found = score(one, other)

    assert found.weight > MODEL.link_weight
    assert found.decision is Decision.REVIEW


def test_a_number_of_their_own_makes_one_person_of_two_family_names() -> None:
    number: dict[str, Any] = {"identifiers": (("national_id", "2790512345678"),)}
    one = features(None, "Fontaine", address=LILAS, **number)
    other = features("Astrid", "Diaz", address=LILAS, **number)

    assert score(one, other).decision is Decision.LINK


@pytest.mark.parametrize(
    ("given", "family"),
    [("Robert", "Vilerovitz"), ("R.", "Wilerovitz"), ("Bob", "Wilerovitz"), (None, "Wilerovitz")],
)
def test_names_alone_link_only_when_they_are_the_same(given: str | None, family: str) -> None:
    town = home("", "", "Springfield")
    one = features("Robert", "Wilerovitz", address=town)
    surer = Model(MODEL.document.model_copy(update={"prior_bits": -8.0}))

    assert score_pair(one, features("Robert", "Wilerovitz", address=town), surer).decision is (
        Decision.LINK
    )
    found = score_pair(one, features(given, family, address=town), surer)
    assert found.decision is not Decision.LINK
