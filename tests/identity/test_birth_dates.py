"""Birth dates compared: what a slip of the keyboard makes, and what chance brings near."""

from datetime import date
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcu.identity.comparison import compare_birth_dates, compare_days
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
        ("1984-03-17", "1985-03-18", "two_slips"),
        ("1984-03-17", "1994-04-17", "two_slips"),
        ("1884-03-17", "1984-04-15", "two_slips"),
        ("1994-02-28", "2004-03-31", "different"),
        ("1984-03-17", "1986-03-18", "different"),
        ("1984-03-17", "1985-04-18", "different"),
        ("1984-03-17", "1984-04-16", "near_days"),
        ("1983-12-20", "1984-01-19", "near_days"),
        ("1983-12-20", "1984-01-20", "near_days"),
        ("1983-12-20", "1984-01-21", "different"),
        ("1983-01-31", "1983-03-01", "near_days"),
        ("1964-11-71", "1964-12-01", "different"),
        ("1864-03-17", "1864-03-17", "exact"),
        ("1864-01-01", "1864-01-01", "first_of_january"),
    ],
)
def test_how_near_two_birth_dates_are(one: str, other: str, level: str) -> None:
    a, b = features("Enora", born=one), features("Enora", born=other)

    assert compare_birth_dates(a, b) == compare_birth_dates(b, a) == level


days = st.dates(date(1900, 1, 2), date(2030, 12, 31)).map(date.isoformat)


@given(one=days, other=days)
def test_two_birth_dates_are_as_near_as_they_are_turned_round(one: str, other: str) -> None:
    levels = {compare_days(x, y, one_is_vague=False) for x, y in permutations((one, other))}

    assert len(levels) == 1


@pytest.mark.parametrize("born", ["1984-04-16", "1985-04-16"])
def test_a_date_that_was_miscounted_parts_nobody_of_one_name_and_e_mail(born: str) -> None:
    one = features("Enora", "Kervella", born="1984-03-17", email="enora@kervella.example")
    other = features("Enora", "Kervella", born=born, email="enora@kervella.example")

    assert score_pair(one, other, MODEL).decision is Decision.LINK


@pytest.mark.parametrize("born", ["1984-04-16", "1985-04-16"])
def test_a_date_that_was_miscounted_makes_nobody_of_a_namesake(born: str) -> None:
    one = features("Xylandre", "Kervella", born="1984-03-17")
    other = features("Xylandre", "Kervella", born=born)

    assert score_pair(one, other, MODEL).decision is not Decision.LINK


def test_a_phone_with_a_wrong_digit_excuses_no_second_and_third_slip() -> None:
    one = features("Xylandre", "Kervella", born="1984-03-17", phone="0612000034")
    other = features("Xylandre", "Kervella", born="1985-04-16", phone="0613000034")

    assert score_pair(one, other, MODEL).contradiction == "birth_date"


def test_brother_and_sister_born_a_year_apart_stay_two_on_the_e_mail_of_their_mother() -> None:
    older = features("Malo", "Kervella", born="1984-03-17", email="maman@kervella.example")
    younger = features(None, "Kervella", born="1985-04-16", email="maman@kervella.example")
    sister = features("Enora", "Kervella", born="1985-04-16", email="maman@kervella.example")

    assert score_pair(older, younger, MODEL).contradiction == "birth_date"
    assert score_pair(older, sister, MODEL).contradiction == "given_name"


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
