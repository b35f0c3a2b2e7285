"""What goes wrong when people and tills write a person down: each trouble a small function."""

from __future__ import annotations

import unicodedata
from datetime import date

from rcu.demo.dice import Dice

JUNK_EMAILS = (
    "client@maison-garance.example",
    "sansmail@sansmail.fr",
    "noreply@maison-garance.example",
)
JUNK_PHONES = ("0600000000", "0611111111", "0123456789")
JUNK_BIRTH_DATE = date(1900, 1, 1)

_NEIGHBOURS = {
    "a": "zq", "b": "vn", "c": "xv", "d": "sf", "e": "rz", "f": "dg", "g": "fh", "h": "gj",
    "i": "uo", "j": "hk", "k": "jl", "l": "km", "m": "lp", "n": "bm", "o": "ip", "p": "om",
    "q": "sa", "r": "et", "s": "dq", "t": "ry", "u": "yi", "v": "cb", "w": "xq", "x": "cw",
    "y": "tu", "z": "ae",
}  # fmt: skip
"""Keys that lie side by side on a French keyboard."""


def mistype(text: str, dice: Dice) -> str:
    """Return the text with one typing error: a letter dropped, doubled, swapped or mistaken.

    The first letter stays: it is the one that people look at.
    """
    spots = [i for i in range(1, len(text) - 1) if text[i].isalpha()]
    if not spots:
        return text
    spot = dice.one_of(spots)
    error = dice.weighted({"dropped": 3, "doubled": 2, "swapped": 2, "mistaken": 3})
    if error == "dropped":
        return text[:spot] + text[spot + 1 :]
    if error == "doubled":
        return text[: spot + 1] + text[spot:]
    if error == "swapped" and text[spot] != text[spot + 1]:
        return text[:spot] + text[spot + 1] + text[spot] + text[spot + 2 :]
    wrong = dice.one_of(_NEIGHBOURS.get(text[spot].lower(), "e"))
    return text[:spot] + wrong + text[spot + 1 :]


def misdial(number: str, dice: Dice) -> str:
    """Return a number with one wrong digit among its last four.

    So a telephone number stays inside the block kept for fiction.
    """
    spot = len(number) - dice.between(1, 4)
    wrong = (int(number[spot]) + dice.between(1, 9)) % 10
    return f"{number[:spot]}{wrong}{number[spot + 1 :]}"


def mistype_mailbox(address: str, dice: Dice) -> str:
    """Return an e-mail address with a typing error before the @."""
    local, _, domain = address.partition("@")
    return f"{mistype(local, dice)}@{domain}"


def without_accents(text: str) -> str:
    """Return the text as a till without accents prints it."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def first_part(name: str) -> str:
    """Return the first half of a compound name (`Marie-Claude` becomes `Marie`)."""
    return name.partition("-")[0]


def day_and_month_swapped(day: date) -> date | None:
    """Return the date with day and month swapped, or None when there is no such date."""
    try:
        return date(day.year, day.day, day.month)
    except ValueError:
        return None


def written_phone(number: str, dice: Dice) -> str:
    """Return a French national number in one of the ways people write it."""
    pairs = [number[i : i + 2] for i in range(0, len(number), 2)]
    styles = {
        number: 40,
        " ".join(pairs): 25,
        ".".join(pairs): 10,
        f"+33{number[1:]}": 15,
        f"+33 (0){number[1]} {' '.join(pairs[1:])}": 5,
        f"0033{number[1:]}": 5,
    }
    return dice.weighted(styles)


def abbreviated(street: str) -> str:
    """Return a street with its usual abbreviations."""
    for whole, short in (
        ("avenue", "av"), ("boulevard", "bd"), ("place", "pl"), ("impasse", "imp"),
        ("chemin", "che"), ("allée", "all"), ("route", "rte"), ("Saint-", "St "),
    ):  # fmt: skip
        street = street.replace(whole, short)
    return street


def ean13(number: str) -> str:
    """Return twelve digits with their GS1 check digit."""
    weighted = sum(int(digit) * (3 if i % 2 else 1) for i, digit in enumerate(number))
    return f"{number}{-weighted % 10}"
