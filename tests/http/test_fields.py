"""Fields that the wire formats share take what ISO 8601 writes, and nothing that looks alike."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from rcu.http.fields import EARLIEST, LATEST, Day, Moment, PastMoment, Whole

MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)
PAST: TypeAdapter[datetime] = TypeAdapter(PastMoment)
DAY: TypeAdapter[date] = TypeAdapter(Day)
WHOLE: TypeAdapter[int] = TypeAdapter(Whole)


def test_a_time_with_its_offset_and_a_day_are_taken() -> None:
    said = MOMENT.validate_python("2025-03-01T10:20:30.5+01:00")

    assert said == datetime(2025, 3, 1, 9, 20, 30, 500_000, UTC)
    assert DAY.validate_python("2025-03-01") == date(2025, 3, 1)


@pytest.mark.parametrize(
    "value",
    [
        20250301,
        1748736000,
        1.5,
        True,
        "20250301",
        "+336",
        "2025-03-01",
        "2025-03-01T10:20:30",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2200-01-01T00:00:00Z",
        None,
        [],
    ],
)
def test_what_is_no_plausible_time_with_its_offset_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        MOMENT.validate_python(value)


offsets = st.integers(-24 * 60 + 1, 24 * 60 - 1).map(lambda m: timezone(timedelta(minutes=m)))


@given(st.datetimes(datetime(1898, 1, 1), datetime(2202, 1, 1), timezones=offsets))  # noqa: DTZ001 - Hypothesis adds the zone
@example(datetime(1901, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=23))))
@example(datetime(2199, 12, 31, 23, 30, tzinfo=timezone(timedelta(hours=-23))))
def test_a_time_is_plausible_by_its_instant_whatever_its_offset(moment: datetime) -> None:
    try:
        taken = MOMENT.validate_python(moment) == moment
    except ValidationError:
        taken = False

    assert taken is (EARLIEST <= moment < LATEST)


@pytest.mark.parametrize(
    "value",
    [
        0,
        20250301,
        1748736000,
        True,
        None,
        "0",
        "20250301",
        "2025-3-1",
        "2025-02-30",
        "2025-03-01T00:00:00",
        "0001-01-01",
        "1899-12-31",
        "2200-01-01",
        "9999-12-31",
    ],
)
def test_what_is_no_plausible_day_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        DAY.validate_python(value)


def test_a_time_to_come_is_no_time_of_which_it_is_known_what_was_known() -> None:
    now = datetime.now(UTC)

    assert PAST.validate_python(now.isoformat()) == now
    with pytest.raises(ValidationError):
        PAST.validate_python((now + timedelta(hours=1)).isoformat())


@pytest.mark.parametrize("value", [True, False, "12", 12.5, 12.0, None])
def test_what_only_looks_like_a_whole_number_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        WHOLE.validate_python(value)


def test_a_whole_number_is_taken() -> None:
    assert WHOLE.validate_python(-12) == -12
