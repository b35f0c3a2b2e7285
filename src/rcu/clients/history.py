"""How client ids came to stand for whom they do, and whom they stood for at any time before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Final
from uuid import UUID

from rcu.db.engine import Database

_AS_OF: Final = files("rcu.clients").joinpath("as_of.sql").read_text(encoding="utf-8")
_HISTORY: Final = files("rcu.clients").joinpath("history.sql").read_text(encoding="utf-8")

FIRST_RECORD: Final = UUID(int=0)
"""Before the oldest record."""

NOW: Final = datetime.max.replace(tzinfo=UTC)
"""As of when nothing later is taken back."""

Place = tuple[datetime, UUID]
"""Time and id of a change."""

START: Final[Place] = (datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1))
"""Before the newest change."""


@dataclass(frozen=True, slots=True)
class RecordThen:
    """A source record of a client at some time."""

    id: UUID
    source: str
    external_id: str
    kind: str
    since: datetime


@dataclass(frozen=True, slots=True)
class ClientThen:
    """Whom a client id stood for at some time."""

    client_id: UUID | None
    """None when the id was not given yet."""
    records: Sequence[RecordThen]
    next_record: UUID | None
    """The last record told, when there are more."""


async def find_client_then(
    database: Database,
    client_id: UUID,
    at: datetime,
    *,
    after: UUID = FIRST_RECORD,
    limit: int,
) -> ClientThen | None:
    """Return whom an id stood for at a time, and up to `limit` records; None if never given."""
    async with database.driver_connection() as connection:
        rows = await connection.fetch(_AS_OF, client_id, at, after, limit + 1)
    if not rows:
        return None
    told = [RecordThen(*row[1:]) for row in rows if row["id"] is not None]
    kept = told[:limit]
    more = len(told) > limit
    return ClientThen(rows[0]["client_id"], kept, kept[-1].id if more else None)


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """One page of changes, as JSON, and where the next page begins."""

    client_id: UUID
    """The present client of the id."""
    successors: Sequence[tuple[UUID, int]]
    """The clients that hold the records which were ever with the id, and how many."""
    items: Sequence[str]
    next_place: Place | None


_SUCCESSORS = """
    WITH was AS (
        SELECT id FROM source_record WHERE client_id = $1
        UNION
        SELECT unnest(record_ids) FROM identity_change
        WHERE client_id = $1 OR other_client_id = $1
    )
    SELECT r.client_id, count(*) FROM was JOIN source_record r USING (id)
    GROUP BY r.client_id ORDER BY r.client_id
"""


async def find_history(
    database: Database, client_id: UUID, *, after: Place = START, limit: int
) -> HistoryPage | None:
    """Return up to `limit` changes that led to a client, newest first; None if never given."""
    async with database.driver_connection() as connection:
        rows = await connection.fetch(_HISTORY, client_id, *after, limit + 1)
        if not rows:
            return None
        successors = await connection.fetch(_SUCCESSORS, client_id)
    told = [row for row in rows if row["id"] is not None]
    kept = told[:limit]
    more = len(told) > limit
    return HistoryPage(
        client_id=rows[0]["client_id"],
        successors=[(row[0], row[1]) for row in successors],
        items=[row["item"] for row in kept],
        next_place=(kept[-1]["at"], kept[-1]["id"]) if more else None,
    )
