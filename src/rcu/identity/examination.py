"""Records looked at together with all that decides on them, read from the database.

The scores are those of the resolution itself (`resolution`): every pair of a component, with the
shared identifiers known. Nothing is written and nothing is locked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from rcu.db.statements import columns, fetch
from rcu.identity.blocking import blocking_keys
from rcu.identity.candidates import find_candidates
from rcu.identity.change_models import IdentityChange
from rcu.identity.controls import read_controls
from rcu.identity.decision_models import Judgement, Verdict
from rcu.identity.errors import TooManyRecordsError
from rcu.identity.explanation import Standing
from rcu.identity.features import Features
from rcu.identity.forming import Tied, judgements_of, tie
from rcu.identity.model import Model
from rcu.identity.models import SourceRecord
from rcu.identity.neighbourhood import Neighbourhood, ordered
from rcu.identity.pairs import load_component
from rcu.identity.repository import Pair, RecordKey, StoredRecord
from rcu.identity.retracing import Retraced, retrace
from rcu.identity.scoring import PairScore


@dataclass(frozen=True, slots=True)
class Examined:
    """The components of some records: records, scores, and how their clients are formed."""

    model: Model
    records: Mapping[UUID, StoredRecord]
    features: Mapping[UUID, Features]
    scores: Mapping[Pair, PairScore]
    shared: Mapping[tuple[str, str], Standing]
    retraced: Retraced[UUID]

    def key_of(self, record_id: UUID) -> RecordKey:
        """Return the source and external id of a record."""
        record = self.records[record_id]
        return record.source, record.external_id

    def score(self, a: UUID, b: UUID) -> PairScore | None:
        """Return the score of two records, in either order; None when they were not compared."""
        return self.scores.get(ordered(a, b))

    def is_as_stored(self, client_ids: Collection[UUID]) -> bool:
        """Tell whether forming the clients anew gives those that are stored."""
        wanted = set(client_ids)
        formed = {
            frozenset(cluster)
            for cluster in self.retraced.clients
            if any(self.records[member].client_id in wanted for member in cluster)
        }
        stored: dict[UUID, set[UUID]] = {}
        for record in self.records.values():
            stored.setdefault(record.client_id, set()).add(record.id)
        return formed == {frozenset(stored.get(client_id, ())) for client_id in wanted}


async def examine(
    session: AsyncSession,
    one_side: Collection[UUID],
    other_side: Collection[UUID] = (),
    *,
    model: Model,
    most_records: int | None = None,
) -> Examined:
    """Score what ties the records of two sides, and each pair between the sides.

    Raises `TooManyRecordsError` when more than `most_records` would have to be compared. Computed
    beside the event loop: no other thread may use the `model` meanwhile (`Model.apart`).
    """
    component = await load_component(session, {*one_side, *other_side})
    if most_records is not None and len(component.records) > most_records:
        raise TooManyRecordsError(found=len(component.records), most=most_records)
    near = await Neighbourhood.load(session, [], model, await read_controls(session))
    tied = tie({}, component, near, {})
    await tied.learn_sharing(session)
    sides = [tied.features[record_id] for record_id in (*one_side, *other_side)]
    await near.learn_sharing(session, [sides])
    shared = await read_standings(session, near.shared)
    # All pairs of hundreds of records take seconds.
    return await asyncio.to_thread(_examined, tied, list(product(one_side, other_side)), shared)


def _examined(
    tied: Tied, across: Iterable[Pair], shared: Mapping[tuple[str, str], Standing]
) -> Examined:
    """Score all that is tied, and the pairs `across` the sides; no reading."""
    formed, near, features = tied.form(), tied.near, tied.features
    scores = dict(formed.scores)
    for a, b in across:
        pair = ordered(a, b)
        if a != b and pair not in scores:
            scores[pair] = tied.hold(pair, near.weigh(*(features[end] for end in pair)))
    return Examined(
        model=near.model,
        records={record.id: record for record in tied.component.records},
        features=features,
        scores=scores,
        shared=shared,
        retraced=retrace(
            features,
            formed.scores,
            model=near.model,
            judgements=judgements_of(tied.component),
            order=formed.key_of.__getitem__,
        ),
    )


_STANDINGS = """
    SELECT wanted.kind, wanted.value, coalesce(declared.made_at, turned.made_at), declared.actor
    FROM unnest($1::text[], $2::text[]) AS wanted (kind, value)
    LEFT JOIN LATERAL (
        SELECT made.made_at, made.actor
        FROM identifier_declaration d JOIN decision made ON made.id = d.decision_id
        WHERE d.kind = wanted.kind AND d.value = wanted.value AND d.revoked_at IS NULL
    ) AS declared ON true
    LEFT JOIN LATERAL (
        SELECT c.made_at FROM identifier_status_change c
        WHERE c.kind = wanted.kind AND c.value = wanted.value AND c.status = 'shared'
        ORDER BY c.id DESC LIMIT 1
    ) AS turned ON true
"""


async def read_standings(
    session: AsyncSession, shared: Collection[tuple[str, str]]
) -> dict[tuple[str, str], Standing]:
    """Return since when identifiers are shared, and by whose declaration, if by one."""
    if not shared:
        return {}
    rows = await fetch(session, _STANDINGS, *columns(sorted(shared)))
    return {(kind, value): Standing(since, actor) for kind, value, since, actor in rows}


async def find_each_other(session: AsyncSession, a: Features, b: Features, *, model: Model) -> bool:
    """Tell whether two records are candidates: they share a key that is not generic."""
    keys = blocking_keys(a) & blocking_keys(b)
    # One more than the cap tells a key that has too many holders.
    found = await find_candidates(session, keys, cap=model.key_cap + 1)
    holders = dict.fromkeys(keys, 0)
    for candidate in found.values():
        for key in candidate.keys:
            holders[key] += 1
    return any(count <= model.key_cap for count in holders.values())


async def list_binding_judgements(
    session: AsyncSession, record_ids: Collection[UUID]
) -> list[Judgement]:
    """Return the judgements that bind pairs of the records, oldest first."""
    found = await session.scalars(
        select(Judgement)
        .where(
            _among(Judgement.left_id, record_ids),
            _among(Judgement.right_id, record_ids),
            Judgement.verdict.in_((Verdict.MATCH, Verdict.NO_MATCH)),
            Judgement.revoked_at.is_(None),
        )
        .order_by(Judgement.made_at, Judgement.id)
    )
    return list(found)


async def list_changes(session: AsyncSession, client_ids: Collection[UUID]) -> list[IdentityChange]:
    """Return the changes of the partition that any of the clients took part in, oldest first."""
    found = await session.scalars(
        select(IdentityChange)
        .where(
            or_(
                _among(IdentityChange.client_id, client_ids),
                _among(IdentityChange.other_client_id, client_ids),
            )
        )
        .order_by(IdentityChange.recorded_at, IdentityChange.id)
    )
    return list(found)


async def list_arrivals(
    session: AsyncSession, record_ids: Collection[UUID]
) -> dict[UUID, datetime]:
    """Return when each of the records was first heard of."""
    came_at = func.coalesce(SourceRecord.recorded_at, SourceRecord.created_at)
    rows = await session.execute(
        select(SourceRecord.id, came_at).where(_among(SourceRecord.id, record_ids))
    )
    return dict(rows.all())


def _among(column: InstrumentedAttribute[Any], ids: Collection[UUID]) -> ColumnElement[bool]:
    """Return the condition that a column is one of the ids, which travel as one array."""
    return column == bindparam(None, list(ids), type_=ARRAY(Uuid)).any_()
