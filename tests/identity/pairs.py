"""Pairs of records weighed by the shipped model, and what they have in common, short to write."""

from __future__ import annotations

from rcu.identity.features import Features
from rcu.identity.model import Model
from rcu.identity.scoring import PairScore, score_pair
from tests.identity.people import home

MODEL = Model.shipped()
LILAS = home("12 rue des Lilas")
FAMILY_EMAIL = "famille.kervella@orange.fr"
LANDLINE = "02 40 19 42 85"


def score(one: Features, other: Features) -> PairScore:
    """Weigh two records."""
    return score_pair(one, other, MODEL)


def level_of(found: PairScore, attribute: str) -> str:
    """Return the level that an attribute reached; it must have been compared."""
    return next(item.level for item in found.evidence if item.attribute == attribute)
