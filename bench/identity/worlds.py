"""Invented files of other countries, with other fields and other noise, whose truth is known.

    python -m bench.identity.worlds --to FOLDER [--people 1000] [NAME...]

Each world is one line of `WORLDS`: a country, the fields that its source keeps, how many of them
are empty, how they are spoiled, who lives together. `write` makes what a stranger would bring:
`records.csv` with columns of its own, a `mapping.yml` for `rcu import`, and `truth.csv`.
The same name and size give the same files.
"""

from __future__ import annotations

import argparse
import csv
from bisect import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from pathlib import Path
from random import Random
from unicodedata import normalize

from bench.identity.countries import COUNTRIES, Country
from bench.identity.spoiling import mistyped, respelled, scanned, scrambled, typed

FULL = ("given", "family", "born", "email", "phone", "street", "postcode", "city")
_NEVER_EMPTY = frozenset({"given", "family"})
"""Unless a world is `nameless`."""
_HOME = frozenset({"street", "postcode", "city"})
_CONTACTS = frozenset({"email", "phone"})
_GENERATION_SAID = 0.8
"""Share of the records that say which of two generations a person is."""


@dataclass(frozen=True, slots=True)
class World:
    """One kind of file. Shares are of fields or records between 0 and 1."""

    country: str
    fields: tuple[str, ...] = FULL
    empty: float = 0.15
    """Share of the fields, names apart, that a record leaves empty."""
    typing_errors: float = 0.05
    """Share of the fields with a wrong, missing, doubled or swapped letter."""
    scanned: float = 0.0
    """Share of the fields with a letter that a scanner mistook."""
    swapped: float = 0.01
    """Share of the records with given and family name in each other's place."""
    initials: float = 0.02
    changed: float = 0.08
    """Share of the contacts and homes that a record has from another time of life."""
    shared: float = 0.3
    """Share of the people who live with somebody of their name; half of these share contacts."""
    placeholders: float = 0.0
    """Share of the contacts that are a filler."""
    records: tuple[int, ...] = (1, 1, 2, 2, 3, 4)
    """How many records a person has, drawn from these."""
    one_error: bool = False
    """Whether a person's first record is right, and each other one wrong in just one field."""
    scrambled: float = 0.0
    """Share of the fields whose letters change places, get lost or stand twice."""
    nameless: float = 0.0
    """Share of the given and of the family names that are empty."""
    drift: float = 0.0
    """Share of the birth dates that are some weeks off."""
    year_only: float = 0.0
    """Share of the people of whom only the year of birth is known: the first of January."""
    miscounted: float = 0.0
    """Share of the birth dates that are a year or two off, as of those who were asked their age."""
    own_lines: bool = False
    """Whether each record has a phone number of its own, as with a telephone company."""
    lent: float = 0.0
    """Share of the records under the insurance number of the person before."""
    latin: float = 0.0
    """Share of the records in Latin letters, of a country that writes others."""
    generations: float = 0.0
    """Share of the people whose child bears their name, at one home: a `Sr` and a `Jr`."""
    respelled: float = 0.0
    """Share of the personal numbers without their dash or century."""
    born: tuple[int, int] = (1935, 2004)
    at_most: int | None = None
    """Most people, where the file is a small one."""


