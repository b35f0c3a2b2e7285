"""Blocking keys: cheap values of which two records of one person nearly always share one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from hashlib import blake2b
from struct import unpack

from rcu.identity.features import CARD, EMAIL, PHONE, Features
from rcu.identity.normalise.cards import CardCheck, check_card, corrections
from rcu.identity.normalise.names import NameFacets, facets
from rcu.identity.normalise.sound import sound

_NO_CONSONANT = re.compile(r"[^b-df-hj-np-tv-z]|(.)(?=\1)")
_SHORTEST_SKELETONS = 4
_MAX_NAME_PARTS = 3
_MAX_ADDRESSES = 3
_DELETABLE_LENGTHS = range(6, 21)


@lru_cache(maxsize=8192)
def identifier_key(kind: str, value: str) -> int:
    """Return the blocking key of one normalised identifier, known by itself."""
    return _all_hashed([f"{kind}:{value}"])[0]


def blocking_keys(features: Features) -> frozenset[int]:
    """Return the keys of a record as signed 64-bit integers (BLAKE2b of `kind:value`).

    Two records are candidates when they share a key that is not held by too many. Typing
    errors are met by equality: a phone with each digit left out, the valid numbers next to a
    card that fails its check digit, the sound of a name instead of its letters.
    """
    return identifying_keys(features) | loose_keys(features)


def identifying_keys(features: Features) -> frozenset[int]:
    """Return those of the blocking keys by which an identifier, or one mistyped, is found."""
    return frozenset(_all_hashed(set(_identifier_keys(features))))


def loose_keys(features: Features) -> frozenset[int]:
    """Return those of the blocking keys that are of names, dates and places.

    Many who share one are plainly different people.
    """
    return frozenset(_all_hashed(set(_loose_keys(features))))


def _all_hashed(texts: Collection[str]) -> tuple[int, ...]:
    digests = [blake2b(text.encode(), digest_size=8).digest() for text in texts]
    return unpack(f">{len(digests)}q", b"".join(digests))


def _loose_keys(features: Features) -> Iterator[str]:
    given = _given_sounds(features.given_name)
    family = _family_sounds(features.family_name) | _family_sounds(features.birth_name)
    for g in given:
        for f in family:
            yield f"name:{g}|{f}" if g <= f else f"name:{f}|{g}"
    sounds = given | family
    if features.given_name and features.family_name:
        yield from _skeletons(features)
        yield from (f"initial:{features.given_name[0][0]}|{f}" for f in family)
    if features.birth_date is not None:
        day = _either_order(features.birth_date)
        yield from (f"born:{day}|{s}" for s in sounds)
    yield from _address_keys(features, given | family, family)


def _address_keys(
    features: Features, sounds: frozenset[str], family: frozenset[str]
) -> Iterator[str]:
    for number, street, postcode, city in features.addresses[:_MAX_ADDRESSES]:
        place = postcode or city
        if place:
            yield from (f"place:{place}|{s}" for s in sounds)
        if features.birth_date is not None and place:
            yield f"born at:{features.birth_date}|{place}"
        if number and street and place:
            last_word = sound(street.rsplit(" ", 1)[-1])
            yield f"home:{place}|{number}|{last_word}"
            yield from (f"door:{number}|{last_word}|{s}" for s in family)


def _identifier_keys(features: Features) -> Iterator[str]:
    for email in features.emails:
        yield f"{EMAIL}:{email}"
    for phone in features.phones:
        yield f"{PHONE}:{phone}"
        yield from _deletions(PHONE, phone[3:] if phone.startswith("+33") else phone[1:])
    for card in features.cards:
        yield f"{CARD}:{card}"
        if check_card(card) is CardCheck.UNCHECKED:
            yield from _deletions(CARD, card)
    for card in features.suspicious_cards:
        yield f"{CARD}:{card}"
        yield from (f"{CARD}:{candidate}" for candidate in corrections(card))
    for kind, value in features.others:
        yield f"{kind}:{value}"
        if value.isdigit():
            yield from _deletions(kind, value)


def _deletions(kind: str, value: str) -> Iterator[str]:
    """Yield the value with each character left out: one wrong or two swapped digits share one."""
    if len(value) in _DELETABLE_LENGTHS:
        yield from {f"{kind}-1:{value[:i]}{value[i + 1 :]}" for i in range(len(value))}


def _skeletons(features: Features) -> Iterator[str]:
    """Yield the consonants of both names, first letters kept: meets names with a vowel mistyped."""
    given = _skeleton(facets(features.given_name).core_joined)
    for name in (features.family_name, features.birth_name):
        if name:
            family = _skeleton(facets(name).core_joined)
            if len(family) + len(given) >= _SHORTEST_SKELETONS:
                yield (
                    f"consonants:{given}|{family}"
                    if given <= family
                    else f"consonants:{family}|{given}"
                )


@lru_cache(maxsize=65536)
def _skeleton(word: str) -> str:
    return word[0] + _NO_CONSONANT.sub("", word[1:])


def _either_order(iso: str) -> str:
    """Return year and the two other numbers in order: a swapped day and month fall together."""
    year, month, day = iso.split("-")
    return f"{year}-{min(month, day)}-{max(month, day)}"


@lru_cache(maxsize=65536)
def _given_sounds(given_name: tuple[str, ...]) -> frozenset[str]:
    if not given_name:
        return frozenset()
    seen = facets(given_name)
    if seen.initials:
        return frozenset()
    found = {seen.sound, *(sound(root) for root in sorted(seen.roots)[:_MAX_NAME_PARTS])}
    return frozenset(found | _parts(seen))


@lru_cache(maxsize=65536)
def _family_sounds(name: tuple[str, ...]) -> frozenset[str]:
    if not name:
        return frozenset()
    seen = facets(name)
    return frozenset({seen.sound, sound(seen.joined)} | _parts(seen))


def _parts(seen: NameFacets) -> set[str]:
    if len(seen.core) == 1:
        return set()
    return {s for word, s in zip(seen.core, seen.sounds, strict=True) if len(word) > 1}
