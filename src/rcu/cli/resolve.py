"""`rcu resolve`: the whole database resolved anew, in bulk, and the difference adopted."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from rcu.cli.running import load_settings, run_with_database, stderr, stdout
from rcu.db.engine import Database

if TYPE_CHECKING:
    from rcu.bulk.engine import Engine
    from rcu.bulk.whole_database import Difference


class EngineName(StrEnum):
    """Where the set-wise work is done."""

    DUCKDB = "duckdb"
    SPARK = "spark"


def resolve(
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Resolve every record. Needed: there is no other way yet.")
    ] = False,
    engine: Annotated[
        EngineName, typer.Option(help="duckdb on this machine, or spark on a cluster.")
    ] = EngineName.DUCKDB,
    master: Annotated[
        str, typer.Option(metavar="URL", help="Where Spark runs: local[2], spark://host:7077, ...")
    ] = "local[2]",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
) -> None:
    """Resolve the whole database anew, and adopt what comes out different.

    Every change is an identity change with its history, as if a message had made it. Ingestion
    goes on meanwhile. Stopped half-way, the same command goes on.
    """
    if not everything:
        raise typer.BadParameter("Say --all: the whole database is resolved anew.")

    async def work(database: Database) -> Difference:
        from rcu.bulk.whole_database import resolve_database
        from rcu.identity.active_model import read_active_model
        from rcu.ingestion.context import Context

        context = Context.from_settings(load_settings())
        with open_engine(engine, master) as running, _Bar() as bar:
            return await resolve_database(
                database,
                running,
                model=await read_active_model(database),
                region=context.defaults.region,
                dry_run=dry_run,
                only_while_active=True,
                on_progress=bar.show,
            )

    stdout.print(_summary(run_with_database(work), dry_run=dry_run))


def open_engine(engine: EngineName, master: str) -> Engine:
    """Return a new engine of the name; `master` is where Spark runs."""
    if engine is EngineName.SPARK:
        from rcu.bulk.spark_engine import SparkEngine

        return SparkEngine(master=master)
    from rcu.bulk.duckdb_engine import DuckDBEngine

    return DuckDBEngine()


class _Bar(Progress):
    """Says what goes on: resolving, of unknown length, then adopting, record by record."""

    def __init__(self) -> None:
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=stderr,
        )
        self._task = self.add_task("Resolving", total=None)

    def show(self, done: int, records: int) -> None:
        """Say how far the adoption is."""
        self.update(self._task, description="Adopting", completed=done, total=records)


def _summary(found: Difference, *, dry_run: bool) -> Table:
    title = "Would change" if dry_run else "Resolved"
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    rows = [
        ("records", found.figures.records, ""),
        ("clients", found.figures.clients, "known ones"),
        ("candidate pairs", found.figures.pairs, ""),
        ("pairs that weigh differently", found.changed_pairs, ""),
        ("records that change client", found.moved_records, ""),
        ("clients merged into others", found.retired_clients, ""),
        ("clients split off", found.new_clients, ""),
    ]
    if not dry_run:
        rows.append(("records formed anew", found.adopted_records, ""))
        if found.overtaken_records:
            note = "by messages, which resolved them"
            rows.append(("records changed meanwhile", found.overtaken_records, note))
    elif found.brakes:
        note = "hold back some of these merges: rcu brake list"
        rows.append(("merge brakes that are on", found.brakes, note))
    for name, count, note in rows:
        table.add_row(name, f"{count:,}", note)
    return table
