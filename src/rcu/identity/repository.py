"""Queries of source records and their clients.

Each is one statement, set-wise: one record or a thousand alike.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Uuid, bindparam, insert, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import fetch
from rcu.identity.change_models import IdentityChange
from rcu.identity.models import SourceRecord

RecordKey = tuple[str, str]
"""`(source, external_id)`."""

Pair = tuple[UUID, UUID]
"""Two record ids, the lower one first."""


class StoredRecord(NamedTuple):
    """A source record as it stands in the database."""

    id: UUID
    source: str
    external_id: str
    kind: str
    client_id: UUID
    placement: str
    features: dict[str, Any]
    version: int


class SavedRecord(NamedTuple):
    """A record to insert, or whose profile to replace: a row of the type `new_record`.

    `profile` and `features` are JSON text.
    """

    id: UUID
    source: str
    external_id: str
    kind: str
    client_id: UUID
    placement: str
    profile: str
    features: str


_RECORD = (
    SourceRecord.id,
    SourceRecord.source,
    SourceRecord.external_id,
    SourceRecord.kind,
    SourceRecord.client_id,
    SourceRecord.placement,
    SourceRecord.features,
    SourceRecord.version,
)

_FIND_BY_KEY = """
    SELECT r.id, r.source, r.external_id, r.kind, r.client_id, r.placement, r.features, r.version,
           r.profile
    FROM unnest($1::text[], $2::text[]) AS wanted(source, external_id)
    JOIN source_record r USING (source, external_id)
"""


async def find_records(
    session: AsyncSession, keys: Collection[RecordKey]
) -> dict[RecordKey, tuple[StoredRecord, dict[str, Any]]]:
    """Return the records that exist among `keys`, each with its profile registers."""
    if not keys:
        return {}
    rows = await fetch(session, _FIND_BY_KEY, [s for s, _ in keys], [e for _, e in keys])
    return {
        (row["source"], row["external_id"]): (StoredRecord._make(row[:8]), row["profile"])
        for row in rows
    }


_BY_ID = """
    SELECT id, source, external_id, kind, client_id, placement, features, version
    FROM source_record WHERE id = ANY ($1::uuid[]) ORDER BY id
"""


async def list_records(session: AsyncSession, record_ids: Collection[UUID]) -> list[StoredRecord]:
    """Return records by their ids, oldest first."""
    if not record_ids:
        return []
    return [StoredRecord._make(row) for row in await fetch(session, _BY_ID, list(record_ids))]


_FEATURES = "SELECT id, features FROM source_record WHERE id = ANY ($1::uuid[])"


async def list_features(
    session: AsyncSession, record_ids: Collection[UUID]
) -> dict[UUID, dict[str, Any]]:
    """Return the features of records, as JSON objects."""
    return dict(await fetch(session, _FEATURES, list(record_ids))) if record_ids else {}


def _within(column: Any, ids: Sequence[UUID]) -> Any:
    return column == bindparam(None, list(ids), type_=ARRAY(Uuid)).any_()


_LOCK_CLIENTS = """
    SELECT id, version FROM client WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE
"""


async def lock_clients(session: AsyncSession, client_ids: Collection[UUID]) -> dict[UUID, int]:
    """Lock clients until the transaction ends, in the order of their ids; return their versions."""
    if not client_ids:
        return {}
    rows = await fetch(session, _LOCK_CLIENTS, list(client_ids))
    return dict(rows)


async def list_members(session: AsyncSession, client_ids: Collection[UUID]) -> list[StoredRecord]:
    """Return every record of the clients, oldest first."""
    rows = await session.execute(
        select(*_RECORD)
        .where(_within(SourceRecord.client_id, list(client_ids)))
        .order_by(SourceRecord.id)
    )
    return [StoredRecord._make(row) for row in rows]


async def current_client_id(session: AsyncSession, client_id: UUID) -> UUID | None:
    """Return the client that an id, once given, stands for today; None if never given."""
    return await session.scalar(select(SourceRecord.client_id).where(SourceRecord.id == client_id))


# --- writing ------------------------------------------------------------------------------------


ADD_RECORDS: Final = """
    INSERT INTO source_record AS held
        (id, source, external_id, kind, client_id, placement, profile, features,
         created_at, changed_at)
    SELECT saved.*, $2::timestamptz, $2 FROM unnest($1::new_record[]) AS saved ORDER BY saved.id
"""
"""Takes a set of `SavedRecord` as its first value, and the time as its second."""
SAVE_RECORDS: Final = f"""
    {ADD_RECORDS}
    ON CONFLICT (id) DO UPDATE
    SET kind = excluded.kind, placement = excluded.placement, profile = excluded.profile,
        features = excluded.features, changed_at = excluded.changed_at, version = held.version + 1
"""  # noqa: S608 - of a constant
"""Does as `ADD_RECORDS` does, and replaces what the profiles of those that exist say."""


async def add_changes(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append to the history of the partition."""
    if rows:
        await session.execute(insert(IdentityChange), list(rows))
