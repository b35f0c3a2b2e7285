"""`rcu model evaluate`: precision and recall of the links, estimated from judgements."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from rcu.cli.running import run_with_database, stdout

if TYPE_CHECKING:
    from rcu.identity.estimation import Estimate, Stratum
    from rcu.identity.judged_pairs import JudgedPairs

ASSUMPTIONS = """\
Within a stratum the judged pairs stand for all: judge the sample of links \
(GET /v1/reviews/sample) as well as the queue.
A stratum without judgements counts at the model's own probability (one half where a guard or the \
partition overrules the weight), with an interval from 0 to 1.
Recall is among the pairs that reached the review line. Matches that no blocking key brought \
together, or that weigh less, are not seen: read it as an upper bound.
Pairs joined or parted by hand without a review are left out; unsure counts as not judged.\
""".splitlines()


def evaluate(
    *,
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="Of the intervals.")] = 0.95,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Estimate precision and recall of the links from what stewards judged.

    By band of match weight, together in one client or apart; each with its interval.
    """
    from rcu.identity.judged_pairs import count_judged_pairs

    found = run_with_database(count_judged_pairs)
    if json:
        import orjson

        typer.echo(orjson.dumps(_figures(found, confidence)))
        return
    stdout.print(_strata_table(found.strata, confidence))
    stdout.print(_estimates_table(found, confidence))
    for assumption in ASSUMPTIONS:
        stdout.print(f"[dim]- {assumption}[/]", highlight=False)


def _figures(found: JudgedPairs, confidence: float) -> dict[str, Any]:
    from rcu.identity.estimation import WEIGHT_EDGES, wilson

    precision, recall = _estimates(found, confidence)
    return {
        "confidence": confidence,
        "precision": None if precision is None else asdict(precision),
        "recall": None if recall is None else asdict(recall),
        "unsure": found.unsure,
        "weight_edges": WEIGHT_EDGES,
        "strata": [
            asdict(stratum)
            | {"interval": wilson(stratum.matches, stratum.judged, confidence=confidence)}
            for stratum in found.strata
        ],
        "assumptions": ASSUMPTIONS,
    }


def _estimates(found: JudgedPairs, confidence: float) -> tuple[Estimate | None, Estimate | None]:
    from rcu.identity.estimation import estimate_precision, estimate_recall

    return (
        estimate_precision(found.strata, confidence=confidence),
        estimate_recall(found.strata, confidence=confidence),
    )


def _strata_table(strata: list[Stratum], confidence: float) -> Table:
    from rcu.identity.estimation import wilson

    table = Table(
        "Stored pairs", "Weight (bits)", "Pairs", "Judged", "Matches", "Share", "Interval",
        title="Judged pairs", title_justify="left",
    )  # fmt: skip
    for stratum in strata:
        low, high = wilson(stratum.matches, stratum.judged, confidence=confidence)
        table.add_row(
            "together" if stratum.together else "apart",
            _band(stratum.band),
            f"{stratum.pairs:,}",
            f"{stratum.judged:,}",
            f"{stratum.matches:,}",
            f"{stratum.share:.3f}" + ("" if stratum.judged else " (model)"),
            f"{low:.3f} to {high:.3f}",
        )
    return table


def _band(band: int) -> str:
    from rcu.identity.estimation import WEIGHT_EDGES

    if band == 0:
        return f"below {WEIGHT_EDGES[0]:g}"
    if band == len(WEIGHT_EDGES):
        return f"{WEIGHT_EDGES[-1]:g} and more"
    return f"{WEIGHT_EDGES[band - 1]:g} to {WEIGHT_EDGES[band]:g}"


def _estimates_table(found: JudgedPairs, confidence: float) -> Table:
    table = Table(
        "Figure", "Estimate", f"Interval at {confidence:.0%}",
        title="Estimated from judgements", title_justify="left",
    )  # fmt: skip
    for label, estimate in zip(
        ("Precision of the links", "Recall at the review line"),
        _estimates(found, confidence),
        strict=True,
    ):
        if estimate is None:
            table.add_row(label, "no pairs", "")
        else:
            table.add_row(
                label, f"{estimate.value:.4f}", f"{estimate.low:.4f} to {estimate.high:.4f}"
            )
    table.add_row("Unsure", f"{found.unsure:,}", "")
    return table
