"""The face of a record in few characters, as the index of blocking keys carries it.

A face is what can part one person from another: names, gender, birth date (see `Features.face`).
"""

from __future__ import annotations

from rcu.identity.blocking import identifying_keys, loose_keys
from rcu.identity.comparison import compare_days
from rcu.identity.features import Features
from rcu.identity.levels import DIFFERENT
from rcu.identity.model import Model
from rcu.identity.name_comparison import GivenNames
from rcu.identity.scoring import is_plainly_apart

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


def unpack_face(face: str) -> Features:
    """Return the features, those of its face only, of the record that `pack_face` packed."""
    given, family, birth, gender, born = face.split(_MARK)
    return Features(
        given_name=tuple(given.split()),
        family_name=tuple(family.split()),
        birth_name=tuple(birth.split()),
        gender=gender or None,
        birth_date=_birth_date(born),
        birth_date_is_vague=born.endswith("~"),
    )


def _birth_date(born: str) -> str | None:
    return f"{born[:4]}-{born[4:6]}-{born[6:8]}" if born else None


class Apart(dict[str, bool]):
    """Whether those who have a face are plainly somebody else than one record.

    Asked for each face once. They are known to share no identifier with the record, so that
    `scoring.is_plainly_apart` says the same of their records, and of their faces: where nothing
    excuses a difference it comes down to birth dates, which are soon compared, and given names,
    which many faces have in common.
    """

    def __init__(self, features: Features, model: Model) -> None:
        super().__init__()
        self._features = features
        self._model = model
        self._given_names = GivenNames(features, model.is_common_given_name)
        self._named_apart: dict[str, bool] = {}

    def __missing__(self, face: str) -> bool:
        if self._model.excusable_differences:
            found = is_plainly_apart(self._features, unpack_face(face), self._model)
        else:
            names, _gender, born = face.rsplit(_MARK, 2)
            found = self._are_born_apart(born) or self._are_named_apart(names)
        self[face] = found
        return found

    def _are_born_apart(self, born: str) -> bool:
        if not born or self._features.birth_date is None:
            return False
        level = compare_days(
            self._features.birth_date,
            _birth_date(born),
            one_is_vague=self._features.birth_date_is_vague or born.endswith("~"),
        )
        return level == DIFFERENT

    def _are_named_apart(self, names: str) -> bool:
        found = self._named_apart.get(names)
        if found is None:
            found = self._named_apart[names] = self._given_names.differ(*names.split(_MARK))
        return found
