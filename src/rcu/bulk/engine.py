"""What the bulk resolution asks of an engine: tables, SQL, and a stage run over a query's rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, Protocol, Self

import pyarrow as pa


class Stage(Protocol):
    """Work on batches of rows, done in processes beside the engine: it is pickled and sent there.

    A pure function of each row: how the rows are cut into batches changes nothing.
    """

    schema: ClassVar[pa.Schema]
    """The rows that come out."""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield batches of rows of `schema` for batches of rows."""


class Engine(Protocol):
    """A set of named tables, and SQL over them.

    The SQL is what DuckDB and Spark have in common; where they differ, the engine says how it
    spells the thing.
    """

    explode: str
    """The function that makes a row of each member of an array."""
    overlap: str
    """The function that tells whether two arrays have a member in common."""
    part_rows: int | None
    """How many records' wide rows a query may gather at once; None where the engine cuts by itself.

    See `rcu.bulk.parts`.
    """

    def __enter__(self) -> Self:
        """Give the engine itself."""

    def __exit__(self, *_: object) -> None:
        """Close it."""

    def load(self, table: str, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> None:
        """Make a table of rows from outside."""

    def create(self, table: str, *queries: str) -> None:
        """Make a table of the rows of queries of the same columns, worked out once, in turn."""

    def number(self, table: str, query: str, *, by: str) -> None:
        """Make a table of the rows of a query with a `number` that rises with the columns `by`."""

    def map(self, table: str, queries: str | Iterable[str], stage: Stage) -> None:
        """Make a table of what a stage makes of the rows of a query, or of several in turn."""

    def stream(self, query: str) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a query, a batch at a time, wherever they are kept."""

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Return the rows of a query, which are few."""

    def drop(self, *tables: str) -> None:
        """Forget tables."""

    def collect(self, columns: Mapping[str, str]) -> str:
        """Return the SQL that gathers a group's rows as an array of structs, by name of member."""

    def close(self) -> None:
        """Give back what the engine holds: processes, memory, files."""
