"""What would have tipped a pair: the fewest levels, checked against the scorer."""

from __future__ import annotations

from itertools import combinations, product
from math import log2

import pytest

from rcu.identity.explanation import levels_of
from rcu.identity.features import Features
from rcu.identity.model import Model
from rcu.identity.scoring import Decision, PairScore, score_pair, weigh_levels
from rcu.identity.tipping import Tip, find_tips
from tests.identity.people import features, home

MODEL = Model.shipped()


def tips_of(a: Features, b: Features) -> tuple[Tip, ...]:
    return find_tips(score_pair(a, b, MODEL), MODEL)


def test_a_birth_date_would_have_been_enough_and_its_gain_is_checked_by_hand() -> None:
    a = features("Quitterie", "Estournelle", born="1984-05-17", email="quitterie@free.fr")
    b = features("Quitterie", "Estournelle", email="estournelle.q@laposte.net")
    score = score_pair(a, b, MODEL)

    tips = find_tips(score, MODEL)

    [tip] = [tip for tip in tips if [c.attribute for c in tip.changes] == ["birth_date"]]
    [change] = tip.changes
    level = MODEL.document.attributes["birth_date"].levels[change.to_level]
    assert (change.from_level, change.counted_before) == ("missing", 0.0)
    assert change.counted_after == pytest.approx(log2(level.m / level.u))
    assert tip.weight == pytest.approx(score.weight + change.counted_after)
    assert tip.gain == pytest.approx(change.counted_after)
    assert tip.weight >= MODEL.link_weight
    assert tip.decision is Decision.LINK
    assert tip.guard is None


def test_each_level_is_the_weakest_that_is_enough() -> None:
    a = features("Ana", "Fontenoy", email="a.f@free.fr")
    b = features("Ana", "Fontenoy", email="zed@free.fr")
    score = score_pair(a, b, MODEL)

    for tip in find_tips(score, MODEL):
        for change in tip.changes:
            changed = {one.attribute: one.to_level for one in tip.changes}
            levels = MODEL.document.attributes[change.attribute].levels
            reached = MODEL.weight(change.attribute, change.to_level)
            weaker = [level for level in levels if MODEL.weight(change.attribute, level) < reached]
            for level in weaker:
                lower = _scored(score, changed | {change.attribute: level})
                assert lower.weight < MODEL.link_weight or lower.decision is not tip.decision


def test_a_pair_that_links_has_nothing_to_tip() -> None:
    a = features("Ana", "Fontenoy", born="1984-05-17", email="ana@laposte.net")

    assert tips_of(a, a) == ()


def test_over_the_line_only_what_opens_the_guard_is_told() -> None:
    wife = features("Claire", "Vasseur", born="1980-01-12", email="vasseur@free.fr")
    husband = features("Bruno", "Vasseur", born="1980-01-12", email="vasseur@free.fr")

    tips = tips_of(wife, husband)

    assert score_pair(wife, husband, MODEL).weight >= MODEL.link_weight
    assert tips
    assert {tip.decision for tip in tips} == {Decision.LINK}
    assert {change.attribute for tip in tips for change in tip.changes} == {"given_name"}


def test_a_guard_that_would_still_refuse_is_said_and_the_way_round_it_follows() -> None:
    father = features("Jean", "Vasseur", email="jv@free.fr", phone="0611111112")
    son = features("Jean", "Vasseur", email="jean.vasseur@free.fr", phone="0799999991")

    tips = tips_of(father, son)

    assert tips[0].decision is Decision.LINK
    assert all(tip.guard is None for tip in tips if tip.decision is Decision.LINK)
    for tip in tips:
        if tip.guard is not None:
            assert tip.guard.sentence.en in tip.sentence.en
            assert tip.guard.sentence.fr in tip.sentence.fr


def test_no_tip_takes_more_than_three_changes() -> None:
    a = features("Ana", "Fontenoy", born="1984-05-17", title="Mme", email="a@free.fr")
    b = features("Hugo", "Bellanger", born="1951-10-02", title="M", email="zed@free.fr")

    tips = tips_of(a, b)

    assert tips
    assert {len(tip.changes) for tip in tips} <= {1, 2, 3}
    assert min(tip.weight for tip in tips) >= MODEL.link_weight
    assert min(change.counted_after for tip in tips for change in tip.changes) > 0


PAIRS = [
    (
        features("Ana", "Fontenoy", phone="0611223345"),
        features("Ana", "Fontenoy", phone="0788997766", born="1984-05-17"),
    ),
    (
        features("Ana", "Fontenoy", born="1984-05-17", title="Mme"),
        features("Anna", "Bellanger", born="1984-05-18", phone="0612345678"),
    ),
    (
        features("Ana", "Fontenoy", email="a.fontenoy@free.fr"),
        features("Eva", "Fontenoy", email="eva@free.fr", address=home("3 rue Crébillon")),
    ),
]


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_no_smaller_set_of_changes_reaches_the_line(a: Features, b: Features) -> None:
    score = score_pair(a, b, MODEL)
    tips = find_tips(score, MODEL)
    smallest = min(len(tip.changes) for tip in tips)

    for size in range(1, smallest):
        for attributes in combinations(MODEL.document.attributes.keys() - {"identifier"}, size):
            for levels in product(*(MODEL.document.attributes[name].levels for name in attributes)):
                changed = dict(zip(attributes, levels, strict=True))
                if "swapped" in changed.values() and "birth_date" not in changed:
                    continue
                assert _scored(score, changed).weight < MODEL.link_weight, changed


def _scored(score: PairScore, changed: dict[str, str]) -> PairScore:
    observed = {item.attribute: item.weight for item in score.evidence}
    levels = levels_of(score) | changed
    weighed = [
        (name, level, MODEL.weight(name, level) if name in changed else observed[name])
        for name, level in levels.items()
        if level != "missing"
    ]
    return weigh_levels(levels, weighed, MODEL)


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_what_a_tip_promises_is_what_the_scorer_says(a: Features, b: Features) -> None:
    score = score_pair(a, b, MODEL)

    for tip in find_tips(score, MODEL):
        changed = {change.attribute: change.to_level for change in tip.changes}
        assert tip.weight == pytest.approx(_scored(score, changed).weight)
        assert tip.weight >= MODEL.link_weight
        assert tip.gain == pytest.approx(tip.weight - score.weight)


def test_two_different_national_ids_can_be_tipped_by_their_agreement() -> None:
    a = features("Ana", "Fontenoy", identifiers=(("national_id", "284051234567"),))
    b = features("Ana", "Fontenoy", identifiers=(("national_id", "190111111111"),))

    attributes = {change.attribute for tip in tips_of(a, b) for change in tip.changes}

    assert "national_id" in attributes
