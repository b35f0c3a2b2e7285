"""Identifiers as they are stored: which records hold a value, stated by profile or shown by a sale.

Each query is one statement, set-wise: one record or a thousand alike.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import columns, fetch
from rcu.identity.repository import StoredRecord

_HOLDERS = """
    SELECT r.id, r.source, r.external_id, r.kind, r.client_id, r.placement, r.features, r.version,
           wanted.kind, wanted.value, held.origin,
           CASE WHEN r.kind = 'identifiers' THEN ARRAY(
               SELECT ARRAY[own.kind, own.value] FROM identifier own WHERE own.record_id = r.id
           ) END AS own,
           (SELECT d.status = 'shared' FROM identifier_declaration d
            WHERE d.kind = wanted.kind AND d.value = wanted.value AND d.revoked_at IS NULL)
               AS is_declared_shared
    FROM unnest($1::text[], $2::text[]) AS wanted(kind, value)
    CROSS JOIN LATERAL (
        SELECT record_id, origin FROM identifier i
        WHERE i.kind = wanted.kind AND i.value = wanted.value
        LIMIT $3
    ) AS held
    JOIN source_record r ON r.id = held.record_id
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """A record that holds an identifier."""

    record: StoredRecord
    origin: str
    own: frozenset[tuple[str, str]]
    """Every identifier of the record, when it is one of identifiers only."""
    is_declared_shared: bool | None
    """Whether a steward declared the identifier shared; None when nothing is declared of it."""


async def find_holders(
    session: AsyncSession, identifiers: Collection[tuple[str, str]], *, cap: int
) -> dict[tuple[str, str], list[Holder]]:
    """Return who holds each of the identifiers, at most `cap` records for each."""
    found: dict[tuple[str, str], list[Holder]] = {identifier: [] for identifier in identifiers}
    if not identifiers:
        return found
    ordered = sorted(identifiers)
    rows = await fetch(session, _HOLDERS, [k for k, _ in ordered], [v for _, v in ordered], cap)
    for row in rows:
        kind, value, origin, held, is_declared_shared = row[8:]
        own = frozenset((kind, value) for kind, value in held or ())
        found[kind, value].append(Holder(StoredRecord(*row[:8]), origin, own, is_declared_shared))
    return found


_STATING = """
    SELECT wanted.kind, wanted.value, held.record_id
    FROM unnest($1::text[], $2::text[]) AS wanted(kind, value)
    CROSS JOIN LATERAL (
        SELECT record_id FROM identifier i
        WHERE i.kind = wanted.kind AND i.value = wanted.value AND i.origin = 'profile'
        LIMIT $3
    ) AS held
"""


async def find_stating(
    session: AsyncSession, identifiers: Collection[tuple[str, str]], *, cap: int
) -> dict[tuple[str, str], set[UUID]]:
    """Return the records whose profiles state each of the identifiers, at most `cap` for each."""
    found: dict[tuple[str, str], set[UUID]] = {identifier: set() for identifier in identifiers}
    if found:
        for kind, value, record_id in await fetch(session, _STATING, *columns(sorted(found)), cap):
            found[kind, value].add(record_id)
    return found


_SHOWN = """
    INSERT INTO identifier (kind, value, record_id, origin, first_seen_at)
    SELECT kind, value, record_id, 'ticket', $4
    FROM unnest($1::text[], $2::text[], $3::uuid[]) AS shown(kind, value, record_id)
    ON CONFLICT DO NOTHING
    RETURNING kind, value
"""


async def add_shown_identifiers(
    session: AsyncSession, rows: Collection[tuple[str, str, UUID]], *, at: datetime
) -> set[tuple[str, str]]:
    """Remember `(kind, value, record id)` that a fact showed; return those that are news."""
    if not rows:
        return set()
    added = await fetch(session, _SHOWN, *columns(sorted(rows)), at)
    return {(kind, value) for kind, value in added}


_IDENTIFIERS = "SELECT DISTINCT kind, value FROM identifier WHERE record_id = ANY ($1::uuid[])"


async def list_identifiers(
    session: AsyncSession, record_ids: Collection[UUID]
) -> set[tuple[str, str]]:
    """Return every identifier, as `(kind, value)`, that the records hold."""
    if not record_ids:
        return set()
    rows = await fetch(session, _IDENTIFIERS, list(record_ids))
    return {(kind, value) for kind, value in rows}
