"""Invents any number of French clients, their profiles and their tickets, always the same.

Everything is a function of a number: person 4,711 is the same in every run and every process, and
nothing is kept in memory. What makes records hard to tell apart is as frequent as in a retailer's
files: a few family names are borne by many (a Zipf-Mandelbrot law: the commonest by one person in
two hundred, as Martin is), given names are few, people live two by two in towns of all sizes, and
most leave some fields empty. Nobody is real; numbers and addresses are drawn at random, and nothing
leaves the machine.
"""

from __future__ import annotations

from bisect import bisect
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate, product
from random import Random
from typing import Any, Final

from rcu.demo import names
from rcu.demo.people import plain
from rcu.demo.places import STREETS

STORES: Final = tuple(f"B{number:02d}" for number in range(1, 21))

_ONSETS = ("b", "br", "c", "ch", "d", "f", "g", "gr", "l", "m", "n", "p", "r", "s", "t", "v")
_VOWELS = ("a", "e", "i", "o", "u", "ou", "ai", "an", "on", "é")
_ENDINGS = ("rd", "t", "n", "x", "lle", "rin", "ssot", "nnier", "ret", "geon", "meau", "zac", "ry")
_RARE_NAMES: Final = tuple(
    "".join(parts).capitalize()
    for parts in product(_ONSETS, _VOWELS, _ONSETS, _VOWELS[:6], _ENDINGS)
)
_PROVIDERS = (
    "gmail.com", "orange.fr", "hotmail.fr", "free.fr", "wanadoo.fr", "yahoo.fr", "sfr.fr",
    "laposte.net", "outlook.fr", "icloud.com",
)  # fmt: skip
_FIRST_DAY: Final = date(2024, 1, 1)
_EAN_LENGTH: Final = 12


class _Zipf:
    """Draws ranks with a probability in proportion to `1 / (rank + offset) ** exponent`."""

    def __init__(self, size: int, *, offset: float = 0.0, exponent: float = 1.0) -> None:
        weights = (1 / (rank + offset) ** exponent for rank in range(1, size + 1))
        self._sums = list(accumulate(weights))

    def draw(self, random: Random) -> int:
        return bisect(self._sums, random.random() * self._sums[-1])


_FAMILY_NAMES: Final = (*names.FAMILY_NAMES, *Random(1).sample(_RARE_NAMES, 60_000))
_FAMILY_RANKS = _Zipf(len(_FAMILY_NAMES), offset=15, exponent=0.95)
_GIVEN_RANKS = _Zipf(24, offset=4)
_PLACES: Final = tuple(
    (f"{department:02d}{1 + 10 * n:03d}", f"{_RARE_NAMES[(department * 997 + n * 7919) % 40_000]}")
    for n in range(16)  # clients live around the stores
    for department in range(1, 96)
)
_PLACE_RANKS = _Zipf(len(_PLACES), offset=8)
_PROVIDER_RANKS = _Zipf(len(_PROVIDERS), offset=2)


def profile(number: int, *, source: str) -> dict[str, Any]:
    """Return a profile message of person `number` as one source knows them.

    Sources know the same person by the same values, as far as each knows them: a source has each
    contact of a person with a probability of its own.
    """
    person = _person(number)
    own = Random(f"{source}:{number}")
    kept = {
        name: value
        for name, value in person.items()
        if value and (name in {"given_name", "family_name"} or own.random() < _KNOWN[name])
    }
    if not kept.keys() & {"emails", "phones", "cards"}:
        kept["emails"] = person["emails"]
    return {
        "message_id": f"{source}-profile-{number}",
        "external_id": f"{source}-{number}",
        "occurred_at": f"{_FIRST_DAY + timedelta(days=own.randrange(700))}T10:00:00Z",
        **kept,
    }


_KNOWN = {
    "title": 0.9,
    "birth_date": 0.6,
    "emails": 0.75,
    "phones": 0.75,
    "cards": 0.5,
    "addresses": 0.7,
    "language": 0.3,
}


