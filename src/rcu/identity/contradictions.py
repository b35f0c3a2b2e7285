"""What makes two people of two records whatever agrees, by the levels of their comparison alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rcu.identity.levels import (
    DIFFERENT,
    EXACT,
    INITIAL,
    MISSING,
    NEAR_DAYS,
    NICKNAME,
    ONE_DIGIT_DIFFERENT,
    ONE_PART_DIFFERENT,
    RESEMBLING,
    SAME_SOUND,
    SHARED,
    SWAPPED,
    TWO_SLIPS,
    TYPING_ERROR,
)
from rcu.identity.model import Model

GIVEN_NAME, BIRTH_DATE, TITLE, KIN = "given_name", "birth_date", "title", "kin_of_one_name"
FAMILY_NAME = "family_name"

AGREEING_GIVEN_NAME = frozenset({EXACT, NICKNAME, SAME_SOUND, TYPING_ERROR, SWAPPED})
_AGREEING_IDENTIFIER = frozenset(
    {EXACT, "landline", "domain_typing_error", TYPING_ERROR, "suspicious"}
)
AGREEING_DATE = frozenset({EXACT, SWAPPED, ONE_DIGIT_DIFFERENT, ONE_PART_DIFFERENT})
DATES_APART = frozenset({DIFFERENT, TWO_SLIPS})
"""Levels of birth dates that part two people: always, or where no given name agrees beside them."""


_VERY_NAME = frozenset({EXACT, SWAPPED})
_MAY_BE_VERY_NAME = _VERY_NAME | {NICKNAME, INITIAL, MISSING}


def kin_by_levels(levels: Mapping[str, str]) -> str | None:
    """Find kin of one name, or nearly: father and son, and twins, who have one birth date.

    Two of e-mail, phone and card differ, and none agrees; nor does a birth date, unless the given
    names are not quite the same.
    """
    if levels["birth_date"] in AGREEING_DATE and levels["given_name"] in _MAY_BE_VERY_NAME:
        return None
    contact = (levels["email"], levels["phone"], levels["card"])
    if any(level in _AGREEING_IDENTIFIER for level in contact):
        return None
    return KIN if contact.count(DIFFERENT) >= 2 else None  # noqa: PLR2004 - two of the three


HOME_LEVELS = {
    "address": frozenset({EXACT}),
    "email": frozenset({EXACT}),
    "phone": frozenset({EXACT, "landline"}),
    "card": frozenset({EXACT}),
}
"""What two people of one household, and two records of one person, have in common."""


def shares_a_home(levels: Mapping[str, str]) -> bool:
    """Tell whether two records share a home or a means of contact."""
    return any(levels.get(name) in agreeing for name, agreeing in HOME_LEVELS.items())


def designating_kinds(levels: Mapping[str, str], model: Model) -> list[str]:
    """Return the kinds that agree of which only one person in the world has the value."""
    return [kind for kind in model.single_valued_kinds if levels.get(kind) == EXACT]


def plain_contradiction(
    levels: Mapping[str, str], model: Model, *, designating: Collection[str]
) -> str | None:
    """Return the plain contradiction of a pair.

    A number that designates one person (national id) outvotes one plain difference, which is
    then an error of typing or filing, but not two; where the model says that the number is lent,
    only beside the agreement of the other of given name and birth date. So does that other alone,
    where the model says that the records know no households, or where two slips make one date of
    the other: brothers and sisters are born a year apart, but bear two names.
    """
    if designating and _outvotes(designating, levels, model):
        return None
    excusable = model.excusable_differences
    if levels["given_name"] == DIFFERENT and not (
        GIVEN_NAME in excusable and levels["birth_date"] == EXACT
    ):
        return GIVEN_NAME
    born = levels["birth_date"]
    if born in DATES_APART and not (
        levels["given_name"] in AGREEING_GIVEN_NAME
        and (born == TWO_SLIPS or BIRTH_DATE in excusable)
    ):
        return BIRTH_DATE
    if levels.get("title") == DIFFERENT and levels["given_name"] not in _VERY_NAME:
        return TITLE
    return None


def _outvotes(designating: Collection[str], levels: Mapping[str, str], model: Model) -> bool:
    """Tell whether numbers that agree and designate one person excuse what differs."""
    if levels["given_name"] in AGREEING_GIVEN_NAME or levels["birth_date"] in AGREEING_DATE:
        return True
    return not model.lent_kinds.issuperset(designating) and not (
        levels["given_name"] == DIFFERENT and levels["birth_date"] in DATES_APART
    )


def untied_slips(levels: Mapping[str, str], model: Model) -> str | None:
    """Find two slips in a birth date beside which no home, contact or number is the same.

    One that is near, as a phone with a wrong digit, would be a third slip. Where birth dates are
    known to err, they are weighed without any.
    """
    if (
        levels["birth_date"] != TWO_SLIPS
        or BIRTH_DATE in model.excusable_differences
        or shares_a_home(levels)
        or designating_kinds(levels, model)
    ):
        return None
    return BIRTH_DATE


NAMES = frozenset({GIVEN_NAME, FAMILY_NAME, TITLE})
SAYS_NOTHING = frozenset(
    {MISSING, DIFFERENT, SHARED, RESEMBLING, NEAR_DAYS, TWO_SLIPS, "vague", "same_year", "city"}
)
"""Levels that hardly speak for a pair: two of one name in one city are two people as a rule."""


def without_excuse(levels: Mapping[str, str]) -> str | None:
    """Find another given name beside which nothing but the family name and the birth date agree.

    That such a difference is an error was learned from pairs that share a home or a contact: it is
    not known of others born on one day, twins among them. A birth date that differs is weighed
    without any: names that many bear do not make up for it.
    """
    if levels["given_name"] != DIFFERENT or any(
        level not in SAYS_NOTHING
        for attribute, level in levels.items()
        if attribute not in NAMES and attribute != BIRTH_DATE
    ):
        return None
    return GIVEN_NAME
