"""Whose points verified links reach: the pure rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from rcu.loyalty.reach import Held, reachable

MINE, THEIRS, TICKETS, FAR = (UUID(int=n) for n in range(4))
EMAIL = ("email", "odile@mail.example")
PHONE = ("phone", "+33639981208")
CARD = ("card", "ABC1234")


def holds(
    record: UUID,
    *,
    verified: bool = True,
    account: bool = True,
    what: Any = EMAIL,
    stated: bool = True,
) -> Held:
    return Held(record, account, what, verified, stated)


def shown(record: UUID = TICKETS, what: Any = EMAIL) -> Held:
    return holds(record, verified=False, account=False, what=what)


def from_mine(held: Iterable[Held], *confirmed: tuple[UUID, UUID]) -> frozenset[UUID]:
    return reachable(own=MINE, proved=(), held=held, confirmed=confirmed)


def test_a_record_of_shown_identifiers_opens_but_leads_nowhere() -> None:
    held = [holds(MINE), shown(), shown(what=PHONE), holds(FAR, what=PHONE)]

    assert from_mine(held) == {MINE, TICKETS}


def test_verified_links_lead_from_profile_to_profile() -> None:
    held = [holds(MINE), holds(THEIRS), holds(THEIRS, what=PHONE), holds(FAR, what=PHONE)]

    assert from_mine(held) == {MINE, THEIRS, FAR}


def test_to_state_an_identifier_opens_nothing() -> None:
    held = [holds(MINE, verified=False), holds(THEIRS)]

    assert from_mine(held) == {MINE}
    assert from_mine(held, (THEIRS, MINE)) == {MINE, THEIRS}


def test_what_was_given_up_leads_to_the_sales_of_before_and_to_no_account() -> None:
    given_up, theirs = holds(MINE, stated=False), holds(THEIRS, stated=False)

    assert from_mine([given_up, shown()]) == {MINE, TICKETS}
    assert from_mine([given_up, holds(THEIRS)]) == {MINE}
    assert from_mine([holds(MINE), theirs]) == {MINE}
    assert from_mine([given_up, theirs]) == {MINE}


def test_what_sales_left_by_a_number_of_two_is_nobodys_until_the_two_are_linked() -> None:
    given_up = [holds(MINE, stated=False), holds(THEIRS), shown()]
    taken_over = [holds(MINE), holds(THEIRS, stated=False), shown()]
    linked = [holds(MINE, what=PHONE), holds(THEIRS, what=PHONE)]

    assert from_mine(given_up) == from_mine(taken_over) == {MINE}
    assert from_mine([*given_up, *linked]) == from_mine([*taken_over, *linked])
    assert from_mine([*given_up, *linked]) == {MINE, THEIRS, TICKETS}


def test_a_card_that_is_presented_opens_no_account_that_has_given_it_up() -> None:
    held = [holds(MINE, what=CARD), holds(THEIRS, what=CARD, stated=False)]

    assert reachable(own=None, proved=[CARD], held=held, confirmed=()) == {MINE}


ACCOUNTS = [UUID(int=n) for n in range(10, 14)]
OF_SALES = {UUID(int=n) for n in range(20, 23)}
identifiers = st.sampled_from([EMAIL, PHONE, CARD])
worlds = st.lists(
    st.builds(
        lambda record, what, verified, stated: holds(
            record, what=what, verified=verified, stated=stated
        ),
        st.sampled_from(ACCOUNTS),
        identifiers,
        st.booleans(),
        st.booleans(),
    )
    | st.builds(shown, st.sampled_from(sorted(OF_SALES)), identifiers),
    max_size=12,
    unique_by=lambda one: (one.record_id, one.identifier),
)


@given(held=worlds, proved=st.sets(identifiers, max_size=1), data=st.data())
def test_no_account_is_ever_reached_by_what_was_given_up(
    held: list[Held], proved: set[Any], data: st.DataObject
) -> None:
    own = data.draw(st.sampled_from([None, *ACCOUNTS]))
    stated = [one for one in held if one.is_stated]

    found = reachable(own=own, proved=proved, held=held, confirmed=())

    without = reachable(own=own, proved=proved, held=stated, confirmed=())
    assert found - OF_SALES == without - OF_SALES
    for record_id in found & OF_SALES:
        by = {one.identifier for one in held if one.record_id == record_id}
        assert any(owners(held, what) <= found for what in by)
        assert any(what in proved or owners(held, what) for what in by)


def owners(held: Iterable[Held], what: Any) -> set[UUID]:
    return {one.record_id for one in held if one.is_verified and one.identifier == what}
