"""Pairs of records as they are stored: weights, judgements, and the components that they tie.

Each query is one statement, set-wise: one record or a thousand alike.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import columns, fetch, to_json
from rcu.identity.repository import Pair, StoredRecord
from rcu.identity.scoring import Decision, PairScore


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
    links: list[Pair]
    """The stored links between them."""
    judged: list[JudgedPair]


class ScoredPair(NamedTuple):
    """A match weight to store. `evidence` is JSON text."""

    left_id: UUID
    right_id: UUID
    weight: float
    decision: str
    evidence: str
    contradiction: str | None


_MEMBERS = """
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
"""
# Joins with the members would be planned for thousands of them, and read whole tables: as an
# array they are looked up one by one.
_COMPONENT = f"""
    {_MEMBERS}
    SELECT id, source, external_id, kind, client_id, placement, features, version,
           ARRAY (
               SELECT right_id FROM record_pair WHERE left_id = r.id AND decision = 'link'
           ) AS linked,
           ARRAY (
               SELECT right_id FROM judgement
               WHERE left_id = r.id AND verdict = 'match' AND revoked_at IS NULL
           ) AS judged_one,
           ARRAY (
               SELECT right_id FROM judgement
               WHERE left_id = r.id AND verdict = 'no_match' AND revoked_at IS NULL
           ) AS judged_two
    FROM source_record r WHERE id = ANY (ARRAY (SELECT id FROM member))
"""  # noqa: S608 - of constants
_LOCK_TIED_CLIENTS = f"""
    {_MEMBERS}
    SELECT id FROM client
    WHERE id = ANY (ARRAY (
        SELECT client_id FROM source_record WHERE id = ANY (ARRAY (SELECT id FROM member))
    ))
    ORDER BY id FOR UPDATE
"""  # noqa: S608 - of constants
_PAIRS_WITHIN = """
    SELECT left_id, right_id, weight, decision FROM record_pair
    WHERE left_id = ANY ($1::uuid[]) AND right_id = ANY ($1)
"""


async def find_pairs_within(session: AsyncSession, ids: Collection[UUID]) -> list[StoredPair]:
    """Return the stored pairs between any two of the records."""
    return [StoredPair(*row) for row in await fetch(session, _PAIRS_WITHIN, list(ids))]


async def load_component(session: AsyncSession, seeds: Collection[UUID]) -> Component:
    """Return everything that links and match judgements tie to `seeds`, with the ties."""
    rows = await fetch(session, _COMPONENT, list(seeds))
    ids = {row["id"] for row in rows}
    return Component(
        [StoredRecord(*row[:8]) for row in rows],
        [(row["id"], other) for row in rows for other in row["linked"] if other in ids],
        [
            JudgedPair(row["id"], other, verdict)
            for row in rows
            for verdict, others in (("match", row["judged_one"]), ("no_match", row["judged_two"]))
            for other in others
            if other in ids
        ],
    )


async def lock_tied_clients(session: AsyncSession, seeds: Collection[UUID]) -> set[UUID]:
    """Lock the clients of everything that is tied to `seeds`, in the order of their ids."""
    return {client_id for (client_id,) in await fetch(session, _LOCK_TIED_CLIENTS, list(seeds))}


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


async def save_scores(
    session: AsyncSession,
    scores: Mapping[Pair, PairScore],
    *,
    written: Mapping[UUID, bool] | None = None,
    forget_pairs: Collection[Pair] = (),
    model_version: str,
    at: datetime,
) -> None:
    """Store the scored pairs that reach the review line, in place of what was stored of them.

    `written` tells of each record that is written whether it was there before: then every stored
    pair of it goes, scored or not; of the others nothing is stored. `forget_pairs` go as well.
    """
    written = written or {}
    await replace_pairs(
        session,
        forget_records=[record_id for record_id, was_there in written.items() if was_there],
        forget_pairs=[
            *forget_pairs,
            *(
                pair
                for pair, score in scores.items()
                if score.decision is Decision.APART and written.keys().isdisjoint(pair)
            ),
        ],
        scored=[
            ScoredPair(
                left_id=a,
                right_id=b,
                weight=score.weight,
                decision=score.decision,
                evidence=to_json([item._asdict() for item in score.evidence]),
                contradiction=score.contradiction,
            )
            for (a, b), score in sorted(scores.items())
            if score.decision is not Decision.APART
        ],
        model_version=model_version,
        at=at,
    )
