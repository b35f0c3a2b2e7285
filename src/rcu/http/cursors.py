"""Opaque cursors: the place in a list where the next page begins.

A cursor holds the sort key of the last row of a page (times, numbers, ids), never personal data:
it travels in addresses and logs. It grants nothing, so it is not signed; what comes back is
checked against the shape the list expects, and anything else is refused.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import date, datetime
from typing import Final, TypeVar
from uuid import UUID

import orjson
from pydantic import TypeAdapter, ValidationError

from rcu.errors import FieldError, RcuError
from rcu.http.fields import EARLIEST, LATEST

MAX_CURSOR_LENGTH: Final = 512

T = TypeVar("T")
CursorValue = str | int | float | datetime | date | UUID | None


class InvalidCursorError(RcuError):
    """The cursor is not one that this list has given."""

    status = 422
    code = "invalid_cursor"

    def __init__(self) -> None:
        """Say how to go on."""
        super().__init__(
            "The cursor is not one that this list has given: start again without it.",
            errors=[
                FieldError(
                    field="cursor",
                    reason="Not a cursor of this list",
                    code=self.code,
                    location="query",
                )
            ],
        )


def encode_cursor(*place: CursorValue) -> str:
    """Return the cursor of a place in a list, safe in an address."""
    return urlsafe_b64encode(orjson.dumps(place, default=str)).rstrip(b"=").decode("ascii")


def decode_cursor(cursor: str, shape: TypeAdapter[T]) -> T:
    """Return the place that `encode_cursor` was given; raise `InvalidCursorError` otherwise.

    `shape` is a list's own: `TypeAdapter(tuple[datetime, UUID])`, kept at module level.
    """
    if len(cursor) > MAX_CURSOR_LENGTH or not cursor.isascii():
        raise InvalidCursorError
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        place = shape.validate_json(urlsafe_b64decode(padded))
    except (ValueError, ValidationError):
        raise InvalidCursorError from None
    if not _is_sane(place):
        raise InvalidCursorError
    return place


def _is_sane(value: object) -> bool:
    """Tell whether the database can be asked for such values: times of its calendar, no NUL."""
    if isinstance(value, tuple | list):
        return all(map(_is_sane, value))
    if isinstance(value, date):
        return EARLIEST.year <= value.year < LATEST.year
    return not (isinstance(value, str) and "\x00" in value)
