"""The bulk engine of one machine: DuckDB for the sets, worker processes for the stages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from rcu.bulk.engine import Stage
from rcu.bulk.errors import EngineMissingError
from rcu.bulk.scratch import ScratchFolder, refuse_full
from rcu.bulk.workers import Workers
from rcu.machine import memory_bytes

if TYPE_CHECKING:
    import duckdb

BATCH_ROWS, BATCH_BYTES = 4096, 2_000_000
"""Rows that a process works on at a time, or fewer where they are wide: the others get theirs, and
PostgreSQL the first of what is made, the sooner."""
LEAST_MEMORY_MB, MOST_MEMORY_MB = 512, 768
_SHARE_OF_MEMORY = 8
_PART_ROWS_PER_MB = 100
"""Records gathered at once: some 2 KB each, twice in a join, and half of the memory left over."""


def default_memory_limit_mb() -> int:
    """Return what DuckDB may hold in memory; the rest goes to files in the temporary folder.

    An eighth of the machine's, between 512 and 768 MB: a base of any size is resolved in parts
    that fit, and more would only keep what the files keep.
    """
    machine = memory_bytes() // 1_000_000
    return max(LEAST_MEMORY_MB, min(machine // _SHARE_OF_MEMORY, MOST_MEMORY_MB))


class DuckDBEngine:
    """Tables in memory, for as long as the engine lives, and beyond its limit in files.

    The files stand in a folder that only we can read. A database in a file would have every table
    compressed and written, of which most are read once and dropped: two to four times the work.
    """

    explode = "unnest"
    overlap = "list_has_any"

    def __init__(
        self,
        *,
        folder: Path | None = None,
        memory_limit_mb: int | None = None,
        processes: int | None = None,
        batch_rows: int = BATCH_ROWS,
        part_rows: int | None = None,
    ) -> None:
        """Open an empty engine; `folder` is where it keeps its files while it runs.

        `memory_limit_mb` is by default `default_memory_limit_mb()`; `part_rows`, what fits in it.
        """
        memory_limit_mb = memory_limit_mb or default_memory_limit_mb()
        self.part_rows: int | None = part_rows or memory_limit_mb * _PART_ROWS_PER_MB
        self._temporary = ScratchFolder(prefix="rcu-bulk-", dir=folder)
        self.folder = Path(self._temporary.name)
        self._batch_rows = batch_rows
        self._workers = Workers(self.folder, processes=processes)
        self._connection = _connect(self.folder, memory_limit_mb)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()
        refuse_full(raised[1], self.folder)

    def load(self, table: str, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> None:
        """Make a table of rows from outside."""
        reader = pa.RecordBatchReader.from_batches(schema, batches)
        self._from_reader(table, reader)

    def create(self, table: str, *queries: str) -> None:
        """Make a table of the rows of queries of the same columns, in turn."""
        first, *others = queries
        self._connection.execute(f"CREATE TABLE incoming_{table} AS {first}")
        for other in others:
            self._connection.execute(f"INSERT INTO incoming_{table} {other}")
        self.drop(table)
        self._connection.execute(f"ALTER TABLE incoming_{table} RENAME TO {table}")

    def number(self, table: str, query: str, *, by: str) -> None:
        """Make a table of the rows of a query with a `number` that rises with the columns `by`."""
        self.create(
            table,
            f"SELECT row_number() OVER (ORDER BY {by}) AS number, * FROM ({query}) AS unnumbered",
        )

    def map(self, table: str, queries: str | Iterable[str], stage: Stage) -> None:
        """Make a table of what a stage makes of the rows of a query, or of several in turn."""
        queries = [queries] if isinstance(queries, str) else queries
        self.map_batches(table, self.batches_of(queries), stage)

    def map_batches(self, table: str, batches: Iterable[pa.RecordBatch], stage: Stage) -> None:
        """Make a table of what a stage makes of batches from outside."""
        made = self.made_of(batches, stage)
        self._from_reader(table, pa.RecordBatchReader.from_batches(stage.schema, made))

    def made_of(self, batches: Iterable[pa.RecordBatch], stage: Stage) -> Iterator[pa.RecordBatch]:
        """Yield what a stage makes of batches from outside, in their order."""
        return self._workers.run(stage, batches)

    def batches_of(self, queries: Iterable[str]) -> Iterator[pa.RecordBatch]:
        """Yield the rows of queries, as many at a time as are worked on."""
        for batch in chain.from_iterable(map(self.stream, queries)):
            rows = max(BATCH_BYTES * batch.num_rows // max(batch.nbytes, 1), 1)
            yield from (batch.slice(start, rows) for start in range(0, batch.num_rows, rows))

    def stream(self, query: str) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a query, a batch at a time."""
        with self._connection.cursor() as cursor:
            yield from cursor.sql(query).to_arrow_reader(self._batch_rows)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query, which are few."""
        found: list[tuple[Any, ...]] = self._connection.execute(query).fetchall()
        return found

    def stored_bytes(self) -> int:
        """Return what the tables take, in memory and in files."""
        [(held,)] = self.rows(
            "SELECT sum(memory_usage_bytes + temporary_storage_bytes) FROM duckdb_memory()"
        )
        return int(held)

    def run(self, statement: str) -> None:
        """Run a statement of DuckDB's own, such as a COPY to a file."""
        self._connection.execute(statement)

    def drop(self, *tables: str) -> None:
        """Forget tables."""
        for table in tables:
            self._connection.execute(f"DROP TABLE IF EXISTS {table}")

    def collect(self, columns: Mapping[str, str]) -> str:
        """Return the SQL that gathers a group's rows as a list of structs."""
        members = ", ".join(f"{name} := {value}" for name, value in columns.items())
        return f"list(struct_pack({members}))"

    def end_processes(self) -> None:
        """Let the processes end: no more stages are to come, or they start anew."""
        self._workers.close(wait=False)

    def close(self) -> None:
        """End the processes and delete the files."""
        self._workers.close()
        self._connection.close()
        self._temporary.cleanup()

    def _from_reader(self, table: str, reader: pa.RecordBatchReader) -> None:
        # On a cursor of its own: the rows may come from a query that is still running.
        with self._connection.cursor() as cursor:
            cursor.register("arriving_rows", reader)
            cursor.execute(f"CREATE TABLE incoming_{table} AS SELECT * FROM arriving_rows")
            cursor.unregister("arriving_rows")
        self.drop(table)
        self._connection.execute(f"ALTER TABLE incoming_{table} RENAME TO {table}")


def _connect(folder: Path, memory_limit_mb: int) -> duckdb.DuckDBPyConnection:
    try:
        import duckdb
    except ImportError:
        raise EngineMissingError(engine="duckdb", extra="bulk") from None
    connection = duckdb.connect(":memory:")
    connection.execute(f"SET memory_limit = '{memory_limit_mb}MB'")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute(f"SET temp_directory = '{folder / 'spill'}'")
    return connection
