"""Invented people in households, known to several sources with every kind of noise; seeded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from string import ascii_lowercase
from typing import Any

import orjson
import pyarrow as pa

from rcu.bulk.stages import FEATURES_SCHEMA
from rcu.identity.features import Features, describe
from rcu.identity.person import Person, PostalAddress

GIVEN = (
    "Enora", "Moussa", "Sylvie", "Yanis", "Odette", "Bruno", "Farida", "Jean-Luc", "Éric", "Zoé",
    "Marie-Thérèse", "Alexandre", "Sacha", "Maud", "Théo", "Inès", "Gwenaël", "Chloé", "Louis",
)  # fmt: skip
FAMILY = (
    "Kervella", "Aubrac", "Goarnig", "Le Sidaner", "Ben Amar", "Dupont-Moretti", "Tavernier",
    "d'Hautefeuille", "Lefèvre", "Nguyen", "Martin", "Diallo", "Peeters", "Ibarra", "O'Brien",
)  # fmt: skip
STREETS = ("rue des Lilas", "avenue Foch", "chemin du Moulin", "place de l'Église", "bd Pasteur")
TOWNS = (("44000", "Nantes"), ("35000", "Rennes"), ("29200", "Brest"), ("75011", "Paris"))
SHOP_EMAIL, SHOP_PHONE = "grande.famille@orange.fr", "0240000017"


def crowd(people: int, *, seed: int) -> dict[str, Person]:
    """Return some three records for each of `people` persons, by `source` and id as one text."""
    random = Random(seed)  # noqa: S311 - data, not secrets
    records: dict[str, Person] = {}
    number = 0
    while number < people:
        family, street, town = random.choice(FAMILY), random.choice(STREETS), random.choice(TOWNS)
        place = PostalAddress((f"{random.randrange(1, 90)} {street}",), *town)
        landline = f"02{random.randrange(10**8):08d}"
        for _ in range(random.choice((1, 1, 2, 3))):
            person = _person(random, family, place, landline)
            for source in random.sample(("pos", "eshop", "app", "loyalty"), random.randrange(1, 5)):
                records[f"{source}\x1f{len(records):06d}"] = spoil(person, random)
            number += 1
    return records


def _person(random: Random, family: str, place: PostalAddress, landline: str) -> Person:
    given = random.choice(GIVEN)
    born = date(1935, 1, 1) + timedelta(days=random.randrange(26_000))
    plain = "".join(c for c in f"{given}.{family}".lower() if c in ascii_lowercase + ".")
    return Person(
        title=random.choice(("Mme", "M.", None)),
        given_name=given,
        family_name=family,
        birth_name=random.choice((None, None, None, random.choice(FAMILY))),
        birth_date=born.isoformat(),
        emails=(f"{plain}{random.randrange(99)}@orange.fr",),
        phones=(f"06{random.randrange(10**8):08d}", landline)[: random.choice((1, 1, 2))],
        cards=(f"29{random.randrange(10**10):010d}",),
        addresses=(place,),
    )


def spoil(person: Person, random: Random) -> Person:
    """Return what a source made of a person: gaps, typing errors, swaps, what others share."""
    gaps = ("title", "given_name", "birth_name", "birth_date")
    lost: dict[str, Any] = {name: None for name in gaps if random.random() < 0.2}
    lists = ("emails", "phones", "cards", "addresses")
    lost |= {name: () for name in lists if random.random() < 0.35}
    spoilt = replace(person, **lost)
    for _ in range(random.choice((0, 1, 1, 2))):
        spoilt = replace(spoilt, **_one_error(spoilt, random))
    return spoilt


def _one_error(person: Person, random: Random) -> Mapping[str, Any]:
    given, family, born = person.given_name, person.family_name, person.birth_date
    errors: list[Mapping[str, Any]] = [
        {"given_name": family, "family_name": given or family},
        {"given_name": given and _mistyped(given, random)},
        {"family_name": family and _mistyped(family, random)},
        {"given_name": given and given[0]},
        {"birth_date": born and f"{born[:5]}{born[8:]}-{born[5:7]}"},
        {"birth_date": "1900-01-01"},
        {"birth_date": born and f"{born[:4]}-01-01"},
        {"emails": (SHOP_EMAIL,)},
        {"phones": (SHOP_PHONE,)},
        {"cards": tuple(_mistyped(card, random) for card in person.cards)},
        {"phones": tuple(phone[:-1] + "0" for phone in person.phones)},
        {"addresses": (PostalAddress(("1 rue Neuve",), *random.choice(TOWNS)),)},
        {"identifiers": (("device", f"tablet-{random.randrange(3)}"),)},
    ]
    return random.choice(errors)


def _mistyped(text: str, random: Random) -> str:
    place = random.randrange(len(text))
    letters = "0123456789" if text[place].isdigit() else "aeinrst"
    return text[:place] + random.choice(letters) + text[place + 1 :]


def described(people: Mapping[str, Person]) -> dict[str, Features]:
    """Return the features of people."""
    return {key: describe(person) for key, person in people.items()}


def packed(features: Features) -> str:
    """Return features as the engines are given them."""
    return orjson.dumps(features.to_json()).decode()


def as_table(records: Mapping[str, Features]) -> pa.Table:
    """Return records as the engines are given them."""
    columns = [list(records), [packed(features) for features in records.values()]]
    return pa.table(columns, schema=FEATURES_SCHEMA)


def hard_pairs(count: int, *, seed: int) -> Iterator[tuple[Features, Features]]:
    """Yield pairs: half of two spoilt records of one person, half of a household or of anybody."""
    random = Random(seed)  # noqa: S311 - data, not secrets
    for number in range(count):
        family, town = random.choice(FAMILY), random.choice(TOWNS)
        place = PostalAddress((f"{random.randrange(1, 90)} {random.choice(STREETS)}",), *town)
        landline = f"02{random.randrange(10**8):08d}"
        one = _person(random, family, place, landline)
        other = one
        if number % 4 == 1:
            other = _person(random, family, place, landline)
        elif number % 4 == 3:
            other = _person(random, random.choice(FAMILY), place, landline)
        yield describe(spoil(one, random)), describe(spoil(other, random))
