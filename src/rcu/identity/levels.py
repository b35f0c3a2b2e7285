"""The names of the comparison levels, as the model document spells them."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

EXACT = "exact"
TYPING_ERROR = "typing_error"
RESEMBLING = "resembling"
"""Neither close enough to speak for, nor far enough to speak against."""
DIFFERENT = "different"
MISSING = "missing"
SHARED = "shared"
"""The same value, held by too many different people to be evidence."""
NICKNAME = "nickname"
SAME_SOUND = "same_sound"
PART = "part"
INITIAL = "initial"
SWAPPED = "swapped"
PARTICLE = "particle"
BIRTH_NAME = "birth_name"
NEAR_YEAR = "near_year"
"""Two years of birth, of which nothing more is known, that are one or two apart."""
ONE_DIGIT_DIFFERENT, ONE_PART_DIFFERENT = "one_digit_different", "one_part_different"
"""Two dates that differ in year, month or day only: by one digit (wrong, or swapped with the next),
as most errors of typing do and a third of what chance brings near, or by more."""

NEAR_DAYS = "near_days"
"""Two dates a month apart at most, in more than one part: days or a month were miscounted."""
TWO_SLIPS = "two_slips"
"""Two dates that would be at most a month apart, were not the year mistaken as well."""


class Compared(NamedTuple):
    """The level that one attribute reached, and the value agreed on when its frequency counts."""

    level: str
    value: str | None = None


class ComparedNames(NamedTuple):
    """The levels of the two names, compared as a whole because they may stand swapped."""

    given: Compared
    family: Compared


@lru_cache(maxsize=256)
def level_only(level: str) -> Compared:
    """Return a level reached without a value: one object for each, however often it is reached."""
    return Compared(level)


MISSING_VALUE = level_only(MISSING)
