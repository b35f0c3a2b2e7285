"""A pair of records weighed: evidence in bits, the guards, and the decision."""

from __future__ import annotations

from collections.abc import Container
from enum import StrEnum
from math import exp2
from typing import Any, Final, NamedTuple

from rcu.identity.compared_pairs import ComparedPair, cached_names, compare_pair, remember
from rcu.identity.comparison import compare_birth_dates, compare_identifiers
from rcu.identity.contradictions import (
    AGREEING_DATE,
    AGREEING_GIVEN_NAME,
    BIRTH_DATE,
    FAMILY_NAME,
    GIVEN_NAME,
    NAMES,
    SAYS_NOTHING,
    designating_kinds,
    kin_by_levels,
    plain_contradiction,
    untied_slips,
    without_excuse,
)
from rcu.identity.features import Features
from rcu.identity.levels import (
    BIRTH_NAME,
    DIFFERENT,
    EXACT,
    INITIAL,
    MISSING,
    NEAR_DAYS,
    NICKNAME,
    PART,
    PARTICLE,
    RESEMBLING,
    SWAPPED,
    TWO_SLIPS,
)
from rcu.identity.model import Model

_SCORES_REMEMBERED = 10_000


class Decision(StrEnum):
    """What becomes of a pair."""

    LINK = "link"
    REVIEW = "review"
    APART = "apart"


class Evidence(NamedTuple):
    """What one attribute says: its level, its weight, and what of it counted in the sum."""

    attribute: str
    level: str
    weight: float
    counted: float
    note: str | None = None


class PairScore(NamedTuple):
    """The weighed pair. `weight` is the sum of what counted and the prior, before any guard."""

    weight: float
    probability: float
    evidence: tuple[Evidence, ...]
    contradiction: str | None
    """Why the pair may not link whatever agrees.

    `given_name`, `birth_date`, `title`, `kin_of_one_name`, `brake`, or None.
    """
    decision: Decision


def score_pair(
    a: Features, b: Features, model: Model, *, shared: Container[tuple[str, str]] = ()
) -> PairScore:
    """Weigh two records. A pure and symmetric function of the pair, the model and `shared`.

    `shared` holds the `(kind, value)` of identifiers known to be held by too many different
    people: agreeing on one is no evidence.
    """
    compared = compare_pair(a, b, model, shared)
    found: PairScore | None = model.score_cache.get(compared)
    if found is None:
        found = weigh_levels(*_weigh(compared, model), model)
        remember(model.score_cache, compared, found, most=_SCORES_REMEMBERED)
    return found


def score_unless_apart(
    a: Features, b: Features, model: Model, *, shared: Container[tuple[str, str]] = ()
) -> PairScore | None:
    """Return what `score_pair` does, but None for a pair that stays apart.

    Of most of those no more is worked out than their weight.
    """
    compared = compare_pair(a, b, model, shared)
    found: PairScore | None = model.score_cache.get(compared, _UNKNOWN)
    if found is _UNKNOWN:
        found = _score_unless_light(compared, model)
        remember(model.score_cache, compared, found, most=_SCORES_REMEMBERED)
    return None if found is None or found.decision is Decision.APART else found


_UNKNOWN: Final[Any] = object()


_Weighed = list[tuple[str, str, float]]
"""Attribute, level and weight of what could be compared."""


def _weigh(compared: ComparedPair, model: Model) -> tuple[dict[str, str], _Weighed]:
    """Return the level of every attribute, and the weight of those that could be compared."""
    levels = {
        "given_name": compared.given[0],
        "family_name": compared.family[0],
        "birth_date": compared.birth_date,
        "email": compared.email,
        "phone": compared.phone,
        "card": compared.card,
        "address": compared.address,
        "place": compared.place[0],
    }
    if compared.title is not None:
        levels["title"] = compared.title
    by_value = {
        "given_name": compared.given[1],
        "family_name": compared.family[1],
        "place": compared.place[1],
    }
    weighed = model.weigh(levels, by_value)
    weighed += [
        (kind, level, model.identifier_weight(kind, level)) for kind, level in compared.others
    ]
    levels.update(compared.others)
    return levels, weighed


def _score_unless_light(compared: ComparedPair, model: Model) -> PairScore | None:
    """Return the score of a pair; None where its weight alone keeps it apart."""
    levels, weighed = _weigh(compared, model)
    shares = _shares(weighed, model)
    weight = _sum_up(weighed, shares, model)
    if weight < model.review_weight:
        return None
    return _conclude(levels, weighed, shares, weight, model)


