"""Queries on golden records and the clients behind them. Each is one statement."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Text, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from rcu.clients.golden import ProfileRecord
from rcu.clients.lookup import FoundClient
from rcu.clients.search import Candidate, Part
from rcu.db.statements import fetch

_PROFILES = """
    SELECT client_id, source, external_id, profile
    FROM source_record
    WHERE client_id = ANY ($1::uuid[]) AND kind = 'profile'
"""


async def list_profiles(
    session: AsyncSession, client_ids: Collection[UUID]
) -> dict[UUID, list[ProfileRecord]]:
    """Return the profile records of clients. A client without one is absent."""
    rows = await fetch(session, _PROFILES, list(client_ids))
    profiles: dict[UUID, list[ProfileRecord]] = {}
    for client_id, source, external_id, profile in rows:
        profiles.setdefault(client_id, []).append(ProfileRecord(source, external_id, profile))
    return profiles


_SAVE = """
    WITH gone AS (
        DELETE FROM golden_record WHERE client_id = ANY ($1::uuid[])
    )
    INSERT INTO golden_record AS held (client_id, golden, search_terms, rebuilt_at)
    SELECT client_id, golden, string_to_array(terms, ' '), now()
    FROM unnest($2::uuid[], $3::jsonb[], $4::text[]) AS rebuilt (client_id, golden, terms)
    ORDER BY client_id
    ON CONFLICT (client_id) DO UPDATE
    SET golden = excluded.golden, search_terms = excluded.search_terms,
        rebuilt_at = excluded.rebuilt_at
    WHERE held.golden <> excluded.golden OR held.search_terms <> excluded.search_terms
"""


class Rebuilt(NamedTuple):
    """A golden record to save: `golden` is JSON text, `terms` are parted by spaces."""

    client_id: UUID
    golden: str
    terms: str


async def save_golden_records(
    session: AsyncSession, rebuilt: Sequence[Rebuilt], *, gone: Collection[UUID]
) -> None:
    """Write golden records that changed, and delete those of clients `gone`, in one statement."""
    columns = zip(*rebuilt, strict=True) if rebuilt else ((), (), ())
    await fetch(session, _SAVE, list(gone), *map(list, columns))


_KNOWN_AFTER = text("""
    SELECT DISTINCT client_id FROM source_record
    WHERE client_id > :after AND kind = 'profile'
    ORDER BY client_id LIMIT :limit
""").bindparams(bindparam("after", type_=Uuid))


async def list_known_clients(session: AsyncSession, *, after: UUID, limit: int) -> list[UUID]:
    """Return the next ids of known clients after an id, in order."""
    rows = await session.scalars(_KNOWN_AFTER, {"after": after, "limit": limit})
    return list(rows)


# --- look-up and search --------------------------------------------------------------------------

HOLDER_CAP = 200
"""Records of one identifier that a look-up considers: a value of so many designates nobody."""

_SUMMARY = """
    SELECT c.id, c.known, g.golden, bought.last_at
    FROM found
    JOIN client c ON c.id = found.client_id
    LEFT JOIN golden_record g ON g.client_id = c.id
    CROSS JOIN LATERAL (
        SELECT max(p.last_at) AS last_at
        FROM source_record r JOIN purchase_total p ON p.record_id = r.id
        WHERE r.client_id = c.id
    ) bought
"""

# Sales by a value that a client states no more are still the client's, and do not lead there.
_BY_IDENTIFIER = text(f"""
    WITH holder AS (
        (SELECT record_id, origin FROM identifier
         WHERE kind = :kind AND value = :value AND origin = 'profile'
         ORDER BY record_id LIMIT :cap)
        UNION ALL
        (SELECT record_id, origin FROM identifier
         WHERE kind = :kind AND value = :value AND origin = 'withdrawn'
         ORDER BY record_id LIMIT :cap)
        UNION ALL
        (SELECT record_id, origin FROM identifier
         WHERE kind = :kind AND value = :value AND origin = 'ticket'
         ORDER BY record_id LIMIT :cap)
    ), held AS (
        SELECT r.client_id, holder.origin
        FROM holder JOIN source_record r ON r.id = holder.record_id
    ), found AS (
        SELECT client_id FROM held GROUP BY client_id
        HAVING bool_or(origin = 'profile') OR NOT bool_or(origin = 'withdrawn')
    )
    {_SUMMARY}
    ORDER BY bought.last_at DESC NULLS LAST, c.id
