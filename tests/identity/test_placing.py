"""Whose a record of identifiers is: rules that look only at who holds what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from rcu.identity.models import Placement
from rcu.identity.placing import (
    Claim,
    IdentifierKey,
    anchor,
    anonymous_clients,
    holding,
    narrow,
    place_by_instrument,
    why_unplaced,
)

ODILE, MARC, LOU = (UUID(int=n) for n in (1, 2, 3))
CARD, EMAIL, PHONE = ("card", "ABC-1234"), ("email", "v@mail.example"), ("phone", "+33639981208")
TOKEN, DEVICE = ("payment_token", "par_tok_1"), ("device", "d-0001")

Held = Mapping[IdentifierKey, set[UUID]]


def by_person(held: Held, *carried: IdentifierKey) -> tuple[UUID, Placement] | None:
    return narrow(carried, lambda identifier: held.get(identifier, set())).owner


def by_instrument(held: Held, *carried: IdentifierKey) -> tuple[UUID, Placement] | None:
    def holding(identifier: IdentifierKey) -> set[UUID]:
        return held.get(identifier, set())

    return place_by_instrument(carried, holding, narrow(carried, holding))


def unplaced(held: Held, *carried: IdentifierKey) -> Placement:
    def holding(identifier: IdentifierKey) -> set[UUID]:
        return held.get(identifier, set())

    return why_unplaced(carried, holding, narrow(carried, holding))


def test_the_strongest_identifier_that_one_client_holds_decides() -> None:
    held = {CARD: {ODILE}, EMAIL: {MARC}, PHONE: {LOU}}

    assert by_person(held, PHONE, EMAIL, CARD) == (ODILE, Placement.CARD)
    assert by_person(held, PHONE, EMAIL) == (MARC, Placement.EMAIL)


def test_an_identifier_that_nobody_holds_says_nothing() -> None:
    assert by_person({PHONE: {ODILE}}, CARD, PHONE) == (ODILE, Placement.PHONE)
    assert by_person({}, CARD, PHONE) is None


def test_several_holders_narrow_the_choice_for_what_follows() -> None:
    assert by_person({EMAIL: {ODILE, MARC}, PHONE: {MARC, LOU}}, EMAIL, PHONE) == (
        MARC,
        Placement.PHONE,
    )
    assert by_person({EMAIL: {ODILE, MARC}}, EMAIL, PHONE) is None
    assert by_person({EMAIL: {ODILE, MARC}, PHONE: {LOU}}, EMAIL, PHONE) is None


def test_a_token_decides_when_one_client_uses_it_and_nobody_was_named() -> None:
    assert by_instrument({TOKEN: {ODILE}}, TOKEN) == (ODILE, Placement.PAYMENT_TOKEN)
    assert by_instrument({TOKEN: {ODILE, MARC}}, TOKEN) is None
    assert by_instrument({TOKEN: {ODILE}}, TOKEN, EMAIL) is None
    assert by_person({TOKEN: {ODILE}}, TOKEN) is None


def test_a_token_comes_before_a_device_and_a_shared_token_is_not_outvoted_by_one() -> None:
    assert by_instrument({TOKEN: {ODILE}, DEVICE: {MARC}}, DEVICE, TOKEN) == (
        ODILE,
        Placement.PAYMENT_TOKEN,
    )
    assert by_instrument({TOKEN: {ODILE, MARC}, DEVICE: {MARC}}, DEVICE, TOKEN) is None
    assert by_instrument({DEVICE: {MARC}}, DEVICE, TOKEN) == (MARC, Placement.DEVICE)


def test_a_token_picks_one_of_several_holders_but_nobody_else() -> None:
    both = {EMAIL: {ODILE, MARC}}

    assert by_instrument(both | {TOKEN: {MARC}}, EMAIL, TOKEN) == (MARC, Placement.PAYMENT_TOKEN)
    assert by_instrument(both | {TOKEN: {LOU}}, EMAIL, TOKEN) is None
    assert by_instrument(both | {TOKEN: {MARC, LOU}}, EMAIL, TOKEN) is None
    assert by_instrument(both | {TOKEN: {ODILE, MARC}}, EMAIL, TOKEN) is None
    assert by_instrument(both | {TOKEN: {MARC}, PHONE: {LOU}}, EMAIL, PHONE, TOKEN) is None


def test_why_a_record_has_no_owner_is_said() -> None:
    assert unplaced({}, EMAIL, TOKEN) is Placement.NONE
    assert unplaced({TOKEN: {ODILE, MARC}}, EMAIL, TOKEN) is Placement.NONE
    assert unplaced({}, TOKEN) is Placement.NONE
    assert unplaced({TOKEN: {ODILE, MARC}}, TOKEN) is Placement.SHARED
    assert unplaced({EMAIL: {ODILE, MARC}}, EMAIL, TOKEN) is Placement.AMBIGUOUS
    assert unplaced({EMAIL: {ODILE, MARC}, PHONE: {LOU}}, EMAIL, PHONE) is Placement.AMBIGUOUS


def test_what_is_unplaced_gathers_by_its_strongest_identifier() -> None:
    assert anchor({EMAIL, TOKEN, DEVICE}) == TOKEN
    assert anchor({PHONE, EMAIL}) == EMAIL
    assert anchor({("national_id", "2"), ("national_id", "1")}) == ("national_id", "1")
    assert anchor(set()) is None


def test_an_anonymous_client_is_named_after_its_oldest_record() -> None:
    anchors: dict[UUID, IdentifierKey | None] = {LOU: TOKEN, MARC: TOKEN, ODILE: None}

    assert anonymous_clients(anchors) == {LOU: MARC, MARC: MARC, ODILE: ODILE}


@given(
    held=st.dictionaries(
        st.sampled_from([CARD, EMAIL, PHONE]), st.sets(st.sampled_from([ODILE, MARC, LOU]))
    ),
    carried=st.permutations([CARD, EMAIL, PHONE, TOKEN]),
)
def test_the_order_of_the_identifiers_decides_nothing(
    held: Held, carried: list[IdentifierKey]
) -> None:
    assert by_person(held, *carried) == by_person(held, CARD, EMAIL, PHONE, TOKEN)


# --- who holds an identifier ---------------------------------------------------------------------

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
claims = st.builds(
    lambda client, is_stated, is_verified, minute: Claim(
        UUID(int=client),
        is_stated,
        is_verified,
        None if minute is None else NOON + timedelta(minutes=minute),
    ),
    st.integers(1, 4),
    st.booleans(),
    st.booleans(),
    st.none() | st.integers(0, 5),
)


@given(said=st.lists(claims, max_size=5), minute=st.integers(0, 5), client=st.integers(1, 5))
def test_what_was_given_up_counts_unless_it_began_after_who_states_it_still(
    said: list[Claim], minute: int, client: int
) -> None:
    since = NOON + timedelta(minutes=minute)
    mistake = Claim(UUID(int=client), is_stated=False, is_verified=False, since=since)

    before, after = holding(said), holding([*said, mistake])

    is_inside = any(one.is_stated and one.since and one.since < since for one in said)
    is_verified = any(one.is_verified for one in said)
    assert after == (before if is_inside or is_verified else before | {mistake.client_id})


@given(said=st.lists(claims, max_size=5))
def test_who_states_it_holds_it_unless_it_is_verified_of_another(said: list[Claim]) -> None:
    verified = {one.client_id for one in said if one.is_verified}

    found = holding(said)

    assert found == verified or {one.client_id for one in said if one.is_stated} <= found
    assert bool(found) == bool(said)
