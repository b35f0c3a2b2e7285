"""Blocking keys: cheap values of which two records of one person nearly always share one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from hashlib import blake2b
from struct import unpack
from typing import NamedTuple

from rcu.identity.features import CARD, EMAIL, PHONE, Features
from rcu.identity.normalise.cards import CardCheck, check_card, corrections
from rcu.identity.normalise.names import NameFacets, facets
from rcu.identity.normalise.other_identifiers import number_spelled
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
    keys = [_keys_of(kind, value) for kind, value in features.identifiers]
    keys += [_keys_of(CARD, card) for card in features.suspicious_cards]
    return frozenset().union(*keys)


def loose_keys(features: Features) -> frozenset[int]:
    """Return those of the blocking keys that are of names, dates and places.

    Many who share one are plainly different people.
    """
    named = _named(features.given_name, features.family_name, features.birth_name)
    texts = _texts_of_places(features, named)
    if features.birth_date is not None:
        day = _either_order(features.birth_date)
        texts += [f"born:{day}|{s}" for s in named.sounds]
    return named.keys.union(_all_hashed(texts))


_unfed = blake2b(digest_size=8).copy
"""A hash to begin from: the copy of one is made in half the time of a new one of this size."""


def _all_hashed(texts: Collection[str]) -> tuple[int, ...]:
    digests = []
    for text in texts:
        one = _unfed()
        one.update(text.encode())
        digests.append(one.digest())
    return unpack(f">{len(digests)}q", b"".join(digests))


class _Named(NamedTuple):
    """What the names of a record give to its keys."""

    keys: frozenset[int]
    """Those of names alone."""
    sounds: tuple[str, ...]
    """Of all names."""
    family: tuple[str, ...]
    """Of family name and birth name."""


@lru_cache(maxsize=1024)
def _named(
    given_name: tuple[str, ...], family_name: tuple[str, ...], birth_name: tuple[str, ...]
) -> _Named:
    """Return what names give: who is known to several sources bears them in each."""
    given = _given_sounds(given_name)
    family = _family_sounds(family_name) | _family_sounds(birth_name)
    keys = {f"name:{min(g, f)}|{max(g, f)}" for g in given for f in family}
    if given_name and family_name:
        keys.update(_skeletons(given_name, family_name, birth_name))
        keys.update(f"initial:{given_name[0][0]}|{f}" for f in family)
    return _Named(frozenset(_all_hashed(keys)), tuple(given | family), tuple(family))


def _texts_of_places(features: Features, named: _Named) -> list[str]:
    texts: list[str] = []
    for number, street, postcode, city in features.addresses[:_MAX_ADDRESSES]:
        place = postcode or city
        if not place:
            continue
        texts += [f"place:{place}|{s}" for s in named.sounds]
        if features.birth_date is not None:
            texts.append(f"born at:{features.birth_date}|{place}")
        if number and street:
            last_word = sound(street.rsplit(" ", 1)[-1])
            texts.append(f"home:{place}|{number}|{last_word}")
            texts += [f"door:{number}|{last_word}|{s}" for s in named.family]
    return texts


@lru_cache(maxsize=1024)
def _keys_of(kind: str, value: str) -> frozenset[int]:
    """Return the keys of one identifier, or of a card that fails its check digit."""
    return frozenset(_all_hashed(list(_texts_of(kind, value))))


def _texts_of(kind: str, value: str) -> Iterator[str]:
    yield f"{kind}:{value}"
    if kind == PHONE:
        yield from _deletions(PHONE, value[3:] if value.startswith("+33") else value[1:])
    elif kind == CARD:
        check = check_card(value)
        if check is CardCheck.UNCHECKED:
            yield from _deletions(CARD, value)
        elif check is CardCheck.SUSPICIOUS:
            yield from (f"{CARD}:{candidate}" for candidate in corrections(value))
    elif kind != EMAIL:
        spelled = number_spelled(value)
        if spelled != value:
            yield f"{kind}:{spelled}"
            if spelled.isdigit():
                yield from _deletions(kind, spelled)
        if value.isdigit():
            yield from _deletions(kind, value)


def _deletions(kind: str, value: str) -> Iterator[str]:
    """Yield the value with each character left out: one wrong or two swapped digits share one."""
    if len(value) in _DELETABLE_LENGTHS:
        yield from {f"{kind}-1:{value[:i]}{value[i + 1 :]}" for i in range(len(value))}


def _skeletons(
    given_name: tuple[str, ...], family_name: tuple[str, ...], birth_name: tuple[str, ...]
) -> Iterator[str]:
    """Yield the consonants of both names, first letters kept: meets names with a vowel mistyped."""
    given = _skeleton(facets(given_name).core_joined)
    for name in (family_name, birth_name):
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
    return {sound(word) for word in seen.core if len(word) > 1}
