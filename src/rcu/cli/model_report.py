"""What `rcu model` shows of a model document."""

from __future__ import annotations

from math import log2

from rich.table import Table

from rcu.identity.model import ModelDocument, TrainingFigures

FEW_MATCHES = 100
"""Expected matches below which a training says so: each figure leans on ten events held before."""


def summary(document: ModelDocument) -> Table:
    """Return the lines that decide on pairs."""
    table = Table(title=f"Model {document.version}", title_justify="left", show_header=False)
    for label, value in (
        ("Prior", f"{document.prior_bits:.2f} bits"),
        ("Link from", f"{document.link_weight:.2f} bits"),
        ("Review from", f"{document.review_weight:.2f} bits"),
        ("Names alone may link", "yes" if document.names_alone_link else "no"),
        ("May differ alone", ", ".join(sorted(document.excusable_differences)) or "nothing"),
        ("One a person", ", ".join(sorted(document.single_valued_kinds)) or "no identifier"),
        ("Not only theirs", ", ".join(sorted(document.ambiguous_kinds)) or "no identifier"),
        ("Lent to others", ", ".join(sorted(document.lent_kinds)) or "no identifier"),
    ):
        table.add_row(label, value)
    return table


def training(figures: TrainingFigures) -> Table:
    """Return how the model was trained."""
    table = Table(title="Training", title_justify="left", show_header=False)
    for label, value in (
        ("Trained at", f"{figures.trained_at:%Y-%m-%d %H:%M} UTC"),
        ("Started from", figures.trained_from),
        ("Records", f"{figures.records:,} of {figures.base_records:,}"),
        ("Clients at first", f"{figures.clients:,}"),
        ("Candidate pairs", f"{figures.candidate_pairs:,}"),
        ("Random pairs", f"{figures.random_pairs:,}"),
        *(
            (
                f"Pairs of one {session.block}",
                (
                    f"{session.pairs:,}, of which {session.match_share:.1%} match; "
                    f"{session.iterations} iterations"
                    f"{'' if session.converged else ', not converged'}"
                ),
            )
            for session in figures.sessions
        ),
        ("Expected matches", f"{figures.expected_matches:,.0f}"),
        ("Log-likelihood", f"{figures.log_likelihood_bits:,.0f} bits above no match at all"),
        ("Prior before", f"{figures.prior_bits_before:.2f} bits"),
        ("Judgements", f"{figures.judgements:,}, {figures.judgement_shift_bits:+.2f} bits"),
        *_reservations(figures),
    ):
        table.add_row(label, value)
    return table


def _reservations(figures: TrainingFigures) -> list[tuple[str, str]]:
    """Return what to know of a training on few matches."""
    if figures.expected_matches >= FEW_MATCHES:
        return []
    return [
        (
            "Few matches",
            f"what ten of them do not show stays near {figures.trained_from}; try it first",
        )
    ]


def weights(document: ModelDocument) -> Table:
    """Return the weight of every level, and what it was before the training."""
    table = Table("Attribute", "Level", "m", "u", "Weight (bits)", "Before")
    before = document.training.levels if document.training else {}
    for name, attribute in document.attributes.items():
        for key, level in attribute.levels.items():
            figures = before.get(name, {}).get(key)
            table.add_row(
                name,
                key,
                f"{level.m:.4g}",
                f"{level.u:.3g}",
                f"{log2(level.m / level.u):+.2f}",
                f"{log2(figures.m_before / figures.u_before):+.2f}" if figures else "",
            )
    return table
