"""Which identifiers people have for themselves, and which they lend, as the records show it."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from zlib import crc32

import pytest

from rcu.identity.features import Features, describe
from rcu.identity.model import Model
from rcu.identity.person import Person
from rcu.training.kinds import KindCensus
from rcu.training.sampling import candidate_pairs, score_all
from tests.training.crowd import crowd

MODEL = Model.shipped()


@pytest.mark.parametrize(("lent", "found"), [(0.1, {"national_id"}), (0.0, set())])
def test_a_number_that_families_lend_is_found_out(lent: float, found: set[str]) -> None:
    records = _workers(lent)
    scores = score_all(records, candidate_pairs(records, key_cap=300), MODEL, frozenset())

    census = KindCensus.of(records, scores, MODEL)

    assert census.lent(MODEL) == found
    assert census.single_valued(MODEL) == {"national_id"}


def test_digits_that_several_have_speak_against_but_designate_nobody() -> None:
    records = _holders_of("last_digits", among=100)
    scores = score_all(records, candidate_pairs(records, key_cap=300), MODEL, frozenset())

    census = KindCensus.of(records, scores, MODEL)

    assert census.ambiguous(MODEL) == {"last_digits"}
    assert census.single_valued(MODEL) == MODEL.single_valued_kinds
    assert not census.lent(MODEL)


def test_a_number_that_nobody_else_has_designates_its_holder() -> None:
    records = _holders_of("passport", among=10**9)
    scores = score_all(records, candidate_pairs(records, key_cap=300), MODEL, frozenset())

    census = KindCensus.of(records, scores, MODEL)

    assert census.single_valued(MODEL) == MODEL.single_valued_kinds | {"passport"}
    assert not census.ambiguous(MODEL)


def _holders_of(kind: str, *, among: int) -> dict[str, Features]:
    """Return two records a person, with a number of which there are so many."""
    return {
        f"{number}-{copy}": describe(
            Person(
                given_name="".join(person.given_name),
                family_name="".join(person.family_name),
                birth_date=person.birth_date,
                identifiers=((kind, _number_of(person, among)),),
            )
        )
        for number, person in enumerate(crowd(100, wrong=0.0).records.values())
        for copy in range(2)
    }


def _number_of(person: Features, among: int) -> str:
    name = "".join(person.given_name + person.family_name)
    return f"{crc32(name.encode()) % among:02d}"


def _workers(lent: float) -> dict[str, Features]:
    """Return two records a person with a national id; a share give that of the person before."""
    dice = Random(5)  # noqa: S311 - invents people, not secrets
    return {
        f"{number}-{copy}": describe(
            Person(
                given_name="".join(person.given_name),
                family_name="".join(person.family_name),
                identifiers=(("national_id", f"27601{number - (dice.random() < lent):07d}"),),
            )
        )
        for number, person in enumerate(crowd(100, wrong=0.0).records.values())
        for copy in range(2)
    }


def test_a_number_that_is_mistyped_or_cut_short_is_still_one_a_person() -> None:
    records = {
        key: replace(said, others=((kind, number[:-1]),)) if key.endswith("-1") else said
        for key, said in _holders_of("passport", among=10**9).items()
        for kind, number in said.others
    }
    scores = score_all(records, candidate_pairs(records, key_cap=300), MODEL, frozenset())

    census = KindCensus.of(records, scores, MODEL)

    assert census.single_valued(MODEL) == MODEL.single_valued_kinds | {"passport"}
