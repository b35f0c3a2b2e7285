"""Queries on purposes and consent records. Each is one statement."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from rcu.consent.models import Purpose
from rcu.db.statements import fetch
from rcu.db.writes import Write, Writes

if TYPE_CHECKING:
    import asyncpg
    from sqlalchemy.ext.asyncio import AsyncSession


class KnownPurpose(NamedTuple):
    """A purpose, as statements need it."""

    code: str
    channels: Sequence[str]


_PURPOSES: Final = "SELECT code, channels FROM purpose WHERE code = ANY ($1::text[])"


async def find_purposes(session: AsyncSession, codes: Collection[str]) -> dict[str, KnownPurpose]:
    """Return the purposes that there are among `codes`."""
    rows = await fetch(session, _PURPOSES, sorted(codes))
    return {row["code"]: KnownPurpose(*row) for row in rows}


async def list_purposes(session: AsyncSession) -> Sequence[Purpose]:
    """Return every purpose, by its code."""
    return (await session.scalars(select(Purpose).order_by(Purpose.code))).all()


async def add_purpose(session: AsyncSession, values: Mapping[str, Any]) -> None:
    """Insert a purpose, unless there is one of its code."""
    await session.execute(insert(Purpose).values(**values).on_conflict_do_nothing())


class ConsentRow(NamedTuple):
    """A row of the type `new_consent`."""

    id: UUID
    source: str
    message_id: str
    number: int
    record_id: UUID
    purpose: str
    channel: str | None
    status: str
    occurred_at: datetime
    how: str
    wording: str | None
    store: str | None
    actor: str | None


# A purpose that is not there leaves `channels` null, which the table refuses.
_ADD: Final = Write(
    f"""
    consent AS (
        INSERT INTO consent_record ({", ".join(ConsentRow._fields)}, channels, received_at)
        SELECT new.*, CASE WHEN new.channel IS NULL THEN p.channels ELSE ARRAY[new.channel] END, $2
        FROM unnest($1::new_consent[]) AS new LEFT JOIN purpose p ON p.code = new.purpose
    )
    """  # noqa: S608 - names of this module
)


async def add_consents(writes: Writes, rows: Sequence[ConsentRow], *, at: datetime) -> None:
    """Insert statements, when `writes` is sent."""
    if rows:
        await writes.add(_ADD, rows, at)


_CLIENT: Final = """
    SELECT r.client_id FROM client c JOIN source_record r ON r.id = c.id WHERE c.id = $1
"""
_IN_FORCE: Final = """
    SELECT e.purpose, e.channel, e.status, e.since, r.source, r.external_id, e.consent_id
    FROM (
        SELECT array_agg(client_id) AS groups, array_agg(id) AS ids
        FROM source_record
        WHERE client_id = (SELECT client_id FROM source_record WHERE id = $1)
    ) member
    CROSS JOIN LATERAL effective_consents(member.groups, member.ids) e
    JOIN source_record r ON r.id = e.record_id
    ORDER BY e.purpose, e.channel
"""
_STATEMENTS: Final = """
    SELECT c.id, c.purpose, c.channel, c.status, c.occurred_at, c.received_at, c.how, c.wording,
           c.store, c.actor, c.source, r.external_id, c.message_id
    FROM source_record r CROSS JOIN LATERAL (
        SELECT * FROM consent_record
        WHERE record_id = r.id AND (occurred_at, id) < ($2, $3)
        ORDER BY occurred_at DESC, id DESC LIMIT $4
    ) c
    WHERE r.client_id = (SELECT client_id FROM source_record WHERE id = $1)
    ORDER BY c.occurred_at DESC, c.id DESC LIMIT $4
"""

Place = tuple[datetime, UUID]
"""Time and id of a statement."""


async def find_client(
    connection: asyncpg.Connection[asyncpg.Record], client_id: UUID
) -> UUID | None:
    """Return the present id of a client by any it ever had; None when it was never given."""
    found: UUID | None = await connection.fetchval(_CLIENT, client_id)
    return found


async def list_in_force(
    connection: asyncpg.Connection[asyncpg.Record], client_id: UUID
) -> list[dict[str, Any]]:
    """Return what holds for a client, by any id it ever had, by purpose and channel."""
    return [dict(row) for row in await connection.fetch(_IN_FORCE, client_id)]


async def list_statements(
    connection: asyncpg.Connection[asyncpg.Record], client_id: UUID, *, after: Place, limit: int
) -> list[dict[str, Any]]:
    """Return statements of a client, by any id it ever had, the newest first, after a place."""
    rows = await connection.fetch(_STATEMENTS, client_id, *after, limit)
    return [dict(row) for row in rows]
