"""Loading many rows into empty tables: their indexes are built once, at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeAlias

    import asyncpg

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]


@dataclass(frozen=True, slots=True)
class TableFile:
    """Rows of a table as a file in the text format of COPY."""

    table: str
    columns: tuple[str, ...]
    path: Path


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
    ORDER BY contype = 'f', conname
"""
_INDEXES = """
    SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition
    FROM pg_index i
    WHERE i.indrelid = $1::regclass
      AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
    ORDER BY 1
"""


@asynccontextmanager
async def without_indexes(connection: Connection, tables: Iterable[str]) -> AsyncIterator[None]:
    """Take the indexes of those of the tables that are empty away, and build them anew at the end.

    So are primary keys that no other table refers to, and foreign keys to source records, which
    are checked then for all rows at once. Nobody else sees it: the transaction holds the tables
    until it ends.
    """
    again: list[str] = []
    for table in tables:
        if not await connection.fetchval(f"SELECT EXISTS (SELECT FROM {table})"):
            again += await _take_away(connection, table)
    yield
    for statement in sorted(again, key=lambda statement: "FOREIGN KEY" in statement):
        await connection.execute(statement)


async def _take_away(connection: Connection, table: str) -> list[str]:
    """Drop indexes and keys of a table; return the statements that make them again."""
    again = []
    for name, definition, _ in reversed(await connection.fetch(_CONSTRAINTS, table)):
        await connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        again.append(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
    for name, definition in await connection.fetch(_INDEXES, table):
        await connection.execute(f"DROP INDEX {name}")
        again.append(definition)
    return again
