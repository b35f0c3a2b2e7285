"""`rcu evaluate`: how well records were put together, against a known truth."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.table import Table

from rcu.cli.evaluate_tickets import measure_tickets, read_true_tickets, table_of_tickets
from rcu.cli.running import ExitCode, fail, run_with_database, stderr, stdout
from rcu.cli.truth import NOTHING_IN_COMMON, Assignment, TruthLayout, read_clients, read_truth
from rcu.db.engine import Database
from rcu.evaluation import Evaluation
from rcu.ingestion.files.errors import FileRefusedError

_ATTACHABLE_TAGS = ("ref", "card", "email", "phone", "token_known", "return_link")

_SHARES = (
    ("Pairwise precision", "precision", "pairs put together that belong together"),
    ("Pairwise recall", "recall", "pairs that belong together and were found"),
    ("Pairwise F1", "f1", ""),
    ("B-cubed precision", "b3_precision", "the same, averaged over records"),
    ("B-cubed recall", "b3_recall", ""),
    ("B-cubed F1", "b3_f1", ""),
)
_COUNTS = (
    ("Records", "records", ""),
    ("True clients", "clients_true", ""),
    ("Assigned clients", "clients_assigned", ""),
    ("Over-merged clients", "over_merged_clients", "share an assigned client with another person"),
    ("Split clients", "split_clients", "spread over several assigned clients"),
    ("Exact clients", "exact_clients", "found whole and alone"),
    ("Largest assigned client", "largest_cluster", "records"),
    ("Records without client", "unassigned", "each counts as a client of its own"),
    ("Records beyond the truth", "unknown", "not counted"),
)


def evaluate(  # noqa: PLR0913 -- one option for each thing that a truth may not say itself
    truth: Annotated[
        Path,
        typer.Option(
            "--truth",
            exists=True,
            dir_okay=False,
            metavar="FILE.csv",
            help="Who is whom in truth. Columns source, record_id, client_id, or others that the "
            "options below name: the imported file itself, when it holds its truth.",
        ),
    ],
    *,
    source: Annotated[
        list[str],
        typer.Option(
            "--source",
            metavar="CODE",
            help="The source of the records, where no column `source` says it. With --pairs it may "
            "be said twice: for the left side and for the right.",
        ),
    ] = [],  # noqa: B006 - Typer copies it
    record: Annotated[
        str, typer.Option(metavar="COLUMN", help="The column with the ids of records.")
    ] = "record_id",
    client: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The column of the truth that names the person."),
    ] = None,
    pairs: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="LEFT RIGHT",
            help="The truth lists pairs of records of one person, in these two columns; a record "
            "in no pair is alone.",
        ),
    ] = None,
    assigned: Annotated[
        Path | None,
        typer.Option(
            "--assigned",
            exists=True,
            dir_okay=False,
            metavar="FILE.csv",
            help="The same columns as assigned; by default the crosswalk of the database.",
        ),
    ] = None,
    tickets: Annotated[
        Path | None,
        typer.Option(
            "--tickets",
            exists=True,
            dir_okay=False,
            metavar="FILE.csv",
            help="Columns source, ticket_id, client_id, attach: whose each ticket is in truth, and "
            "by what it could be known. Measures the attachments of the database too.",
        ),
    ] = None,
    attachable: Annotated[
        list[str],
        typer.Option(help="A tag of --tickets whose tickets can be attached. Repeatable."),
    ] = list(_ATTACHABLE_TAGS),  # noqa: B006 - Typer copies it
    by_row: Annotated[
        bool,
        typer.Option(
            "--by-row",
            help="The truth has no ids: its rows are those of the imported file, by their number.",
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure the clients of the database, or of a file, against a known truth.

    Pairwise and B-cubed precision, recall and F1, over-merged and split clients: exact, from the
    sizes of the groups, in time proportional to the records. With `--tickets`, also how many
    tickets found their client, and how many of them the right one, by what they could be known.
    """
    from rcu.evaluation import evaluate as measure

    layout = TruthLayout(tuple(source), record, client, pairs, by_row=by_row)
    try:
        read = read_truth(truth, layout)
        true_tickets = read_true_tickets(tickets) if tickets else None
        found = read_clients(assigned, TruthLayout()) if assigned else None
    except FileRefusedError as error:
        fail(error)
        raise typer.Exit(ExitCode.USAGE) from None
    if found is None:
        found = run_with_database(_read_database)
    true_clients = read(found)
    if not true_clients.keys() & found.keys():
        stderr.print(NOTHING_IN_COMMON)
    evaluation = measure(found, true_clients)
    figures = (
        measure_tickets(true_tickets, found, true_clients, attachable=attachable)
        if true_tickets is not None
        else None
    )
    if json:
        said = asdict(evaluation)
        if figures is not None:
            said["tickets"] = [asdict(tag) for tag in figures]
        typer.echo(orjson.dumps(said))
        return
    stdout.print(_table(evaluation))
    if figures is not None:
        stdout.print(table_of_tickets(figures))


async def _read_database(database: Database) -> Assignment:
    from rcu.identity.crosswalk import stream_crosswalk

    with stderr.status("Reading the crosswalk"):
        return {
            (row.source, row.external_id): row.client_id async for row in stream_crosswalk(database)
        }


def _table(evaluation: Evaluation) -> Table:
    figures = asdict(evaluation)
    table = Table("Figure", "", "", title="Evaluation", title_justify="left", show_header=False)
    for label, name, note in _SHARES:
        table.add_row(label, f"{figures[name]:.4f}", f"[dim]{note}[/]")
    table.add_section()
    for label, name, note in _COUNTS:
        table.add_row(label, f"{figures[name]:,}", f"[dim]{note}[/]")
    return table
