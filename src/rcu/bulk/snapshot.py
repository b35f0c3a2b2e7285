"""The profile records of a database as of one instant, in files that an engine reads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from rcu.bulk.batches import batch_of
from rcu.db.engine import Database
from rcu.identity.controls import ALL_DECLARED
from rcu.identity.partition import Judgements
from rcu.identity.placing import IdentifierKey

if TYPE_CHECKING:
    import asyncpg

BATCH_ROWS = 5000
KEY_MARK = "\x1f"
"""Stands between the source and the external id of a record in one text: below every character
that a source's code may have, so that the texts sort as the pairs do."""

RECORD_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("id", pa.string()),
        ("client_id", pa.string()),
        ("version", pa.int64()),
        ("features", pa.string()),
    ]
)
PAIR_SCHEMA = pa.schema(
    [
        ("left_id", pa.string()),
        ("right_id", pa.string()),
        ("weight", pa.float64()),
        ("decision", pa.string()),
        ("contradiction", pa.string()),
        ("model_version", pa.string()),
    ]
)

_RECORDS = """
    SELECT source, external_id, id, client_id, version, features
    FROM source_record WHERE kind = 'profile'
"""
_PAIRS = """
    SELECT left_id, right_id, weight, decision, contradiction, model_version FROM record_pair
"""
_JUDGED = """
    SELECT j.verdict, l.source, l.external_id, r.source, r.external_id
    FROM judgement j
    JOIN source_record l ON l.id = j.left_id JOIN source_record r ON r.id = j.right_id
    WHERE j.revoked_at IS NULL AND j.verdict IN ('match', 'no_match')
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the resolution starts from, and what it is compared with."""

    records: Path
    """Parquet of `RECORD_SCHEMA`."""
    pairs: Path
    """Parquet of `PAIR_SCHEMA`: the pairs as they are stored."""
    judgements: Judgements[str]
    """What binds, by the keys of records."""
    declared: dict[IdentifierKey, bool]
    """Whether an identifier is shared, of those of which stewards say so."""


def record_key(source: str, external_id: str) -> str:
    """Return the key of a record in the bulk engine."""
    return f"{source}{KEY_MARK}{external_id}"


async def take_snapshot(database: Database, folder: Path) -> Snapshot:
    """Read records, pairs and judgements through cursors: a few thousand rows in memory."""
    records, pairs = folder / "records.parquet", folder / "pairs.parquet"
    async with _one_instant(database) as connection:
        await _save(connection, _RECORDS, records, RECORD_SCHEMA, _record_row)
        await _save(connection, _PAIRS, pairs, PAIR_SCHEMA, _pair_row)
        judged = await connection.fetch(_JUDGED)
        declared = await connection.fetch(ALL_DECLARED)
    verdicts: dict[str, set[frozenset[str]]] = {"match": set(), "no_match": set()}
    for verdict, *sides in judged:
        verdicts[verdict].add(frozenset({record_key(*sides[:2]), record_key(*sides[2:])}))
    return Snapshot(
        records,
        pairs,
        Judgements(
            must_link=frozenset(verdicts["match"]), cannot_link=frozenset(verdicts["no_match"])
        ),
        {(kind, value): is_shared for kind, value, is_shared in declared},
    )


def read_batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file of the snapshot."""
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(BATCH_ROWS)


@asynccontextmanager
async def _one_instant(database: Database) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    async with (
        database.driver_connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await connection.execute("SET LOCAL statement_timeout = 0")
        yield connection


async def _save(
    connection: asyncpg.Connection[asyncpg.Record],
    query: str,
    path: Path,
    schema: pa.Schema,
    row: Any,
) -> None:
    cursor = await connection.cursor(query)
    with pq.ParquetWriter(path, schema) as writer:
        while found := await cursor.fetch(BATCH_ROWS):
            writer.write_batch(batch_of(schema, [row(one) for one in found]))


def _record_row(found: asyncpg.Record) -> tuple[Any, ...]:
    source, external_id, record_id, client_id, version, features = found
    packed = orjson.dumps(features).decode()
    return record_key(source, external_id), str(record_id), str(client_id), version, packed


def _pair_row(found: asyncpg.Record) -> tuple[Any, ...]:
    left_id, right_id, *rest = found
    return str(left_id), str(right_id), *rest
