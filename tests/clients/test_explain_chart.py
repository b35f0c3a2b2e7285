"""The waterfall of a pair: its figures are those of the explanation, and it can be drawn."""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from typing import Any

import pytest

from rcu.clients.explain_chart import ChartsMissingError, as_json, draw, waterfall
from rcu.identity.explanation import PairExplanation, explain_pair
from rcu.identity.model import Model
from rcu.identity.scoring import score_pair
from rcu.identity.wording import Language
from tests.identity.people import features, home

MODEL = Model.shipped()


@pytest.fixture
def match() -> PairExplanation:
    """Give the explanation of two records, for and against, with their values."""
    a = features("Anabelle", "Tourvaine", email="ana@lesdunes.fr", address=home("3 rue Crébillon"))
    b = features("Anabelle", "Tourvaine", email="zoe@lesdunes.fr", address=home("3 rue Crébillon"))
    return explain_pair(score_pair(a, b, MODEL), a, b, MODEL)


def rows_of(chart: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = chart["data"]["values"]
    return rows


def test_the_bars_lead_from_the_prior_to_the_weight(match: PairExplanation) -> None:
    rows = rows_of(waterfall(match))

    assert (rows[0]["before"], rows[0]["after"]) == (0.0, match.prior)
    for earlier, later in pairwise(rows[:-1]):
        assert later["before"] == earlier["after"]
    assert rows[-2]["after"] == match.weight
    assert (rows[-1]["before"], rows[-1]["after"]) == (0.0, match.weight)
    assert [row["says"] for row in rows[1:-1]] == [
        "for" if step.counted >= 0 else "against" for step in match.steps
    ]
    assert {"for", "against"} <= {row["says"] for row in rows}


def test_the_lines_of_link_and_review_are_drawn(match: PairExplanation) -> None:
    lines = [layer["data"]["values"][0] for layer in waterfall(match)["layer"] if "data" in layer]

    assert [line["weight"] for line in lines] == [MODEL.link_weight, MODEL.review_weight]


@pytest.mark.parametrize(("language", "words"), [("en", "family name"), ("fr", "prénom")])
def test_a_chart_speaks_one_language(
    match: PairExplanation, language: Language, words: str
) -> None:
    chart = waterfall(match, language)

    assert words in {row["label"] for row in rows_of(chart)}


def test_a_chart_holds_no_personal_value(match: PairExplanation) -> None:
    text = as_json(waterfall(match)).decode().lower()

    assert json.loads(text)
    assert not [word for word in ("anabel", "tourvaine", "lesdunes", "crebillon") if word in text]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_chart_is_drawn_as_svg(match: PairExplanation, language: Language) -> None:
    drawn = draw(waterfall(match, language), "svg").decode()

    assert drawn.startswith("<svg")
    for row in rows_of(waterfall(match, language)):
        assert row["label"] in drawn
        assert row["bits"].replace("-", "") in drawn.replace("\N{MINUS SIGN}", "")


def test_a_chart_is_drawn_as_png(match: PairExplanation) -> None:
    drawn = draw(waterfall(match), "png")

    assert drawn.startswith(b"\x89PNG\r\n")


def test_without_the_optional_libraries_the_refusal_says_what_to_install(
    match: PairExplanation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "altair", None)

    with pytest.raises(ChartsMissingError, match=r"pip install 'rcu\[charts\]'"):
        draw(waterfall(match), "svg")
