"""Two records compared in everything that their score depends on; what comes back is remembered."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container
from typing import Any, NamedTuple

from rcu.identity.comparison import (
    compare_addresses,
    compare_birth_dates,
    compare_cards,
    compare_emails,
    compare_identifiers,
    compare_phones,
)
from rcu.identity.features import Features
from rcu.identity.levels import DIFFERENT, Compared, ComparedNames
from rcu.identity.model import Model
from rcu.identity.name_comparison import compare_names

_NAMES_REMEMBERED = 50_000

LevelAndWeight = tuple[str, float]
"""What a pair reached in an attribute whose values count by their frequency: all that a value does
to a score is its weight, and most are too rare to have one of their own."""


class _WeighedNames(NamedTuple):
    """Names compared, as they are remembered."""

    compared: ComparedNames
    given: LevelAndWeight
    family: LevelAndWeight


class ComparedPair(NamedTuple):
    """All that the score of a pair depends on. Few combinations ever occur."""

    given: LevelAndWeight
    family: LevelAndWeight
    birth_date: str
    email: str
    phone: str
    card: str
    address: str
    place: LevelAndWeight
    title: str | None
    """None when it could not be compared."""
    others: tuple[tuple[str, str], ...]


def compare_pair(
    a: Features, b: Features, model: Model, shared: Container[tuple[str, str]]
) -> ComparedPair:
    """Return the level of every attribute, and the weights that depend on a value too."""
    names = _weighed_names(a, b, model)
    dwelling, place = compare_addresses(a, b)
    # In the order of its members: see `Features.from_json`.
    return ComparedPair._make(
        (
            names.given,
            names.family,
            compare_birth_dates(a, b),
            compare_emails(a, b, shared),
            compare_phones(a, b, shared),
            compare_cards(a, b, shared),
            dwelling,
            _level_and_weight("place", place, model),
            _compare_titles(a, b),
            tuple(compare_identifiers(a, b, shared, model.compared_kinds))
            if a.others and b.others
            else (),
        )
    )


def _compare_titles(a: Features, b: Features) -> str | None:
    if a.gender is None or b.gender is None:
        return None
    return "same" if a.gender == b.gender else DIFFERENT


def cached_names(a: Features, b: Features, model: Model) -> ComparedNames:
    """Compare names, remembering the answer: the same names meet again and again."""
    return _weighed_names(a, b, model).compared


def _weighed_names(a: Features, b: Features, model: Model) -> _WeighedNames:
    key = (a.given_name, a.family_name, a.birth_name, b.given_name, b.family_name, b.birth_name)
    found: _WeighedNames | None = model.name_cache.get(key)
    if found is None:
        compared = compare_names(a, b, model.is_common_given_name)
        found = _WeighedNames(
            compared,
            _level_and_weight("given_name", compared.given, model),
            _level_and_weight("family_name", compared.family, model),
        )
        remember(model.name_cache, key, found, most=_NAMES_REMEMBERED)
    return found


def _level_and_weight(attribute: str, found: Compared, model: Model) -> LevelAndWeight:
    return found.level, model.weight(attribute, found.level, found.value)


def remember(cache: OrderedDict[Any, Any], key: object, value: object, *, most: int) -> None:
    """Keep a value, and forget the oldest one where there are too many."""
    if len(cache) >= most:
        cache.popitem(last=False)
    cache[key] = value
