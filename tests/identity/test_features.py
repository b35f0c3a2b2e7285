"""Features: everything normalised, junk left out, the same after a trip through JSON."""

import json
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from rcu.identity.features import Features, describe
from rcu.identity.person import Person, PostalAddress
from tests.identity.people import features, home


def test_junk_is_left_out() -> None:
    found = features(
        "Client",
        "Inconnu",
        email="client@magasin.fr",
        phone="0600000000",
        card="0000000000000",
        born="01/01/1900",
        identifiers=(("device", "null"),),
    )

    assert found == Features()
    assert found.identifiers == ()


def test_a_card_that_fails_its_check_digit_is_no_identifier() -> None:
    found = features("Lou", "Kervella", card="4006381333932")

    assert found.suspicious_cards == ("4006381333932",)
    assert found.identifiers == ()


def test_a_phone_of_an_unknown_country_still_equals_itself_and_none_that_is_known() -> None:
    one, other = features(phone="(212) 555-0187"), features(phone="212.555.0187")

    assert one.phones == other.phones == ("+02125550187",)


def test_identifiers_are_named_by_kind() -> None:
    found = features(
        email="Lou@Orange.fr",
        phone="06 37 19 42 85",
        card="4006381333931",
        identifiers=(("payment_token", "tok_9f3A"),),
    )

    assert found.identifiers == (
        ("email", "lou@orange.fr"),
        ("phone", "+33637194285"),
        ("card", "4006381333931"),
        ("payment_token", "tok_9f3A"),
    )


def test_a_birth_name_alone_serves_as_family_name() -> None:
    assert features("Lou", None, birth_name="Kervella").family_name == ("kervella",)


def test_the_order_and_repetition_of_values_make_no_difference() -> None:
    one = features(emails=("lou@orange.fr", "lou@free.fr"))
    other = features(emails=("lou@free.fr", "LOU@orange.fr", "lou@free.fr"))

    assert one == other


def test_features_survive_json() -> None:
    found = features(
        "Anne-Gaëlle",
        "Le Goarnig",
        title="Mme",
        birth_name="Kervella",
        born="01/01/1976",
        email="ag@orange.fr",
        phone="0637194285",
        cards=("4006381333931", "4006381333932"),
        address=home("12 rue des Lilas"),
        identifiers=(("national_id", "2760144000123"),),
    )

    assert Features.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert Features.from_json({}) == Features()


texts = st.none() | st.text(max_size=20)


@settings(max_examples=200)
@given(
    st.builds(
        Person,
        title=texts,
        given_name=texts,
        family_name=texts,
        birth_name=texts,
        birth_date=texts,
        emails=st.lists(st.text(max_size=30), max_size=2).map(tuple),
        phones=st.lists(st.text("0123456789+(). ", max_size=20), max_size=2).map(tuple),
        cards=st.lists(st.text(max_size=20), max_size=2).map(tuple),
        addresses=st.lists(
            st.builds(
                PostalAddress, st.lists(st.text(max_size=30), max_size=2).map(tuple), texts, texts
            ),
            max_size=2,
        ).map(tuple),
        identifiers=st.lists(st.tuples(st.just("device"), st.text(max_size=10)), max_size=2).map(
            tuple
        ),
    )
)
def test_any_text_can_be_described(anybody: Person) -> None:
    found = describe(anybody)

    assert Features.from_json(json.loads(json.dumps(found.to_json()))) == found
    for name in (found.given_name, found.family_name, found.birth_name):
        assert all(word.isascii() and word for word in name)
    for email in found.emails:
        assert email.count("@") == 1
        assert (
            unicodedata.normalize("NFC", email) == email or "\u212a" in email or not email.isascii()
        )
