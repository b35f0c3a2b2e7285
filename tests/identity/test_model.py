"""The model document: sound or refused; weights by level and by frequency."""

from math import isclose, log2
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
        {"surprise": 1},
    ],
)
def test_an_unsound_document_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ModelDocument.model_validate(document(**changed))
