"""A model may excuse a lone difference of given name or birth date; the shipped one does not."""

from __future__ import annotations

import pytest

from rcu.identity.features import Features
from rcu.identity.model import Model, ModelDocument
from rcu.identity.scoring import Decision, score_pair
from tests.identity.people import features, home

LENIENT = Model(
    ModelDocument.model_validate(
        {
            **Model.shipped().document.model_dump(),
            "excusable_differences": {"given_name", "birth_date"},
        }
    )
)
HOME = home("7 rue des Lilas")


def agathe(given: str | None = "Agathe", born: str | None = "1984-02-07") -> Features:
    return features(given, "Vauzelle", born=born, address=HOME, phone="0639981208")


OTHER_GIVEN_NAME, OTHER_DATE = agathe(given="Solange"), agathe(born="1951-11-23")


@pytest.mark.parametrize("other", [OTHER_GIVEN_NAME, OTHER_DATE])
def test_the_shipped_model_excuses_no_difference(other: Features) -> None:
    assert score_pair(agathe(), other, Model.shipped()).contradiction is not None


@pytest.mark.parametrize("other", [OTHER_GIVEN_NAME, OTHER_DATE])
def test_a_lone_difference_is_weighed_where_the_model_excuses_it(other: Features) -> None:
    score = score_pair(agathe(), other, LENIENT)

    assert score.contradiction is None
    assert score.decision is Decision.LINK


@pytest.mark.parametrize(
    "other",
    [agathe(given="Solange", born="1951-11-23"), agathe(given="Solange", born=None)],
    ids=["both differ", "the date is not known"],
)
def test_a_difference_that_nothing_makes_up_for_parts_two_people_in_any_model(
    other: Features,
) -> None:
    assert score_pair(agathe(), other, LENIENT).contradiction == "given_name"
    assert score_pair(other, agathe(), LENIENT).contradiction == "given_name"