def weigh_levels(levels: dict[str, str], weighed: _Weighed, model: Model) -> PairScore:
    """Decide on a pair by the levels that it reached: all that a decision looks at.

    `levels` names every attribute, those not compared as `missing`; `weighed` holds
    `(attribute, level, weight)` of those that were compared.
    """
    shares = _shares(weighed, model)
    return _conclude(levels, weighed, shares, _sum_up(weighed, shares, model), model)


def _conclude(
    levels: dict[str, str], weighed: _Weighed, shares: list[float], weight: float, model: Model
) -> PairScore:
    contradiction = (
        plain_contradiction(levels, model, designating=designating_kinds(levels, model))
        or kin_by_levels(levels)
        or without_excuse(levels)
        or untied_slips(levels, model)
    )
    return PairScore(
        weight,
        probability(weight),
        tuple(
            [
                Evidence._make(
                    (attribute, level, bits, bits * share, None if share == 1.0 else "household")
                )
                for (attribute, level, bits), share in zip(weighed, shares, strict=True)
            ]
        ),
        contradiction,
        _decide(weight, contradiction, levels, model),
    )


def probability(weight: float) -> float:
    """Return the match probability of a weight in bits."""
    if weight < -1000:  # noqa: PLR2004 - beyond the range of a float's exponent
        return 0.0
    return 1.0 / (1.0 + exp2(-weight))


def contradiction(a: Features, b: Features, model: Model) -> str | None:
    """Return what makes two records plainly two people, or None: given name, birth date, title."""
    levels = {
        "given_name": cached_names(a, b, model).given.level,
        "birth_date": compare_birth_dates(a, b),
    }
    if a.gender is not None and b.gender is not None and a.gender != b.gender:
        levels["title"] = DIFFERENT
    designating = (
        designating_kinds(dict(compare_identifiers(a, b, (), model.single_valued_kinds)), model)
        if a.others and b.others
        else ()
    )
    return plain_contradiction(levels, model, designating=designating)


def is_plainly_apart(a: Features, b: Features, model: Model) -> bool:
    """Tell whether two records contradict each other and share nothing that makes it doubtful.

    `score_pair` sets such a pair apart whatever else it finds; this costs a fraction of it. False
    says nothing.
    """
    if _are_born_apart(a, b, model) or contradiction(a, b, model) in _PLAIN:
        return not (
            (a.others and b.others and not set(a.others).isdisjoint(b.others))
            or (a.emails and b.emails and not set(a.emails).isdisjoint(b.emails))
            or (a.phones and b.phones and not set(a.phones).isdisjoint(b.phones))
            or (a.cards and b.cards and not set(a.cards).isdisjoint(b.cards))
        )
    return False


_PLAIN = frozenset({GIVEN_NAME, BIRTH_DATE})


def _are_born_apart(a: Features, b: Features, model: Model) -> bool:
    """Tell whether the birth dates alone make two people of two records, whatever their names.

    Cheaper to find than the contradiction of names, and enough where nothing may excuse it.
    """
    return (
        compare_birth_dates(a, b) == DIFFERENT
        and BIRTH_DATE not in model.excusable_differences
        and not (a.others and b.others)
    )


def _shares(weighed: _Weighed, model: Model) -> list[float]:
    """Return what part of each weight counts: of correlated attributes the strongest in full."""
    correlated = model.household.attributes
    shares = [1.0] * len(weighed)
    agreeing: list[_Ranked] = []
    disagreeing: list[_Ranked] = []
    for position, (attribute, _, weight) in enumerate(weighed):
        if attribute in correlated:
            (agreeing if weight > 0 else disagreeing).append((-abs(weight), attribute, position))
    if len(disagreeing) > 1:
        disagreeing.sort()
        _cut(shares, disagreeing, model.household.disagreeing_share)
    if len(agreeing) > 1:
        agreeing.sort()
        _cut(shares, agreeing, model.household.agreeing_share)
        home = [ranked for ranked in agreeing if ranked[1] != FAMILY_NAME]
        if len(home) < len(agreeing):
            _give_back(shares, agreeing, home, model)
    return shares


_Ranked = tuple[float, str, int]
"""Weight below zero, attribute and position: in order, the strongest first."""


def _cut(shares: list[float], ranked: list[_Ranked], next_share: float) -> None:
    share = 1.0
    for _, _, position in ranked:
        shares[position] = share
        share *= next_share


def _give_back(
    shares: list[float], agreeing: list[_Ranked], home: list[_Ranked], model: Model
) -> None:
    """Let family name and home count beside each other, as far as kin do not explain both.

    Two strangers agree on both by two chances, which multiply, or by one: they live together. A
    record has about as many others of its home as of its person, so that this chance is that of the
    prior, and what both say counts in full up to it.
    """
    apart = [1.0] * len(shares)
    _cut(apart, home, model.household.agreeing_share)
    counted = -sum([weight * shares[position] for weight, _, position in agreeing])
    taken = -sum([weight * apart[position] for weight, _, position in agreeing]) - counted
    room = -model.prior_bits - counted
    if taken <= 0.0 or room <= 0.0:
        return
    back = min(room / taken, 1.0)
    for _, _, position in agreeing:
        shares[position] += (apart[position] - shares[position]) * back


