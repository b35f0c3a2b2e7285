"""Values held by too many different people: a shop's tablet, a call centre, a filler."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rcu.identity.compared_pairs import cached_names
from rcu.identity.comparison import compare_birth_dates
from rcu.identity.features import Features
from rcu.identity.levels import DIFFERENT
from rcu.identity.model import Model
from rcu.identity.scoring import contradiction


def is_shared_by_number(kind: str, holders: int, model: Model) -> bool | None:
    """Tell from the number of records that hold an identifier whether it is shared, if one can.

    What more records hold than a blocking key may have holders designates nobody, whoever they
    are: they need not be read. None when it depends on who they are.
    """
    if holders > model.key_cap:
        return True
    return False if holders <= model.shared_limit(kind) else None


def is_shared(kind: str, holders: Sequence[Features], model: Model) -> bool:
    """Tell whether more people than the model allows for `kind` hold one identifier.

    People are counted as holders that plainly contradict one another: the order of the holders
    changes nothing, nor do repetitions up to the number of records that a key may have.
    """
    by_number = is_shared_by_number(kind, len(holders), model)
    if by_number is not None:
        return by_number
    limit = model.shared_limit(kind)
    faces = {holder.face() for holder in holders}
    return (
        len(faces) > limit  # else they cannot be more people than that
        and count_people(faces, model, limit=limit + 1, twice=kind in model.single_valued_kinds)
        > limit
    )


def with_declared(
    shared: Iterable[tuple[str, str]], declared: Mapping[tuple[str, str], bool]
) -> frozenset[tuple[str, str]]:
    """Return the shared identifiers once stewards have spoken: what they declare outweighs."""
    said = frozenset(identifier for identifier, is_shared in declared.items() if is_shared)
    return (frozenset(shared) - declared.keys()) | said


def count_people(
    holders: Iterable[Features], model: Model, *, limit: int, twice: bool = False
) -> int:
    """Count the plainly different people among `holders`, up to `limit`.

    With `twice`, two holders differ only when both given name and birth date do: so it is
    for a number that designates one person, where one difference is an error.
    """
    people: list[Features] = []
    for holder in sorted({holder.face() for holder in holders}, key=_order):
        if all(_differ(holder, person, model, twice=twice) for person in people):
            people.append(holder)
            if len(people) >= limit:
                break
    return len(people)


def _differ(a: Features, b: Features, model: Model, *, twice: bool) -> bool:
    found = contradiction(a, b, model)
    if twice and found is not None:
        return cached_names(a, b, model).given.level == DIFFERENT == compare_birth_dates(a, b)
    return found is not None


def _order(face: Features) -> tuple[object, ...]:
    return (
        -len("".join(face.given_name)),
        face.given_name,
        face.family_name,
        face.birth_name,
        face.birth_date or "",
        face.gender or "",
    )
