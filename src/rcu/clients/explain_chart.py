"""The waterfall of a pair: from the prior, step by step, to the match weight.

A Vega-Lite specification is plain JSON and always to be had. Drawing it as SVG or PNG takes
Altair and vl-convert: `pip install 'rcu[charts]'`. No chart holds personal data: attributes,
levels and weights only.
"""

from __future__ import annotations

import json
from io import BytesIO, StringIO
from typing import Any, Final, Literal

from rcu.errors import RcuError
from rcu.identity.explanation import PairExplanation
from rcu.identity.wording import Language, Sentence, attribute_name, bits

Chart = dict[str, Any]
ImageFormat = Literal["svg", "png"]

_SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"
_WIDTH: Final = 520
_ROW_HEIGHT: Final = 26
_PNG_SCALE: Final = 2
# Readable by the colour-blind (Okabe and Ito, 2008).
_COLOURS: Final = {"start": "#999999", "for": "#0072B2", "against": "#D55E00", "total": "#000000"}

_TITLE: Final = Sentence("Match weight, step by step", "Poids de rapprochement, pas à pas")
_AXIS: Final = Sentence("sum of the evidence, in bits", "somme des indices, en bits")
_TOTAL: Final = Sentence("match weight", "poids total")
_LINK_LINE: Final = Sentence("link", "rapprochement")
_REVIEW_LINE: Final = Sentence("review", "à juger")


class ChartsMissingError(RcuError):
    """Drawing needs the optional libraries."""

    status = 501
    code = "charts_missing"

    def __init__(self) -> None:
        super().__init__(
            "Drawing a chart needs further libraries: pip install 'rcu[charts]'. "
            "The Vega-Lite specification (.json) needs none."
        )


def waterfall(match: PairExplanation, language: Language = "en") -> Chart:
    """Return the waterfall of a pair as a Vega-Lite specification."""
    rows = _rows(match, language)
    tooltip = [
        {"field": field, "type": kind, "title": title}
        for field, kind, title in (
            ("label", "nominal", ""),
            ("level", "nominal", ""),
            ("bits", "nominal", "bits"),
        )
    ]
    order = [row["label"] for row in rows]
    y = {"field": "label", "type": "nominal", "sort": order, "title": None}
    return {
        "$schema": _SCHEMA,
        "title": {
            "text": _TITLE.in_language(language),
            "subtitle": _lines(match.sentence.in_language(language)),
            "anchor": "start",
        },
        "width": _WIDTH,
        "height": _ROW_HEIGHT * len(rows),
        "data": {"values": rows},
        "layer": [
            {
                "mark": {"type": "bar", "height": {"band": 0.7}},
                "encoding": {
                    "y": y,
                    "x": {
                        "field": "before",
                        "type": "quantitative",
                        "title": _AXIS.in_language(language),
                    },
                    "x2": {"field": "after"},
                    "color": {
                        "field": "says",
                        "type": "nominal",
                        "legend": None,
                        "scale": {"domain": list(_COLOURS), "range": list(_COLOURS.values())},
                    },
                    "tooltip": tooltip,
                },
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 4},
                "encoding": {
                    "y": y,
                    "x": {"field": "right_end", "type": "quantitative"},
                    "text": {"field": "bits"},
                },
            },
            _line(match.link_weight, _LINK_LINE.in_language(language), [1, 0]),
            _line(match.review_weight, _REVIEW_LINE.in_language(language), [4, 4]),
        ],
    }


def _lines(text: str) -> list[str]:
    """Return one line for each sentence: Vega does not wrap."""
    return [line if line.endswith(".") else f"{line}." for line in text.split(". ")]


def _rows(match: PairExplanation, language: Language) -> list[dict[str, Any]]:
    start = _row(attribute_name("prior").in_language(language), "", (0.0, match.prior), language)
    steps = [
        _row(
            step.name.in_language(language),
            step.sentence.in_language(language),
            (step.before, step.after),
            language,
        )
        for step in match.steps
    ]
    total = _row(_TOTAL.in_language(language), "", (0.0, match.weight), language)
    return [start | {"says": "start"}, *steps, total | {"says": "total"}]


def _row(label: str, level: str, ends: tuple[float, float], language: Language) -> dict[str, Any]:
    before, after = ends
    change = after - before
    return {
        "label": label,
        "level": level,
        "before": before,
        "after": after,
        "right_end": max(before, after),
        "bits": bits(change).in_language(language).split(" ", 1)[0],
        "says": "for" if change >= 0 else "against",
    }


def _line(weight: float, name: str, dash: list[int]) -> Chart:
    return {
        "data": {"values": [{"weight": weight, "name": name}]},
        "encoding": {"x": {"field": "weight", "type": "quantitative"}},
        "layer": [
            {"mark": {"type": "rule", "strokeDash": dash, "color": "#555555"}},
            {
                "mark": {"type": "text", "align": "left", "dx": 3, "dy": -4, "baseline": "bottom"},
                "encoding": {"y": {"value": 0}, "text": {"field": "name"}},
            },
        ],
    }


def draw(chart: Chart, image_format: ImageFormat) -> bytes:
    """Return a chart as an image. Raises `ChartsMissingError` without the optional libraries."""
    try:
        import altair as alt
        import vl_convert  # noqa: F401 - Altair draws with it
    except ImportError:
        raise ChartsMissingError from None
    drawn = alt.Chart.from_dict(chart)
    if image_format == "svg":
        text = StringIO()
        drawn.save(text, format="svg")
        return text.getvalue().encode()
    image = BytesIO()
    drawn.save(image, format="png", scale_factor=_PNG_SCALE)
    return image.getvalue()


def as_json(chart: Chart) -> bytes:
    """Return a chart as the text of its specification."""
    return json.dumps(chart, ensure_ascii=False, indent=2).encode() + b"\n"
