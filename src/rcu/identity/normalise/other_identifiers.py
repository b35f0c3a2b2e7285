"""Exact identifiers of any other kind (national id, payment token, device) made comparable."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from rcu.identity.normalise.text import is_rounded, without_invisible

_SPACES = re.compile(r"\s+")
_SEPARATED = re.compile("[0-9A-Za-z]+(?:[-./+][0-9A-Za-z]+)*")
_SEPARATORS = re.compile("[-./+]")
_LONGEST_NUMBER = 20
_CENTURY = re.compile(r"(?:18|19|20)(?=\d{10}$)")
_FILLERS = frozenset(
    """
    0 aucun inconnu keine n/a na nan nat nil none null test unbekannt undefined unknown
    """.split()  # noqa: SIM905 - a block of words reads better than a quoted list
)


def normalise_identifier(text: str) -> str | None:
    """Return the value in NFC without spaces, or None for a filler.

    Case is kept: tokens and device ids may be case-sensitive.
    """
    value = unicodedata.normalize("NFC", _SPACES.sub("", without_invisible(text)))
    if not value or value.lower() in _FILLERS or is_rounded(value) or _repeats_one_character(value):
        return None
    return value


def _repeats_one_character(value: str) -> bool:
    """Tell whether somebody filled a form: `9999`, `000-00-0000`."""
    plain = _SEPARATORS.sub("", value)
    return not plain or (len(plain) > 1 and len(set(plain)) == 1)


@lru_cache(maxsize=16384)
def number_spelled(value: str) -> str:
    """Return a number, as authorities give them, in the one way in which it has many.

    Without separators (`123.456.789-09`), in small letters (`12345678-z`), without the zeros that
    a spreadsheet drops, and of twelve digits that begin with a date of birth without its century
    (`19850412-1234`, `850412-1234`). A value that is no such number, a long token say, is its own.
    """
    if not _SEPARATED.fullmatch(value):
        return value
    plain = _SEPARATORS.sub("", value).lower()
    if len(plain) > _LONGEST_NUMBER or not any(map(str.isdigit, plain)):
        return value
    return _CENTURY.sub("", plain).lstrip("0") or value
