"""Queries of the partition. Each is one statement, set-wise: one record or a thousand alike."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Uuid, bindparam, insert, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import columns, fetch
from rcu.identity.models import IdentityChange, SourceRecord

RecordKey = tuple[str, str]
"""`(source, external_id)`."""

Pair = tuple[UUID, UUID]
"""Two record ids, the lower one first."""


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A source record as it stands in the database."""

    id: UUID
    source: str
    external_id: str
    kind: str
    client_id: UUID
    placement: str
    features: dict[str, Any]
    version: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record that shares blocking keys, and which."""

    record: StoredRecord
    keys: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StoredPair:
    """A stored match weight between two records."""

    left_id: UUID
    right_id: UUID
    weight: float
    decision: str


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """A binding judgement on two records."""

    left_id: UUID
    right_id: UUID
    verdict: str


@dataclass(frozen=True, slots=True)
class Component:
    """Records tied by links and judgements, directly or through others."""

    records: list[StoredRecord]
    pairs: list[StoredPair]
    judged: list[JudgedPair]


class SavedRecord(NamedTuple):
    """A record to insert, or whose profile to replace. `profile` and `features` are JSON text."""

    id: UUID
    source: str
    external_id: str
    kind: str
    client_id: UUID
    placement: str
    profile: str
    features: str


class ScoredPair(NamedTuple):
    """A match weight to store. `evidence` is JSON text."""

    left_id: UUID
    right_id: UUID
    weight: float
    decision: str
    evidence: str
    contradiction: str | None


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
        (row["source"], row["external_id"]): (StoredRecord(*row[:8]), row["profile"])
        for row in rows
    }


_VERSIONS = """
    SELECT source, external_id, version
    FROM unnest($1::text[], $2::text[]) AS wanted(source, external_id)
    JOIN source_record r USING (source, external_id)
"""


async def list_versions(session: AsyncSession, keys: Collection[RecordKey]) -> dict[RecordKey, int]:
    """Return the version of each record that exists among `keys`."""
    if not keys:
        return {}
    rows = await fetch(session, _VERSIONS, [s for s, _ in keys], [e for _, e in keys])
    return {(source, external_id): version for source, external_id, version in rows}


_CANDIDATES = """
    WITH hit AS (
        SELECT wanted.key, holder.record_id
        FROM unnest($1::bigint[]) AS wanted(key)
        CROSS JOIN LATERAL (
            SELECT record_id FROM blocking_key WHERE key = wanted.key LIMIT $2
        ) AS holder
    ), candidate AS (
        SELECT record_id AS id, array_agg(key) AS shared_keys FROM hit GROUP BY record_id
    )
    SELECT r.id, r.source, r.external_id, r.kind, r.client_id, r.placement, r.features, r.version,
           candidate.shared_keys
    FROM candidate JOIN source_record r USING (id)
"""


async def find_candidates(
    session: AsyncSession, keys: Collection[int], *, cap: int
) -> dict[UUID, Candidate]:
    """Return the records that hold any of the blocking keys, at most `cap` for each key."""
    if not keys:
        return {}
    rows = await fetch(session, _CANDIDATES, list(keys), cap)
    return {row["id"]: Candidate(StoredRecord(*row[:8]), tuple(row[8])) for row in rows}


_COMPONENT = """
    WITH RECURSIVE member(id) AS (
        SELECT unnest($1::uuid[])
        UNION
        SELECT tie.id
        FROM member
        CROSS JOIN LATERAL (
            SELECT right_id AS id FROM record_pair
            WHERE left_id = member.id AND decision = 'link'
            UNION ALL
            SELECT left_id FROM record_pair WHERE right_id = member.id AND decision = 'link'
            UNION ALL
            SELECT right_id FROM judgement
            WHERE left_id = member.id AND verdict = 'match' AND revoked_at IS NULL
            UNION ALL
            SELECT left_id FROM judgement
            WHERE right_id = member.id AND verdict = 'match' AND revoked_at IS NULL
        ) AS tie
    )
    SELECT r.id, r.source, r.external_id, r.kind, r.client_id, r.placement, r.features, r.version
    FROM member JOIN source_record r USING (id)
"""
_PAIRS_WITHIN = """
    SELECT left_id, right_id, weight, decision FROM record_pair
    WHERE left_id = ANY ($1::uuid[]) AND right_id = ANY ($1)
"""
_JUDGED_WITHIN = """
    SELECT left_id, right_id, verdict FROM judgement
    WHERE left_id = ANY ($1::uuid[]) AND right_id = ANY ($1) AND revoked_at IS NULL
