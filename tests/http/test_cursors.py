"""Cursors of lists."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from rcu.http.cursors import InvalidCursorError, decode_cursor, encode_cursor

PLACE = TypeAdapter(tuple[datetime, UUID])


@given(
    at=st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - the zone is added
    row=st.uuids(),
)
def test_a_cursor_reads_back(at: datetime, row: UUID) -> None:
    assert decode_cursor(encode_cursor(at, row), PLACE) == (at, row)


@pytest.mark.parametrize(
    "cursor",
    ["", "!", "é", "A" * 2000, "bm90IGpzb24", encode_cursor("x"), encode_cursor(1, 2, 3)],
)
def test_what_the_list_has_not_given_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursorError) as refused:
        decode_cursor(cursor, PLACE)

    assert refused.value.status == 422
    assert refused.value.errors[0].field == "cursor"


@pytest.mark.parametrize("value", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_a_time_at_the_ends_of_the_calendar_is_no_place(value: str) -> None:
    with pytest.raises(InvalidCursorError):
        decode_cursor(encode_cursor(value, UUID(int=1)), PLACE)


def test_a_text_that_no_database_holds_is_no_place() -> None:
    with pytest.raises(InvalidCursorError):
        decode_cursor(encode_cursor("a\x00b"), TypeAdapter(tuple[str]))


@given(st.text(max_size=600))
def test_no_text_does_worse_than_a_refusal(cursor: str) -> None:
    with pytest.raises(InvalidCursorError):
        decode_cursor(cursor, PLACE)
