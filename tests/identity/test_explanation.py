"""A pair explained: figures that can be checked by hand, and words that agree with them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcu.identity.explanation import (
    COMPARED,
    PairExplanation,
    Standing,
    explain_pair,
    guard_of,
    levels_of,
    values_of,
)
from rcu.identity.features import Features
from rcu.identity.model import Model
from rcu.identity.scoring import Decision, score_pair
from tests.identity.people import features, home

MODEL = Model.shipped()
CAUTIOUS = Model(MODEL.document.model_copy(update={"names_alone_link": False}))


def explained(
    a: Features, b: Features, *, shared: Mapping[tuple[str, str], Standing] | None = None
) -> PairExplanation:
    shared = shared or {}
    return explain_pair(score_pair(a, b, MODEL, shared=shared), a, b, MODEL, shared=shared)


def test_the_steps_add_up_by_hand_from_the_prior_to_the_weight() -> None:
    match = explained(
        features("Maxime", "Tourvaine", born="1984-05-17", email="m.tourvaine@laposte.net"),
        features("Maximme", "Tourvainne", born="1984-05-17", email="m.tourvaine@laposte.net"),
    )

    # E-mail and family name are what a household shares: the e-mail is the stronger, so that
    # the name counts for half.
    by_hand = [
        ("given_name", "same_sound", log2(0.02 / 0.0006), 1.0),
        ("family_name", "same_sound", log2(0.02 / 0.0002), 0.5),
        ("birth_date", "exact", log2(0.92 / 0.00005), 1.0),
        ("email", "exact", log2(0.6 / 4e-9), 1.0),
    ]
    assert [(step.attribute, step.level) for step in match.steps] == [row[:2] for row in by_hand]
    for step, (_, _, weight, share) in zip(match.steps, by_hand, strict=True):
        assert step.weight == pytest.approx(weight)
        assert step.counted == pytest.approx(weight * share)
    assert match.prior == match.steps[0].before == -18.0
    assert match.weight == match.steps[-1].after == pytest.approx(31.7086, abs=1e-4)
    assert match.weight == pytest.approx(-18.0 + 5.0589 + 3.3219 + 14.1674 + 27.1604, abs=1e-3)
    assert match.steps[1].sentence == (
        (
            "The family names sound the same: +6.64 bits, of which +3.32 bits count, "
            "as a household shares it."
        ),
        (
            "Les noms se prononcent de même : +6,64 bits, dont +3,32 bits comptent, "
            "car un foyer le partage."
        ),
    )
    assert match.decision is Decision.LINK
    assert match.guard is None
    assert match.not_compared == ("title", "phone", "card", "address", "place")


people = st.builds(
    features,
    st.sampled_from([None, "Julie", "Julien", "Jules"]),
    st.sampled_from([None, "Marchand", "Marchant"]),
    born=st.sampled_from([None, "1990-02-03", "1990-03-02", "1961-07-08"]),
    title=st.sampled_from([None, "M", "Mme"]),
    email=st.sampled_from(["a.marchand@orange.fr", "autre@orange.fr"]),
    phone=st.sampled_from(["0612345678", "0240414243"]),
    address=st.sampled_from([home("3 rue Crébillon"), home("4 rue Crébillon", "75002", "Paris")]),
)


@given(people, people)
def test_the_sum_runs_without_a_gap_and_ends_at_the_weight(a: Features, b: Features) -> None:
    score = score_pair(a, b, MODEL)

    match = explained(a, b)

    sums = [match.prior, *(step.after for step in match.steps)]
    assert [step.before for step in match.steps] == sums[:-1]
    assert sums[-1] == score.weight
    for step in match.steps:
        assert step.after - step.before == pytest.approx(step.counted)
    assert {step.attribute for step in match.steps}.isdisjoint(match.not_compared)
    assert {step.attribute for step in match.steps} | set(match.not_compared) == set(COMPARED)


@given(people, people)
def test_a_pair_over_the_line_links_or_says_which_guard_forbids_it(
    a: Features, b: Features
) -> None:
    score = score_pair(a, b, MODEL)

    if score.weight >= MODEL.link_weight:
        assert (guard_of(score, MODEL) is None) is (score.decision is Decision.LINK)


@pytest.mark.parametrize(
    ("left", "right", "code"),
    [
        (
            features("Claire", "Vasseur", born="1980-01-12", email="vasseur@free.fr"),
            features("Bruno", "Vasseur", born="1980-01-12", email="vasseur@free.fr"),
            "given_name",
        ),
        (
            features("Jean", "Vasseur", born="1950-01-12", email="vasseur@free.fr"),
            features("Jean", "Vasseur", born="1981-09-30", email="vasseur@free.fr"),
            "birth_date",
        ),
        (
            features(None, "Vasseur", title="M", email="vasseur@free.fr"),
            features(None, "Vasseur", title="Mme", email="vasseur@free.fr"),
            "title",
        ),
        (
            features(
                "Jean",
                "Vasseur",
                phone="0611223345",
                email="jv.menuiserie@free.fr",
                address=home("3 rue Crébillon"),
            ),
            features(
                "Jean",
                "Vasseur",
                phone="0799887761",
                email="petitjean@orange.fr",
                address=home("3 rue Crébillon"),
            ),
            "kin_of_one_name",
        ),
        (
            features("Quitterie", "Estournelle"),
            features("Quitterie", "Estournelle"),
            "names_alone",
        ),
        (
            features(None, "Estournelle", phone="0240414243", address=home("3 rue Crébillon")),
            features(None, "Estournelle", phone="0240414243", address=home("3 rue Crébillon")),
            "household_only",
        ),
    ],
)
def test_what_forbids_a_link_is_named_in_both_languages(
    left: Features, right: Features, code: str
) -> None:
    match = explain_pair(score_pair(left, right, CAUTIOUS), left, right, CAUTIOUS)

    assert match.decision is not Decision.LINK
    assert match.guard is not None
    assert match.guard.code == code
    assert match.guard.sentence.en in match.sentence.en
    assert match.guard.sentence.fr in match.sentence.fr


def test_a_shared_identifier_is_named_and_does_not_count() -> None:
    a = features("Ana", "Bellanger", email="atelier@lesdunes.fr")
    b = features("Eva", "Fontenoy", email="atelier@lesdunes.fr")

    match = explained(a, b, shared={("email", "atelier@lesdunes.fr"): Standing()})

    [step] = [step for step in match.steps if step.attribute == "email"]
    assert (step.level, step.counted) == ("shared", 0.0)
    [shared] = match.shared
    assert (shared.kind, shared.value) == ("email", "atelier@lesdunes.fr")
    assert "too many different people" in shared.sentence.en


def test_a_declaration_is_said_with_its_author_and_its_day() -> None:
    since = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)
    standing = Standing(since, declared_by="key:1234")
    a = features("Ana", "Bellanger", email="atelier@lesdunes.fr")

    [shared] = explained(a, a, shared={("email", "atelier@lesdunes.fr"): standing}).shared

    assert (shared.is_declared, shared.declared_by, shared.since) == (True, "key:1234", since)
    assert "by declaration of key:1234, since 2026-03-09." in shared.sentence.en
    assert "par déclaration de key:1234, depuis le 09/03/2026." in shared.sentence.fr


def test_without_values_an_explanation_holds_nothing_personal() -> None:
    a = features("Ana", "Bellanger", email="ana@lesdunes.fr", address=home("3 rue Crébillon"))
    shared = {("email", "ana@lesdunes.fr"): Standing()}
    score = score_pair(a, a, MODEL, shared=shared)

    match = explain_pair(score, a, a, MODEL, shared=shared, with_values=False)

    said = repr(match).lower()
    assert not [word for word in ("ana@", "bellanger", "crebillon", "nantes") if word in said]


def test_values_are_those_that_were_compared() -> None:
    one = features(
        "Jean-Marc",
        "Bellanger",
        birth_name="Oursel",
        title="M",
        phone="06 11 22 33 45",
        card="2900010012841",
        address=home("3, rue Crébillon"),
        identifiers=(("national_id", "180 01 44"),),
    )

    values = {name: values_of(name, one) for name in (*COMPARED, "national_id")}

    assert values["given_name"] == ("jean marc",)
    assert values["family_name"] == ("bellanger", "oursel")
    assert values["phone"] == ("+33611223345",)
    assert values["place"] == ("44000 nantes",)
    assert len(values["national_id"]) == 1
    assert values["birth_date"] == values["email"] == ()


def test_a_weight_below_the_lines_is_said_to_be_below() -> None:
    match = explained(features("Ana", "Bellanger"), features("Eva", "Fontenoy"))

    assert match.decision is Decision.APART
    assert "below the line of +4.25 bits" in match.sentence.en
    assert "au-dessous du seuil de +4,25 bits" in match.sentence.fr


def test_levels_name_all_that_a_decision_looks_at() -> None:
    levels = levels_of(score_pair(features("Ana"), features("Ana"), MODEL))

    assert levels["given_name"] == "exact"
    assert levels["email"] == levels["birth_date"] == "missing"
    assert "title" not in levels
