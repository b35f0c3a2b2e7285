"""The attach rate as a file: CSV for a spreadsheet, or a chart."""

from __future__ import annotations

import csv
from collections.abc import Collection, Sequence
from io import StringIO
from typing import Any, Final

from rcu.analytics.attach_rate_dimensions import Dimension
from rcu.analytics.attach_rate_errors import TooManyToDrawError
from rcu.analytics.attach_rate_schemas import AttachRateRead, FiguresRead

_SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"
_TIMES: Final = frozenset({Dimension.DAY, Dimension.WEEK, Dimension.MONTH, Dimension.HOUR})
# Readable by the colour-blind (Okabe and Ito, 2008).
_COLOURS: Final = ("#999999", "#0072B2")
MOST_DRAWN: Final = 60
"""Lines or bars of one chart."""
_WIDTH: Final = 520
_ROW_HEIGHT: Final = 34
_COLUMNS: Final = 2
"""Small charts side by side, when there are several."""


def rows_of(answer: AttachRateRead) -> list[tuple[dict[str, str | int | None], FiguresRead]]:
    """Return the groups of an answer, or the totals as the only one."""
    groups = [(one.group, one.figures) for one in answer.groups]
    return groups if answer.group_by else [({}, answer.totals)]


def as_csv(answer: AttachRateRead) -> str:
    """Return an answer as CSV: a line for each group, amounts in columns of their currency."""
    lines = [_flat(group, figures) for group, figures in rows_of(answer)]
    reasons = [f"missed_{reason}" for reason in answer.totals.missed_by_reason]
    amounts = {name for line in lines for name in line if name[:3].isupper()}
    columns = [*answer.group_by, *_COUNTS, *reasons, *sorted(amounts)]
    text = StringIO()
    writer = csv.DictWriter(text, columns, restval=0, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


_COUNTS: Final = (
    "tickets",
    "attached_at_sale",
    "attached_now",
    "rate_at_sale",
    "rate_now",
    "missed",
    "accounts_opened",
)


def _flat(group: dict[str, str | int | None], figures: FiguresRead) -> dict[str, Any]:
    told: dict[str, Any] = dict(group) | {name: getattr(figures, name) for name in _COUNTS}
    told |= {f"missed_{reason}": n for reason, n in figures.missed_by_reason.items()}
    for amounts in figures.amounts:
        of_currency = amounts.model_dump(exclude={"currency"})
        told |= {f"{amounts.currency}_{name}": value for name, value in of_currency.items()}
    return told


def chart(answer: AttachRateRead) -> dict[str, Any]:
    """Return the rates of an answer as a Vega-Lite specification.

    Lines over the first time that it is grouped by, with a small chart for every value of the rest;
    bars when it is grouped by no time.
    """
    time = next((name for name in answer.group_by if name in _TIMES), None)
    others = [name for name in answer.group_by if name != time]
    labels = {_label(group, others) for group, _ in rows_of(answer)}
    if len(labels) > MOST_DRAWN:
        raise TooManyToDrawError(len(labels), MOST_DRAWN)
    names = ("at sale", "as known then" if answer.as_of else "as known now")
    encoding = _encoding(names)
    values: list[dict[str, Any]] = [
        {
            "time": group.get(time or ""),
            "label": _label(group, others),
            "series": series,
            "rate": rate,
            "tickets": figures.tickets,
        }
        for group, figures in rows_of(answer)
        for series, rate in zip(names, (figures.rate_at_sale, figures.rate_now), strict=True)
    ]
    until = f", as known at {answer.as_of:%Y-%m-%d %H:%M %Z}" if answer.as_of else ""
    return {
        "$schema": _SCHEMA,
        "title": {
            "text": "Attach rate",
            "subtitle": f"{answer.from_} to {answer.to}{until}",
            "anchor": "start",
        },
        "data": {"values": values},
        **(_lines(time, encoding, has_several=bool(others)) if time else _bars(labels, encoding)),
    }


def _label(group: dict[str, str | int | None], names: Sequence[str]) -> str:
    return " · ".join("none" if group[name] is None else str(group[name]) for name in names)


def _encoding(names: Sequence[str]) -> dict[str, Any]:
    return {
        "color": {
            "field": "series",
            "type": "nominal",
            "title": None,
            "scale": {"domain": list(names), "range": list(_COLOURS)},
        },
        "tooltip": [
            {"field": "label", "type": "nominal"},
            {"field": "series", "type": "nominal"},
            {"field": "rate", "type": "quantitative", "format": ".1%"},
            {"field": "tickets", "type": "quantitative"},
        ],
    }


def _rate() -> dict[str, Any]:
    return {
        "field": "rate",
        "type": "quantitative",
        "title": "tickets attached",
        "axis": {"format": "%"},
        "scale": {"domain": [0, 1]},
    }


def _lines(time: str, encoding: dict[str, Any], *, has_several: bool) -> dict[str, Any]:
    x = {"field": "time", "type": "ordinal", "title": time}
    drawn = {
        "width": _WIDTH // _COLUMNS if has_several else _WIDTH,
        "height": _WIDTH // 4,
        "mark": {"type": "line", "point": True},
        "encoding": {"x": x, "y": _rate()} | encoding,
    }
    if not has_several:
        return drawn
    return {
        "facet": {"field": "label", "type": "nominal", "title": None},
        "columns": _COLUMNS,
        "spec": drawn,
    }


def _bars(labels: Collection[str], encoding: dict[str, Any]) -> dict[str, Any]:
    y = {"field": "label", "type": "nominal", "title": None}
    offset = {"field": "series", "type": "nominal", "sort": encoding["color"]["scale"]["domain"]}
    return {
        "width": _WIDTH,
        "height": _ROW_HEIGHT * max(len(labels), 1),
        "mark": "bar",
        "encoding": {"x": _rate(), "y": y, "yOffset": offset} | encoding,
    }
