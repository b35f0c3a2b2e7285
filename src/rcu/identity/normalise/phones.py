"""Phone numbers made comparable: E.164, placeholders known, landlines told from mobiles."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

import phonenumbers

from rcu.identity.normalise.text import ascii_lower, is_rounded

_EXTENSION = re.compile(r"(?:x|ext|extension|poste|p)\.?\s*\d+$")
_NOT_DIGIT = re.compile(r"\D+")
_NATIONAL_LENGTH = 9
_SHORTEST, _LONGEST = 6, 15
_SHORTEST_FOREIGN = 10

# Arcep numbering plan: blocks of the French national plan that are reached by another country code.
_OVERSEAS = {
    **dict.fromkeys(["262", "263", "269", "639", "692", "693"], "262"),
    **dict.fromkeys(["590", "690", "691"], "590"),
    **dict.fromkeys(["594", "694"], "594"),
    **dict.fromkeys(["596", "696", "697"], "596"),
}
_FRENCH = re.compile(r"\+(?:33|262|590|594|596)(\d{9})")
_FRENCH_CODES = frozenset({"+33", "+262", "+590", "+594", "+596"})
_FRENCH_REGIONS = frozenset({"FR", "RE", "GP", "GF", "MQ", "YT", "BL", "MF"})
_SEQUENCES = ("0123456789", "1234567890", "9876543210", "0987654321")


@lru_cache(maxsize=16384)
def normalise_phone(text: str, *, region: str = "FR") -> str | None:
    """Return the number in E.164, or None when `text` is no possible number.

    `region` (ISO 3166 alpha-2) reads numbers without a country code. A French number of an
    overseas block gets its own country code, however it was written: `0692...` and
    `+33 692...` are both `+262 692...`. A number that lost its leading zero is mended.
    """
    digits = text.replace(" ", "").replace(".", "")
    if not (digits.isascii() and digits.isdigit()):  # else, as mostly, nothing is to be cleaned
        if is_rounded(text.strip()):
            return None
        text = _EXTENSION.sub("", ascii_lower(text))
        digits = _NOT_DIGIT.sub("", text.replace("(0)", ""))
    international = text.lstrip("( ").startswith(("+", "00"))
    if not _SHORTEST <= len(digits) <= _LONGEST + 2:
        return None
    if region in _FRENCH_REGIONS or (international and digits.lstrip("0").startswith("33")):
        french = _french(digits, international=international)
        if french is not None:
            return french
    if international:
        digits = digits.removeprefix("00")
        return _parsed(f"+{digits}", None)
    return _parsed(digits, region)


def foreign_phone(text: str) -> str | None:
    """Return the digits of a number of nobody knows which country, behind `+0`; None if too few.

    For numbers that are none in the region of the base: no country code begins with a zero, so
    that they equal each other, and never a number that is known.
    """
    if is_rounded(text.strip()):
        return None
    digits = _NOT_DIGIT.sub("", _EXTENSION.sub("", ascii_lower(text)))
    return f"+0{digits}" if _SHORTEST_FOREIGN <= len(digits) <= _LONGEST else None


@lru_cache(maxsize=16384)
def is_placeholder_phone(phone: str) -> bool:
    """Tell whether an E.164 number is a filler (repeated or counted digits) or a service line."""
    french = _FRENCH.fullmatch(phone)
    national = "0" + french[1] if french else phone[1:]
    tail = national[2:]
    if len(set(tail)) == 1 or len(set(tail[-7:])) == 1 or any(s in national for s in _SEQUENCES):
        return True
    if "12345678" in tail or "87654321" in tail:
        return True
    if not french:
        return False
    if national.startswith("08"):
        return True
    step = int(tail[2:4]) - int(tail[:2])
    if step not in {0, 1}:
        return False
    pairs = [int(tail[i : i + 2]) for i in range(0, len(tail) - 1, 2)]
    return all(b - a == step for a, b in pairwise(pairs))


@lru_cache(maxsize=8192)
def is_landline(phone: str) -> bool:
    """Tell whether an E.164 number is known to be a French landline, which a household shares."""
    code, national = phone[:-_NATIONAL_LENGTH], phone[-_NATIONAL_LENGTH:]
    return code in _FRENCH_CODES and national[0] not in "67"


def _french(digits: str, *, international: bool) -> str | None:
    if digits.startswith("00"):
        international, digits = True, digits[2:]
    for code in ("33", "262", "590", "594", "596"):
        rest = digits[len(code) :].removeprefix("0")
        if digits.startswith(code) and len(rest) == _NATIONAL_LENGTH and rest[0] != "0":
            if code == "33" or rest[:3] in _OVERSEAS:
                return _with_french_code(rest)
            break
    national = digits.removeprefix("0")
    if not international and len(national) == _NATIONAL_LENGTH and national[0] != "0":
        return _with_french_code(national)
    return None


def _with_french_code(national: str) -> str:
    return f"+{_OVERSEAS.get(national[:3], '33')}{national}"


@lru_cache(maxsize=4096)
def _parsed(text: str, region: str | None) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