WORLDS = {
    "us": World("US"),
    "uk_no_birth_date": World(
        "GB", tuple(name for name in FULL if name != "born"), placeholders=0.03
    ),
    "germany_typed_badly": World("DE", typing_errors=0.25, scanned=0.05),
    "spain": World("ES", initials=0.05),
    "italy_national_id": World("IT", ("given", "family", "born", "national_id", "city")),
    "netherlands_name_and_street": World(
        "NL", ("given", "family", "street", "postcode", "city"), shared=0.2
    ),
    "poland_half_empty": World("PL", empty=0.5),
    "india": World("IN", placeholders=0.02),
    "france_crm": World("FR", swapped=0.03, placeholders=0.05, shared=0.5),
    "name_and_birth_date": World("DE", ("given", "family", "born"), empty=0.0, shared=0.0),
    "name_and_contacts": World("US", ("given", "family", "email", "phone"), empty=0.3),
    "scanned_forms": World("GB", scanned=0.3, empty=0.1),
    "register_one_error": World(
        "DE", ("given", "family", "born"), shared=0.0, one_error=True, records=(1, 1, 1, 1, 2)
    ),
    "scrambled": World(
        "GB", ("given", "family", "born", "city", "email"),
        empty=0.2, typing_errors=0.0, swapped=0.17, initials=0.0, changed=0.0, shared=0.0,
        scrambled=0.2, nameless=0.1, drift=0.25, records=(1, 2, 4, 6, 8),
    ),
    "tax_lent_number": World(
        "US", ("given", "family", "born", "street", "insurance_no"),
        empty=0.4, typing_errors=0.02, shared=0.3, lent=0.05,
    ),
    "historical": World(
        "GB", ("given", "family", "born", "postcode", "city"),
        empty=0.2, typing_errors=0.1, changed=0.2, shared=0.0, year_only=0.25, born=(1620, 1890),
        records=(1, 2, 3, 5, 8),
    ),
    "egypt_two_scripts": World("EG", ("given", "family", "born", "email", "phone"), latin=0.4),
    "us_of_one_name": World(
        "US", tuple(name for name in FULL if name != "born"), shared=0.1, generations=0.06
    ),
    "personal_numbers_respelled": World(
        "NL", ("given", "family", "personal_no", "street", "city"), shared=0.2, respelled=0.6
    ),
    "us_last_digits": World("US", ("given", "family", "last_digits", "postcode", "city")),
    "census_of_two_years": World(
        "US", ("given", "family", "born", "city"),
        empty=0.1, changed=0.2, shared=0.5, year_only=1.0, miscounted=0.5, born=(1840, 1905),
        records=(1, 2, 2),
    ),
    "telephone_lines": World(
        "PL", ("given", "family", "phone", "street", "postcode", "city"),
        shared=0.4, own_lines=True, records=(1, 2, 4, 6, 10, 14),
    ),
    "voters_of_five_lists": World(
        "US", ("given", "family", "postcode", "city"),
        empty=0.03, typing_errors=0.2, initials=0.0, changed=0.0, shared=0.45,
        records=(1, 1, 1, 2, 2, 3, 4, 5),
    ),
    "ten_noisy_copies": World(
        "GB", ("given", "family", "born", "street", "postcode", "city"),
        typing_errors=0.3, swapped=0.06, records=(1, 1, 2, 3, 5, 8, 11), at_most=700,
    ),
    "small_club": World("US", ("given", "family", "born", "email", "phone"), at_most=60),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """One person: what is true of them now, and what was at another time of life."""

    now: dict[str, str]
    before: dict[str, str]


def people(world: World, number: int, dice: Random) -> Iterator[Person]:
    """Invent so many people; some live with the one before."""
    country = COUNTRIES[world.country]
    last: Person | None = None
    has_child = False
    for _ in range(min(number, world.at_most or number)):
        now, before = (_somebody(country, world.born, dice) for _ in range(2))
        if world.year_only and dice.random() < world.year_only:
            now["born"] = f"{now['born'][:4]}-01-01"
        before["insurance_no"] = last.now["insurance_no"] if last else now["insurance_no"]
        if last is not None and dice.random() < world.shared:
            for name in ("family", "street", "postcode", "city"):
                now[name] = last.now[name]
            for name in ("email", "phone"):
                if dice.random() < world.shared / 2:
                    now[name] = last.now[name]
        if last is not None and has_child:
            now |= {name: last.now[name] for name in ("given", "family", *sorted(_HOME))}
            now["generation"] = "Jr"
            has_child = False
        elif world.generations and dice.random() < world.generations:
            now["generation"] = "Sr"
            has_child = True
        last = Person(now, before)
        yield last


def _somebody(country: Country, years: tuple[int, int], dice: Random) -> dict[str, str]:
    given, family = _drawn(country.given, dice), _family_name(country, dice)
    earliest, latest = years
    born = date(earliest, 1, 1) + timedelta(days=dice.randrange((latest + 1 - earliest) * 365))
    number = dice.choice(("", str(born.year % 100), str(dice.randrange(1000))))
    first, last = (country.latin.get(name, name) for name in (given, family))
    local = dice.choice((f"{first}.{last}", f"{first[0]}{last}", f"{last}.{first}"))
    return {
        "given": given,
        "family": family,
        "born": born.isoformat(),
        "email": f"{_plain(local)}{number}@{dice.choice(country.domains)}",
        "phone": _digits(country.phone, dice),
        "street": dice.choice(country.streets).format(dice.randrange(1, 180)),
        "postcode": _digits(country.postcode, dice),
        "city": _drawn(country.cities, dice),
        "national_id": (number := _digits("##########", dice)),
        "insurance_no": number,
        "personal_no": f"{born:%Y%m%d}-{number[:4]}",
        "last_digits": number[-4:],
        "generation": "",
    }


def _drawn(values: tuple[str, ...], dice: Random) -> str:
    """Draw a value, the first the most often: Zipf's law, a little flattened."""
    sums = list(accumulate(1 / (rank + 5) for rank in range(len(values))))
    return values[bisect(sums, dice.random() * sums[-1])]


def _family_name(country: Country, dice: Random) -> str:
    if dice.random() < 0.4:  # noqa: PLR2004 - so many bear a common name
        return _drawn(country.family, dice)
    return "".join(dice.choice(part) for part in country.syllables)


def _digits(pattern: str, dice: Random) -> str:
    return "".join(str(dice.randrange(10)) if c == "#" else c for c in pattern)


def _plain(text: str) -> str:
    decomposed = normalize("NFKD", text.lower())
    return "".join(c for c in decomposed if c.isascii() and (c.isalnum() or c == "."))


def records(world: World, person: Person, dice: Random) -> Iterator[dict[str, str]]:
    """Write a person down as often as the world does, each time with its own faults."""
    for number in range(dice.choice(world.records)):
        if world.one_error:
            yield _copied(world, person, dice, wrong=number > 0)
        else:
            yield _written(world, person, dice)


def _copied(world: World, person: Person, dice: Random, *, wrong: bool) -> dict[str, str]:
    """Write a person down rightly, or with one error."""
    said = {name: person.now[name] for name in world.fields}
    if wrong:
        spoiled = dice.choice(world.fields)
        said[spoiled] = mistyped(said[spoiled], dice, numeric=spoiled == "born")
    return said


def _written(world: World, person: Person, dice: Random) -> dict[str, str]:
    moved = dice.random() < world.changed
    latin = COUNTRIES[world.country].latin if world.latin and dice.random() < world.latin else {}
    said = {}
    for name in world.fields:
        stale = _is_stale(name, world, dice, moved=moved)
        value = (person.before if stale else person.now)[name]
        value = latin.get(value, value)
        said[name] = "" if _is_empty(name, world, dice) else _spoiled(name, value, world, dice)
    if person.now["generation"] and dice.random() < _GENERATION_SAID:
        said["family"] += " " + person.now["generation"]
    if dice.random() < world.swapped:
        said["given"], said["family"] = said["family"], said["given"]
    elif dice.random() < world.initials and said["given"]:
        said["given"] = said["given"][0] + "."
    if dice.random() < 0.3:  # noqa: PLR2004 - so many clerks type so
        said = {name: typed(value) for name, value in said.items()}
    return said


def _is_stale(name: str, world: World, dice: Random, *, moved: bool) -> bool:
    if name in _HOME:
        return moved
    if name == "insurance_no":
        return world.lent > 0 and dice.random() < world.lent
    return name in _CONTACTS and dice.random() < world.changed


def _is_empty(name: str, world: World, dice: Random) -> bool:
    if name in _NEVER_EMPTY:
        return world.nameless > 0 and dice.random() < world.nameless
    return dice.random() < world.empty


def _spoiled(name: str, value: str, world: World, dice: Random) -> str:
    """Return a value as the world writes it down. What a world does not do draws no dice."""
    if name == "born" and world.drift and dice.random() < world.drift:
        return (date.fromisoformat(value) + timedelta(days=dice.gauss(0, 60))).isoformat()
    if name == "born" and world.miscounted and dice.random() < world.miscounted:
        value = f"{int(value[:4]) + dice.choice((-2, -1, -1, 1, 1, 2))}{value[4:]}"
    if name == "phone" and world.own_lines:
        value = _digits(COUNTRIES[world.country].phone, dice)
    if name == "personal_no" and world.respelled and dice.random() < world.respelled:
        value = respelled(value, dice)
    if name != "born" and world.scrambled and dice.random() < world.scrambled:
        return scrambled(value, dice)
    if name in _CONTACTS and dice.random() < world.placeholders:
        return "noreply@example.com" if name == "email" else "0000000000"
    if dice.random() < world.typing_errors:
        return mistyped(value, dice, numeric=name == "born")
    return scanned(value, dice) if dice.random() < world.scanned else value


_COLUMNS = {
    "given": "vorname",
    "family": "apellido",
    "born": "geboren_am",
    "email": "elektropost",
    "phone": "tel_1",
    "street": "via",
    "postcode": "plz",
    "city": "plaats",
    "national_id": "fiscal_no",
    "insurance_no": "sofi_nr",
    "personal_no": "personnummer",
    "last_digits": "ssn4",
}
"""Columns that no list of usual names knows: the mapping has to say it all."""
_TARGETS: dict[str, str] = {
    "given": "given_name",
    "family": "family_name",
    "born": "birth_date",
    "email": "emails",
    "phone": "phones",
    "street": "address.lines",
    "postcode": "address.postcode",
    "city": "address.city",
    "national_id": "identifiers.fiscal_number",
    "insurance_no": "identifiers.national_id",
    "personal_no": "identifiers.national_id",
    "last_digits": "identifiers.last_digits",
}


def write(name: str, folder: Path, *, number: int, seed: int = 1) -> Path:
    """Write a world's three files under `folder`, and return the folder of its own."""
    world, dice = WORLDS[name], Random(f"{name}:{seed}")
    country = COUNTRIES[world.country]
    own = folder / name
    own.mkdir(parents=True, exist_ok=True)
    rows = [
        (client, said)
        for client, person in enumerate(people(world, number, dice))
        for said in records(world, person, dice)
    ]
    dice.shuffle(rows)
    with _writer(own / "records.csv", ["nr", *(_COLUMNS[field] for field in world.fields)]) as put:
        for line, (_, said) in enumerate(rows):
            put([str(line), *(_shown(field, said[field], country) for field in world.fields)])
    with _writer(own / "truth.csv", ["source", "record_id", "client_id"]) as put:
        for line, (client, _) in enumerate(rows):
            put(["file", str(line), str(client)])
    (own / "mapping.yml").write_text(_mapping(world, country), encoding="utf-8")
    return own


class _writer:  # noqa: N801 - used as a function
    """A CSV file with its head, open for rows."""

    def __init__(self, path: Path, head: list[str]) -> None:
        self._stream = path.open("w", encoding="utf-8", newline="")
        self._rows = csv.writer(self._stream)
        self._rows.writerow(head)

    def __enter__(self) -> Callable[[list[str]], object]:
        return self._rows.writerow

    def __exit__(self, *_: object) -> None:
        self._stream.close()


def _shown(field: str, value: str, country: Country) -> str:
    if field != "born" or not value:
        return value
    return date.fromisoformat(value).strftime(country.dates)


def _mapping(world: World, country: Country) -> str:
    lines = ["type: profiles", f"date_order: {country.date_order}", "fields:", "  external_id: nr"]
    lines += [f"  {_TARGETS[field]}: {_COLUMNS[field]}" for field in world.fields]
    if "postcode" in world.fields or "city" in world.fields:
        lines.append(f"  address.country: {{constant: {country.code}}}")
    return "\n".join([*lines, ""])


def main() -> None:
    """Write the worlds that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"Of {', '.join(WORLDS)}.")
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--people", type=int, default=1000)
    options = parser.parse_args()
    for name in options.names or WORLDS:
        print(write(name, options.to, number=options.people))


if __name__ == "__main__":
    main()
