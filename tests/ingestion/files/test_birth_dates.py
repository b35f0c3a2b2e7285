"""Birth dates in the writings of files; what admits two readings is left as it is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcu.identity.normalise.dates import comparable_birth_date
from rcu.ingestion.files.birth_dates import to_birth_date
from rcu.ingestion.files.values import DateOrder, Reading

PLAIN = Reading()
AMERICAN = Reading(date_order=DateOrder.MDY)
YEAR_FIRST = Reading(date_order=DateOrder.YMD)


@pytest.mark.parametrize(
    ("text", "reading", "pattern", "expected"),
    [
        ("03/04/1980", PLAIN, None, "03/04/1980"),
        ("03/04/1980", AMERICAN, None, "1980-03-04"),
        ("31/12/1980", AMERICAN, None, "31/12/1980"),
        ("19800403", PLAIN, "%Y%m%d", "1980-04-03"),
        ("1980-04-03 00:00:00", PLAIN, None, "1980-04-03"),
        ("00/00/1980", AMERICAN, None, "00/00/1980"),
        ("19800231", PLAIN, "%Y%m%d", "19800231"),
        ("04/03/45", PLAIN, "%m/%d/%y", "1945-04-03"),
        ("04/03/05", PLAIN, "%m/%d/%y", "2005-04-03"),
        ("1980", PLAIN, None, "1980"),
        ("unknown", PLAIN, None, "unknown"),
    ],
)
def test_a_birth_date_stays_as_written_unless_its_form_is_certain(
    text: str, reading: Reading, pattern: str | None, expected: str
) -> None:
    assert to_birth_date(text, reading, pattern) == expected


@pytest.mark.parametrize(
    ("text", "reading", "expected"),
    [
        ("03.04.80", PLAIN, "1980-04-03"),
        ("03/04/80", AMERICAN, "1980-03-04"),
        ("80-04-03", YEAR_FIRST, "1980-04-03"),
        ("31/12/80", AMERICAN, "1980-12-31"),
        ("29/02/80 00:00", PLAIN, "1980-02-29"),
        ("32/13/80", PLAIN, "32/13/80"),
    ],
)
def test_a_year_of_two_digits_is_read_in_the_order_of_the_file(
    text: str, reading: Reading, expected: str
) -> None:
    assert to_birth_date(text, reading, None) == expected


def test_a_year_of_two_digits_is_the_last_one_that_is_not_to_come() -> None:
    today = datetime.now(UTC).date()
    tomorrow = today + timedelta(days=1)

    assert to_birth_date(f"{today:%d.%m.%y}", PLAIN, None) == today.isoformat()
    assert to_birth_date(f"{tomorrow:%d.%m.%y}", PLAIN, None) < "2000"


@pytest.mark.parametrize(
    "text",
    [
        "5 January 1980",
        "05-JAN-1980",
        "5. Januar 1980",
        "5 de enero de 1980",
        "1980-Jan-05",
        "January 5th, 1980",
        "05JAN80",
        "5 janv. 1980",
        "5 gennaio 1980",
    ],
)
def test_a_month_may_be_written_by_its_name(text: str) -> None:
    assert to_birth_date(text, PLAIN, None) == "1980-01-05"


@pytest.mark.parametrize("text", ["5 ju 1980", "5 ma 1980", "5 foo 1980", "40 may 1980"])
def test_a_name_of_two_months_or_of_none_is_no_month(text: str) -> None:
    assert to_birth_date(text, PLAIN, None) == text


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("29221", "excel", "1980-01-01"),
        ("29221.0", "excel", "1980-01-01"),
        ("315532800", "epoch", "1980-01-01"),
        ("-315619200000", "epoch_ms", "1960-01-01"),
        ("19800101.0", None, "19800101"),
        ("19800101.0", "%Y%m%d", "1980-01-01"),
        ("1041980", None, "1980-04-01"),
        ("1041980", "%m%d%Y", "1980-01-04"),
        ("10480", "%d%m%y", "1980-04-01"),
        ("1/4/1980 12:00:00 AM", None, "1/4/1980"),
    ],
)
def test_what_a_table_tool_made_of_a_date_is_undone(
    text: str, pattern: str | None, expected: str
) -> None:
    assert to_birth_date(text, PLAIN, pattern) == expected


def test_an_instant_is_a_day_where_the_file_was_written() -> None:
    paris = Reading(zone=ZoneInfo("Europe/Paris"))

    assert to_birth_date("315529200", paris, "epoch") == "1980-01-01"


@given(
    st.dates(min_value=date(1930, 1, 1), max_value=date(2020, 12, 31)),
    st.sampled_from(["%d/%m/%Y %H:%M", "%d-%b-%Y", "%B %d, %Y", "%Y%m%d.0", "%Y-%m-%d %H:%M:%S"]),
)
def test_any_day_survives_its_writings(day: date, form: str) -> None:
    written = datetime(day.year, day.month, day.day, tzinfo=UTC).strftime(form)

    assert comparable_birth_date(to_birth_date(written, PLAIN, None)) in {day.isoformat(), None}
    assert to_birth_date(written, PLAIN, form) == day.isoformat()