"""


async def load_component(session: AsyncSession, seeds: Collection[UUID]) -> Component:
    """Return everything that links and match judgements tie to `seeds`, with the ties."""
    records = [StoredRecord(*row) for row in await fetch(session, _COMPONENT, list(seeds))]
    ids = [record.id for record in records]
    if len(ids) < 2:  # noqa: PLR2004 - a pair takes two
        return Component(records, [], [])
    pairs = await fetch(session, _PAIRS_WITHIN, ids)
    judged = await fetch(session, _JUDGED_WITHIN, ids)
    return Component(
        records, [StoredPair(*row) for row in pairs], [JudgedPair(*row) for row in judged]
    )


def _within(column: Any, ids: Sequence[UUID]) -> Any:
    return column == bindparam(None, list(ids), type_=ARRAY(Uuid)).any_()


_HOLDERS = """
    SELECT r.id, r.source, r.external_id, r.kind, r.client_id, r.placement, r.features, r.version,
           wanted.kind, wanted.value, held.origin,
           CASE WHEN r.kind = 'identifiers' THEN ARRAY(
               SELECT ARRAY[own.kind, own.value] FROM identifier own WHERE own.record_id = r.id
           ) END AS own
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
        kind, value, origin, held = row[8:]
        own = frozenset((kind, value) for kind, value in held or ())
        found[kind, value].append(Holder(StoredRecord(*row[:8]), origin, own))
    return found


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
    return [StoredRecord(*row) for row in rows]


async def current_client_id(session: AsyncSession, client_id: UUID) -> UUID | None:
    """Return the client that an id, once given, stands for today; None if never given."""
    return await session.scalar(select(SourceRecord.client_id).where(SourceRecord.id == client_id))


# --- writing ------------------------------------------------------------------------------------


_SAVE_RECORDS = """
    INSERT INTO source_record AS held
        (id, source, external_id, kind, client_id, placement, profile, features,
         created_at, changed_at)
    SELECT id, source, external_id, kind, client_id, placement, profile, features, $9, $9
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::text[],
                $7::jsonb[], $8::jsonb[])
        AS saved (id, source, external_id, kind, client_id, placement, profile, features)
    ORDER BY id
    ON CONFLICT (id) DO UPDATE
    SET kind = excluded.kind, placement = excluded.placement, profile = excluded.profile,
        features = excluded.features, changed_at = excluded.changed_at, version = held.version + 1
"""


async def save_records(
    session: AsyncSession, records: Collection[SavedRecord], *, at: datetime
) -> None:
    """Insert records, or replace what their profiles say."""
    if records:
        await fetch(session, _SAVE_RECORDS, *columns(records), at)


_INSERT_KEYS = """
    INSERT INTO blocking_key (key, record_id)
    SELECT * FROM unnest($1::bigint[], $2::uuid[])
    ON CONFLICT DO NOTHING
"""
_DELETE_KEYS = """
    DELETE FROM blocking_key b
    USING unnest($1::bigint[], $2::uuid[]) AS gone(key, record_id)
    WHERE b.key = gone.key AND b.record_id = gone.record_id
"""


async def change_blocking_keys(
    session: AsyncSession,
    *,
    added: Collection[tuple[int, UUID]],
    removed: Collection[tuple[int, UUID]],
) -> None:
    """Add and remove `(key, record id)` rows."""
    for statement, rows in ((_DELETE_KEYS, removed), (_INSERT_KEYS, added)):
        if rows:
            await fetch(session, statement, *columns(rows))


_DELETE_STATED = """
    DELETE FROM identifier WHERE record_id = ANY ($1::uuid[]) AND origin = 'profile'
"""
_INSERT_STATED = """
    INSERT INTO identifier (kind, value, record_id, origin, verified_at, first_seen_at)
    SELECT kind, value, record_id, 'profile', verified_at, $5
    FROM unnest($1::text[], $2::text[], $3::uuid[], $4::timestamptz[])
        AS stated (kind, value, record_id, verified_at)
    ON CONFLICT (kind, value, record_id, origin) DO UPDATE SET verified_at = excluded.verified_at
"""


async def replace_profile_identifiers(
    session: AsyncSession,
    record_ids: Collection[UUID],
    stated: Collection[tuple[str, str, UUID, datetime | None]],
    *,
    at: datetime,
) -> None:
    """Make the identifiers stated by the profiles of `record_ids` exactly `stated`.

    Each is `(kind, value, record id, verified at)`. What sales showed of a record stays.
    """
    if record_ids:
        await fetch(session, _DELETE_STATED, list(record_ids))
    if stated:
        await fetch(session, _INSERT_STATED, *columns(stated), at)


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


