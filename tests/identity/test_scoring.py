"""Pairs weighed: the cases in which record linkage goes wrong, each by its name."""

from math import isclose
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcu.identity.features import Features
from rcu.identity.model import Model
from rcu.identity.scoring import (
    Decision,
    PairScore,
    contradiction,
    is_plainly_apart,
    probability,
    score_pair,
)
from tests.identity.people import features, home

MODEL = Model.shipped()
LILAS = home("12 rue des Lilas")
FAMILY_EMAIL = "famille.kervella@orange.fr"
LANDLINE = "02 40 19 42 85"


def score(one: Features, other: Features) -> PairScore:
    return score_pair(one, other, MODEL)


def level_of(found: PairScore, attribute: str) -> str:
    return next(item.level for item in found.evidence if item.attribute == attribute)


# People who are two


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


# Records of one person


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


# What every score promises


def test_the_evidence_adds_up() -> None:
    one = features("Enora", "Kervella", email=FAMILY_EMAIL, phone=LANDLINE, address=LILAS)
    found = score(one, one)

    assert isclose(found.weight, MODEL.prior_bits + sum(item.counted for item in found.evidence))
    assert isclose(found.probability, probability(found.weight))


def test_of_what_a_household_shares_only_the_best_counts_in_full() -> None:
    one = features("Enora", "Kervella", email=FAMILY_EMAIL, phone=LANDLINE, address=LILAS)
    household = [
        item for item in score(one, one).evidence if item.attribute in MODEL.household.attributes
    ]

    counted_in_full = [item for item in household if item.counted == item.weight]

    assert len(household) == 5
    assert counted_in_full == [max(household, key=lambda item: item.weight)]


given_names = st.sampled_from(
    [
        None,
        "Enora",
        "Enroa",
        "Jean",
        "Jean-Marc",
        "JM",
        "J",
        "Caro",
        "Caroline",
        "Julie",
        "Kervella",
        "Al",
        "Eno Ra",
    ]
)
family_names = st.sampled_from(
    [None, "Kervella", "Le Goarnig", "Goarnig", "Enora", "Kervela", "Morvan-Kervella", "Jean"]
)
anybody = st.builds(
    features,
    given_names,
    family_names,
    title=st.sampled_from([None, "M.", "Mme"]),
    birth_name=family_names,
    birth_date=st.sampled_from([None, "07/03/1984", "03/07/1984", "01/01/1984", "02/11/1961"]),
    emails=st.sampled_from(
        [(), ("a.b@gmail.com",), ("a.b@gmial.com",), ("enora.k@orange.fr", "ek@free.fr")]
    ),
    phones=st.sampled_from([(), ("0637194285",), ("0637194258",), ("0240194285",)]),
    cards=st.sampled_from([(), ("4006381333931",), ("4006381333932",), ("AB1234",)]),
    addresses=st.sampled_from(
        [(), (LILAS,), (home("12 rue des Lila", "44100"),), (home("", "75014", "Paris"),)]
    ),
    identifiers=st.sampled_from(
        [(), (("national_id", "12345"),), (("national_id", "12354"), ("device", "d"))]
    ),
)


@settings(max_examples=400)
@given(anybody, anybody)
def test_a_score_does_not_depend_on_the_order_of_the_pair(one: Features, other: Features) -> None:
    forth, back = score(one, other), score(other, one)

    assert isclose(forth.weight, back.weight)
    assert forth.decision == back.decision
    assert forth.contradiction == back.contradiction
    assert sorted(e.level for e in forth.evidence) == sorted(e.level for e in back.evidence)


@given(one=anybody, other=anybody)
def test_a_pair_weighs_the_same_whatever_was_weighed_before(one: Features, other: Features) -> None:
    """`MODEL` has met pairs of other people by then, and remembers what alike ones weighed."""
    alone = score_pair(one, other, Model(MODEL.document))

    assert score(one, other) == alone


@given(anybody, anybody)
def test_what_plainly_contradicts_never_links(one: Features, other: Features) -> None:
    if contradiction(one, other, MODEL):
        assert score(one, other).decision is not Decision.LINK


@settings(max_examples=400)
@given(anybody, anybody)
def test_who_is_plainly_apart_is_scored_apart(one: Features, other: Features) -> None:
    if is_plainly_apart(one, other, MODEL):
        assert score(one, other).decision is Decision.APART


@given(anybody)
def test_nobody_contradicts_themselves(one: Features) -> None:
    assert contradiction(one, one, MODEL) is None


def test_a_probability_stays_a_probability_at_the_ends() -> None:
    assert probability(-5000) == 0
    assert probability(5000) == 1
    assert probability(0) == 0.5
