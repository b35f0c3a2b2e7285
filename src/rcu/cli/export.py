"""`rcu export`: the views of `analytics` as Parquet files, by month, only what differs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rcu.cli.running import run_with_database, stderr
from rcu.db.engine import Database

if TYPE_CHECKING:
    from rcu.analytics.export import Exported


def export(
    to: Annotated[
        Path,
        typer.Option("--to", metavar="DIR", file_okay=False, help="The folder; made if need be."),
    ],
    *,
    tables: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME,...", help="Only these views; the others stay as they are."
        ),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m"],
            metavar="YYYY-MM",
            help="Look for changes from this month on; earlier months stay as they are.",
        ),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Write every file anew, changed or not.")
    ] = False,
    personal: Annotated[
        bool,
        typer.Option("--personal", help="Also what names or reaches people: client_contacts."),
    ] = False,
) -> None:
    """Write the views for data teams as Parquet files: tickets/month=2026-11/part-....parquet.

    All tables show one instant. The first export writes everything, the next ones only the months
    in which a row differs, whatever changed it. The earlier export stays valid until the new one
    is complete: read the files that manifest.json names. See docs/analytics.md.
    """
    from rcu.analytics.export import Wanted
    from rcu.analytics.export import export as run_export

    wanted = Wanted(
        tables=tuple(name.strip() for name in tables.split(",") if name.strip()) if tables else (),
        since=since.date().replace(day=1) if since else None,
        full=full,
        personal=personal,
    )
    with _Bar() as bar:

        async def work(database: Database) -> Exported:
            return await run_export(database, to, wanted, bar.show)

        done = run_with_database(work)
    stderr.print(
        f"{escape(str(to))}: {len(done.manifest.tables)} tables as of "
        f"{done.manifest.snapshot.taken_at:%Y-%m-%d %H:%M:%S} UTC. "
        f"{done.changed_parts} of {done.looked_at_parts} months or tables differed: "
        f"{done.written_rows:,} rows written to {done.written_files} files."
        + ("" if done.manifest.is_one_instant else " What was not looked at is as of before."),
        soft_wrap=True,
        highlight=False,
    )


class _Bar(Progress):
    """Says which table is looked at or written, and how far the writing is."""

    def __init__(self) -> None:
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=stderr,
            transient=True,
        )
        self._task = self.add_task("Looking for changes", total=None)

    def show(self, what: str, done: int, rows: int) -> None:
        """Say what goes on."""
        self.update(self._task, description=what, completed=done, total=rows or None)
