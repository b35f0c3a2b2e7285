"""What a link rests on: something of the person's own, names and home, or names alone."""

from __future__ import annotations

from rcu.identity.contradictions import AGREEING_DATE
from rcu.identity.levels import DIFFERENT
from rcu.identity.scoring import PairScore, rests_on_names

STRONG_LINK = 12.0
"""Bits from which on a link is not asked what the pairs around it weigh."""
_RELATIVES_BITS = 2.0
"""Given names recur in families: about four times as often, it is assumed, as among strangers."""


def is_blind(score: PairScore) -> bool:
    """Tell whether a link was made without comparing a given name or a birth date."""
    return all(attribute not in _SEEING for attribute, *_ in score.evidence)


_SEEING = frozenset({"given_name", "birth_date"})


_PERSONAL = {
    "email": {"exact", "domain_typing_error"},
    "phone": {"exact", "typing_error"},
    "card": {"exact", "typing_error", "suspicious"},
    "birth_date": AGREEING_DATE,
}


def is_personal(score: PairScore) -> bool:
    """Tell whether the link rests on something of the person's own, not on name and home."""
    for attribute, level, *_ in score.evidence:
        if level in _PERSONAL.get(attribute, ()) or (level == "exact" and attribute not in _NAMED):
            return True
    return False


_NAMED = frozenset(
    {
        "given_name",
        "family_name",
        "title",
        "birth_date",
        "email",
        "phone",
        "card",
        "address",
        "place",
    }
)


def bits_of_relatives(score: PairScore) -> float:
    """Return by how much a link by names alone is weaker than its weight.

    Whoever bears a rare name has relatives of that name elsewhere and in other generations, which
    how rare it is does not tell: against another place, or another year of birth that may be all
    that is known, the names need more.
    """
    levels = {item.attribute: item.level for item in score.evidence}
    born = levels.get("birth_date")
    elsewhere = born is None and levels.get("place") == DIFFERENT
    return _RELATIVES_BITS if (elsewhere or born == "vague") and rests_on_names(score) else 0.0
