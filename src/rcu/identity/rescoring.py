"""Pairs weighed again although no record changed: what else decides on them has changed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from itertools import combinations
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import fetch
from rcu.identity.blocking import identifier_key
from rcu.identity.braking import Braking, Party
from rcu.identity.controls import read_controls
from rcu.identity.features import Features
from rcu.identity.model import Model
from rcu.identity.neighbourhood import Neighbourhood
from rcu.identity.pairs import save_scores
from rcu.identity.placing import IdentifierKey
from rcu.identity.repository import Pair, list_records

_HOLDING = """
    SELECT record_id FROM identifier
    WHERE kind = $1 AND value = $2 AND origin = 'profile' ORDER BY record_id
"""


async def list_holding(session: AsyncSession, identifier: IdentifierKey) -> list[UUID]:
    """Return the records whose profile states an identifier, oldest first."""
    return [row["record_id"] for row in await fetch(session, _HOLDING, *identifier)]


# Holders of a generic key are candidates by another key only, or were stored as a pair before.
_PAIRS_OF_MANY = """
    WITH useful AS (
        SELECT b.key, b.record_id FROM blocking_key b
        WHERE b.record_id = ANY ($1::uuid[]) AND b.key <> $2
          AND (SELECT count(*) FROM (
                   SELECT FROM blocking_key o WHERE o.key = b.key LIMIT $3 + 1
               ) AS holder) <= $3
    )
    SELECT l.record_id, r.record_id
    FROM useful l JOIN useful r ON r.key = l.key AND l.record_id < r.record_id
    UNION
    SELECT left_id, right_id FROM record_pair
    WHERE left_id = ANY ($1) AND right_id = ANY ($1)
"""


async def list_pairs_of_holders(
    session: AsyncSession, identifier: IdentifierKey, holders: Collection[UUID], *, model: Model
) -> set[Pair]:
    """Return the pairs of holders whose weight an identifier may enter."""
    if len(holders) <= model.key_cap:
        return set(combinations(sorted(holders), 2))
    key = identifier_key(*identifier)
    rows = await fetch(session, _PAIRS_OF_MANY, list(holders), key, model.key_cap)
    return {(left_id, right_id) for left_id, right_id in rows}


async def rescore(
    session: AsyncSession, pairs: Collection[Pair], *, model: Model, at: datetime
) -> None:
    """Weigh pairs by all that is known now, and store the outcome in place of what was stored.

    The clients of the records are locked already, and formed again afterwards by the caller.
    """
    records = await list_records(session, {record_id for pair in pairs for record_id in pair})
    features = {record.id: Features.from_json(record.features) for record in records}
    near = await Neighbourhood.load(session, [], model, await read_controls(session))
    await near.learn_sharing(session, [list(features.values())])
    scores = {(a, b): near.weigh(features[a], features[b]) for a, b in pairs}
    if near.controls.brakes:
        parties = {record.id: Party(record.source, record.client_id) for record in records}
        braking = Braking(near.controls.brakes, parties, model, near.shared)
        scores = {
            (a, b): braking.apply(a, b, (features[a], features[b]), score)
            for (a, b), score in scores.items()
        }
    await save_scores(session, scores, model_version=model.version, at=at)
