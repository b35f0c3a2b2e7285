"""Birth dates as files write them: months by name, years of two digits, days of a spreadsheet."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Final

from rcu.identity.normalise.text import ascii_lower
from rcu.ingestion.files.values import (
    EPOCH,
    EPOCH_MILLISECONDS,
    CellRefusedError,
    DateOrder,
    Reading,
    parse_time,
)

_ISO_DAY_AND_TIME: Final = re.compile(r"(\d{4}-\d{2}-\d{2})[T ]\d{2}:\d{2}.*")
_WITH_DECIMAL: Final = re.compile(r"(\d{4,8})\.0+")
_TIME_BEHIND: Final = re.compile(
    r"(?<=\d)[T ,]+\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?(?: ?[AaPp]\.?[Mm]\.?)?$"
)
_SLASHED: Final = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4})")
_SHORT_YEAR: Final = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{2})")
_COMPACT: Final = re.compile(r"\d{7,8}")
_COMPACT_DIGITS: Final = {
    "%d%m%Y": 8, "%m%d%Y": 8, "%Y%m%d": 8, "%d%m%y": 6, "%m%d%y": 6, "%y%m%d": 6,
}  # fmt: skip
"""Forms without separators, and their digits: a table tool drops the zero that leads them."""
_NAMED: Final = (
    re.compile(
        r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|\.)?[-/ ]*(?:de )?(?P<month>[a-z]{3,10})\.?"
        r"[-/, ]*(?:de )?(?P<year>\d{4}|\d{2})"
    ),
    re.compile(
        r"(?P<month>[a-z]{3,10})\.?[- ]*(?P<day>\d{1,2})(?:st|nd|rd|th)?[-, ]+(?P<year>\d{4}|\d{2})"
    ),
    re.compile(r"(?P<year>\d{4})[-/ ](?P<month>[a-z]{3,10})\.?[-/ ](?P<day>\d{1,2})"),
)
_MONTHS: Final = tuple(
    names.split()
    for names in (
        "january janvier januar enero gennaio januari janeiro",
        "february fevrier februar feber febrero febbraio februari fevereiro",
        "march mars marz maerz marzo maart marco",
        "april avril abril aprile",
        "may mai mayo maggio mei maio",
        "june juin juni junio giugno junho",
        "july juillet juli julio luglio julho",
        "august aout agosto augustus",
        "september septembre septiembre settembre setembro",
        "october octobre oktober octubre ottobre outubro",
        "november novembre noviembre novembro",
        "december decembre dezember diciembre dicembre dezembro",
    )
)
"""In English, French, German, Spanish, Italian, Dutch and Portuguese, without accents."""


def to_birth_date(text: str, reading: Reading, pattern: str | None) -> str:
    """Return a birth date, in ISO 8601 where its form is certain.

    Otherwise it stays as written: the normaliser knows the usual forms and what a
    placeholder is, and an odd birth date is no reason to refuse a person. Of a year of two digits
    the last one that is not to come is meant: nobody is born in years to come.
    """
    if pattern is None:
        return _usual(text, reading)
    try:
        if digits := _COMPACT_DIGITS.get(pattern):
            moment = parse_time(text.removesuffix(".0").zfill(digits), reading.date_order, pattern)
        else:
            moment = parse_time(text, reading.date_order, pattern)
    except CellRefusedError:
        return _usual(text, reading)
    if pattern in {EPOCH, EPOCH_MILLISECONDS}:
        moment = moment.astimezone(reading.zone)  # midnight where the file was written
    return _not_to_come(moment.date(), short="%y" in pattern).isoformat()


def _usual(text: str, reading: Reading) -> str:
    """Return a date in one of the forms that need not be told."""
    if found := _ISO_DAY_AND_TIME.fullmatch(text):
        return found[1]
    if found := _WITH_DECIMAL.fullmatch(text):
        text = found[1]
    without_time = _TIME_BEHIND.sub("", text)
    for form, read in _FORMS:
        if found := form.fullmatch(without_time):
            day = read(found, reading.date_order)
            return without_time if day is None else day.isoformat()
    return _of_named_month(ascii_lower(without_time)) or text


def _of_slashes(found: re.Match[str], order: DateOrder) -> date | None:
    """Return the day with its month first, if the file writes it so and there is one."""
    if order is not DateOrder.MDY:
        return None
    month, day, year = map(int, found.groups())
    return _date(year, month, day)


def _of_short_year(found: re.Match[str], order: DateOrder) -> date | None:
    """Return the day of a year of two digits, in another order where only that one exists."""
    first, second, third = map(int, found.groups())
    readings = {
        DateOrder.DMY: (third, second, first),
        DateOrder.MDY: (third, first, second),
        DateOrder.YMD: (first, second, third),
    }
    for year, month, day in (readings.pop(order), *readings.values()):
        if made := _date(_century(year), month, day):
            return _not_to_come(made, short=True)
    return None


def _of_digits(found: re.Match[str], order: DateOrder) -> date | None:
    """Return the day of eight digits that begin with neither a year nor a day."""
    digits = found[0].zfill(8)
    if order is DateOrder.MDY and not _date(*_cut(digits, 4, 2, 2)):
        month, day, year = _cut(digits, 2, 2, 4)
        return _date(year, month, day)
    if len(found[0]) < len(digits):
        day, month, year = _cut(digits, 2, 2, 4)
        return _date(year, month, day)
    return None


_Read = Callable[[re.Match[str], DateOrder], date | None]
_FORMS: Final[tuple[tuple[re.Pattern[str], _Read], ...]] = (
    (_SLASHED, _of_slashes),
    (_SHORT_YEAR, _of_short_year),
    (_COMPACT, _of_digits),
)


def _of_named_month(text: str) -> str | None:
    for form in _NAMED:
        if found := form.fullmatch(text):
            month = _month_called(found["month"])
            short = len(found["year"]) == 2  # noqa: PLR2004 - digits
            year = int(found["year"])
            made = _date(_century(year) if short else year, month, int(found["day"]))
            return _not_to_come(made, short=short).isoformat() if made else None
    return None


def _month_called(word: str) -> int:
    """Return the month that a name or its beginning means; 0 for none, or for two."""
    found = {
        number
        for number, names in enumerate(_MONTHS, start=1)
        if any(name.startswith(word) for name in names)
    }
    return found.pop() if len(found) == 1 else 0


def _cut(digits: str, *widths: int) -> list[int]:
    ends = [sum(widths[: place + 1]) for place in range(len(widths))]
    return [int(digits[end - width : end]) for end, width in zip(ends, widths, strict=True)]


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _century(year: int) -> int:
    return 2000 + year


def _not_to_come(day: date, *, short: bool) -> date:
    """Return the day in the last century in which it is not to come, of a year of two digits."""
    if not short or day <= datetime.now(UTC).date():
        return day
    return _date(day.year - 100, day.month, day.day) or date(day.year - 100, 3, 1)
