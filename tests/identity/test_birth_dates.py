"""Birth dates compared: what a slip of the keyboard makes, and what chance brings near."""

import pytest

from rcu.identity.comparison import compare_birth_dates
from rcu.identity.in_memory import resolve
from rcu.identity.model import Model
from rcu.identity.scoring import Decision, score_pair
from tests.identity.people import features, home

MODEL = Model.shipped()


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("1943-03-22", "1946-03-22", "one_digit_different"),
        ("1943-03-22", "1943-03-12", "one_digit_different"),
        ("1985-10-14", "9185-10-14", "one_digit_different"),
        ("1964-11-21", "1964-11-71", "one_digit_different"),
        ("1984-12-17", "1984-02-17", "one_digit_different"),
        ("1992-06-23", "1971-06-23", "resembling"),
        ("1990-10-01", "2000-10-01", "one_part_different"),
        ("1999-10-01", "2000-10-01", "one_part_different"),
        ("1905-10-01", "2005-10-01", "one_part_different"),
        ("1985", "12/05/1985", "same_year"),
        ("1949", "12/05/1984", "vague"),
        ("1949", "1984", "different"),
        ("1949", "1950", "near_year"),
        ("1949", "1951", "near_year"),
        ("1949", "1952", "different"),
        ("1940", "1943", "vague"),
        ("1949", "12/05/1950", "vague"),
        ("1949", "1959", "vague"),
        ("1949", "1994", "vague"),
        ("1949", "1970-01-01", "vague"),
        ("1962-12-04", "1962-12-29", "one_part_different"),
        ("1984-03-07", "1984-07-03", "swapped"),
        ("1984-03-17", "1985-03-18", "different"),
        ("1864-03-17", "1864-03-17", "exact"),
        ("1864-01-01", "1864-01-01", "first_of_january"),
    ],
)
def test_how_near_two_birth_dates_are(one: str, other: str, level: str) -> None:
    a, b = features("Enora", born=one), features("Enora", born=other)

    assert compare_birth_dates(a, b) == compare_birth_dates(b, a) == level


def test_one_wrong_digit_says_more_for_one_person_than_a_whole_part_does() -> None:
    digit = MODEL.weight("birth_date", "one_digit_different")
    part = MODEL.weight("birth_date", "one_part_different")

    assert digit > part > 0


def test_an_impossible_day_is_no_second_birth_date_of_the_person() -> None:
    one = features("Enora", "Kervella", born="21/11/1964", phone="0637194285")
    other = features("Enora", "Kervella", born="71/11/1964", phone="0637194285")

    assert score_pair(one, other, MODEL).decision is Decision.LINK


def test_a_birthday_of_another_year_makes_nobody_of_a_namesake() -> None:
    records = {
        "father": features("Xylandre", "Kervella", born="1988-11-08"),
        "son": features("Xylandre", "Kervella", born="2005-11-08"),
        "either": features("Xylandre", "Kervella"),
    }

    assert score_pair(records["son"], records["either"], MODEL).decision is Decision.LINK
    assert len(resolve(records, MODEL)) == 3


def test_ages_a_year_or_two_off_make_one_person_of_one_rare_name_and_place() -> None:
    one = features("Enora", "Kervella", born="1849", address=home("", "29800", "Landerneau"))
    other = features("Enora", "Kervella", born="1851", address=home("", "29800", "Landerneau"))
    generation = features("Enora", "Kervella", born="1872", address=home("", "29800", "Landerneau"))

    assert score_pair(one, other, MODEL).decision is Decision.LINK
    assert score_pair(one, generation, MODEL).decision is Decision.APART
