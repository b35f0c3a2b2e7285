"""Everything the engine can say has its sentence, in both languages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import combinations
from typing import Any, get_args

import pytest

from rcu.identity import wording
from rcu.identity.braking import BRAKE
from rcu.identity.change_models import ChangeKind
from rcu.identity.contradictions import BIRTH_DATE, GIVEN_NAME, KIN, TITLE
from rcu.identity.explanation import COMPARED, HOUSEHOLD_ONLY, NAMES_ALONE
from rcu.identity.features import Features
from rcu.identity.model import Model
from rcu.identity.models import Placement
from rcu.identity.retracing import Reason
from rcu.identity.scoring import score_pair
from rcu.identity.wording import LEVELS, Language, Sentence
from tests.identity.people import features, home

CATALOGUES: dict[str, Mapping[Any, Sentence]] = {
    "attributes": wording.ATTRIBUTES,
    "levels": wording.LEVELS,
    "guards": wording.GUARDS,
    "refusals": wording.REFUSALS,
    "placements": wording.PLACEMENTS,
    "changes": wording.CHANGES,
}


def test_every_level_of_the_model_document_has_its_sentence() -> None:
    document = Model.shipped().document

    known = {(name, level) for name, held in document.attributes.items() for level in held.levels}

    assert known - LEVELS.keys() == set()


def test_every_level_that_a_comparison_reaches_has_its_sentence() -> None:
    reached = {
        (item.attribute, item.level)
        for a, b in combinations(_varied_people(), 2)
        for item in score_pair(a, b, Model.shipped(), shared=_SHARED).evidence
    }

    missing = {pair for pair in reached - LEVELS.keys() if pair[0] in COMPARED}
    kinds = {level for attribute, level in reached if attribute not in COMPARED}
    assert missing == set()
    assert {("identifier", level) for level in kinds} <= LEVELS.keys()
    assert len(reached) > 30


def test_every_attribute_guard_refusal_and_placement_has_its_words() -> None:
    assert set(COMPARED) <= wording.ATTRIBUTES.keys()
    assert set(Model.shipped().single_valued_kinds) <= wording.ATTRIBUTES.keys()
    guards = {GIVEN_NAME, BIRTH_DATE, TITLE, KIN, HOUSEHOLD_ONLY, NAMES_ALONE, BRAKE}
    assert wording.GUARDS.keys() == guards
    assert wording.REFUSALS.keys() == set(Reason)
    assert wording.PLACEMENTS.keys() == set(Placement)
    assert wording.CHANGES.keys() == set(ChangeKind)


@pytest.mark.parametrize("catalogue", CATALOGUES)
def test_no_sentence_is_empty_or_missing_in_a_language(catalogue: str) -> None:
    assert get_args(Language) == Sentence._fields
    for sentence in CATALOGUES[catalogue].values():
        assert all(text and text == text.strip() for text in sentence)
        assert all(not text.endswith(".") for text in sentence)
        assert len({len(re.findall(r"\{\}", text)) for text in sentence}) == 1


def test_two_levels_of_an_attribute_are_not_said_alike() -> None:
    for language in get_args(Language):
        said = [getattr(sentence, language) for sentence in LEVELS.values()]
        assert len(said) == len(set(said))


def test_a_level_that_only_a_foreign_document_knows_is_said_by_its_name() -> None:
    assert wording.level_sentence("email", "half_alike") == (
        "e-mail: half alike",
        "e-mail : half alike",
    )
    assert wording.level_sentence("staff_number", "exact").en == "Same staff number"


def test_numbers_are_written_as_each_language_does() -> None:
    assert wording.bits(9.058) == ("+9.06 bits", "+9,06 bits")
    assert wording.bits(-4.25) == ("-4.25 bits", "-4,25 bits")
    assert wording.percentage(0.5) == ("50.00%", "50,00 %")
    assert wording.percentage(0.999999) == ("over 99.99%", "plus de 99,99 %")
    assert wording.percentage(1e-9) == ("under 0.01%", "moins de 0,01 %")


_SHARED = {("email", "atelier@lesdunes.fr")}


def _varied_people() -> list[Features]:
    common = {"email": "atelier@lesdunes.fr", "birth_name": "Delorme"}
    return [
        features(given, family, born=born, phone=phone, title=title, address=address, **more)
        for given, family in (
            ("Catherine", "de Vaubert"),
            ("Cathy", "Vaubert"),
            ("Katrine", "Delorme-Vaubert"),
            ("C", "V"),
            ("Vaubert", "Catherine"),
            ("Paul", "Quesnel"),
        )
        for born, phone, title, address, more in (
            ("1984-05-17", "0611223341", "Mme", home("3 rue des Lilas"), common),
            ("1984-05-18", "0611223342", "M", home("5 rue des Lilas"), {}),
            (
                "1984-01-01",
                "0240123456",
                None,
                home("rue des Lilas", "44100"),
                {"identifiers": (("national_id", "284051234567"),)},
            ),
            (
                "1991-12-03",
                "0240123456",
                "Mme",
                home("9 quai Turenne", "75011", "Paris"),
                {"identifiers": (("national_id", "284051234568"),)},
            ),
        )
    ]
