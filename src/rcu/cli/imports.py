"""`rcu import`: a file of profiles, tickets, orders, events or consents, as messages come."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from rcu.cli.running import (
    ExitCode,
    collect_garbage_rarely,
    fail,
    load_settings,
    run_with_database,
    stderr,
    stdout,
)
from rcu.db.engine import Database
from rcu.db.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rcu.ingestion.files.formats import FileFormat
    from rcu.ingestion.files.importer import ImportSummary, Receipt
    from rcu.ingestion.files.mapping import Mapping
    from rcu.ingestion.files.plan import Options, Plan
    from rcu.ingestion.files.reading import Sample
    from rcu.ingestion.messages import Message


class FileType(StrEnum):
    """What the rows of a file may be."""

    PROFILES = "profiles"
    TICKETS = "tickets"
    ORDERS = "orders"
    EVENTS = "events"
    CONSENTS = "consents"


class Order(StrEnum):
    """Which comes first in 03/04/1980."""

    DMY = "dmy"
    MDY = "mdy"


def import_file(  # noqa: PLR0913 -- one option for each thing that a file may not say itself
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The file.")
    ],
    *,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="CODE",
            help="The source that the rows come from. Not needed when a column `source` says it; "
            "then it picks the rows of that one.",
        ),
    ] = None,
    file_type: Annotated[
        FileType | None,
        typer.Option("--type", help="What the rows are; guessed from the columns by default."),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, metavar="FILE.yml", help="How columns become fields."
        ),
    ] = None,
    bulk: Annotated[
        bool,
        typer.Option(
            "--bulk",
            help="A first load of profiles into a database without any: several times faster.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show how the first rows are understood, and stop.")
    ] = False,
    rejects: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Where refused rows go, with their reasons. By default beside the file, as "
            "FILE.rejected.csv.",
        ),
    ] = None,
    default_date_order: Annotated[
        Order | None, typer.Option(help="How 03/04/1980 is read: 3 April (dmy, default) or not.")
    ] = None,
    occurred_at: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"],
            metavar="WHEN",
            help="When the rows were true (UTC), for a file without a column that says so. "
            "By default the time when the file was last written.",
        ),
    ] = None,
) -> None:
    """Import a file: CSV, JSON Lines or Parquet, gzipped or not.

    Delimiter and encoding are detected and said. Columns go by their names (email, phone,
    given_name, code_postal, ...), or as a mapping file says: see docs/import.md. Rows take the
    same path as the API. Importing a file again changes nothing.

    Ends with 0 when every row was accepted, 1 when some were refused, 2 when the file or the
    command line cannot be understood, 3 when the database cannot be reached.
    """
    from rcu.ingestion.files.errors import FileRefusedError, MappingRefusedError
    from rcu.ingestion.files.mapping import PLURALS, Mapping, read_mapping
    from rcu.ingestion.files.plan import Options
    from rcu.ingestion.files.values import DateOrder

    moment = occurred_at or datetime.fromtimestamp(file.stat().st_mtime, UTC)
    options = Options(
        file_time=moment.replace(tzinfo=UTC),
        type=PLURALS[file_type] if file_type else None,
        source=source,
        date_order=DateOrder(default_date_order) if default_date_order else None,
    )
    target = rejects or _default_rejects(file)
    if target.exists() and target.samefile(file):
        raise typer.BadParameter("The refused rows would overwrite the file itself: say --rejects.")
    collect_garbage_rarely()
    try:
        chosen = read_mapping(mapping) if mapping else Mapping()
        job = _Job(file, chosen, options, target, dry_run=dry_run, bulk=bulk)
        summary = run_with_database(job.run)
    except (FileRefusedError, MappingRefusedError) as error:
        fail(error)
        raise typer.Exit(ExitCode.USAGE) from None
    if summary is not None:
        from rcu.cli import import_report

        stdout.print(import_report.summary_table(summary, job.waiting))
        if summary.rejected:
            stderr.print(import_report.rejects_sentence(target), soft_wrap=True)
            raise typer.Exit(ExitCode.PROBLEM)


MANY_ROWS: Final = 1_000
"""Accepted by one import: what is read right after it is planned by what the tables hold now."""


def _default_rejects(file: Path) -> Path:
    """Return FILE.rejected.csv beside the file, or here when its folder cannot be written."""
    name = f"{file.name}.rejected.csv"
    return file.with_name(name) if os.access(file.absolute().parent, os.W_OK) else Path(name)


class _Job:
    """One run of the command."""

    def __init__(
        self,
        file: Path,
        mapping: Mapping,
        options: Options,
        rejects: Path,
        *,
        dry_run: bool,
        bulk: bool,
    ) -> None:
        self._file = file
        self._mapping = mapping
        self._options = options
        self._rejects = rejects
        self._dry_run = dry_run
        self._bulk = bulk
        self.waiting: dict[str, int] = {}
        """Messages of any import that wait at the end of this one, by reason."""

    async def run(self, database: Database) -> ImportSummary | None:
        """Say what the file is, then import it; None after a dry run."""
        from rcu.access.service import list_sources
        from rcu.cli import import_report
        from rcu.ingestion.files.findings import first_findings, unread_sentences
        from rcu.ingestion.files.formats import detect
        from rcu.ingestion.files.plan import make_plan
        from rcu.ingestion.files.reading import read_sample

        file_format = detect(
            self._file,
            encoding=self._mapping.encoding,
            delimiter=self._mapping.delimiter,
            header=self._mapping.header,
        )
        sample = read_sample(self._file, file_format)
        async with database.transaction() as session:
            sources = frozenset(source.code for source in await list_sources(session))
        plan = make_plan(sample, self._mapping, self._options, sources)
        stderr.print(import_report.plan_text(self._file, file_format, plan), soft_wrap=True)
        region = load_settings().default_region
        for sentence in first_findings(sample, plan, sources, region=region):
            stderr.print(import_report.note(sentence), soft_wrap=True)
        if self._dry_run:
            stdout.print(import_report.dry_run(sample, plan, sources))
            return None
        work = self._load_first if self._bulk else self._import
        summary = await work(database, file_format, sample, plan, sources)
        if summary.rows > len(sample.rows):  # else it was said before
            for sentence in unread_sentences(summary.unread, summary.rows, plan):
                stderr.print(import_report.note(sentence), soft_wrap=True)
        return summary

    async def _load_first(
        self,
        database: Database,
        file_format: FileFormat,
        sample: Sample,
        plan: Plan,
        sources: frozenset[str],
    ) -> ImportSummary:
        from rcu.bulk.errors import ConsentsLeftOutError, OnlyProfilesError
        from rcu.bulk.first_load import Load, load_first
        from rcu.bulk.load_stages import Reading
        from rcu.cli import import_report
        from rcu.identity.active_model import read_active_model
        from rcu.ingestion.context import Context
        from rcu.ingestion.files.reading import read_rows
        from rcu.ingestion.files.rejects import RejectsFile
        from rcu.ingestion.messages import MessageType

        if plan.type is not MessageType.PROFILE:
            raise OnlyProfilesError(plan.type)
        if any(field.target == "consents" for field in plan.fields):
            raise ConsentsLeftOutError
        context = Context.from_settings(load_settings())
        with (
            RejectsFile(self._rejects, sample.columns, delimiter=file_format.delimiter) as rejects,
            import_report.LoadProgress(self._file.stat().st_size) as progress,
        ):
            load = Load(
                reading=Reading(sample, self._mapping, self._options, sources),
                rows=lambda: read_rows(self._file, file_format, on_bytes=progress.read_to),
                rejects=rejects,
                model=await read_active_model(database),
                region=context.defaults.region,
            )
            loaded = await load_first(database, load, on_step=progress.begin)
        return loaded.summary

    async def _import(
        self,
        database: Database,
        file_format: FileFormat,
        sample: Sample,
        plan: Plan,
        sources: frozenset[str],
    ) -> ImportSummary:
        from rcu.cli import import_report
        from rcu.db.statistics import refresh_statistics
        from rcu.ingestion.context import Context
        from rcu.ingestion.files.importer import import_rows, understand
        from rcu.ingestion.files.reading import read_rows
        from rcu.ingestion.files.rejects import RejectsFile
        from rcu.ingestion.repository import count_parked
        from rcu.ingestion.service import receive_all

        context = Context.from_settings(load_settings())

        async def receive(source: str, messages: Sequence[Message]) -> Sequence[Receipt]:
            return await receive_all(
                database,
                source=source,
                messages=messages,
                context=context,
                on_done=progress.received,
            )

        with (
            RejectsFile(self._rejects, sample.columns, delimiter=file_format.delimiter) as rejects,
            import_report.ImportProgress(self._file.stat().st_size) as progress,
        ):
            rows = read_rows(self._file, file_format, on_bytes=progress.read_to)
            try:
                summary = await import_rows(
                    understand(rows, plan, sources),
                    receive=receive,
                    rejects=rejects,
                    region=context.defaults.region,
                    on_progress=progress.chunk_done,
                )
            except DatabaseUnavailableError:
                stderr.print(
                    f"Stopped after {progress.rows:,} rows, which are in. Give the same command "
                    "again: it recognises them and goes on."
                )
                raise
        if summary.accepted >= MANY_ROWS:
            await refresh_statistics(database)
        if summary.parked:
            async with database.transaction() as session:
                self.waiting = await count_parked(session)
        return summary