def _person(number: int) -> dict[str, Any]:
    random = Random(number)
    woman = random.random() < 0.6  # noqa: PLR2004 - as in most shops
    born = date(1935, 1, 1) + timedelta(days=random.randrange(74 * 365))
    given = _given_name(random, woman=woman, born=born)
    # Two by two they share a household: a family name and an address.
    household = Random(f"household:{number // 2}")
    family = _FAMILY_NAMES[_FAMILY_RANKS.draw(household)]
    postcode, city = _PLACES[_PLACE_RANKS.draw(household)]
    provider = _PROVIDERS[_PROVIDER_RANKS.draw(random)]
    return {
        "title": "Mme" if woman else "M.",
        "given_name": given,
        "family_name": family,
        "birth_date": born.isoformat(),
        "emails": [{"value": f"{plain(given)}.{plain(family)}{number % 9973}@{provider}"}],
        "phones": [{"value": f"0{random.choice('67')}{random.randrange(10**8):08d}"}],
        "cards": [{"value": card(number)}],
        "addresses": [
            {
                "lines": [f"{1 + household.randrange(150)} {household.choice(STREETS)}"],
                "postcode": postcode,
                "city": city,
                "country": "FR",
            }
        ],
        "language": "fr",
    }


def _given_name(random: Random, *, woman: bool, born: date) -> str:
    common: tuple[str, ...]
    if born.year < 1965:  # noqa: PLR2004 - names go by generation
        common = names.WOMEN_BORN_BEFORE_1965 if woman else names.MEN_BORN_BEFORE_1965
    elif born.year < 1990:  # noqa: PLR2004
        common = names.WOMEN_BORN_BEFORE_1990 if woman else names.MEN_BORN_BEFORE_1990
    else:
        common = names.WOMEN_BORN_LATER if woman else names.MEN_BORN_LATER
    return common[_GIVEN_RANKS.draw(random) % len(common)]


def card(number: int) -> str:
    """Return the loyalty card of a person: thirteen digits, the last one a check digit (EAN-13)."""
    digits = f"2900{number:08d}"[:_EAN_LENGTH]
    weights = (1, 3) * (_EAN_LENGTH // 2)
    weighted = sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))
    return f"{digits}{-weighted % 10}"


def ticket(number: int, *, people: int, source: str) -> dict[str, Any]:
    """Return ticket `number` of a network of tills that `people` persons visit.

    Half of the tickets show a card or an e-mail, a quarter only the token of a means of payment,
    and a quarter nothing.
    """
    random = Random(f"ticket:{number}")
    buyer = random.randrange(people)
    lines: list[dict[str, Any]] = [
        {
            "sku": f"P{random.randrange(20_000):05d}",
            "label": "Article",
            "quantity": 1,
            "amount_cents": random.randrange(300, 9000),
        }
        for _ in range(1 + random.randrange(6))
    ]
    total = sum(line["amount_cents"] for line in lines)
    sold_at = datetime(2025, 1, 2, 9, tzinfo=UTC) + timedelta(seconds=number * 37)
    ways: tuple[dict[str, Any], ...] = (
        {"card": card(buyer)},
        {"email": _person(buyer)["emails"][0]["value"]},
        {},
        {},
    )
    way = random.randrange(len(ways))
    payment: dict[str, Any] = {"method": "card", "amount_cents": total}
    if way < len(ways) - 1:
        payment["payment_token"] = f"tok-{buyer:09d}"
    return {
        "message_id": f"{source}-ticket-{number}",
        "store": STORES[number % len(STORES)],
        "till": f"{1 + number // len(STORES) % 4}",
        "number": number,
        "sold_at": sold_at.isoformat(),
        "total_cents": total,
        "lines": lines,
        "payments": [payment],
        **({"customer": ways[way]} if ways[way] else {}),
    }
