"""Values held by too many different people: a family's landline, a shop's tablet, a typed-in filler."""

from __future__ import annotations

from collections.abc import Sequence

from rcu.identity.features import Features
from rcu.identity.model import Model
from rcu.identity.scoring import contradiction


def is_shared(kind: str, holders: Sequence[Features], model: Model) -> bool:
    """Tell whether more people than the model allows for `kind` hold one identifier.

    People are counted as holders that plainly contradict one another. A function of the set
    of holders: their order and their repetitions change nothing.
    """
    return count_people(holders, model, limit=model.shared_limit(kind) + 1) > model.shared_limit(kind)


def count_people(holders: Sequence[Features], model: Model, *, limit: int) -> int:
    """Count the plainly different people among `holders`, up to `limit`."""
    people: list[Features] = []
    for holder in sorted(set(map(_face, holders)), key=_order):
        if all(contradiction(holder, person, model) for person in people):
            people.append(holder)
            if len(people) >= limit:
                break
    return len(people)


def _face(features: Features) -> Features:
    """Return what tells one person from another, and nothing else."""
    return Features(
        given_name=features.given_name,
        family_name=features.family_name,
        birth_name=features.birth_name,
        gender=features.gender,
        birth_date=features.birth_date,
        birth_date_is_vague=features.birth_date_is_vague,
    )


def _order(face: Features) -> tuple[object, ...]:
    return (
        -len("".join(face.given_name)),
        face.given_name,
        face.family_name,
        face.birth_name,
        face.birth_date or "",
        face.gender or "",
    )
