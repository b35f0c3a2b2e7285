"""The face of a record in few characters, as the index of blocking keys carries it.

A face is what can part one person from another: names, gender, birth date (see `Features.face`).
"""

from __future__ import annotations

from functools import lru_cache

from rcu.identity.blocking import identifying_keys, loose_keys
from rcu.identity.features import Features
from rcu.identity.model import Model
from rcu.identity.scoring import are_born_apart, are_faces_apart

_MARK = "|"


def keys_with_faces(features: Features) -> dict[int, str | None]:
    """Return the blocking keys of a record, each with the face that its row carries.

    A key of an identifier carries none: whoever shares one is read and weighed, face or no face.
    """
    loose = dict.fromkeys(loose_keys(features), pack_face(features))
    return loose | dict.fromkeys(identifying_keys(features))


def pack_face(features: Features) -> str:
    """Return the names, gender and birth date of a record as one short text.

    Names are words in plain ASCII, so that the mark between the parts stands in none of them.
    """
    born = (features.birth_date or "").replace("-", "")
    return _MARK.join(
        (
            " ".join(features.given_name),
            " ".join(features.family_name),
            " ".join(features.birth_name),
            features.gender or "",
            born + "~" if features.birth_date_is_vague else born,
        )
    )


@lru_cache(maxsize=65536)
def unpack_face(face: str) -> Features:
    """Return the features, those of its face only, of the record that `pack_face` packed."""
    given, family, birth, gender, born = face.split(_MARK)
    return Features(
        given_name=tuple(given.split()),
        family_name=tuple(family.split()),
        birth_name=tuple(birth.split()),
        gender=gender or None,
        birth_date=unpack_birth_date(face).birth_date,
        birth_date_is_vague=born.endswith("~"),
    )


def unpack_birth_date(face: str) -> Features:
    """Return the features of a face of which only the birth date is known."""
    return _born(face[face.rindex(_MARK) + 1 :])


@lru_cache(maxsize=65536)
def _born(born: str) -> Features:
    return Features(
        birth_date=f"{born[:4]}-{born[4:6]}-{born[6:8]}" if born else None,
        birth_date_is_vague=born.endswith("~"),
    )


class Apart(dict[str, bool]):
    """Whether those who have a face are plainly somebody else than one record.

    Asked for each face once. They are known to share no identifier with the record, so that
    `scoring.is_plainly_apart` says the same of their records.
    """

    def __init__(self, features: Features, model: Model) -> None:
        super().__init__()
        self._features = features
        self._model = model

    def __missing__(self, face: str) -> bool:
        # Most are parted by the birth date alone, which is soon told.
        found = (
            self._features.birth_date is not None
            and are_born_apart(self._features, unpack_birth_date(face), self._model)
        ) or are_faces_apart(self._features, unpack_face(face), self._model)
        self[face] = found
        return found
