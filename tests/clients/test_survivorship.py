"""Which value of several survives, and why."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcu.clients import survivorship
from rcu.clients.statements import Statement
from rcu.clients.survivorship import Rule
from tests.clients.statements import on_day, stated


def name(*statements: Statement) -> str | None:
    picked = survivorship.most_complete_name(statements)
    return picked["value"] if picked else None


def in_use(family: list[Statement], birth: list[Statement]) -> str | None:
    picked = survivorship.name_in_use(family, birth)
    return picked["value"] if picked else None


def values(found: list[dict[str, Any]]) -> list[Any]:
    return [one["value"] for one in found]


def test_a_name_in_full_beats_initials_however_many_state_them() -> None:
    assert name(stated("J.", "pos"), stated("J", "app"), stated("Jeanne", "loyalty")) == "Jeanne"


def test_a_shortened_name_speaks_for_the_whole_one() -> None:
    assert name(stated("Jean", "pos"), stated("Jean", "app"), stated("Jean-Pierre", "loyalty")) == (
        "Jean-Pierre"
    )


def test_a_diminutive_yields_to_the_full_name() -> None:
    assert name(stated("Cathy", "app", day=9), stated("Catherine", "pos")) == "Catherine"


def test_the_name_that_more_sources_state_beats_a_newer_one() -> None:
    assert name(
        stated("Dupont", "pos"), stated("Dupont", "app"), stated("Dupnot", "eshop", day=9)
    ) == ("Dupont")


def test_the_newest_of_two_names_stated_equally_often_survives() -> None:
    assert name(stated("Morel", "pos", day=1), stated("Petit", "app", day=2)) == "Petit"


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        ("HELENE", "Hélène"),
        ("DUPONT", "Dupont"),
        ("dupont", "Dupont"),
        ("Anne Marie", "Anne-Marie"),
    ],
)
def test_the_proper_writing_of_one_name_survives_a_newer_one(worse: str, better: str) -> None:
    assert name(stated(better, "pos"), stated(worse, "app", day=9)) == better


def test_a_filler_is_no_name() -> None:
    assert name(stated("xxx"), stated("?")) is None


def test_the_married_name_is_in_use_though_older_records_know_the_birth_name() -> None:
    family = [stated("Martin", "pos"), stated("Martin", "eshop"), stated("Durand", "loyalty")]

    assert in_use(family, [stated("Martin", "loyalty")]) == "Durand"


def test_a_mistyped_birth_name_is_not_a_name_in_use() -> None:
    family = [stated("Martin", "pos"), stated("Martln", "eshop", day=9), stated("Martin", "app")]

    assert in_use(family, [stated("Martin", "loyalty")]) == "Martin"


def test_provenance_names_record_time_and_rule() -> None:
    picked = survivorship.newest([stated("fr", "pos"), stated("en", "app", day=3, external_id="7")])

    assert picked == {
        "value": "en",
        "source": "app",
        "external_id": "7",
        "occurred_at": "2025-01-04T00:00:00+00:00",
        "rule": Rule.NEWEST,
    }


@pytest.mark.parametrize(
    "filler", ["1900-01-01", "31/02/1980", "soon"], ids=["filler", "impossible", "words"]
)
def test_a_date_that_is_none_is_not_counted(filler: str) -> None:
    dates = [stated(filler, "pos"), stated(filler, "app"), stated("12/03/1980", "eshop")]

    picked = survivorship.most_agreed_date(dates)

    assert picked is not None
    assert picked["value"] == "1980-03-12"


def test_two_writings_of_one_date_agree() -> None:
    dates = [
        stated("12/03/1980", "pos"),
        stated("1980-03-12", "app"),
        stated("1981-03-12", "eshop"),
    ]

    picked = survivorship.most_agreed_date(dates)

    assert picked is not None
    assert picked["value"] == "1980-03-12"
    assert picked["source"] == "app"


def test_of_two_dates_stated_equally_often_the_one_known_for_longest_survives() -> None:
    picked = survivorship.most_agreed_date(
        [stated("1980-03-12", "pos", day=1), stated("1980-03-21", "app", day=2)]
    )

    assert picked is not None
    assert picked["value"] == "1980-03-12"


def test_a_first_of_january_yields_to_a_whole_date() -> None:
    picked = survivorship.most_agreed_date(
        [stated("1980-01-01", "pos"), stated("1980-01-01", "app"), stated("1980-06-07", "eshop")]
    )

    assert picked is not None
    assert picked["value"] == "1980-06-07"


def test_one_mailbox_written_twice_is_one_email_with_both_sources() -> None:
    found = survivorship.all_emails(
        [
            stated({"value": "jane.doe@gmail.com"}, "pos", day=1),
            stated({"value": "JaneDoe+shop@gmail.com"}, "app", day=2),
        ]
    )

    assert values(found) == ["JaneDoe+shop@gmail.com"]
    assert [one["source"] for one in found[0]["sources"]] == ["app", "pos"]


def test_a_verified_phone_comes_before_a_newer_declared_one() -> None:
    verified_at = on_day(4).isoformat()
    found = survivorship.all_phones(
        [
            stated({"value": "01 99 00 12 45"}, "pos", day=9),
            stated(
                {"value": "+33 1 99 00 77 01", "verified": True, "verified_at": verified_at}, "app"
            ),
        ],
        region="FR",
    )

    assert values(found) == ["+33199007701", "+33199001245"]
    assert [one["verified"] for one in found] == [True, False]
    assert found[0]["verified_at"] == verified_at


def test_fillers_and_mistyped_cards_are_left_out() -> None:
    assert survivorship.all_emails([stated({"value": "client@magasin.fr"})]) == []
    assert survivorship.all_phones([stated({"value": "0600000000"})], region="FR") == []
    assert survivorship.all_cards([stated({"value": "2900010012842"})]) == []


def test_a_postcode_alone_confirms_the_whole_address_it_fits() -> None:
    whole = {"lines": ["2, rue du Port"], "postcode": "40090", "city": "Laglorieuse"}
    found = survivorship.all_addresses(
        [stated(whole, "eshop", day=1), stated({"postcode": "40090"}, "pos", day=9)], region="FR"
    )

    assert [one["value"]["city"] for one in found] == ["Laglorieuse"]
    assert [one["source"] for one in found[0]["sources"]] == ["pos", "eshop"]


def test_an_email_that_a_till_shouted_is_given_in_lower_case() -> None:
    found = survivorship.all_emails([stated({"value": "JEANNE@POSTE-AZUR.EXAMPLE"}, "pos")])

    assert values(found) == ["jeanne@poste-azur.example"]


def test_one_address_in_two_writings_is_kept_once_as_written_last() -> None:
    old = {"lines": ["12 av. des Lilas"], "postcode": "59000", "city": "LILLE"}
    new = {"lines": ["12, avenue des Lilas"], "postcode": "59000", "city": "Lille"}
    other = {"lines": ["3 rue Haute"], "postcode": "75011", "city": "Paris"}

    found = survivorship.all_addresses(
        [stated(old, day=1), stated(new, "app", day=2), stated(other, day=3)], region="FR"
    )

    assert values(found) == [other | {"country": None}, new | {"country": None}]


NAMES = [
    "J.",
    "Jean",
    "JEAN",
    "Jean-Pierre",
    "Jean Pierre",
    "jp",
    "Jeannot",
    "Pierre",
    "Éric",
    "xxx",
]
DATES = ["1980-01-01", "01/01/1980", "12/03/1980", "1980-03-12", "1900-01-01", "03/12/1980"]
EMAILS = ["a.b@gmail.com", "ab@gmail.com", "AB@gmail.com", "client@magasin.fr", "c@laposte.net"]
RULES: list[tuple[list[Any], Callable[[list[Statement]], Any]]] = [
    (NAMES, survivorship.newest),
    (NAMES, survivorship.most_complete_name),
    (DATES, survivorship.most_agreed_date),
    (
        [{"value": email, "verified": flag} for email in EMAILS for flag in (True, False)],
        survivorship.all_emails,
    ),
]


@pytest.mark.parametrize(
    ("pool", "rule"),
    RULES,
    ids=["newest", "most_complete_name", "most_agreed_date", "all_verified_first"],
)
@settings(deadline=None)
@given(data=st.data())
def test_no_rule_depends_on_the_order_of_statements(
    pool: list[Any], rule: Callable[[list[Statement]], Any], data: st.DataObject
) -> None:
    statements = data.draw(
        st.lists(
            st.builds(
                Statement,
                st.sampled_from(pool),
                st.sampled_from(["pos", "app", "eshop"]),
                st.sampled_from(["1", "2"]),
                st.sampled_from([on_day(day) for day in range(3)]),
            ),
            max_size=8,
        )
    )
    shuffled = statements[:]
    random.Random(data.draw(st.integers(0, 999))).shuffle(shuffled)  # noqa: S311 - not for secrets

    assert rule(shuffled) == rule(statements)
