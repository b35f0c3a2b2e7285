"""Faces: what parts two people, short enough for an index, and the same as the record says."""

from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rcu.identity.blocking import identifier_key
from rcu.identity.faces import Apart, keys_with_faces, pack_face, unpack_face
from rcu.identity.features import Features
from rcu.identity.model import Model
from rcu.identity.scoring import contradiction, is_plainly_apart
from tests.identity.people import features, home

NAMES = st.sampled_from(["Lou", "Louis", "Jean-Marc", "J M", "Kervella", "Le Goarnig", "L", ""])
DATES = st.sampled_from(["1984-03-07", "1984-07-03", "1984-01-01", "1990-12-31", ""])
TITLES = st.sampled_from(["Mme", "M.", ""])
PEOPLE = st.builds(
    lambda given_, family, birth, title, born: features(
        given_, family, birth_name=birth, title=title, born=born
    ),
    NAMES, NAMES, NAMES, TITLES, DATES,
)  # fmt: skip


@given(person=PEOPLE)
def test_a_face_says_what_the_record_says_of_names_gender_and_birth(person: Features) -> None:
    assert unpack_face(pack_face(person)) == person.face()


@given(one=PEOPLE, other=PEOPLE)
def test_a_face_contradicts_whom_its_record_contradicts(one: Features, other: Features) -> None:
    model = Model.shipped()

    assert contradiction(one, unpack_face(pack_face(other)), model) == contradiction(
        one, other, model
    )


@pytest.mark.parametrize("excused", [set(), {"given_name"}, {"birth_date"}])
@given(one=PEOPLE, other=PEOPLE)
def test_faces_part_those_whom_the_scorer_parts(
    one: Features, other: Features, excused: set[str]
) -> None:
    document = Model.shipped().document.model_copy(update={"excusable_differences": excused})
    model = Model(document)
    face = pack_face(other)

    assert Apart(one, model)[face] == is_plainly_apart(one, unpack_face(face), model)


@example(
    one=features("Lou", "Kervella"),
    others=[features("Kervella", "Lou"), features("Kervella", "Le Goarnig")],
)
@example(
    one=features("Lou", "Kervella"),
    others=[features("Kervella", "Le Goarnig"), features("Kervella", "Lou")],
)
@given(one=PEOPLE, others=st.lists(PEOPLE, min_size=2, max_size=6))
def test_a_face_is_judged_the_same_whichever_were_judged_before(
    one: Features, others: list[Features]
) -> None:
    model = Model.shipped()
    faces = [pack_face(other) for other in others]
    apart = Apart(one, model)

    assert [apart[face] for face in faces] == [Apart(one, model)[face] for face in faces]


@pytest.mark.parametrize("identifier", [{"email": "lou@mail.example"}, {"phone": "0637194285"}])
def test_a_key_of_an_identifier_carries_no_face(identifier: dict[str, str]) -> None:
    known = features("Lou", "Kervella", address=home("12 rue des Lilas"), **identifier)

    faces = keys_with_faces(known)

    [[kind, value]] = known.identifiers
    assert faces[identifier_key(kind, value)] is None
    assert {face for face in faces.values() if face} == {pack_face(known)}


def test_an_identifier_spelled_like_a_key_of_names_carries_no_face() -> None:
    known = features("Lou", "Kervella")
    spelled = features("Lou", "Kervella", identifiers=(("initial", "l|kervella"),))

    for kind, value in product(["initial"], ["l|kervella"]):
        key = identifier_key(kind, value)
        assert keys_with_faces(spelled).get(key) is None
    assert len(keys_with_faces(spelled)) >= len(keys_with_faces(known))
