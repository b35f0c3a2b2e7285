"""Birth dates: writings, orders, impossible dates, placeholders."""

from datetime import date

import pytest

from rcu.identity.normalise.dates import (
    comparable_birth_date,
    is_first_of_january,
    is_no_date,
    normalise_birth_date,
)


@pytest.mark.parametrize(
    "written",
    ["1984-03-17", "17/03/1984", "17-03-1984", "17.03.1984", "19840317", "17031984", "1984/3/17",
     "03/17/1984", "1984-03-17T00:00:00Z", " 17/03/1984 "],
)  # fmt: skip
def test_one_date_in_many_writings(written: str) -> None:
    assert normalise_birth_date(written) == date(1984, 3, 17)


def test_the_day_comes_first_when_both_orders_exist() -> None:
    assert normalise_birth_date("03/04/1984") == date(1984, 4, 3)


@pytest.mark.parametrize(
    "written",
    ["", "31/02/1984", "1984-13-45", "00/00/0000", "1850-01-02", "9999-12-31", "hier", "17/03/84"],
)
def test_impossible_dates_give_none(written: str) -> None:
    assert normalise_birth_date(written) is None


@pytest.mark.parametrize("written", ["01/01/1900", "1900-01-01", "19000101", "11/11/1911"])
def test_placeholders_give_none(written: str) -> None:
    assert normalise_birth_date(written) is None


def test_a_first_of_january_is_kept_and_known() -> None:
    found = normalise_birth_date("01/01/1976")

    assert found == date(1976, 1, 1)
    assert is_first_of_january(found)
    assert not is_first_of_january(date(1976, 1, 2))


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("17/03/1984", "1984-03-17"),
        ("1684-3-17", "1684-03-17"),
        ("9184-10-14", "9184-10-14"),
        ("1964-11-71", "1964-11-71"),
        ("19641171", "1964-11-71"),
        ("71.11.1964", "1964-11-71"),
        ("1964-21-07", "1964-07-21"),
        ("1684-21-07", "1684-07-21"),
        ("31/02/1984", "1984-02-31"),
    ],
)
def test_a_date_with_one_impossible_part_can_be_compared(written: str, compared: str) -> None:
    assert comparable_birth_date(written) == compared


@pytest.mark.parametrize(
    "written",
    ["", "hier", "0000-00-00", "00/00/1900", "9999", "0984-03-17", "1984-13-45", "1684-03-45",
     "9999-12-31", "1899-12-30", "1753-01-01", "1111-11-11", "2999-12-31", "01/01/1900",
     "1900-01-01"],
)  # fmt: skip
def test_fillers_and_what_is_wrong_twice_are_not_compared(written: str) -> None:
    assert comparable_birth_date(written) is None


@pytest.mark.parametrize("written", ["1984", "00/00/1984", "1984-03-00", "1984-00-17", "19840000"])
def test_of_a_year_alone_the_first_of_january_is_compared(written: str) -> None:
    assert comparable_birth_date(written) == "1984-01-01"
    assert normalise_birth_date(written) is None


@pytest.mark.parametrize(
    ("text", "filler"),
    [
        ("1900-01-01", True),
        ("01/01/1900", True),
        ("0000-00-00", True),
        ("00/00/0000", True),
        ("", True),
        ("1980-04-03", False),
        ("1980-44-43", False),
        ("someday", False),
    ],
)
def test_what_is_written_for_want_of_a_date_is_told_from_a_text_that_is_none(
    text: str, filler: bool
) -> None:
    assert is_no_date(text) is filler
