"""Loyalty-card numbers made comparable, with their check digits."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache

from rcu.identity.normalise.text import is_rounded, without_invisible

_SEPARATORS = re.compile(r"[\s.\-_/]+")
_GS1_LENGTHS = frozenset({8, 12, 13, 14, 17, 18})
_LUHN_LENGTHS = frozenset({15, 16, 19})
_SHORTEST = 4
_LONGEST = 40
_COUNTED = "0123456789012345"


class CardCheck(StrEnum):
    """What the check digit of a card number says."""

    VALID = "valid"
    SUSPICIOUS = "suspicious"
    UNCHECKED = "unchecked"


@lru_cache(maxsize=16384)
def normalise_card(text: str) -> str | None:
    """Return the number without separators, upper case, or None for a filler or a fragment."""
    if not (text.isascii() and text.isalnum()):  # else nothing is to be cleaned
        if is_rounded(text.strip()):
            return None
        text = unicodedata.normalize("NFC", _SEPARATORS.sub("", without_invisible(text)))
    if text.isascii():
        text = text.upper()
    if not _SHORTEST <= len(text) <= _LONGEST or len(set(text)) == 1 or text in _COUNTED:
        return None
    return text


def check_card(number: str) -> CardCheck:
    """Check a normalised number: GS1 (EAN-13 and its family) or Luhn, by its length.

    A length that neither scheme uses, or a number with letters, cannot be checked.
    """
    if not (number.isascii() and number.isdigit()):
        return CardCheck.UNCHECKED
    scheme = _scheme(number)
    if scheme is None:
        return CardCheck.UNCHECKED
    return CardCheck.VALID if scheme(number) else CardCheck.SUSPICIOUS


def corrections(number: str) -> list[str]:
    """Return the valid numbers that one wrong digit or two swapped neighbours part from this."""
    scheme = _scheme(number) if number.isascii() and number.isdigit() else None
    if scheme is None:
        return []
    near = {
        number[:i] + digit + number[i + 1 :]
        for i in range(len(number))
        for digit in "0123456789"
        if digit != number[i]
    }
    near |= {
        number[:i] + number[i + 1] + number[i] + number[i + 2 :] for i in range(len(number) - 1)
    }
    near.discard(number)
    return sorted(candidate for candidate in near if scheme(candidate))


def _scheme(number: str) -> Callable[[str], bool] | None:
    if len(number) in _GS1_LENGTHS:
        return _gs1
    return _luhn if len(number) in _LUHN_LENGTHS else None


def _gs1(number: str) -> bool:
    digits = number.encode()
    total = sum(digits[-1::-2]) + 3 * sum(digits[-2::-2])
    odd, even = (len(digits) + 1) // 2, len(digits) // 2
    return (total - 48 * (odd + 3 * even)) % 10 == 0


_LUHN_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def _luhn(number: str) -> bool:
    digits = [int(d) for d in reversed(number)]
    return (sum(digits[::2]) + sum(_LUHN_DOUBLED[d] for d in digits[1::2])) % 10 == 0
