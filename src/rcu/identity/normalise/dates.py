"""Birth dates made comparable: several writings, impossible dates, placeholders."""

from __future__ import annotations

import re
from datetime import date

_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ].*)?")
_DAY_FIRST = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4})")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_COMPACT_DAY_FIRST = re.compile(r"(\d{2})(\d{2})(\d{4})")
_EARLIEST_YEAR, _LATEST_YEAR = 1900, 2100
_PLACEHOLDERS = frozenset({date(1900, 1, 1), date(1901, 1, 1), date(1911, 11, 11)})


def normalise_birth_date(text: str) -> date | None:
    """Return the birth date, or None for none: impossible, or a filler like 1900-01-01.

    Reads `yyyy-mm-dd`, `dd/mm/yyyy`, `yyyymmdd` and their kin. The day comes before the month
    unless only the other order exists (`12/25/1980`).
    """
    text = text.strip()
    if match := _ISO.fullmatch(text) or _COMPACT.fullmatch(text):
        found = _date(*match.groups())
        if found is not None or match.re is _ISO:
            return found
    if match := _DAY_FIRST.fullmatch(text) or _COMPACT_DAY_FIRST.fullmatch(text):
        day, month, year = match.groups()
        return _date(year, month, day)
    return None


def is_first_of_january(day: date) -> bool:
    """Tell whether a date is a first of January: often typed when only the year is known."""
    return day.month == 1 and day.day == 1


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
