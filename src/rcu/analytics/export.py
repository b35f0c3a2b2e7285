"""Exporting the views as Parquet files: one snapshot, and only the months that differ.

A month is written anew when its rows differ from those that the last export wrote: every row is
hashed in the database, by the snapshot that is exported. What changed needs no bookkeeping on
the write path, and nothing is missed, whatever changed it: an attachment that came late, a merge,
a correction by hand, a restored backup.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import asyncpg

from rcu.analytics.attach_rate_definitions import VERSION
from rcu.analytics.export_errors import SnapshotChangedError
from rcu.analytics.export_folder import ExportFolder, hold
from rcu.analytics.export_manifest import (
    ExportedColumn,
    ExportedFile,
    ExportedPart,
    ExportedTable,
    Manifest,
    Snapshot,
    table_of,
)
from rcu.analytics.export_parquet import (
    BLOCK_BYTES,
    ByteStream,
    PartWriter,
    ReaderGoneError,
    WrittenFile,
    arrow_schema,
    batches_of,
)
from rcu.analytics.export_plan import (
    PartState,
    TablePlan,
    TableSource,
    choose_tables,
    plan_table,
)
from rcu.analytics.views import list_views
from rcu.db.engine import Database
from rcu.db.failures import Failure, failure_of, unavailable
from rcu.db.migrations import head_revision

if TYPE_CHECKING:
    from typing import TypeAlias

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

Progress = Callable[[str, int, int], None]
"""Told what goes on, and how many of how many rows are written (0 of 0 before that is known)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an export is asked for."""

    tables: Collection[str] = ()
    """Empty for all."""
    since: date | None = None
    """Months before the one of this day stay as they are."""
    full: bool = False
    """Write everything anew, changed or not."""
    personal: bool = False
    """Also what names or reaches people."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export did."""

    manifest: Manifest
    written_rows: int
    written_files: int
    changed_parts: int
    looked_at_parts: int


async def export(database: Database, to: Path, wanted: Wanted, progress: Progress) -> Exported:
    """Bring the export in a folder to what the views hold now.

    Raises `ExportFolderError` for a folder that cannot take it, `UnknownTableError` and
    `PersonalTableError` for what cannot be asked for. After any error the earlier export stands.
    """
    async with database.transaction() as session:
        views = await list_views(session)
    sources = choose_tables(
        views, names=wanted.tables, personal=wanted.personal, since=wanted.since
    )
    with hold(to) as folder:
        connection = await database.dedicated_connection()
        try:
            return await _Export(connection, folder, wanted, progress).run(sources)
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            if (failure := failure_of(error)) is not None:
                raise unavailable(failure) from error
            raise
        except ConnectionError as error:
            raise unavailable(Failure.DISCONNECTED) from error
        finally:
            await connection.close()


# One instant for all tables; whatever is committed meanwhile belongs to the next export.
_BEGIN: Final = (
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
    "SET LOCAL timezone = 'UTC'",
    "SET LOCAL datestyle = 'ISO, YMD'",
)
_SNAPSHOT: Final = """
    SELECT statement_timestamp(), pg_current_snapshot()::text,
           CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                ELSE pg_current_wal_lsn() END::text
"""


