"""Keeping the partition of profile records: which records are one client, one write at a time.

The path of a set of writes, of one record or of a thousand:

1. `prepare` reads what is known of the records and works out, without any lock, what they
   will say, the keys they will be found by, and the locks that this takes.
2. The caller takes the locks, all at once and sorted (`rcu.db.locks`).
3. `place` finds the candidates, scores the pairs, gathers the *component* of every record
   that is touched (all records tied to it by links, directly or through others), forms the
   clusters of the component anew, and writes what changed.

Because a component is always formed anew from its whole set of records, the outcome does not
depend on which of them came last.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu import metrics
from rcu.db.locks import lock_key
from rcu.identity import repository
from rcu.identity.blocking import blocking_keys, identifier_key
from rcu.identity.errors import StaleReadError
from rcu.identity.features import Features, describe
from rcu.identity.model import Model
from rcu.identity.models import Placement, RecordKind
from rcu.identity.partition import Judgements, partition
from rcu.identity.registers import ProfileStatement, Registers, merge, person_of
from rcu.identity.repository import Pair, RecordKey, StoredRecord
from rcu.identity.scoring import Decision, PairScore, score_pair
from rcu.identity.sharing import is_shared
from rcu.ids import uuid7

IdentifierKey = tuple[str, str]
"""`(kind, normalised value)`."""


@dataclass(slots=True)
class Draft:
    """A record as it will be once the statements of this transaction are merged into it."""

    id: UUID
    key: RecordKey
    before: StoredRecord | None
    registers: Registers
    changed: bool
    features: Features
    keys: frozenset[int]
    old_features: Features | None
    old_keys: frozenset[int]

    @property
    def is_new_profile(self) -> bool:
        """Whether no profile of this record was known before."""
        return self.before is None or self.before.kind != RecordKind.PROFILE


@dataclass(frozen=True, slots=True)
class Prepared:
    """Drafts of everything that a transaction will write, and the locks that it needs."""

    drafts: Mapping[RecordKey, Draft]
    locks: frozenset[int]


@dataclass(frozen=True, slots=True)
class Placed:
    """Where one record ended, and why."""

    record_id: UUID
    client_id: UUID
    is_new: bool
    is_changed: bool
    is_joined: bool
    """Whether other records were with the client before."""
    merged_client_ids: tuple[UUID, ...]
    match: tuple[RecordKey, PairScore] | None
    reviews: tuple[tuple[UUID, float], ...]


@dataclass(frozen=True, slots=True)
class Placements:
    """The outcome of a set of writes."""

    by_record: Mapping[RecordKey, Placed]
    touched_client_ids: frozenset[UUID]
    """Clients whose set of records, or a record of theirs, changed: those retired included."""
    touched_identifiers: frozenset[IdentifierKey]
    """Identifiers that changed hands: facts known by them only must be looked at again."""


async def prepare(
    session: AsyncSession,
    statements: Sequence[ProfileStatement],
    *,
    region: str,
) -> Prepared:
    """Merge statements into what is known of their records, and say what must be locked.

    Nothing is locked yet: `place` refuses drafts that others have overtaken meanwhile.
    """
    keys = {(statement.source, statement.external_id) for statement in statements}
    stored = await repository.find_records(session, sorted(keys))
    by_record: dict[RecordKey, list[ProfileStatement]] = defaultdict(list)
    for statement in statements:
        by_record[statement.source, statement.external_id].append(statement)
    drafts = {
        key: _draft(key, stated, stored.get(key), region=region)
        for key, stated in by_record.items()
    }
    locks = {lock_key("record", *key) for key in keys}
    for draft in drafts.values():
        if draft.changed:
            locks |= draft.keys | draft.old_keys
    return Prepared(drafts, frozenset(locks))


def _draft(
    key: RecordKey,
    statements: Sequence[ProfileStatement],
    stored: tuple[StoredRecord, Registers] | None,
    *,
    region: str,
) -> Draft:
    before, held = stored if stored else (None, {})
    registers = held
    for statement in statements:
        registers = merge(registers, statement)
    is_profile = before is not None and before.kind == RecordKind.PROFILE
    old_features = Features.from_json(before.features) if before and is_profile else None
    changed = registers != held or not is_profile
    if changed or old_features is None:
        features = describe(person_of(registers), region=region)
    else:
        features = old_features
    return Draft(
        id=before.id if before else uuid7(),
        key=key,
        before=before,
        registers=registers,
        changed=changed,
        features=features,
        keys=blocking_keys(features),
        old_features=old_features,
        old_keys=blocking_keys(old_features) if old_features else frozenset(),
    )


async def place(
    session: AsyncSession,
    prepared: Prepared,
    *,
    model: Model,
    at: datetime,
    actor: str,
) -> Placements:
    """Write the drafts and bring the partition up to date. The locks are held already.

    Raises `StaleReadError`, which the edge answers by trying again, when a record changed
    between `prepare` and the locks.
    """
    await _refuse_stale(session, prepared)
    drafts = {draft.id: draft for draft in prepared.drafts.values() if draft.changed}
    world = await _World.load(session, drafts, model)
    with metrics.resolution_timer():
        scores = world.score()
    component = await _load_locked_component(session, world.seeds(scores))
    await _save(session, drafts.values(), scores, model=model, at=at)
    clusters = _form_clusters(world, component, scores, model)
    moves = _moves(clusters, component, drafts)
    touched = await adopt(session, moves, at=at, actor=actor, cause="message", also=drafts.keys())
    return Placements(
        by_record=_describe(prepared, drafts, component, clusters, scores, touched),
        touched_client_ids=touched.client_ids | await _clients_of_changed(drafts, moves),
        touched_identifiers=world.touched_identifiers(moves),
    )
