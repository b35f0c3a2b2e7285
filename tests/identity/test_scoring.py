"""What every score promises: that it adds up, whatever came before and in either order."""

from math import isclose

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
from tests.identity.pairs import FAMILY_EMAIL, LANDLINE, LILAS, MODEL, score
from tests.identity.people import features, home


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


def counted_of_home(found: PairScore) -> float:
    """Return the bits that what agrees within a household counts."""
    home = MODEL.household.attributes
    return sum(item.counted for item in found.evidence if item.attribute in home)


def test_a_common_family_name_and_a_town_are_two_chances_and_count_in_full() -> None:
    one = features("Enora", "Smith", address=home("", "75011", "Paris"))

    found = {item.attribute: item for item in score(one, one).evidence}

    assert found["family_name"].counted == found["family_name"].weight
    assert found["place"].counted == found["place"].weight


def test_a_family_name_and_a_town_count_together_no_more_than_kin_leave() -> None:
    one = features("Enora", "Rousseau", address=home("", "75011", "Paris"))

    found = score(one, one)

    in_full = sum(i.weight for i in found.evidence if i.attribute in {"family_name", "place"})
    assert in_full > -MODEL.prior_bits
    assert isclose(counted_of_home(found), -MODEL.prior_bits)


def test_a_family_name_beside_a_shared_e_mail_and_home_counts_as_their_household_does() -> None:
    one = features("Enora", "Kervella", email=FAMILY_EMAIL, phone=LANDLINE, address=LILAS)

    weights = sorted(
        (i.weight for i in score(one, one).evidence if i.attribute in MODEL.household.attributes),
        reverse=True,
    )

    share = MODEL.household.agreeing_share
    halved = sum(weight * share**rank for rank, weight in enumerate(weights))
    assert halved > -MODEL.prior_bits
    assert isclose(counted_of_home(score(one, one)), halved)


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
