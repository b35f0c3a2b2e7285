"""The golden record as a whole."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from rcu.clients.golden import ProfileRecord, assemble
from rcu.clients.schemas import Golden
from rcu.clients.search_terms import search_terms
from tests.clients.statements import profile


def records() -> list[ProfileRecord]:
    return [
        profile(
            "pos",
            given_name="HELENE",
            family_name="MARTIN",
            phones=[{"value": "0199001245"}],
            attributes={"shoe_size": 38, "seller": "Ana"},
        ),
        profile(
            "app",
            day=5,
            given_name="Hélène",
            family_name="Durand",
            birth_name="Martin",
            birth_date="1980-03-12",
            emails=[{"value": "helene.durand@laposte.net", "verified": True}],
            attributes={"shoe_size": 39, "seller": None},
        ),
        profile("eshop", day=9, family_name="Durand", language="fr", preferred_store="S001"),
    ]


def test_a_golden_record_fits_its_wire_format() -> None:
    golden = Golden.model_validate(assemble(records()))

    assert golden.given_name is not None
    assert golden.family_name is not None
    assert (golden.given_name.value, golden.family_name.value) == ("Hélène", "Durand")


def test_a_removed_value_leaves_what_other_sources_state() -> None:
    removed = [*records(), profile("loyalty", day=99, given_name=None, emails=None)]

    assert assemble(removed) == assemble(records())


def test_free_attributes_are_the_newest_of_each_key() -> None:
    attributes = assemble(records())["attributes"]

    assert attributes["shoe_size"]["value"] == 39
    assert attributes["seller"]["value"] == "Ana"


def test_times_are_in_utc_whatever_the_offset_stated() -> None:
    record = ProfileRecord(
        "pos",
        "1",
        {"title": {"value": "M.", "occurred_at": "2025-03-01T01:00:00+02:00", "message_id": "m"}},
    )

    assert assemble([record])["title"]["occurred_at"] == "2025-02-28T23:00:00+00:00"


def test_nobody_is_known_of_no_record() -> None:
    assert Golden.model_validate(assemble([])).family_name is None


@settings(deadline=None)
@given(seed=st.integers(0, 10_000))
def test_golden_record_and_terms_do_not_depend_on_the_order_of_records(seed: int) -> None:
    shuffled = records()
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - not for secrets

    golden = assemble(shuffled)

    assert golden == assemble(records())
    assert search_terms(shuffled, golden) == search_terms(records(), golden)
