"""How values are spoiled: typed, scanned, scrambled, and numbers written in another way."""

from __future__ import annotations

from datetime import date
from random import Random
from string import ascii_lowercase
from unicodedata import combining, normalize


def typed(value: str) -> str:
    """Return a value as a till without accents prints it."""
    return "".join(c for c in normalize("NFKD", value.upper()) if not combining(c))


def mistyped(value: str, dice: Random, *, numeric: bool) -> str:
    """Return a value with a wrong, missing, doubled or swapped letter; a date with a wrong part."""
    if numeric and value:
        return misdated(value, dice)
    if len(value) < 3:  # noqa: PLR2004 - too short to be mistyped and known again
        return value
    spot = dice.randrange(1, len(value) - 1)
    letter = dice.choice("0123456789" if value[spot].isdigit() else ascii_lowercase)
    before, here, after = value[:spot], value[spot], value[spot + 1 :]
    return dice.choice(
        (
            before + letter + after,
            before + after,
            before + here + here + after,
            before + after[:1] + here + after[1:],
        )
    )


def misdated(value: str, dice: Random) -> str:
    """Return an ISO date with day and month swapped, another day, or another year or decade."""
    year, month, day = map(int, value.split("-"))
    if dice.random() < 0.4 and day <= 12:  # noqa: PLR2004 - days that are months too
        return date(year, day, month).isoformat()
    if dice.random() < 0.5:  # noqa: PLR2004 - as often the one as the other
        return date(year, month, dice.randrange(1, 29)).isoformat()
    return date(year + dice.choice((-10, -1, 1, 10)), month, min(day, 28)).isoformat()


def scrambled(value: str, dice: Random) -> str:
    """Return a value whose letters change places, get lost or stand twice."""
    letters = list(value)
    for _ in range(dice.choice((1, 1, 2))):
        if len(letters) < 3:  # noqa: PLR2004 - nothing would be left
            break
        one, other = dice.randrange(len(letters)), dice.randrange(len(letters))
        change = dice.randrange(3)
        if change == 0:
            letters[one], letters[other] = letters[other], letters[one]
        elif change == 1:
            del letters[one]
        else:
            letters[one] = letters[other]
    return "".join(letters)


_MISREAD = {"o": "0", "l": "1", "i": "l", "s": "5", "m": "rn", "e": "c", "b": "h", "g": "q"}
_MISREAD |= {"0": "8", "1": "7", "5": "6", "3": "8", "u": "v", "n": "h"}


def scanned(value: str, dice: Random) -> str:
    """Return a value with a letter that a scanner mistook; dates are scanned well."""
    spots = [i for i, c in enumerate(value) if c in _MISREAD]
    if not spots or (value[:4].isdigit() and value[4:5] == "-"):
        return value
    spot = dice.choice(spots)
    return value[:spot] + _MISREAD[value[spot]] + value[spot + 1 :]


def respelled(value: str, dice: Random) -> str:
    """Return a number as `19850412-1234` without its dash, its century, or both."""
    return dice.choice((value.replace("-", ""), value[2:], value[2:].replace("-", "")))
