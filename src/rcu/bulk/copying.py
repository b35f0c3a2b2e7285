"""Loading many rows into empty tables: the indexes of each are built once its rows are there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Container, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeAlias

    import asyncpg

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]


@dataclass(frozen=True, slots=True)
class TableFile:
    """Rows of a table, or some of them, as a file in the text format of COPY."""

    table: str
    columns: tuple[str, ...]
    path: Path


_MARK = "\x00"


def copy_lines(rows: Iterable[Sequence[str]]) -> bytes:
    """Return rows, all of the same columns, as lines of the text format of COPY."""
    width, values = 0, list[str]()
    for row in rows:
        values += row
        width = width or len(values)
    if not values:
        return b""
    # What stands for a row's end, a column's end and itself is written out, in all values at once:
    # no text of PostgreSQL holds the mark between them.
    text = _MARK.join(values).replace("\\", r"\\")
    text = text.replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")
    values = text.split(_MARK)
    lines = ["\t".join(values[start : start + width]) for start in range(0, len(values), width)]
    return ("\n".join(lines) + "\n").encode()


async def fill(
    connection: Connection, files: AsyncIterator[TableFile], *, bare: Container[str]
) -> None:
    """Copy files into their tables; those of one table come one after the other.

    The tables `bare` have no foreign keys to source records meanwhile: these are checked at the
    end, for all rows at once. Those of them that are empty have no indexes either, nor primary
    keys that no other table refers to: they are built as soon as the rows are there, and so are
    statistics. Nobody else sees it: the transaction holds the tables until it ends.
    """
    table, again = "", _Again()
    async for file in files:
        if file.table != table:
            await _finish(connection, table, again)
            table = file.table
            if table in bare:
                await again.take_away(connection, table)
        await copy(connection, file)
    await _finish(connection, table, again)
    await again.check(connection)


async def _finish(connection: Connection, table: str, again: _Again) -> None:
    """Make the indexes and the statistics of a table, when there was one."""
    if table:
        await again.build(connection)
        columns = await connection.fetchval(_ANALYSED_COLUMNS, table)
        await connection.execute(f"ANALYZE {table} ({columns})")


_ANALYSED_COLUMNS = """
    SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
    WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped
      AND atttypid <> 'jsonb'::regtype
"""
"""Of documents no statistics are of use, and to make them costs more than of all the rest."""


async def copy(connection: Connection, file: TableFile) -> None:
    """Copy a file into its table, and delete it."""
    with file.path.open("rb") as stream:
        await connection.copy_to_table(
            file.table, source=stream, columns=file.columns, format="text"
        )
    file.path.unlink()


# What stands in for the constraint that a primary key or a foreign key is.
_CONSTRAINTS = """
    SELECT conname, pg_get_constraintdef(oid) AS definition, contype = 'f' AS is_foreign
    FROM pg_constraint
    WHERE conrelid = $1::regclass
      AND (contype IN ('p', 'u') AND NOT EXISTS (
               SELECT FROM pg_constraint other
               WHERE other.contype = 'f' AND other.conindid = pg_constraint.conindid
           )
           OR contype = 'f' AND confrelid = 'source_record'::regclass)
    ORDER BY conname
"""
_INDEXES = """
    SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition
    FROM pg_index i
    WHERE i.indrelid = $1::regclass
      AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
    ORDER BY 1
"""


class _Again:
    """What was taken away of tables, and is made again."""

    def __init__(self) -> None:
        self._indexes: list[str] = []
        self._references: list[str] = []

    async def take_away(self, connection: Connection, table: str) -> None:
        """Drop the foreign keys of a table, and when it is empty its indexes and keys."""
        is_empty = not await connection.fetchval(f"SELECT EXISTS (SELECT FROM {table})")
        for name, definition, is_foreign in await connection.fetch(_CONSTRAINTS, table):
            if is_empty or is_foreign:
                await connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
                made_by = f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}'
                (self._references if is_foreign else self._indexes).append(made_by)
        for name, definition in await connection.fetch(_INDEXES, table) if is_empty else ():
            await connection.execute(f"DROP INDEX {name}")
            self._indexes.append(definition)

    async def build(self, connection: Connection) -> None:
        """Make the indexes again, of the table whose rows are there."""
        while self._indexes:
            await connection.execute(self._indexes.pop(0))

    async def check(self, connection: Connection) -> None:
        """Make the foreign keys again."""
        while self._references:
            await connection.execute(self._references.pop(0))
