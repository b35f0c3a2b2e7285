"""The terms a golden record is found by: short strings in one indexed array, no extension needed.

A term is a kind and a value, `f:dupont`. What is typed is turned into the same terms
(`rcu.clients.search`), so that finding candidates is an overlap of arrays, which a GIN index
answers. Typing errors are found by the symmetric deletes of SymSpell (Wolf Garbe, 2012): two
words one letter apart share the word, or the word with one letter left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any

from rcu.clients.golden import ProfileRecord
from rcu.identity.normalise.addresses import normalise_postcode
from rcu.identity.normalise.cards import normalise_card
from rcu.identity.normalise.dates import normalise_birth_date
from rcu.identity.normalise.emails import normalise_email
from rcu.identity.normalise.names import PARTICLES, facets, name_words
from rcu.identity.normalise.nicknames import roots_of
from rcu.identity.normalise.sound import sound
from rcu.identity.normalise.text import words

PREFIX_LENGTHS = (3, 4, 6)
SHORTEST_PREFIX = min(PREFIX_LENGTHS)
SHORTEST_MISTYPED = 4
"""A word of fewer letters has too many neighbours one letter away."""
MISTYPED_LETTERS = 7
"""Typing errors are looked for in the first letters of a word."""
PHONE_ENDS = (4, 6)
_FRENCH_POSTCODE = 5
_DOUBLED = re.compile(r"(.)(?=\1)")


class Term(StrEnum):
    """The kinds of terms; the letter stands before the value."""

    GIVEN_NAME = "g"
    FAMILY_NAME = "f"
    BIRTH_NAME = "b"
    FULL_GIVEN_NAME = "r"
    """What a stated diminutive stands for."""
    PREFIX = "p"
    SOUND = "s"
    NEAR = "x"
    """The first letters of a word, or these with one letter left out."""
    CITY = "c"
    CITY_SOUND = "v"
    POSTCODE = "z"
    DEPARTMENT = "d"
    BIRTH_YEAR = "y"
    BIRTH_DATE = "n"
    PHONE_END = "t"
    PHONE = "u"
    EMAIL = "e"
    CARD = "k"

    def of(self, value: str) -> str:
        """Return the term of this kind with a value."""
        return self + ":" + value


NAME_TERMS = {
    "given_name": Term.GIVEN_NAME,
    "family_name": Term.FAMILY_NAME,
    "birth_name": Term.BIRTH_NAME,
}


def search_terms(records: Sequence[ProfileRecord], golden: Mapping[str, Any]) -> list[str]:
    """Return the sorted terms of a client: every spelling any record states, not only the best.

    `golden` gives what is the same for all records once deduplicated: e-mails, phones, cards
    and addresses. Terms hold no space.
    """
    terms = _name_terms(records)
    terms.update(_birth_terms(records))
    terms.update([term for term in _number_terms(golden) if " " not in term])
    for address in golden["addresses"]:
        value = address["value"]
        terms |= _terms_of_place(value["postcode"], value["city"], value["country"])
    return sorted(terms)


def prefix(word: str) -> str:
    """Return the longest prefix of a word that terms are made of; three letters at least."""
    return word[: max(length for length in PREFIX_LENGTHS if length <= len(word))]


def near_forms(word: str) -> set[str]:
    """Return what a word shares with every word one letter away; empty for short words."""
    if len(word) < SHORTEST_MISTYPED:
        return set()
    head = word[:MISTYPED_LETTERS]
    return {head, *(head[:i] + head[i + 1 :] for i in range(len(head)))}


def department(postcode: str) -> str | None:
    """Return the French department of a postcode, three digits overseas, or None."""
    if len(postcode) != _FRENCH_POSTCODE or not postcode.isdigit():
        return None
    return postcode[:3] if postcode.startswith(("97", "98")) else postcode[:2]


def city_sound(word: str) -> str:
    """Return the sound of a word of a city's name; doubled letters count once (`lile`)."""
    return sound(_DOUBLED.sub("", word))


def _name_terms(records: Iterable[ProfileRecord]) -> set[str]:
    names = {
        (name, kind)
        for record in records
        for attribute, kind in NAME_TERMS.items()
        if (name := name_words(record.value(attribute)))
    }
    return set().union(*[_terms_of_name(name, kind) for name, kind in names])


@lru_cache(maxsize=16384)
def _terms_of_name(name: tuple[str, ...], kind: Term) -> frozenset[str]:
    """Return the terms of one name; the same names come back with every record of a client."""
    found = facets(name)
    terms: set[str] = set()
    terms.update(map(kind.of, {*name, found.joined, found.core_joined}))
    for word in found.core:
        terms |= _approximate_terms(word)
    if kind is Term.GIVEN_NAME:
        for word in {*name, found.joined}:
            terms.update(Term.FULL_GIVEN_NAME.of(full) for full in roots_of(word) - {word})
    return frozenset(terms)


def _approximate_terms(word: str) -> set[str]:
    near = Term.NEAR.of("")
    terms = {near + form for form in near_forms(word)}
    if len(word) >= SHORTEST_PREFIX:
        terms.add(Term.SOUND.of(sound(word)))
        terms.update([Term.PREFIX.of(word[:n]) for n in PREFIX_LENGTHS if n <= len(word)])
    return terms


def _birth_terms(records: Iterable[ProfileRecord]) -> Iterator[str]:
    stated = {written for record in records if (written := record.value("birth_date")) is not None}
    for day in {day for text in stated if (day := normalise_birth_date(text)) is not None}:
        yield Term.BIRTH_YEAR.of(str(day.year))
        yield Term.BIRTH_DATE.of(day.isoformat())


def _number_terms(golden: Mapping[str, Any]) -> Iterator[str]:
    for phone in golden["phones"]:
        digits = phone["value"].lstrip("+")
        yield Term.PHONE.of(digits)
        yield from (Term.PHONE_END.of(digits[-length:]) for length in PHONE_ENDS)
    for email in golden["emails"]:
        canonical = normalise_email(email["value"])
        if canonical is not None:
            yield Term.EMAIL.of(canonical)
    for card in golden["cards"]:
        number = normalise_card(card["value"])
        if number is not None:
            yield Term.CARD.of(number)


@lru_cache(maxsize=16384)
def _terms_of_place(postcode: str | None, city: str | None, country: str | None) -> frozenset[str]:
    """Return the terms of where an address is; many live there."""
    terms: set[str] = set()
    if code := normalise_postcode(postcode, country=country or "FR"):
        terms.add(Term.POSTCODE.of(code))
        if (found := department(code)) is not None:
            terms.add(Term.DEPARTMENT.of(found))
    for word in words(city or ""):
        if word not in PARTICLES:
            terms |= {Term.CITY.of(word), Term.CITY_SOUND.of(city_sound(word))}
    return frozenset(terms)