class _Export:
    """An export at work."""

    def __init__(
        self, connection: Connection, folder: ExportFolder, wanted: Wanted, progress: Progress
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._wanted = wanted
        self._progress = progress
        self._before: dict[str, ExportedTable] = (
            dict(folder.manifest.tables) if folder.manifest is not None else {}
        )
        self._done_rows = 0
        self._all_rows = 0

    async def run(self, sources: Collection[TableSource]) -> Exported:
        for statement in _BEGIN:
            await self._connection.execute(statement)
        [row] = await self._connection.fetch(_SNAPSHOT)
        snapshot = Snapshot(taken_at=row[0], transactions=row[1], wal_position=row[2])
        plans = [await self._plan(source, snapshot) for source in sources]
        self._all_rows = sum(plan.changed_rows for plan in plans)
        # Of an export of some tables, the others stay; what a whole one does not take, goes.
        tables = dict(self._before) if self._wanted.tables else {}
        files = 0
        for plan in plans:
            written = await self._write(plan)
            files += sum(map(len, written.values()))
            tables[plan.source.name] = self._table(plan, written, snapshot.taken_at)
        manifest = self._manifest(snapshot, tables)
        await asyncio.to_thread(self._folder.publish, manifest)
        return Exported(
            manifest=manifest,
            written_rows=self._done_rows,
            written_files=files,
            changed_parts=sum(len(plan.changed) for plan in plans),
            looked_at_parts=sum(len(plan.states) for plan in plans),
        )

    async def _plan(self, source: TableSource, snapshot: Snapshot) -> TablePlan:
        self._progress(f"Looking for changes: {source.name}", 0, 0)
        rows = await self._connection.fetch(source.states_sql())
        states = {row["part"]: PartState(row["rows"], row["fingerprint"]) for row in rows}
        before = self._before.get(source.name)
        return plan_table(
            source,
            states,
            before,
            intact=set() if self._wanted.full else self._intact(before),
            empty_part=f"{snapshot.taken_at:%Y-%m}",
        )

    def _intact(self, before: ExportedTable | None) -> set[str]:
        return {
            name
            for name, part in (before.parts.items() if before is not None else ())
            if all(self._folder.has(file.path, file.bytes) for file in part.files)
        }

    async def _write(self, plan: TablePlan) -> dict[str, list[WrittenFile]]:
        if not plan.changed:
            return {}
        source = plan.source
        self._tell(source.name)
        writer = PartWriter(
            arrow_schema(source.view.columns, source.view.comment),
            lambda part, number: self._folder.incoming(
                source.name, part if source.partitioned_by else None, number
            ),
        )
        try:
            for part in plan.changed:
                writer.begin(part)
            if plan.changed_rows:
                await self._copy(plan, writer)
            written = await asyncio.to_thread(writer.finish)
        finally:
            writer.abandon()
        for part in plan.changed:
            found = sum(file.rows for file in written[part])
            if found != (counted := plan.states[part].rows):
                raise SnapshotChangedError(source.name, part, counted=counted, written=found)
        return written

    async def _copy(self, plan: TablePlan, writer: PartWriter) -> None:
        """Let PostgreSQL send while a thread reads and writes; each waits for the other."""
        stream = ByteStream()
        schema = arrow_schema(plan.source.view.columns, plan.source.view.comment)

        def write() -> None:
            with stream:
                for batch in batches_of(stream, schema):
                    writer.write(batch)
                    self._done_rows += batch.num_rows
                    self._tell(plan.source.name)

        writing = asyncio.create_task(asyncio.to_thread(write))
        try:
            await self._send(plan.source.rows_sql(plan.changed), stream)
        except ReaderGoneError:
            await writing
            raise
        except BaseException:
            stream.end()
            await asyncio.gather(writing, return_exceptions=True)
            raise
        stream.end()
        await writing

    async def _send(self, statement: str, stream: ByteStream) -> None:
        waiting = bytearray()

        async def put(block: bytes) -> None:
            waiting.extend(block)
            if len(waiting) >= BLOCK_BYTES:
                await asyncio.to_thread(stream.put, bytes(waiting))
                waiting.clear()

        await self._connection.copy_from_query(
            statement, output=put, format="csv", force_quote=True
        )
        await asyncio.to_thread(stream.put, bytes(waiting))

    def _tell(self, table: str) -> None:
        self._progress(f"Writing {table}", self._done_rows, self._all_rows)

    def _table(
        self, plan: TablePlan, written: Mapping[str, list[WrittenFile]], at: datetime
    ) -> ExportedTable:
        view = plan.source.view
        before = self._before.get(view.name)
        parts = {part: before.parts[part] for part in plan.kept} if before is not None else {}
        for name, state in plan.states.items():
            if name in written:
                files = [self._file(file) for file in written[name]]
            else:
                files = before.parts[name].files if before is not None else []
            parts[name] = ExportedPart(
                rows=state.rows, fingerprint=state.fingerprint, as_of=at, files=files
            )
        columns = [
            ExportedColumn(name=column.name, type=column.type, comment=column.comment)
            for column in view.columns
        ]
        return table_of(view.comment, plan.source.partitioned_by, columns, parts)

    def _file(self, file: WrittenFile) -> ExportedFile:
        return ExportedFile(
            path=self._folder.final_path(file.path),
            rows=file.rows,
            bytes=file.bytes,
            sha256=file.sha256,
        )

    def _manifest(self, snapshot: Snapshot, tables: Mapping[str, ExportedTable]) -> Manifest:
        times = {part.as_of for table in tables.values() for part in table.parts.values()}
        return Manifest(
            service_version=version("rcu"),
            schema_revision=head_revision() or "none",
            definitions={"attach_rate": VERSION},
            snapshot=snapshot,
            is_one_instant=times <= {snapshot.taken_at},
            tables=dict(sorted(tables.items())),
        )
