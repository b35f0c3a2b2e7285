"""Birth dates made comparable: several writings, impossible dates, placeholders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache

_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ].*)?")
_DAY_FIRST = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4})")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_COMPACT_DAY_FIRST = re.compile(r"(\d{2})(\d{2})(\d{4})")
_YEAR = re.compile(r"\d{4}")
_EARLIEST_YEAR, _LATEST_YEAR = 1900, 2100
_PLACEHOLDERS = frozenset({date(1900, 1, 1), date(1901, 1, 1), date(1911, 11, 11)})
_EARLIEST_WRITTEN = 1000
_NO_YEAR = 9999
_NO_DAYS = frozenset(
    {"1111-11-11", "1753-01-01", "1800-01-01", "1899-12-30", "1899-12-31", "2999-12-31"}
)
"""What systems write for want of a date: ones, the first day of SQL Server, day 0 of a table."""
_MONTHS, _DAYS = 12, 31


@lru_cache(maxsize=16384)
def normalise_birth_date(text: str) -> date | None:
    """Return the birth date, or None for none: impossible, or a filler like 1900-01-01.

    Reads `yyyy-mm-dd`, `dd/mm/yyyy`, `yyyymmdd` and their kin. The day comes before the month
    unless only the other order exists (`12/25/1980`).
    """
    return next(filter(None, (_date(*parts) for parts in _readings(text.strip()))), None)


@lru_cache(maxsize=16384)
def comparable_birth_date(text: str) -> str | None:
    """Return what two records are compared by, as `yyyy-mm-dd`; None where there is nothing.

    Besides the dates that `normalise_birth_date` reads, those with one part that nobody alive can
    have: `1864-03-09` is of an old register, or 1964 with a wrong digit, and `1964-11-71` is one
    digit from `1964-11-21`. Of a year alone (`1964`, `00/00/1964`, `1964-11-00`) the first of
    January, which says little more than the year. Dates that no calendar has twice over are none.
    """
    found = normalise_birth_date(text)
    if found is not None:
        return found.isoformat()
    written = next(filter(None, (_as_written(*parts) for parts in _readings(text.strip()))), None)
    return written or _first_of(text.strip())


def is_no_date(text: str) -> bool:
    """Tell whether a text is what systems write for want of a birth date: `1900-01-01`, zeros."""
    if not text.strip(" 0-/."):
        return True
    return any(
        f"{year}-{month:>02}-{day:>02}" in _NO_DAYS or _is_placeholder(year, month, day)
        for year, month, day in _readings(text.strip())
    )


def is_first_of_january(day: date) -> bool:
    """Tell whether a date is a first of January: often typed when only the year is known."""
    return day.month == 1 and day.day == 1


def _readings(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield year, month and day, in the ways in which the text can be read."""
    if match := _ISO.fullmatch(text):
        yield match[1], match[2], match[3]
        return
    if match := _COMPACT.fullmatch(text):
        yield match[1], match[2], match[3]
    if match := _DAY_FIRST.fullmatch(text) or _COMPACT_DAY_FIRST.fullmatch(text):
        yield match[3], match[2], match[1]


def _first_of(text: str) -> str | None:
    """Return the first day of a year of which nothing more is known."""
    if _YEAR.fullmatch(text):
        year, nought = text, True
    else:
        year, *others = next(_readings(text), ("0", ""))
        nought = any(part.strip("0") == "" for part in others)
    if not (nought and _EARLIEST_WRITTEN <= int(year) <= _LATEST_YEAR):
        return None
    found = f"{year}-01-01"
    return None if found in _NO_DAYS or _is_placeholder(year, "1", "1") else found


def _as_written(year: str, month: str, day: str) -> str | None:
    """Return a date of which at most one part is impossible, in the order that makes it best."""
    if int(month) > _MONTHS >= int(day) > 0:
        month, day = day, month
    wrong = not _EARLIEST_YEAR <= int(year) <= _LATEST_YEAR
    if not (_EARLIEST_WRITTEN <= int(year) < _NO_YEAR and int(month) and int(day)):
        return None
    if wrong + (int(month) > _MONTHS) + (int(day) > _DAYS) > 1:
        return None
    found = f"{year}-{month:>02}-{day:>02}"
    return None if found in _NO_DAYS or _is_placeholder(year, month, day) else found


def _is_placeholder(year: str, month: str, day: str) -> bool:
    return any((p.year, p.month, p.day) == (int(year), int(month), int(day)) for p in _PLACEHOLDERS)


def _date(year: str, month: str, day: str) -> date | None:
    if not _EARLIEST_YEAR <= int(year) <= _LATEST_YEAR:
        return None
    for m, d in ((month, day), (day, month)):
        try:
            found = date(int(year), int(m), int(d))
        except ValueError:
            continue
        return None if found in _PLACEHOLDERS else found
    return None
