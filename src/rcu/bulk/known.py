"""What facts and stewards have left in a database before a first load, and while it went on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.bulk.duckdb_engine import DuckDBEngine
from rcu.bulk.errors import LoadOvertakenError, NotAFirstLoadError
from rcu.db.statements import fetch
from rcu.identity.controls import ALL_DECLARED
from rcu.identity.placing import IdentifierKey


@dataclass(frozen=True, slots=True)
class Known:
    """What facts have left in the database before there was a profile."""

    messages: list[tuple[str, str, str]]
    """Source, message id and digest of what the inbox holds."""
    references: list[tuple[str, str, str, str]]
    """Source, external id, id and client id of the records that facts named."""
    declared: dict[IdentifierKey, bool]
    """Whether an identifier is shared, of those of which stewards say so."""


async def refuse_profiles(session: AsyncSession) -> None:
    """Raise `NotAFirstLoadError` when the database has a profile."""
    if await fetch(session, "SELECT FROM source_record WHERE kind = 'profile' LIMIT 1"):
        raise NotAFirstLoadError


async def read_known(session: AsyncSession) -> Known:
    """Return what there is."""
    messages = await fetch(
        session, "SELECT source, message_id, encode(digest, 'hex') FROM inbox_message"
    )
    references = await fetch(
        session,
        "SELECT source, external_id, id::text, client_id::text FROM source_record "
        "WHERE kind = 'reference'",
    )
    declared = await fetch(session, ALL_DECLARED)
    return Known(
        [tuple(row) for row in messages],
        [tuple(row) for row in references],
        {(kind, value): is_shared for kind, value, is_shared in declared},
    )


def load_known(engine: DuckDBEngine, known: Known) -> None:
    """Make the tables `known_message` and `reference`."""
    _load(engine, "known_message", ("source", "message_id", "digest"), known.messages)
    _load(engine, "reference", ("source", "external_id", "id", "client_id"), known.references)


_ABOUT_ROWS = """
    SELECT (SELECT count(*) FROM later_message SEMI JOIN message USING (source, message_id))
         + (SELECT count(*) FROM later_reference SEMI JOIN record USING (source, external_id))
"""


def refuse_overtaken(engine: DuckDBEngine, known: Known, now: Known) -> None:
    """Raise `LoadOvertakenError` when what is there now, and was not, is about rows of the file.

    The tables `message` and `record` hold the rows. Other sales that came are no matter: they are
    placed when the rows are written. Their tables last until the engine is closed.
    """
    messages = {row[:2] for row in now.messages} - {row[:2] for row in known.messages}
    references = {row[:2] for row in set(now.references).symmetric_difference(known.references)}
    _load(engine, "later_message", ("source", "message_id"), sorted(messages))
    _load(engine, "later_reference", ("source", "external_id"), sorted(references))
    [(about_rows,)] = engine.rows(_ABOUT_ROWS)
    if about_rows or now.declared != known.declared:
        raise LoadOvertakenError


def _load(
    engine: DuckDBEngine, table: str, columns: Sequence[str], rows: Sequence[tuple[str, ...]]
) -> None:
    schema = pa.schema([(name, pa.string()) for name in columns])
    values = list(zip(*rows, strict=True)) or [()] * len(columns)
    arrays = [pa.array(column, pa.string()) for column in values]
    engine.load(table, [pa.RecordBatch.from_arrays(arrays, schema=schema)], schema)
