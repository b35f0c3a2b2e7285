"""The bulk engine of one machine: DuckDB for the sets, worker processes for the stages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from rcu.bulk.engine import Stage
from rcu.bulk.errors import EngineMissingError
from rcu.bulk.workers import Workers

if TYPE_CHECKING:
    import duckdb

BATCH_ROWS = 4096
"""Rows that a process works on at a time."""
MEMORY_LIMIT_MB = 512
"""What DuckDB may hold in memory; the rest goes to a file in the temporary folder."""


class DuckDBEngine:
    """Tables in a DuckDB file that lives as long as the engine, in a folder only we can read."""

    explode = "unnest"
    overlap = "list_has_any"

    def __init__(
        self,
        *,
        folder: Path | None = None,
        memory_limit_mb: int = MEMORY_LIMIT_MB,
        processes: int | None = None,
        batch_rows: int = BATCH_ROWS,
    ) -> None:
        """Open an empty engine; `folder` is where it keeps its files while it runs."""
        self._temporary = TemporaryDirectory(prefix="rcu-bulk-", dir=folder)
        self.folder = Path(self._temporary.name)
        self._batch_rows = batch_rows
        self._workers = Workers(self.folder, processes=processes)
        self._connection = _connect(self.folder, memory_limit_mb)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def load(self, table: str, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> None:
        """Make a table of rows from outside."""
        reader = pa.RecordBatchReader.from_batches(schema, batches)
        self._from_reader(table, reader)

    def create(self, table: str, query: str) -> None:
        """Make a table of the rows of a query."""
        self._connection.execute(f"CREATE TABLE incoming_rows AS {query}")
        self.drop(table)
        self._connection.execute(f"ALTER TABLE incoming_rows RENAME TO {table}")

    def number(self, table: str, query: str, *, by: str) -> None:
        """Make a table of the rows of a query with a `number` that rises with the column `by`."""
        self.create(
            table,
            f"SELECT row_number() OVER (ORDER BY {by}) AS number, * FROM ({query}) AS unnumbered",
        )

    def map(self, table: str, query: str, stage: Stage) -> None:
        """Make a table of what a stage makes of the rows of a query."""
        self.map_batches(table, self.stream(query), stage)

    def map_batches(self, table: str, batches: Iterable[pa.RecordBatch], stage: Stage) -> None:
        """Make a table of what a stage makes of batches from outside."""
        done = self._workers.run(stage, batches)
        self._from_reader(table, pa.RecordBatchReader.from_batches(stage.schema, done))

    def stream(self, query: str) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a query, a batch at a time."""
        with self._connection.cursor() as cursor:
            yield from cursor.sql(query).to_arrow_reader(self._batch_rows)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query, which are few."""
        found: list[tuple[Any, ...]] = self._connection.execute(query).fetchall()
        return found

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

    def close(self) -> None:
        """End the processes and delete the files."""
        self._workers.close()
        self._connection.close()
        self._temporary.cleanup()

    def _from_reader(self, table: str, reader: pa.RecordBatchReader) -> None:
        # On a cursor of its own: the rows may come from a query that is still running.
        with self._connection.cursor() as cursor:
            cursor.register("arriving_rows", reader)
            cursor.execute("CREATE TABLE incoming_rows AS SELECT * FROM arriving_rows")
            cursor.unregister("arriving_rows")
        self.drop(table)
        self._connection.execute(f"ALTER TABLE incoming_rows RENAME TO {table}")


def _connect(folder: Path, memory_limit_mb: int) -> duckdb.DuckDBPyConnection:
    try:
        import duckdb
    except ImportError:
        raise EngineMissingError(engine="duckdb", extra="bulk") from None
    connection = duckdb.connect(str(folder / "bulk.duckdb"))
    connection.execute(f"SET memory_limit = '{memory_limit_mb}MB'")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute(f"SET temp_directory = '{folder / 'spill'}'")
    return connection
