"""Queries of the partition. Each is one statement, set-wise: one record or a thousand alike."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Text, Uuid, bindparam, delete, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.identity.models import (
    Client,
    Identifier,
    IdentityChange,
    Judgement,
    RecordPair,
    SourceRecord,
)

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

_FIND_BY_KEY = text("""
    SELECT r.id, r.source, r.external_id, r.kind, r.client_id, r.placement, r.features, r.version,
           r.profile
    FROM unnest(:sources, :external_ids) AS wanted(source, external_id)
    JOIN source_record r USING (source, external_id)
""").bindparams(
    bindparam("sources", type_=ARRAY(Text)), bindparam("external_ids", type_=ARRAY(Text))
)


async def find_records(
    session: AsyncSession, keys: Collection[RecordKey]
) -> dict[RecordKey, tuple[StoredRecord, dict[str, Any]]]:
    """Return the records that exist among `keys`, each with its profile registers."""
    if not keys:
        return {}
    rows = await session.execute(
        _FIND_BY_KEY,
        {"sources": [source for source, _ in keys], "external_ids": [e for _, e in keys]},
    )
    return {(row.source, row.external_id): (StoredRecord(*row[:8]), row.profile) for row in rows}


_VERSIONS = text("""
    SELECT source, external_id, version
    FROM unnest(:sources, :external_ids) AS wanted(source, external_id)
    JOIN source_record r USING (source, external_id)
""").bindparams(
    bindparam("sources", type_=ARRAY(Text)), bindparam("external_ids", type_=ARRAY(Text))
)


async def list_versions(session: AsyncSession, keys: Collection[RecordKey]) -> dict[RecordKey, int]:
    """Return the version of each record that exists among `keys`."""
    if not keys:
        return {}
    rows = await session.execute(
        _VERSIONS,
        {"sources": [source for source, _ in keys], "external_ids": [e for _, e in keys]},
    )
    return {(row.source, row.external_id): row.version for row in rows}


_CANDIDATES = text("""
    WITH hit AS (
        SELECT wanted.key, holder.record_id
        FROM unnest(:keys) AS wanted(key)
        CROSS JOIN LATERAL (
            SELECT record_id FROM blocking_key WHERE key = wanted.key LIMIT :cap
        ) AS holder
    ), candidate AS (
        SELECT record_id AS id, array_agg(key) AS shared_keys FROM hit GROUP BY record_id
    )
    SELECT r.id, r.source, r.external_id, r.kind, r.client_id, r.placement, r.features, r.version,
           candidate.shared_keys
    FROM candidate JOIN source_record r USING (id)
""").bindparams(bindparam("keys", type_=ARRAY(BigInteger)))


async def find_candidates(
    session: AsyncSession, keys: Collection[int], *, cap: int
) -> dict[UUID, Candidate]:
    """Return the records that hold any of the blocking keys, at most `cap` for each key."""
    if not keys:
        return {}
    rows = await session.execute(_CANDIDATES, {"keys": list(keys), "cap": cap})
    return {row.id: Candidate(StoredRecord(*row[:8]), tuple(row.shared_keys)) for row in rows}


_COMPONENT = text("""
    WITH RECURSIVE member(id) AS (
        SELECT unnest(:seeds)
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
""").bindparams(bindparam("seeds", type_=ARRAY(Uuid)))


async def load_component(session: AsyncSession, seeds: Collection[UUID]) -> Component:
    """Return everything that links and match judgements tie to `seeds`, with the ties."""
    records = [
        StoredRecord(*row) for row in await session.execute(_COMPONENT, {"seeds": list(seeds)})
    ]
    ids = [record.id for record in records]
    pairs = await session.execute(
        select(
            RecordPair.left_id, RecordPair.right_id, RecordPair.weight, RecordPair.decision
        ).where(_within(RecordPair.left_id, ids), _within(RecordPair.right_id, ids))
    )
    judged = await session.execute(
        select(Judgement.left_id, Judgement.right_id, Judgement.verdict).where(
            _within(Judgement.left_id, ids),
            _within(Judgement.right_id, ids),
            Judgement.revoked_at.is_(None),
        )
    )
    return Component(
        records, [StoredPair(*row) for row in pairs], [JudgedPair(*row) for row in judged]
    )


def _within(column: Any, ids: Sequence[UUID]) -> Any:
    return column == bindparam(None, list(ids), type_=ARRAY(Uuid)).any_()


_HOLDERS = text("""
    SELECT wanted.kind, wanted.value, held.origin,
           r.id, r.source, r.external_id, r.kind AS record_kind, r.client_id, r.placement,
           r.features, r.version,
           CASE WHEN r.kind = 'identifiers' THEN ARRAY(
               SELECT ARRAY[own.kind, own.value] FROM identifier own WHERE own.record_id = r.id
           ) END AS own
    FROM unnest(:kinds, :values) AS wanted(kind, value)
    CROSS JOIN LATERAL (
        SELECT record_id, origin FROM identifier i
        WHERE i.kind = wanted.kind AND i.value = wanted.value
        LIMIT :cap
    ) AS held
    JOIN source_record r ON r.id = held.record_id
""").bindparams(bindparam("kinds", type_=ARRAY(Text)), bindparam("values", type_=ARRAY(Text)))


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
    rows = await session.execute(
        _HOLDERS,
        {"kinds": [kind for kind, _ in ordered], "values": [v for _, v in ordered], "cap": cap},
    )
    for row in rows:
        record = StoredRecord(
            id=row.id,
            source=row.source,
            external_id=row.external_id,
            kind=row.record_kind,
            client_id=row.client_id,
            placement=row.placement,
            features=row.features,
            version=row.version,
        )
        own = frozenset((kind, value) for kind, value in row.own or ())
        found[row.kind, row.value].append(Holder(record, row.origin, own))
    return found


async def lock_clients(session: AsyncSession, client_ids: Collection[UUID]) -> dict[UUID, int]:
    """Lock clients until the transaction ends, in the order of their ids; return their versions."""
    if not client_ids:
        return {}
    rows = await session.execute(
        select(Client.id, Client.version)
        .where(_within(Client.id, list(client_ids)))
        .order_by(Client.id)
        .with_for_update()
    )
    return {row.id: row.version for row in rows}


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


async def save_records(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert records, or replace what their profiles say."""
    if not rows:
        return
    statement = upsert(SourceRecord)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[SourceRecord.id],
            set_={
                "kind": statement.excluded.kind,
                "placement": statement.excluded.placement,
                "profile": statement.excluded.profile,
                "features": statement.excluded.features,
                "changed_at": statement.excluded.changed_at,
                "version": SourceRecord.version + 1,
            },
        ),
        list(rows),
    )


