"""A record that plainly joins one client: what its own links tell, all comparisons would."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rcu.identity.features import Features
from rcu.identity.joining import are_compatible, is_sure
from rcu.identity.model import Model
from rcu.identity.partition import Agglomeration, Judgements, partition
from rcu.identity.scoring import PairScore, score_pair
from tests.identity.people import features, home

RECORD: dict[str, Any] = {
    "given_name": "Odile",
    "family_name": "Vasseur",
    "title": "Mme",
    "birth_date": "1971-05-04",
    "emails": ("odile.v@m.example",),
    "phones": ("0639981208",),
    "cards": ("ABC-123456",),
    "addresses": (home("12 rue des Lilas"),),
}
OTHERWISE: dict[str, Sequence[Any]] = {
    "given_name": ("Odette", "O.", "Marc", "Vasseur", None),
    "family_name": ("Vaseur", "Puech", "Odile", None),
    "title": ("M.", None),
    "birth_date": ("1971-04-05", "1971-01-01", "1999-12-30", None),
    "emails": (("vasseur@m.example",), *((f"{n}@m.example",) for n in range(9)), ()),
    "phones": (("0639981209",), ("0320123456",), ()),
    "cards": (("ABC-123457",), ()),
    "addresses": ((home("3 quai Ney", "59000", "Lille"),), ()),
    "identifiers": (
        (("national_id", "1710559"),), (("national_id", "1710558"),), (("app_user", "u-771"),),
    ),
}  # fmt: skip
SHIPPED = Model.shipped()


def model_with(**changes: Any) -> Model:
    """Return the shipped model with some changes."""
    return Model(SHIPPED.document.model_copy(update=changes))


@st.composite
def versions(draw: st.DrawFn) -> Features:
    """Draw a record that says of one person, or nearly, what others say, or something else."""
    said = dict(RECORD)
    for attribute in draw(st.sets(st.sampled_from(sorted(OTHERWISE)), max_size=4)):
        said[attribute] = draw(st.sampled_from(OTHERWISE[attribute]))
    return features(said.pop("given_name"), said.pop("family_name"), **said)


def in_full(
    records: Sequence[Features], scores: Mapping[tuple[int, int], PairScore], model: Model
) -> list[frozenset[int]]:
    """Return the partition with nothing left out."""
    known = dict(enumerate(records))
    return Agglomeration(known, scores, Judgements(), model, lambda key: key).run()


models = pytest.mark.parametrize(
    "model",
    [
        SHIPPED,
        model_with(value_limits={**SHIPPED.document.value_limits, "email": 2}),
        model_with(excusable_differences={"birth_date"}),
    ],
    ids=["shipped", "few values", "excused"],
)


@models
@given(records=st.lists(versions(), min_size=2, max_size=5), data=st.data())
def test_the_partition_is_that_of_all_comparisons(
    model: Model, records: list[Features], data: st.DataObject
) -> None:
    identifiers = sorted({i for held in records for i in held.identifiers})
    shared = data.draw(st.sets(st.sampled_from(identifiers))) if identifiers else set()
    scores = {
        (b, a): score_pair(records[a], records[b], model, shared=shared)
        for a, b in combinations(range(len(records)), 2)
    }

    found = partition(dict(enumerate(records)), scores, model=model)

    assert found == in_full(records, scores, model)


@models
@given(records=st.lists(versions(), min_size=2, max_size=6), data=st.data())
def test_who_plainly_joins_is_joined_by_the_partition_too(
    model: Model, records: list[Features], data: st.DataObject
) -> None:
    record, *others = records
    identifiers = sorted({i for held in records for i in held.identifiers})
    shared = data.draw(st.sets(st.sampled_from(identifiers))) if identifiers else set()
    scores = {
        (a, b): score_pair(records[a], records[b], model, shared=shared)
        for a, b in combinations(range(len(records)), 2)
    }
    assume(all(is_sure(scores[0, n]) for n in range(1, len(records))))
    assume(are_compatible(record, others, model))

    assert in_full(records, scores, model) == [frozenset(range(len(records)))]


def test_people_who_contradict_each_other_are_not_joined_by_a_third() -> None:
    nobody = features(None, "Vasseur", email="vasseur@m.example", born="1971-05-04")
    two = [
        features(name, "Vasseur", email="vasseur@m.example", born="1971-05-04")
        for name in ("Odile", "Marc")
    ]

    assert all(is_sure(score_pair(nobody, one, SHIPPED)) for one in two)
    assert not are_compatible(nobody, two, SHIPPED)


def test_more_values_than_a_client_may_have_are_not_joined() -> None:
    model = model_with(value_limits={**SHIPPED.document.value_limits, "email": 2})
    record, *others = (
        features("Odile", "Vasseur", born="1971-05-04", card="ABC-123456", email=f"o{n}@m.example")
        for n in range(3)
    )

    assert are_compatible(record, others, SHIPPED)
    assert not are_compatible(record, others, model)


@pytest.mark.parametrize(
    ("born", "said", "is_sure_then"),
    [
        ("1971-05-04", {"card": "ABC-123456"}, True),
        ("1971-04-05", {}, False),
        ("1999-12-30", {"card": "ABC-123456"}, False),
        (None, {"address": home("12 rue des Lilas")}, False),
    ],
    ids=["personal", "weak", "contradicted", "of the home"],
)
def test_a_link_is_sure_when_it_is_strong_and_personal(
    born: str | None, said: dict[str, Any], is_sure_then: bool
) -> None:
    one = features("Odile", "Vasseur", born="1971-05-04", **said)
    other = features("Odile", "Vasseur", born=born, **said)

    assert is_sure(score_pair(one, other, SHIPPED)) == is_sure_then


def test_a_link_that_compared_neither_given_name_nor_birth_date_is_not_sure() -> None:
    one, other = (features(None, name, card="ABC-123456") for name in ("Vasseur", "Vasseur"))

    assert not is_sure(score_pair(one, other, SHIPPED))
