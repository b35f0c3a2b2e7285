"""How the text of a cell becomes the value of a field: times, days, amounts, lists, JSON."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from math import isnan
from typing import Any, Final

import orjson


class DateOrder(StrEnum):
    """What comes first in a date written with slashes, dots or dashes."""

    DMY = "dmy"
    MDY = "mdy"
    YMD = "ymd"
    """Of years of two digits, `85-04-12`; of four, the order is plain."""


class CellRefusedError(ValueError):
    """A cell cannot be read as its field wants; the sentence never holds the cell's text."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How the cells of a file are to be read."""

    zone: tzinfo = UTC
    """The time zone of times written without one."""
    date_order: DateOrder = DateOrder.DMY
    empty_values: frozenset[str] = frozenset()
    """Words that the mapping says mean the same as an empty cell."""
    usual_empty_values: frozenset[str] = frozenset()
    """Words that do so without being told; none in free attributes, where they may be values."""

    empty_texts: frozenset[str] = field(init=False)
    """All texts, without blanks around them, that say nothing."""

    def __post_init__(self) -> None:
        """Join what says nothing once, for who asks of cell after cell."""
        all_empty = self.usual_empty_values | self.empty_values | {""}
        object.__setattr__(self, "empty_texts", all_empty)


_SLASHED: Final = re.compile(
    r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?)?"
)
_YEAR_FIRST: Final = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}")
_NUMBER_NOISE: Final = re.compile(r"[\s\u00a0\u202f'€$£]")
_DECIMAL: Final = re.compile(r"[+-]?\d{1,15}(?:\.\d{0,9})?")
_THOUSANDS: Final = 3
EPOCH: Final = "epoch"
EPOCH_MILLISECONDS: Final = "epoch_ms"
EXCEL: Final = "excel"
"""Days since the end of 1899, as a spreadsheet counts them."""
_EXCEL_EPOCH: Final = datetime(1899, 12, 30)  # noqa: DTZ001 -- a spreadsheet knows no zone
USUAL_EMPTY_VALUES: Final = frozenset(
    """
    NULL null None NaN nan NAN NaT NA N/A n/a #N/A <NA> \\N - -- . ? unknown Unknown UNKNOWN
    inconnu Inconnu INCONNU unbekannt Unbekannt UNBEKANNT
    """.split()  # noqa: SIM905 - a block of words reads better than a quoted list
)
"""What programs and people write into a cell that holds nothing. `Null` and `none` may be names."""
NOT_AVAILABLE: Final = "NA"
"""Namibia, where a country is meant, and a code like any other where a code is."""


def to_text(cell: object, reading: Reading) -> str | None:
    """Return the text of a cell, without blanks around it; None when it is empty.

    Whole numbers of Parquet and JSON lose a `.0` that a table tool gave them.
    """
    if isinstance(cell, str):
        text = cell.strip()
    elif cell is None or (isinstance(cell, float) and isnan(cell)):
        return None
    elif isinstance(cell, bool):
        text = "true" if cell else "false"
    elif isinstance(cell, float) and cell.is_integer():
        text = str(int(cell))
    elif isinstance(cell, datetime | date):
        text = cell.isoformat()
    elif isinstance(cell, int | float | Decimal):
        text = str(cell)
    else:
        raise CellRefusedError("A single value is wanted, not a list or an object.")
    return None if text in reading.empty_texts else text


def to_time(text: str, reading: Reading, pattern: str | None) -> str:
    """Return a time as ISO 8601 in UTC; a day alone is its first instant in the file's zone."""
    moment = parse_time(text, reading.date_order, pattern)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=reading.zone)
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def to_day(text: str, reading: Reading, pattern: str | None) -> str:
    """Return a day as ISO 8601; a time of day beside it is dropped, not converted."""
    return parse_time(text, reading.date_order, pattern).date().isoformat()


