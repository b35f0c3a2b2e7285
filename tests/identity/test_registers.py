"""Registers: the newest statement wins, attribute by attribute, in whatever order they come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rcu.identity.registers import (
    ProfileStatement,
    Registers,
    merge,
    person_of,
    values_of,
    verified_identifiers,
)

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def stated(message_id: str = "m1", minute: int = 0, **values: Any) -> ProfileStatement:
    return ProfileStatement("pos", "P1", values, NOON + timedelta(minutes=minute), message_id)


statements = st.lists(
    st.builds(
        lambda message_id, minute, values: stated(message_id, minute, **values),
        st.uuids().map(str),
        st.integers(0, 3),
        st.dictionaries(
            st.sampled_from(["given_name", "emails", "attributes"]),
            st.sampled_from(["x", "y", None, "", []]),
        ),
    ),
    max_size=6,
)


def after(told: list[ProfileStatement]) -> Registers:
    registers: Registers = {}
    for statement in told:
        registers = merge(registers, statement)
    return registers


@given(told=statements, data=st.data())
def test_any_order_with_any_repetition_ends_the_same(
    told: list[ProfileStatement], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(told))) if told else []
    shuffled = data.draw(st.permutations(told + again))

    assert after(shuffled) == after(told)


def test_a_statement_leaves_what_it_was_merged_into_as_it_was() -> None:
    before = after([stated(given_name="Odile")])
    copy = {name: dict(register) for name, register in before.items()}

    merge(before, stated("m2", minute=1, given_name="Odette"))

    assert before == copy


def test_of_one_instant_the_greater_message_id_wins() -> None:
    told = [stated("m2", given_name="Odile"), stated("m1", given_name="Odette")]

    assert values_of(after(told)) == {"given_name": "Odile"}


def test_a_removal_is_remembered_and_is_no_value() -> None:
    registers = after([stated(emails=[]), stated("m2", given_name=None)])

    assert values_of(registers) == {}
    assert registers["emails"]["value"] is None
    assert person_of(registers).emails == ()


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

    assert verified_identifiers(after([stated(emails=emails)]), region="FR") == {
        ("email", "odile.v@mail.example"): NOON,
        ("email", "odile.p@mail.example"): datetime(2024, 6, 1, tzinfo=UTC),
    }