_INSERT_KEYS = text("""
    INSERT INTO blocking_key (key, record_id)
    SELECT * FROM unnest(:keys, :record_ids)
    ON CONFLICT DO NOTHING
""").bindparams(
    bindparam("keys", type_=ARRAY(BigInteger)), bindparam("record_ids", type_=ARRAY(Uuid))
)
_DELETE_KEYS = text("""
    DELETE FROM blocking_key b
    USING unnest(:keys, :record_ids) AS gone(key, record_id)
    WHERE b.key = gone.key AND b.record_id = gone.record_id
""").bindparams(
    bindparam("keys", type_=ARRAY(BigInteger)), bindparam("record_ids", type_=ARRAY(Uuid))
)


async def change_blocking_keys(
    session: AsyncSession,
    *,
    added: Collection[tuple[int, UUID]],
    removed: Collection[tuple[int, UUID]],
) -> None:
    """Add and remove `(key, record id)` rows."""
    for statement, rows in ((_DELETE_KEYS, removed), (_INSERT_KEYS, added)):
        if rows:
            await session.execute(
                statement,
                {"keys": [key for key, _ in rows], "record_ids": [record for _, record in rows]},
            )


async def replace_profile_identifiers(
    session: AsyncSession, record_ids: Collection[UUID], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Make the identifiers stated by the profiles of `record_ids` exactly `rows`.

    What sales showed of a record stays, and gains what its profile now says.
    """
    if record_ids:
        await session.execute(
            delete(Identifier).where(
                _within(Identifier.record_id, list(record_ids)), Identifier.origin == "profile"
            )
        )
    if rows:
        statement = upsert(Identifier)
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=[
                    Identifier.kind,
                    Identifier.value,
                    Identifier.record_id,
                    Identifier.origin,
                ],
                set_={
                    "verified_at": statement.excluded.verified_at,
                },
            ),
            list(rows),
        )


_SHOWN = text("""
    INSERT INTO identifier (kind, value, record_id, origin, first_seen_at)
    SELECT kind, value, record_id, 'ticket', :at
    FROM unnest(:kinds, :values, :record_ids) AS shown(kind, value, record_id)
    ON CONFLICT DO NOTHING
    RETURNING kind, value
""").bindparams(
    bindparam("kinds", type_=ARRAY(Text)),
    bindparam("values", type_=ARRAY(Text)),
    bindparam("record_ids", type_=ARRAY(Uuid)),
)


async def add_shown_identifiers(
    session: AsyncSession, rows: Collection[tuple[str, str, UUID]], *, at: datetime
) -> set[tuple[str, str]]:
    """Remember `(kind, value, record id)` that a fact showed; return those that are news."""
    if not rows:
        return set()
    ordered = sorted(rows)
    added = await session.execute(
        _SHOWN,
        {
            "kinds": [kind for kind, _, _ in ordered],
            "values": [value for _, value, _ in ordered],
            "record_ids": [record_id for _, _, record_id in ordered],
            "at": at,
        },
    )
    return {(row.kind, row.value) for row in added}


async def list_identifiers(
    session: AsyncSession, record_ids: Collection[UUID]
) -> set[tuple[str, str]]:
    """Return every identifier, as `(kind, value)`, that the records hold."""
    if not record_ids:
        return set()
    rows = await session.execute(
        select(Identifier.kind, Identifier.value)
        .where(_within(Identifier.record_id, list(record_ids)))
        .distinct()
    )
    return {(row.kind, row.value) for row in rows}


async def replace_pairs(
    session: AsyncSession,
    *,
    forget_records: Collection[UUID],
    forget_pairs: Collection[Pair],
    rows: Sequence[Mapping[str, Any]],
) -> None:
    """Drop every pair of some records and some single pairs, then store `rows`."""
    if forget_records:
        ids = list(forget_records)
        await session.execute(
            delete(RecordPair).where(
                or_(_within(RecordPair.left_id, ids), _within(RecordPair.right_id, ids))
            )
        )
    for left_id, right_id in forget_pairs:
        await session.execute(
            delete(RecordPair).where(RecordPair.left_id == left_id, RecordPair.right_id == right_id)
        )
    if rows:
        statement = upsert(RecordPair)
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=[RecordPair.left_id, RecordPair.right_id],
                set_={
                    column: statement.excluded[column]
                    for column in (
                        "weight",
                        "decision",
                        "evidence",
                        "contradiction",
                        "model_version",
                        "scored_at",
                    )
                },
            ),
            list(rows),
        )


_MOVE = text("""
    UPDATE source_record r
    SET client_id = moved.client_id, placement = moved.placement
    FROM unnest(:record_ids, :client_ids, :placements) AS moved(id, client_id, placement)
    WHERE r.id = moved.id
""").bindparams(
    bindparam("record_ids", type_=ARRAY(Uuid)),
    bindparam("client_ids", type_=ARRAY(Uuid)),
    bindparam("placements", type_=ARRAY(Text)),
)


async def move_records(session: AsyncSession, moves: Collection[tuple[UUID, UUID, str]]) -> None:
    """Give records, `(id, client id, placement)`, their new client."""
    if moves:
        ordered = sorted(moves)
        await session.execute(
            _MOVE,
            {
                "record_ids": [record_id for record_id, _, _ in ordered],
                "client_ids": [client_id for _, client_id, _ in ordered],
                "placements": [placement for _, _, placement in ordered],
            },
        )


_REFRESH_CLIENTS = text("""
    WITH state AS (
        SELECT wanted.id, count(r.id) AS members,
               coalesce(bool_or(r.kind = 'profile'), false) AS known
        FROM unnest(:client_ids) AS wanted(id)
        LEFT JOIN source_record r ON r.client_id = wanted.id
        GROUP BY wanted.id
    )
    INSERT INTO client AS c (id, known, version, created_at, changed_at, retired_at)
    SELECT id, known, 1, :at, :at, CASE WHEN members = 0 THEN CAST(:at AS timestamptz) END
    FROM state ORDER BY id
    ON CONFLICT (id) DO UPDATE
    SET known = excluded.known,
        version = c.version + 1,
        changed_at = excluded.changed_at,
        retired_at = CASE WHEN excluded.retired_at IS NULL THEN NULL
                          ELSE coalesce(c.retired_at, excluded.retired_at) END
    RETURNING id, retired_at IS NOT NULL AS retired
""").bindparams(bindparam("client_ids", type_=ARRAY(Uuid)))


async def refresh_clients(
    session: AsyncSession, client_ids: Collection[UUID], *, at: datetime
) -> frozenset[UUID]:
    """Bring the rows of clients in line with their records; return those without any left."""
    if not client_ids:
        return frozenset()
    rows = await session.execute(_REFRESH_CLIENTS, {"client_ids": sorted(client_ids), "at": at})
    return frozenset(row.id for row in rows if row.retired)


async def add_changes(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append to the history of the partition."""
    if rows:
        await session.execute(insert(IdentityChange), list(rows))


async def add_judgements(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store binding judgements, each on an ordered pair; one that binds already stands."""
    if rows:
        await session.execute(upsert(Judgement).on_conflict_do_nothing(), list(rows))


async def revoke_judgements(
    session: AsyncSession,
    *,
    one_side: Collection[UUID],
    other_side: Collection[UUID],
    by: str,
    at: datetime,
) -> None:
    """Revoke what binds any record of one side to, or parts it from, any of the other."""
    left, right = list(one_side), list(other_side)
    await session.execute(
        update(Judgement)
        .where(
            Judgement.revoked_at.is_(None),
            or_(
                _within(Judgement.left_id, left) & _within(Judgement.right_id, right),
                _within(Judgement.left_id, right) & _within(Judgement.right_id, left),
            ),
        )
        .values(revoked_at=at, revoked_by=by)
    )
