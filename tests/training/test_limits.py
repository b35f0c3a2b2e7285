"""How many values a client may have: a limit that stops many was set for others."""

from __future__ import annotations

import pytest

from rcu.identity.features import Features, describe
from rcu.identity.in_memory import resolve
from rcu.identity.model import Model
from rcu.identity.person import Person
from rcu.training.limits import with_value_limits

MODEL = Model.shipped()


def _lines(people: int, *, lines: int) -> dict[str, Features]:
    """Return the records of a telephone company: one for each line, with a number of its own.

    All have one name, and no birth date is a slip of another.
    """
    return {
        f"{number}-{line}": describe(
            Person(
                given_name="Enora",
                family_name="Kervella",
                birth_date=f"{1940 + number}-{2 + number % 11:02}-{2 + 5 * number % 23:02}",
                phones=(f"06{12 + number:02}{line:02}3498",),
            )
        )
        for number in range(people)
        for line in range(lines)
    }


def _learned(records: dict[str, Features]) -> Model:
    return with_value_limits(MODEL, records, lambda model: resolve(records, model))


def test_where_many_have_more_values_than_the_limit_it_grows() -> None:
    records = _lines(12, lines=20)

    model = _learned(records)

    assert model.value_limit("phone") == 4 * MODEL.value_limit("phone")
    assert len(resolve(records, MODEL)) > 12
    assert len(resolve(records, model)) == 12


@pytest.mark.parametrize("few", [0, 2])
def test_a_limit_that_stops_few_or_nobody_stays(few: int) -> None:
    ordinary = {f"o{key}": said for key, said in _lines(60, lines=3).items()}
    records = ordinary | dict(list(_lines(few, lines=20).items()))

    assert _learned(records).document == MODEL.document


def test_of_a_number_of_which_a_person_has_one_no_limit_grows() -> None:
    records = {
        key: describe(
            Person(
                given_name="Enora",
                family_name="Kervella",
                birth_date=said.birth_date,
                identifiers=(("national_id", said.phones[0][1:]),),
            )
        )
        for key, said in _lines(12, lines=20).items()
    }

    assert _learned(records).value_limit("national_id") == MODEL.value_limit("national_id")
