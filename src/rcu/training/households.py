"""Whether the records know households: it decides if a lone difference can be an error."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from rcu.identity.contradictions import AGREEING_GIVEN_NAME, DATES_APART, shares_a_home
from rcu.identity.levels import DIFFERENT, EXACT
from rcu.training.em import Levels

LONE_DIFFERENCE_SHARE = 0.01
"""Of two people of one household, the share that differs by given name or birth date alone.

Twins are about one birth in sixty, a son of his father's name is rarer today: of all pairs
within households, spouses included, one in a hundred is a generous figure for either.
"""
TOLERATED_SHARE = 0.05
"""How many of the excused pairs may be two people: what the link line tolerates, 0.95."""
ASSUMED_PAIRS = 5
"""Household pairs assumed before any was seen."""


@dataclass(frozen=True, slots=True)
class HouseholdCensus:
    """The pairs that share a home or a means of contact, by what differs in the person."""

    both_differ: int
    """Given name and birth date: two people of a household, or one person twice in error."""
    given_name_differs: int
    """The given name, beside an equal birth date."""
    birth_date_differs: int
    """The birth date, beside an agreeing given name."""

    @classmethod
    def of(cls, pairs: Iterable[Levels]) -> HouseholdCensus:
        """Count the pairs; `pairs` are all candidates, those that contradict included."""
        both = given = born = 0
        for levels in pairs:
            if not shares_a_home(levels):
                continue
            name, date = levels.get("given_name"), levels.get("birth_date")
            if name == DIFFERENT and date in DATES_APART:
                both += 1
            elif name == DIFFERENT and date == EXACT:
                given += 1
            elif name in AGREEING_GIVEN_NAME and date in DATES_APART:
                born += 1
        return cls(both, given, born)

    def excusable_differences(
        self, *, same_given_name: float = 0.0
    ) -> frozenset[Literal["given_name", "birth_date"]]:
        """Return what may differ alone: that of which nearly all cases must be errors.

        `same_given_name` is the chance that any two people bear one given name: where names are
        few, two of a household do too, without being father and son.
        """
        pairs = self.both_differ + ASSUMED_PAIRS
        found: set[Literal["given_name", "birth_date"]] = set()
        if LONE_DIFFERENCE_SHARE * pairs <= TOLERATED_SHARE * self.given_name_differs:
            found.add("given_name")
        share = LONE_DIFFERENCE_SHARE + same_given_name
        if share * pairs <= TOLERATED_SHARE * self.birth_date_differs:
            found.add("birth_date")
        return frozenset(found)