def _sum_up(weighed: _Weighed, shares: list[float], model: Model) -> float:
    """Return the weight of a pair, in bits: the prior and what counts of each attribute."""
    return model.prior_bits + sum(
        [bits * share for (_, _, bits), share in zip(weighed, shares, strict=True)]
    )


def vouches(a: Features, b: Features, model: Model) -> tuple[bool | None, bool | None]:
    """Tell whether given name and birth date of two records agree, when nothing contradicts.

    None for what one of them does not say.
    """
    if contradiction(a, b, model) is not None:
        return False, False
    given, born = cached_names(a, b, model).given.level, compare_birth_dates(a, b)
    return (
        None if given == MISSING else given in AGREEING_GIVEN_NAME,
        None if born == MISSING else born in AGREEING_DATE,
    )


def _decide(
    weight: float, contradiction: str | None, levels: dict[str, str], model: Model
) -> Decision:
    if weight < model.review_weight:
        return Decision.APART
    if contradiction in {GIVEN_NAME, BIRTH_DATE}:
        is_doubtful = _worth_a_look(levels) or designating_kinds(levels, model)
        return Decision.REVIEW if is_doubtful else Decision.APART
    if contradiction is not None or weight < model.link_weight:
        return Decision.REVIEW
    return (
        Decision.LINK
        if designates_a_person(levels, model) and _names_may_do(levels, model)
        else Decision.REVIEW
    )


def _worth_a_look(levels: dict[str, str]) -> bool:
    """Tell whether a plain contradiction may be an error: all else that is personal agrees."""
    tied = EXACT in (levels["email"], levels["phone"], levels["card"])
    if levels["given_name"] == DIFFERENT:
        return tied and levels["birth_date"] == EXACT
    return tied and levels["given_name"] == EXACT


def designates_a_person(levels: dict[str, str], model: Model) -> bool:
    """Tell whether something designates the person, not only the household.

    Where neither given name nor birth date can be compared, an exact identifier is enough
    (the partition refuses it when two people claim the record), unless another family name stands
    beside it: then it takes a number of which a person has one, for couples and firms share others.
    """
    given, born = levels["given_name"], levels["birth_date"]
    another_name = levels["family_name"] == DIFFERENT
    if born in AGREEING_DATE:
        return True
    if given not in {MISSING, DIFFERENT, RESEMBLING} and not (another_name and given == INITIAL):
        return True
    if another_name and given != RESEMBLING:
        return bool(designating_kinds(levels, model))
    if given in {MISSING, RESEMBLING} and EXACT in (
        levels["email"],
        levels["phone"],
        levels["card"],
    ):
        return True
    return any(
        level == EXACT for attribute, level in levels.items() if attribute not in _NOT_IDENTIFIERS
    )


def rests_on_names(score: PairScore) -> bool:
    """Tell whether nothing agrees besides the names: a rare name alone is no proof."""
    return all(item.level in SAYS_NOTHING for item in score.evidence if item.attribute not in NAMES)


def _names_may_do(levels: dict[str, str], model: Model) -> bool:
    """Tell whether something agrees besides the names, or the names may do without.

    They may not where e-mails, phones, cards or other identifiers could be compared, to no avail;
    nor unless both names can be compared and the family name is the same, or one of two, to the
    letter: it is its rarity that speaks, and a name that is only near has none. Nor beside two
    birth dates, be they near, where such are no errors that the records are known for.
    """
    if any(
        level not in SAYS_NOTHING for attribute, level in levels.items() if attribute not in NAMES
    ):
        return True
    if levels["birth_date"] in _MISCOUNTED and BIRTH_DATE not in model.excusable_differences:
        return False
    return (
        model.names_alone_link
        and levels["family_name"] in _WHOLE_FAMILY_NAME
        and levels["given_name"] not in {MISSING, INITIAL, NICKNAME, RESEMBLING}
        and all(level == MISSING for attribute, level in levels.items() if attribute not in _SILENT)
    )


_MISCOUNTED = frozenset({NEAR_DAYS, TWO_SLIPS})
_WHOLE_FAMILY_NAME = frozenset({EXACT, PARTICLE, BIRTH_NAME, SWAPPED, PART})
_SILENT = NAMES | {"birth_date", "address", "place"}
_NOT_IDENTIFIERS = frozenset(
    {"given_name", "family_name", "title", "birth_date", "email", "phone", "address", "place"}
)
