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
from string import ascii_lowercase
from unicodedata import combining, normalize

from bench.identity.countries import COUNTRIES, Country

FULL = ("given", "family", "born", "email", "phone", "street", "postcode", "city")
_NEVER_EMPTY = frozenset({"given", "family"})
"""Unless a world is `nameless`."""
_HOME = frozenset({"street", "postcode", "city"})
_CONTACTS = frozenset({"email", "phone"})


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
    lent: float = 0.0
    """Share of the records under the insurance number of the person before."""
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
        last = Person(now, before)
        yield last


def _somebody(country: Country, years: tuple[int, int], dice: Random) -> dict[str, str]:
    given, family = _drawn(country.given, dice), _family_name(country, dice)
    first, last = years
    born = date(first, 1, 1) + timedelta(days=dice.randrange((last + 1 - first) * 365))
    number = dice.choice(("", str(born.year % 100), str(dice.randrange(1000))))
    local = dice.choice((f"{given}.{family}", f"{given[0]}{family}", f"{family}.{given}"))
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
        said[spoiled] = _mistyped(said[spoiled], dice, numeric=spoiled == "born")
    return said


def _written(world: World, person: Person, dice: Random) -> dict[str, str]:
    moved = dice.random() < world.changed
    said = {}
    for name in world.fields:
        stale = _is_stale(name, world, dice, moved=moved)
        value = (person.before if stale else person.now)[name]
        said[name] = "" if _is_empty(name, world, dice) else _spoiled(name, value, world, dice)
    if dice.random() < world.swapped:
        said["given"], said["family"] = said["family"], said["given"]
    elif dice.random() < world.initials and said["given"]:
        said["given"] = said["given"][0] + "."
    if dice.random() < 0.3:  # noqa: PLR2004 - so many clerks type so
        said = {name: _typed(value) for name, value in said.items()}
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
    if name != "born" and world.scrambled and dice.random() < world.scrambled:
        return _scrambled(value, dice)
    if name in _CONTACTS and dice.random() < world.placeholders:
        return "noreply@example.com" if name == "email" else "0000000000"
    if dice.random() < world.typing_errors:
        return _mistyped(value, dice, numeric=name == "born")
    return _scanned(value, dice) if dice.random() < world.scanned else value


def _typed(value: str) -> str:
    """Return a value as a till without accents prints it."""
    return "".join(c for c in normalize("NFKD", value.upper()) if not combining(c))


def _mistyped(value: str, dice: Random, *, numeric: bool) -> str:
    if numeric and value:
        return _misdated(value, dice)
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


def _misdated(value: str, dice: Random) -> str:
    year, month, day = map(int, value.split("-"))
    if dice.random() < 0.4 and day <= 12:  # noqa: PLR2004 - days that are months too
        return date(year, day, month).isoformat()
    if dice.random() < 0.5:  # noqa: PLR2004 - as often the one as the other
        return date(year, month, dice.randrange(1, 29)).isoformat()
    return date(year + dice.choice((-10, -1, 1, 10)), month, min(day, 28)).isoformat()


def _scrambled(value: str, dice: Random) -> str:
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


def _scanned(value: str, dice: Random) -> str:
    spots = [i for i, c in enumerate(value) if c in _MISREAD]
    if not spots or (value[:4].isdigit() and value[4:5] == "-"):
        return value
    spot = dice.choice(spots)
    return value[:spot] + _MISREAD[value[spot]] + value[spot + 1 :]


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