def parse_time(text: str, order: DateOrder, pattern: str | None) -> datetime:
    """Return the time that a text says, without zone where it says none."""
    try:
        if pattern == EXCEL:
            return _EXCEL_EPOCH + timedelta(days=float(text))
        if pattern in {EPOCH, EPOCH_MILLISECONDS}:
            return datetime.fromtimestamp(float(text) / (1 if pattern == EPOCH else 1000), UTC)
        if pattern is not None:
            return datetime.strptime(text, pattern)  # noqa: DTZ007 -- the caller adds the zone
        if found := _SLASHED.fullmatch(text):
            return _slashed(found, order)
        if found := _YEAR_FIRST.match(text):
            day = "-".join(part.zfill(2) for part in re.split("[-/]", found[0]))
            text = day + text[found.end() :]
        return datetime.fromisoformat(text.removesuffix(" UTC") + "Z" * text.endswith(" UTC"))
    except (ValueError, OverflowError, OSError) as error:
        wanted = f"in the form {pattern}" if pattern else "such as 2025-03-01T10:20:30+01:00"
        raise CellRefusedError(f"No date and time {wanted}.") from error


def _slashed(found: re.Match[str], order: DateOrder) -> datetime:
    first, second, year, hour, minute, seconds = (int(part or 0) for part in found.groups())
    month, day = (first, second) if order is DateOrder.MDY else (second, first)
    return datetime(year, month, day, hour, minute, seconds)  # noqa: DTZ001 -- see the caller


def to_number(text: str) -> int:
    """Return a whole number; leading zeros, and the `.0` of table tools, are allowed."""
    try:
        return int(text.removesuffix(".0"))
    except ValueError as error:
        raise CellRefusedError("No whole number.") from error


def to_cents(text: str, *, in_euros: bool) -> int:
    """Return an amount in cents, from cents or from euros (or another currency's main unit).

    In euros the last of several separators is the decimal one. A single separator with three
    digits behind it could be either, and is refused rather than guessed.
    """
    plain = _NUMBER_NOISE.sub("", text)
    if in_euros:
        plain = _with_decimal_point(plain)
    if not _DECIMAL.fullmatch(plain):
        raise CellRefusedError(f"No amount in {'euros' if in_euros else 'cents'}.")
    amount = Decimal(plain) * (100 if in_euros else 1)
    cents = int(amount)
    if cents != amount:
        hint = "More than two decimals." if in_euros else "No whole cents: say `unit: euros`?"
        raise CellRefusedError(hint)
    return cents


def _with_decimal_point(text: str) -> str:
    last = max(text.rfind(","), text.rfind("."))
    if last < 0:
        return text
    whole, decimals = text[:last], text[last + 1 :]
    grouped = "," in whole or "." in whole
    if len(decimals) == _THOUSANDS:
        raise CellRefusedError("Three digits after the last separator: thousands or decimals?")
    if grouped and text[last] in whole:
        raise CellRefusedError("No amount in euros.")
    return f"{whole.replace(',', '').replace('.', '')}.{decimals}"


def to_structure(cell: object) -> Any:
    """Return a list or an object: as JSON Lines and Parquet hold it, or from JSON in a cell.

    A `null` inside is the same as nothing: table tools fill every absent key with one.
    """
    if isinstance(cell, str):
        try:
            cell = orjson.loads(cell)
        except orjson.JSONDecodeError as error:
            raise CellRefusedError("No JSON list or object.") from error
    if not isinstance(cell, list | dict):
        raise CellRefusedError("No JSON list or object.")
    return without_nulls(cell)


def without_nulls(value: Any) -> Any:
    """Return a JSON value without the object members that are null."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def to_scalar(cell: object, reading: Reading) -> str | int | float | bool | None:
    """Return a value of a free attribute: numbers and booleans stay what they are."""
    if isinstance(cell, bool | int):
        return cell
    if isinstance(cell, float):
        return None if isnan(cell) else cell
    return to_text(cell, reading)