""")  # noqa: S608 - made of constants of this module

_BY_RECORD = text(f"""
    WITH found AS (
        SELECT client_id FROM source_record
        WHERE source = :source AND external_id = :external_id
    )
    {_SUMMARY}
""")  # noqa: S608 - made of constants of this module

_BY_ID = text(f"""
    WITH found AS (
        SELECT unnest(:client_ids) AS client_id
    )
    {_SUMMARY}
""").bindparams(bindparam("client_ids", type_=ARRAY(Uuid)))


async def find_by_identifier(
    connection: AsyncConnection, *, kind: str, value: str
) -> list[FoundClient]:
    """Return the clients who hold a normalised identifier, known or not, last buyer first."""
    rows = await connection.execute(
        _BY_IDENTIFIER, {"kind": kind, "value": value, "cap": HOLDER_CAP}
    )
    return [FoundClient(*row) for row in rows]


async def find_by_record(
    connection: AsyncConnection, *, source: str, external_id: str
) -> list[FoundClient]:
    """Return the client of a source record, in a list of one or none."""
    rows = await connection.execute(_BY_RECORD, {"source": source, "external_id": external_id})
    return [FoundClient(*row) for row in rows]


async def find_by_ids(
    connection: AsyncConnection, client_ids: Sequence[UUID]
) -> dict[UUID, FoundClient]:
    """Return clients by their present ids; one that is gone meanwhile is absent."""
    if not client_ids:
        return {}
    rows = await connection.execute(_BY_ID, {"client_ids": list(client_ids)})
    return {row[0]: FoundClient(*row) for row in rows}


CANDIDATE_CAP = 300
"""Candidates that a search scores; those that meet more parts exactly come first."""

_CANDIDATES = """
    SELECT client_id, search_terms, {bought_there} AS bought_there
    FROM (
        SELECT client_id, search_terms FROM golden_record
        WHERE {conditions}
        ORDER BY {exactness} DESC, client_id
        LIMIT {cap}
    ) candidate
"""
_BOUGHT_THERE = """
    coalesce((
        SELECT true FROM source_record r JOIN purchase_total p ON p.record_id = r.id
        WHERE r.client_id = candidate.client_id AND p.store = :store
        LIMIT 1
    ), false)
"""
# A scalar subquery, not EXISTS: that one PostgreSQL may answer by hashing all of purchase_total.


async def find_candidates(
    connection: AsyncConnection, parts: Sequence[Part], *, store: str | None
) -> list[tuple[Candidate, bool]]:
    """Return the clients who may meet all parts, each with whether they bought in `store`."""
    required = [part for part in parts if part.is_required]
    numbered = list(enumerate(required))
    statement = text(
        _CANDIDATES.format(
            bought_there="false" if store is None else _BOUGHT_THERE,
            conditions=" AND ".join(f"search_terms && :any_{n}" for n, _ in numbered),
            exactness=" + ".join(f"(search_terms && :exact_{n})::int" for n, _ in numbered),
            cap=CANDIDATE_CAP,
        )
    )
    values: dict[str, Any] = {} if store is None else {"store": store}
    for n, part in numbered:
        values |= {f"any_{n}": sorted(part.terms), f"exact_{n}": sorted(part.exact_terms)}
    lists = [bindparam(name, type_=ARRAY(Text)) for name in values if name != "store"]
    rows = await connection.execute(statement.bindparams(*lists), values)
    return [(Candidate(client_id, terms), there) for client_id, terms, there in rows]
