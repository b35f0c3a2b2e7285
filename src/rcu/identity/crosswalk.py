"""The crosswalk: which client each source record is, read as a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import collate, select, text

from rcu.db.engine import Database
from rcu.identity.models import RecordKind, SourceRecord

_FETCHED_ROWS: Final = 5000
_NAMED_BY_SOURCES: Final = (RecordKind.PROFILE, RecordKind.REFERENCE)


class CrosswalkRow(NamedTuple):
    """A source record and its client."""

    source: str
    external_id: str
    client_id: UUID


async def stream_crosswalk(
    database: Database, *, with_identifiers: bool = False
) -> AsyncGenerator[CrosswalkRow, None]:
    """Yield every source record by source and external id, as of one instant.

    Records that only gather tickets of one identifier are left out, unless asked for: no
    source knows their external ids. The order is that of bytes, the same on every server. A
    cursor keeps the rows on the server, whatever their number.
    """
    query = select(SourceRecord.source, SourceRecord.external_id, SourceRecord.client_id).order_by(
        collate(SourceRecord.source, "C"), collate(SourceRecord.external_id, "C")
    )
    if not with_identifiers:
        query = query.where(SourceRecord.kind.in_(_NAMED_BY_SOURCES))
    async with database.transaction() as session:
        await session.execute(text("SET LOCAL statement_timeout = 0"))
        rows = await session.stream(query, execution_options={"yield_per": _FETCHED_ROWS})
        async for source, external_id, client_id in rows:
            yield CrosswalkRow(source, external_id, client_id)
