"""The partition retraced: it is the partition, and every refusal has its true reason."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcu.identity.features import Features
from rcu.identity.in_memory import shared_identifiers
from rcu.identity.model import Model
from rcu.identity.partition import Judgements, partition
from rcu.identity.retracing import Obstacle, Reason, Refused, Retraced, retrace
from rcu.identity.scoring import PairScore, score_pair
from tests.identity.people import features, home

MODEL = Model.shipped()
NUMBERED = (("national_id", "2840344109017"),)
NUMBERED_OTHERWISE = (("national_id", "1591231877404"),)


def scored(
    records: Mapping[str, Features], model: Model = MODEL
) -> dict[tuple[str, str], PairScore]:
    shared = shared_identifiers(records, model)
    return {
        (a, b): score_pair(records[a], records[b], model, shared=shared)
        for a, b in combinations(sorted(records), 2)
    }


def retraced(
    records: Mapping[str, Features],
    judgements: Judgements[str] | None = None,
    *,
    model: Model = MODEL,
) -> Retraced[str]:
    return retrace(records, scored(records, model), model=model, judgements=judgements)


def linking_by(weight: float, a: Features, b: Features) -> Model:
    """Return a model whose prior gives two records this weight."""
    prior = MODEL.prior_bits + weight - score_pair(a, b, MODEL).weight
    return Model(MODEL.document.model_copy(update={"prior_bits": prior}))


def only_refusal(found: Retraced[str], a: str, b: str) -> Refused[str]:
    [refused] = [one for one in found.refused if {one.left, one.right} == {a, b}]
    return refused


people = st.builds(
    features,
    st.sampled_from([None, "Jean", "Jeanne", "Paul", "J"]),
    st.sampled_from(["Vasseur", "Vaseur", "Quesnel"]),
    born=st.sampled_from([None, "1950-01-12", "1981-09-30"]),
    title=st.sampled_from([None, "M", "Mme"]),
    email=st.sampled_from(["vasseur@free.fr", "quesnel@free.fr", "jp@free.fr"]),
    phone=st.sampled_from(["0611223345", "0799887761", "0240414243"]),
    address=st.sampled_from([home("3 rue Crébillon"), home("9 quai Turenne", "75011", "Paris")]),
)
pairs_of_seven = st.frozensets(
    st.frozensets(st.sampled_from("ABCDEFG"), min_size=2, max_size=2), max_size=3
)


@settings(max_examples=150)
@given(st.lists(people, min_size=2, max_size=7), pairs_of_seven, pairs_of_seven)
def test_what_is_retraced_is_the_partition(
    group: list[Features],
    must: frozenset[frozenset[str]],
    cannot: frozenset[frozenset[str]],
) -> None:
    records = dict(zip("ABCDEFG", group, strict=False))
    judgements = Judgements(must_link=must - cannot, cannot_link=cannot - must)
    scores = scored(records)

    found = retrace(records, scores, model=MODEL, judgements=judgements)

    assert found.clients == partition(records, scores, model=MODEL, judgements=judgements)
    # Each join makes one client out of two, and nothing else does.
    assert len(found.joined) == len(records) - len(found.clients)
    client_of = {member: client for client in found.clients for member in client}
    assert all(client_of[step.left] is client_of[step.right] for step in found.joined)
    weights = [step.score.weight for step in found.joined if step.score is not None]
    assert [step.score is None for step in found.joined] == sorted(
        (step.score is None for step in found.joined), reverse=True
    )
    assert len(weights) + sum(step.score is None for step in found.joined) == len(found.joined)
    for a, b in combinations(records, 2):
        path = found.path(a, b)
        assert bool(path) is (client_of[a] is client_of[b])


def test_joins_are_told_in_their_order_with_the_sizes_before() -> None:
    a = features("Ana", "Fontenoy", born="1984-05-17", email="ana.f@free.fr", phone="0611223345")
    b = features("Ana", "Fontenoy", born="1984-05-17", email="ana.f@free.fr")
    c = features("Ana", "Fontenoy", born="1984-05-17", phone="0611223345")

    found = retraced({"A": a, "B": b, "C": c})

    assert [(step.left, step.right) for step in found.joined] == [("A", "B"), ("A", "C")]
    assert [(step.left_size, step.right_size) for step in found.joined] == [(1, 1), (2, 1)]
    assert [(step.left, step.right) for step in found.path("B", "C")] == [("A", "B"), ("A", "C")]


def test_a_judgement_of_match_joins_without_a_score() -> None:
    records = {"A": features("Ana", "Fontenoy"), "B": features("Eva", "Quesnel")}

    found = retraced(records, Judgements(must_link=frozenset({frozenset("AB")})))

    [step] = found.joined
    assert step.score is None


def test_a_judgement_of_no_match_is_named_as_the_reason() -> None:
    ana = features("Ana", "Fontenoy", born="1984-05-17", email="ana.f@free.fr")

    found = retraced({"A": ana, "B": ana}, Judgements(cannot_link=frozenset({frozenset("AB")})))

    obstacle = only_refusal(found, "A", "B").obstacle
    assert (obstacle.reason, obstacle.between) == (Reason.JUDGEMENT, ("A", "B"))
    assert found.obstacle_between("A", "B") == obstacle


def test_the_members_that_contradict_are_named() -> None:
    """The record without given name links to both spouses; only one of them may have it."""
    records = {
        "claire": features("Claire", "Vasseur", born="1980-01-12", email="vasseur@free.fr"),
        "bruno": features("Bruno", "Vasseur", born="1978-06-02", email="vasseur@free.fr"),
        "c": features("C", "Vasseur", born="1980-01-12", email="vasseur@free.fr"),
        "v": features(None, "Vasseur", born="1978-06-02", email="vasseur@free.fr"),
    }

    found = retraced(records)

    obstacle = found.obstacle_between("c", "v")
    assert obstacle is not None
    assert obstacle.reason is Reason.CONTRADICTION
    assert obstacle.detail in {"given_name", "birth_date"}
    assert obstacle.between is not None
    ours, theirs = obstacle.between
    assert {ours, theirs} <= records.keys()


def test_rivals_for_a_record_without_a_name_are_named() -> None:
    records = {
        "claire": features("Claire", "Vasseur", email="vasseur@free.fr"),
        "bruno": features("Bruno", "Vasseur", email="vasseur@free.fr"),
        "nobody": features(None, "Vasseur", email="vasseur@free.fr"),
    }

    found = retraced(records)

    for spouse in ("claire", "bruno"):
        obstacle = only_refusal(found, spouse, "nobody").obstacle
        assert obstacle.reason is Reason.RIVAL
        assert obstacle.between is not None
        assert set(obstacle.between) == {"claire", "bruno"}


def test_too_many_values_of_one_kind_are_named() -> None:
    document = MODEL.document.model_copy(
        update={"value_limits": MODEL.document.value_limits | {"email": 1}}
    )
    strict = Model(document)
    records = {
        "A": features("Ana", "Fontenoy", born="1984-05-17", email="ana.f@free.fr"),
        "B": features("Ana", "Fontenoy", born="1984-05-17", email="zed.f@free.fr"),
    }
    scores = {("A", "B"): score_pair(records["A"], records["B"], strict)}

    found = retrace(records, scores, model=strict)

    obstacle = only_refusal(found, "A", "B").obstacle
    assert (obstacle.reason, obstacle.detail) == (Reason.TOO_MANY_VALUES, "email")


def test_a_link_that_gives_way_to_a_number_of_the_other_side_says_so() -> None:
    """The two linked records compare no number; the clients they belong to have one each."""
    own = {"email": "enora.kervella@example.org"}
    records = {
        "registry": features("Enora", "Kervella", identifiers=NUMBERED, **own),
        "shop": features("Enora", "Kervella", **own),
        "clinic": features("Enora", "Kervella", identifiers=NUMBERED_OTHERWISE),
    }
    barely = linking_by(6.0, records["shop"], records["clinic"])

    refused = only_refusal(retraced(records, model=barely), "shop", "clinic")

    assert refused.obstacle == Obstacle(Reason.OUTWEIGHED, None, None)


def test_a_link_by_a_name_that_relatives_elsewhere_bear_says_so() -> None:
    records = {
        "here": features("Enora", "Kervella", address=home("", "44000", "Nantes")),
        "there": features("Enora", "Kervella", address=home("", "29000", "Quimper")),
    }
    barely = linking_by(5.0, records["here"], records["there"])

    refused = only_refusal(retraced(records, model=barely), "here", "there")

    assert refused.obstacle == Obstacle(Reason.OUTWEIGHED, None, None)


@pytest.mark.parametrize("seed", range(3))
def test_retracing_does_not_depend_on_the_order_of_the_records(seed: int) -> None:
    records = {
        "claire": features("Claire", "Vasseur", email="vasseur@free.fr"),
        "bruno": features("Bruno", "Vasseur", email="vasseur@free.fr", born="1978-06-02"),
        "nobody": features(None, "Vasseur", email="vasseur@free.fr"),
        "b": features("B", "Vasseur", email="vasseur@free.fr", born="1978-06-02"),
    }
    names = sorted(records, key=lambda name: hash((seed, name)))

    shuffled = retraced({name: records[name] for name in names})
    plain = retraced(records)

    assert shuffled.joined == plain.joined
    assert shuffled.refused == plain.refused
