"""The model document: sound or refused; weights by level and by frequency."""

from math import inf, isclose, log2, nan
from typing import Any

import pytest
from pydantic import ValidationError

from rcu.identity.model import Model, ModelDocument


def document(**changed: Any) -> dict[str, Any]:
    return {**Model.shipped().document.model_dump(), **changed}


def test_the_shipped_model_is_sound() -> None:
    model = Model.shipped()

    assert model.version
    assert model.review_weight < model.link_weight
    assert ModelDocument.model_validate(document()) == model.document


def test_every_level_of_the_shipped_model_ranks_agreement_above_difference() -> None:
    for name in Model.shipped().document.attributes:
        if name not in {"given_name", "family_name", "place"}:
            weights = Model.shipped()._weights[name]
            assert max(weights.values()) == weights.get("exact", weights.get("same"))
            assert min(weights.values()) == weights["different"]


def test_a_weight_is_the_logarithm_of_m_over_u() -> None:
    level = Model.shipped().document.attributes["email"].levels["exact"]

    assert isclose(Model.shipped().weight("email", "exact"), log2(level.m / level.u))


def test_a_rare_name_weighs_more_than_a_common_one() -> None:
    model = Model.shipped()

    rare = model.weight("family_name", "exact", "kervella")
    common = model.weight("family_name", "exact", "martin")

    assert rare > common + 4
    assert model.weight("email", "exact", "kervella") == model.weight("email", "exact")


def test_an_unknown_level_weighs_nothing() -> None:
    assert Model.shipped().weight("email", "shared") == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"link_weight": -5.0},
        {"attributes": {}},
        {"shared_limits": {}},
        {"frequencies": {}},
        {"key_cap": 0},
        {"key_cap": 2**31},
        {"shared_limits": {"default": 2**70}},
        {"value_limits": {"default": 2**70}},
        {"link_weight": nan},
        {"link_weight": inf},
        {"prior_bits": -inf},
        {"prior_bits": 1e308},
        {"household": {"attributes": [], "agreeing_share": nan, "disagreeing_share": 1}},
        {"surprise": 1},
    ],
)
def test_an_unsound_document_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ModelDocument.model_validate(document(**changed))


def test_a_probability_that_is_next_to_nothing_is_refused() -> None:
    attributes = document()["attributes"]
    attributes["email"]["levels"]["exact"] = {"m": 0.9, "u": 5e-324}

    with pytest.raises(ValidationError, match=r"email\.levels\.exact\.u"):
        ModelDocument.model_validate(document(attributes=attributes))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_is_refused_before_it_is_kept(number: str) -> None:
    written = Model.shipped().document.model_dump_json()
    link_weight = f'"link_weight":{Model.shipped().link_weight}'
    assert link_weight in written

    with pytest.raises(ValidationError):
        Model.from_json(written.replace(link_weight, f'"link_weight":{number}'))
