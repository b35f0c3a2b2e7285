"""Types of fields that the wire formats of several domains share.

Times and days are taken as ISO 8601 writes them, and no other way: Pydantic would take the
number 20250301, which somebody means as a day, for seconds since 1970.
"""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from rcu.errors import FieldValueError

EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
"""No clock is right outside; near the ends of the calendar there is no UTC to turn a time into,
and PostgreSQL's driver takes the first and the last day for minus and plus infinity."""

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _written_as_time(value: object) -> object:
    if isinstance(value, datetime) or (isinstance(value, str) and ":" in value):
        return value
    raise FieldValueError(
        "Input should be a date and time with its offset, such as 2025-03-01T10:20:30+01:00"
    )


def _written_as_day(value: object) -> object:
    if isinstance(value, date) or (isinstance(value, str) and _DAY.fullmatch(value)):
        return value
    raise FieldValueError("Input should be a day in the form YYYY-MM-DD")


def _out_of_range(what: str) -> str:
    return f"Input should be a {what} from {EARLIEST.year} on and before {LATEST.year}"


def _plausible(moment: datetime) -> datetime:
    if EARLIEST.year < moment.year < LATEST.year - 1:  # whatever the offset, which is slow to ask
        return moment
    if not EARLIEST <= moment < LATEST:
        raise FieldValueError(_out_of_range("time"))
    return moment


def _come(moment: datetime) -> datetime:
    if moment > datetime.now(UTC):
        raise FieldValueError("Input should be a time that has come already")
    return moment


def plausible_day(day: date) -> date:
    """Return `day`; raise `FieldValueError` when it is of no year in which anybody trades."""
    if not EARLIEST.year <= day.year < LATEST.year:
        raise FieldValueError(_out_of_range("day"))
    return day


Whole = Annotated[int, Field(strict=True)]
"""A whole number of a body: neither true, which Pydantic would take for 1, nor a text."""

Moment = Annotated[AwareDatetime, BeforeValidator(_written_as_time), AfterValidator(_plausible)]
"""A time with its zone."""

PastMoment = Annotated[Moment, AfterValidator(_come)]
"""A time with its zone, of which it can be told what was known then."""

Day = Annotated[date, BeforeValidator(_written_as_day), AfterValidator(plausible_day)]
"""A business day."""
