"""Birth dates: writings, orders, impossible dates, placeholders."""

from datetime import date

import pytest

from rcu.identity.normalise.dates import is_first_of_january, normalise_birth_date


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
