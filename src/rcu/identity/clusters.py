"""A cluster: some records judged one person so far, with what a further merge must look at."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from rcu.identity.features import CARD, EMAIL, PHONE, Features
from rcu.identity.model import Model
from rcu.identity.normalise.other_identifiers import number_spelled

K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class Cluster(Generic[K]):
    """Some records judged one person so far, and what a further merge must look at."""

    members: set[K]
    faces: set[Features]
    values: dict[str, set[str]]
    birth_dates: set[str]
    forbidden: set[K] = field(default_factory=set)


def can_contradict(cluster: Cluster[Any]) -> bool:
    """Tell whether anything in a cluster could contradict another."""
    return bool(cluster.forbidden) or any(
        face.given_name or face.birth_date or face.gender for face in cluster.faces
    )


def cluster_of(key: K, features: Features, model: Model) -> Cluster[K]:
    """Return the cluster of one record."""
    values: dict[str, set[str]] = {}
    for kind, value in features.identifiers:
        values.setdefault(kind, set()).add(value)
    for kind, value in features.others:  # one number in two spellings is one
        values[kind].discard(value)
        values[kind].add(number_spelled(value))
    return Cluster(
        members={key},
        faces={features.face(model.single_valued_kinds)},
        values=values,
        birth_dates={features.birth_date} if features.birth_date else set(),
    )


def shows_given_name(cluster: Cluster[Any]) -> bool:
    """Tell whether a record of a cluster gives a name, and no mere initial."""
    return any(len("".join(face.given_name)) > 1 for face in cluster.faces)


def kin_of_one_name(one: Cluster[Any], two: Cluster[Any]) -> bool:
    """Tell whether two sides of one name each have their own: e-mail, phone, card, two of three."""
    if one.birth_dates & two.birth_dates:
        return False
    apart = 0
    for kind in (EMAIL, PHONE, CARD):
        ours, theirs = one.values.get(kind), two.values.get(kind)
        if ours and theirs:
            if ours & theirs:
                return False
            apart += 1
    return apart >= 2  # noqa: PLR2004 - two of the three
