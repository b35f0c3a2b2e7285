"""Registers: the newest statement wins, attribute by attribute, in whatever order they come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcu.identity import registers, standing
from rcu.identity.features import describe
from rcu.identity.registers import (
    ProfileStatement,
    Registers,
    Standing,
    merge,
    person_of,
    stated_identifiers,
    values_of,
    withdrawn_identifiers,
)
from rcu.identity.standing import starts_of

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def stated(message_id: str = "m1", minute: int = 0, **values: Any) -> ProfileStatement:
    return ProfileStatement("pos", "P1", values, NOON + timedelta(minutes=minute), message_id)


statements = st.lists(
    st.builds(
        lambda message_id, minute, values: stated(message_id, minute, **values),
        st.uuids().map(str),
        st.integers(0, 3),
        st.dictionaries(
            st.sampled_from(["given_name", "attributes"]),
            st.sampled_from(["x", "y", None, "", []]),
        ),
    ),
    max_size=6,
)
held_cards = st.lists(
    st.builds(
        lambda number, verified: {"value": f"card-{number}", "verified": verified},
        st.integers(0, 7),
        st.booleans(),
    ),
    max_size=3,
)
statements_of_cards = st.lists(
    st.builds(
        lambda message_id, minute, cards: stated(message_id, minute, cards=cards),
        st.uuids().map(str),
        st.integers(0, 5),
        st.none() | held_cards,
    ),
    max_size=9,
)


def after(told: list[ProfileStatement]) -> Registers:
    merged: Registers = {}
    for statement in told:
        merged = merge(merged, statement)
    return merged


@given(told=statements | statements_of_cards, data=st.data())
def test_any_order_with_any_repetition_ends_the_same(
    told: list[ProfileStatement], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(told))) if told else []
    shuffled = data.draw(st.permutations(told + again))

    assert after(shuffled) == after(told)


@given(told=statements_of_cards, most=st.integers(3, 6), data=st.data())
def test_so_it_does_where_a_record_states_more_than_is_remembered(
    told: list[ProfileStatement], most: int, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(told))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registers, "MAX_STATED", most)

        assert after(shuffled) == after(told)


def stands_since(told: list[ProfileStatement], card: str) -> datetime | None:
    """Return since when the newest statements state a card, one after the other."""
    since = None
    for one in sorted(told, key=lambda one: (one.occurred_at, one.message_id), reverse=True):
        if card not in {held["value"] for held in one.values["cards"] or ()}:
            break
        since = one.occurred_at
    return since


@given(told=statements_of_cards)
def test_what_was_ever_stated_is_held_or_withdrawn_as_it_was_last_stated(
    told: list[ProfileStatement],
) -> None:
    ended = after(told)
    held = describe(person_of(ended)).held
    last: dict[str, Standing] = {}
    for one in sorted(told, key=lambda one: (one.occurred_at, one.message_id)):
        verified = {card["value"] for card in one.values["cards"] or () if card["verified"]}
        for card in {card["value"] for card in one.values["cards"] or ()}:
            first = last[card].since if card in last else one.occurred_at
            last[card] = Standing(one.occurred_at if card in verified else None, first)
    known = {
        ("card", card.replace("-", "").upper()): Standing(
            said.verified_at, stands_since(told, card) or said.since
        )
        for card, said in last.items()
    }

    stated = stated_identifiers(ended, held, region="FR")
    withdrawn = withdrawn_identifiers(ended, held, region="FR")

    assert stated == {one: said for one, said in known.items() if one in held}
    assert withdrawn == {one: said for one, said in known.items() if one not in held}


@given(told=statements_of_cards, most=st.integers(1, 3), data=st.data())
def test_where_more_was_told_than_is_remembered_no_time_is_too_early(
    told: list[ProfileStatement], most: int, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(told))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(standing, "MAX_TOLD", most)

        ended, again = after(told), after(shuffled)

    assert ended == again
    for card, start in zip(
        ended.get("cards", {}).get("value") or (),
        starts_of(ended.get("cards", {})) or (),
        strict=True,
    ):
        true = stands_since(told, card["value"])
        assert true is not None
        assert true <= start


def test_registers_of_before_know_no_times_and_learn_none() -> None:
    old = after([stated(emails=[{"value": "odile@mail.example"}])])
    del old["emails"]["told"]

    ended = merge(old, stated("m2", minute=1, emails=[{"value": "o@mail.example"}]))

    held = describe(person_of(ended)).held
    unknown = Standing(None, None)
    assert stated_identifiers(ended, held, region="FR") == {("email", "o@mail.example"): unknown}
    assert withdrawn_identifiers(ended, held, region="FR") == {
        ("email", "odile@mail.example"): unknown
    }


def test_a_value_that_the_release_before_has_merged_makes_the_times_unknown() -> None:
    told = [stated(emails=[{"value": "o@mail.example"}]), stated("m2", minute=1, emails=[])]
    old = after(told)
    for entry in old["emails"]["earlier"]:
        del entry["first"]

    ended = merge(old, stated("m3", minute=2, emails=[{"value": "odile@mail.example"}]))

    held = describe(person_of(ended)).held
    assert stated_identifiers(ended, held, region="FR") == {held[0]: Standing(None, None)}


def test_a_value_that_is_written_otherwise_now_is_not_withdrawn() -> None:
    ended = after(
        [
            stated(phones=[{"value": "06 39 98 12 08", "verified": True}]),
            stated("m2", minute=1, phones=[{"value": "+33639981208"}]),
        ]
    )

    held = describe(person_of(ended)).held

    assert held == (("phone", "+262639981208"),)
    assert withdrawn_identifiers(ended, held, region="FR") == {}
    assert stated_identifiers(ended, held, region="FR") == {
        held[0]: Standing(None, NOON + timedelta(minutes=1))
    }


def test_a_statement_leaves_what_it_was_merged_into_as_it_was() -> None:
    before = after([stated(given_name="Odile")])
    copy = {name: dict(register) for name, register in before.items()}

    merge(before, stated("m2", minute=1, given_name="Odette"))

    assert before == copy


def test_of_one_instant_the_greater_message_id_wins() -> None:
    told = [stated("m2", given_name="Odile"), stated("m1", given_name="Odette")]

    assert values_of(after(told)) == {"given_name": "Odile"}


def test_a_removal_is_remembered_and_is_no_value() -> None:
    ended = after([stated(emails=[]), stated("m2", given_name=None)])

    assert values_of(ended) == {}
    assert ended["emails"]["value"] is None
    assert person_of(ended).emails == ()


def test_verified_is_what_is_said_to_be_since_its_date_or_else_the_statement() -> None:
    emails = [
        {"value": "Odile.V@mail.example", "verified": True},
        {"value": "odile.p@mail.example", "verified_at": "2024-06-01T00:00:00Z"},
        {"value": "odile.q@mail.example"},
        {
            "value": "odile.r@mail.example",
            "verified": False,
            "verified_at": "2024-06-01T00:00:00Z",
        },
        {"value": "client@mail.example", "verified": True},
    ]

    ended = after([stated(emails=emails)])
    known = stated_identifiers(ended, describe(person_of(ended)).held, region="FR")

    assert {one: said.verified_at for one, said in known.items() if said.verified_at} == {
        ("email", "odile.v@mail.example"): NOON,
        ("email", "odile.p@mail.example"): datetime(2024, 6, 1, tzinfo=UTC),
    }