_FORGET_RECORDS = """
    DELETE FROM record_pair WHERE left_id = ANY ($1::uuid[]) OR right_id = ANY ($1)
"""
_FORGET_PAIRS = """
    DELETE FROM record_pair p
    USING unnest($1::uuid[], $2::uuid[]) AS gone (left_id, right_id)
    WHERE p.left_id = gone.left_id AND p.right_id = gone.right_id
"""
_SAVE_PAIRS = """
    INSERT INTO record_pair
        (left_id, right_id, weight, decision, evidence, contradiction, model_version, scored_at)
    SELECT left_id, right_id, weight, decision, evidence, contradiction, $7, $8
    FROM unnest($1::uuid[], $2::uuid[], $3::float8[], $4::text[], $5::jsonb[], $6::text[])
        AS scored (left_id, right_id, weight, decision, evidence, contradiction)
    ON CONFLICT (left_id, right_id) DO UPDATE
    SET weight = excluded.weight, decision = excluded.decision, evidence = excluded.evidence,
        contradiction = excluded.contradiction, model_version = excluded.model_version,
        scored_at = excluded.scored_at
"""


async def replace_pairs(
    session: AsyncSession,
    *,
    forget_records: Collection[UUID],
    forget_pairs: Collection[Pair],
    scored: Collection[ScoredPair],
    model_version: str,
    at: datetime,
) -> None:
    """Drop every pair of some records and some single pairs, then store `scored`."""
    if forget_records:
        await fetch(session, _FORGET_RECORDS, list(forget_records))
    if forget_pairs:
        await fetch(session, _FORGET_PAIRS, *columns(forget_pairs))
    if scored:
        await fetch(session, _SAVE_PAIRS, *columns(scored), model_version, at)


_MOVE = """
    UPDATE source_record r
    SET client_id = moved.client_id, placement = moved.placement
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[])
        AS moved(id, from_client_id, client_id, placement)
    WHERE r.id = moved.id AND r.client_id = moved.from_client_id
    RETURNING 1
"""


async def move_records(
    session: AsyncSession, moves: Collection[tuple[UUID, UUID, UUID, str]]
) -> bool:
    """Give records, `(id, client id now, client id, placement)`, their new client.

    Return whether every one of them was with the client it was thought to be with.
    """
    return not moves or len(await fetch(session, _MOVE, *columns(sorted(moves)))) == len(moves)


_REFRESH_CLIENTS = """
    WITH state AS (
        SELECT wanted.id, count(r.id) AS members,
               coalesce(bool_or(r.kind = 'profile'), false) AS known
        FROM unnest($1::uuid[]) AS wanted(id)
        LEFT JOIN source_record r ON r.client_id = wanted.id
        GROUP BY wanted.id
    )
    , refreshed AS (
        INSERT INTO client AS c (id, known, version, created_at, changed_at, retired_at)
        SELECT id, known, 1, $2, $2, CASE WHEN members = 0 THEN $2::timestamptz END
        FROM state ORDER BY id
        ON CONFLICT (id) DO UPDATE
        SET known = excluded.known,
            version = c.version + 1,
            changed_at = excluded.changed_at,
            retired_at = CASE WHEN excluded.retired_at IS NULL THEN NULL
                              ELSE coalesce(c.retired_at, excluded.retired_at) END
        RETURNING id
    )
    SELECT head.id, head.client_id FROM refreshed JOIN source_record head USING (id)
"""


async def refresh_clients(
    session: AsyncSession, client_ids: Collection[UUID], *, at: datetime
) -> dict[UUID, UUID]:
    """Bring the rows of clients in line with their records; return what each id stands for now."""
    if not client_ids:
        return {}
    return dict(await fetch(session, _REFRESH_CLIENTS, sorted(client_ids), at))


_STRAYS = """
    SELECT 1 FROM source_record r JOIN source_record head ON head.id = r.client_id
    WHERE r.client_id = ANY ($1::uuid[]) AND head.client_id <> head.id LIMIT 1
"""


async def has_strays(session: AsyncSession, client_ids: Collection[UUID]) -> bool:
    """Tell whether a record is with one of the clients although its id stands for another now."""
    return bool(await fetch(session, _STRAYS, list(client_ids)))


async def add_changes(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append to the history of the partition."""
    if rows:
        await session.execute(insert(IdentityChange), list(rows))
