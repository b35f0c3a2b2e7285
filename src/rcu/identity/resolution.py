"""Keeping the partition of profile records: which records are one client, write by write.

The path of a set of writes, of one record or of a thousand:

1. `prepare` reads what is known of the records and works out, without any lock, what they
   will say, the keys they will be found by, and the locks that this takes.
2. The caller takes the locks, all at once and sorted (`rcu.db.locks`).
3. `place` finds the candidates, scores the pairs, gathers the *component* of every record
   that is touched (all records tied to it by links or judgements, directly or through
   others), forms the clusters of the component anew, and writes what changed.

A component is always formed anew, from the whole set of its records: the outcome does not
depend on which of them came last. The client id of a cluster is the id of its oldest record.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations
from time import perf_counter
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu import metrics
from rcu.db.errors import StaleReadError
from rcu.db.locks import lock_key
from rcu.db.statements import to_json
from rcu.identity import repository
from rcu.identity.adoption import Cause, Move, adopt
from rcu.identity.blocking import blocking_keys
from rcu.identity.features import Features, describe
from rcu.identity.model import Model
from rcu.identity.models import Placement, RecordKind
from rcu.identity.neighbourhood import Neighbourhood, tied_groups
from rcu.identity.partition import Judgements, partition
from rcu.identity.placing import IdentifierKey
from rcu.identity.registers import (
    ProfileStatement,
    Registers,
    merge,
    person_of,
    verified_identifiers,
)
from rcu.identity.repository import (
    Component,
    Pair,
    RecordKey,
    SavedRecord,
    ScoredPair,
    StoredRecord,
)
from rcu.identity.scoring import Decision, PairScore, score_pair
from rcu.ids import uuid7


@dataclass(slots=True)
class Draft:
    """A record as it will be once the statements of this transaction are merged into it."""

    id: UUID
    key: RecordKey
    before: StoredRecord | None
    registers: Registers
    is_changed: bool
    features: Features
    keys: frozenset[int]
    old_features: Features | None
    """None when no profile of this record was known."""
    old_keys: frozenset[int]


@dataclass(frozen=True, slots=True)
class Prepared:
    """Drafts of everything that a transaction will write, and the locks that it needs."""

    drafts: Mapping[RecordKey, Draft]
    locks: frozenset[int]
    region: str


@dataclass(frozen=True, slots=True)
class Placed:
    """Where one record ended, and why."""

    record_id: UUID
    client_id: UUID
    outcome: str
    """`created`, `matched`, `updated` or `unchanged`."""
    merged_client_ids: tuple[UUID, ...]
    match: tuple[RecordKey, PairScore] | None
    reviews: tuple[tuple[UUID, float], ...]

    def again(self) -> "Placed":
        """Return the outcome of a further statement on the same record in the same set."""
        is_first = self.outcome in {"created", "matched"}
        return replace(self, outcome="updated") if is_first else self


@dataclass(frozen=True, slots=True)
class Placements:
    """The outcome of a set of writes."""

    by_record: Mapping[RecordKey, Placed]
    touched_client_ids: frozenset[UUID]
    """Clients whose set of records, or a record of theirs, changed: those retired included."""
    touched_identifiers: frozenset[IdentifierKey]
    """Identifiers that changed hands: facts known by them only must be looked at again."""


async def prepare(
    session: AsyncSession, statements: Sequence[ProfileStatement], *, region: str
) -> Prepared:
    """Merge statements into what is known of their records, and say what must be locked.

    Nothing is locked yet: `place` refuses drafts that others have overtaken meanwhile.
    """
    by_record: dict[RecordKey, list[ProfileStatement]] = defaultdict(list)
    for statement in statements:
        by_record[statement.source, statement.external_id].append(statement)
    stored = await repository.find_records(session, sorted(by_record))
    # The records that one sender makes at one instant are as old as their order says.
    fresh = sorted(uuid7() for _ in by_record)
    drafts = {
        key: _draft(new_id, key, stated, stored.get(key), region=region)
        for new_id, (key, stated) in zip(fresh, by_record.items(), strict=True)
    }
    locks = {lock_key("record", *key) for key in drafts}
    for draft in drafts.values():
        if draft.is_changed:
            locks |= draft.keys | draft.old_keys
    return Prepared(drafts, frozenset(locks), region)


def _draft(
    new_id: UUID,
    key: RecordKey,
    statements: Sequence[ProfileStatement],
    stored: tuple[StoredRecord, Registers] | None,
    *,
    region: str,
) -> Draft:
    before, held = stored or (None, {})
    registers = held
    for statement in statements:
        registers = merge(registers, statement)
    had_profile = before is not None and before.kind == RecordKind.PROFILE
    old_features = Features.from_json(before.features) if before and had_profile else None
    is_changed = registers != held or not had_profile
    features = (
        describe(person_of(registers), region=region)
        if is_changed or old_features is None
        else old_features
    )
    return Draft(
        id=before.id if before else new_id,
        key=key,
        before=before,
        registers=registers,
        is_changed=is_changed,
        features=features,
        keys=blocking_keys(features),
        old_features=old_features,
        old_keys=blocking_keys(old_features) if old_features else frozenset(),
    )


async def place(
    session: AsyncSession, prepared: Prepared, *, model: Model, at: datetime, cause: Cause
) -> Placements:
    """Write the drafts and bring the partition up to date. The locks are held already.

    Raises `StaleReadError`, upon which the edge tries again, when a record changed between
    `prepare` and the locks.
    """
    await _refuse_overtaken(session, prepared)
    drafts = {draft.id: draft for draft in prepared.drafts.values() if draft.is_changed}
    if not drafts:
        return Placements(_unchanged(prepared), frozenset(), frozenset())
    started = perf_counter()
    near = await Neighbourhood.load(session, drafts.values(), model)
    scores = near.score()
    component = await _lock_component(session, near.seeds(scores))
    formed = await form_clusters(session, drafts, component, near, scores)
    metrics.observe_resolution(
        seconds=(perf_counter() - started) / len(drafts),
        candidates=near.candidates() // len(drafts),
    )
    await _save_drafts(session, drafts, formed.client_of, at=at, region=prepared.region)
    await _save_pairs(session, drafts, scores, model=model, at=at)
    moves = _moves(component, drafts, formed.client_of)
    touched = await adopt(
        session,
        moves,
        refresh={formed.client_of[record_id] for record_id in drafts},
        cause=cause,
        at=at,
    )
    return Placements(
        by_record=_unchanged(prepared) | _outcomes(drafts, formed, moves, near),
        touched_client_ids=touched,
        touched_identifiers=await _touched_identifiers(session, drafts, moves),
    )


@dataclass(frozen=True, slots=True)
class FormedAgain:
    """The partition of some records after their judgements changed."""

    client_of: Mapping[UUID, UUID]
    touched_client_ids: frozenset[UUID]
    touched_identifiers: frozenset[IdentifierKey]


async def form_again(
    session: AsyncSession,
    record_ids: Collection[UUID],
    *,
    model: Model,
    at: datetime,
    cause: Cause,
) -> FormedAgain:
    """Form the clusters anew around records whose judgements have changed."""
    component = await _lock_component(session, record_ids)
    near = await Neighbourhood.load(session, [], model)
    formed = await form_clusters(session, {}, component, near, {})
    moves = _moves(component, {}, formed.client_of)
    touched = await adopt(session, moves, cause=cause, at=at)
    return FormedAgain(formed.client_of, touched, await _touched_identifiers(session, {}, moves))


async def _refuse_overtaken(session: AsyncSession, prepared: Prepared) -> None:
    versions = await repository.list_versions(session, sorted(prepared.drafts))
    for key, draft in prepared.drafts.items():
        if versions.get(key) != (draft.before.version if draft.before else None):
            raise StaleReadError


async def _lock_component(session: AsyncSession, seeds: Collection[UUID]) -> Component:
    """Return all that links and judgements tie to the seeds, with its clients locked.

    Whoever changes a component holds the locks of its clients. A component that grew while
    we waited is read again; its further clients are locked late, and a deadlock that this
    makes is resolved by the edge, which tries again.
    """
    locked: set[UUID] = set()
    while seeds:
        component = await repository.load_component(session, seeds)
        clients = {record.client_id for record in component.records} - locked
        if not clients and locked:
            return component
        if not clients:
            break
        await repository.lock_clients(session, clients)
        locked |= clients
    return Component([], [], [])


@dataclass(frozen=True, slots=True)
class Formed:
    """The clusters of the components that the writes touch."""

    client_of: Mapping[UUID, UUID]
    key_of: Mapping[UUID, RecordKey]
    scores: Mapping[Pair, PairScore]
    """Every pair that was scored: candidates, and all pairs within a component."""


async def form_clusters(
    session: AsyncSession,
    drafts: Mapping[UUID, Draft],
    component: Component,
    near: Neighbourhood,
    candidates: Mapping[Pair, PairScore],
) -> Formed:
    """Form the clusters of every component concerned.

    Within a component every pair is scored, candidate or not: what is put together must
    be compared.
    """
    features = {record.id: Features.from_json(record.features) for record in component.records}
    features |= {draft.id: draft.features for draft in drafts.values()}
    groups = tied_groups(features, component, candidates, drafts)
    await near.learn_sharing(session, [[features[m] for m in group] for group in groups])
    scores = dict(candidates)
    for group in groups:
        for a, b in combinations(group, 2):
            if (a, b) not in scores:
                scores[a, b] = score_pair(features[a], features[b], near.model, shared=near.shared)
    key_of = {record.id: (record.source, record.external_id) for record in component.records}
    key_of |= {draft.id: draft.key for draft in drafts.values()}
    clusters = partition(
        features,
        {pair: score for pair, score in scores.items() if features.keys() >= set(pair)},
        model=near.model,
        judgements=judgements_of(component),
        order=key_of.__getitem__,
    )
    client_of = {member: min(cluster) for cluster in clusters for member in cluster}
    return Formed(client_of, key_of, scores)


def judgements_of(component: Component) -> Judgements[UUID]:
    """Return the binding judgements of a component, for the partition."""
    by_verdict: dict[str, set[frozenset[UUID]]] = {"match": set(), "no_match": set()}
    for judged in component.judged:
        by_verdict[judged.verdict].add(frozenset((judged.left_id, judged.right_id)))
    return Judgements(
        must_link=frozenset(by_verdict["match"]), cannot_link=frozenset(by_verdict["no_match"])
    )


async def _save_drafts(
    session: AsyncSession,
    drafts: Mapping[UUID, Draft],
    client_of: Mapping[UUID, UUID],
    *,
    at: datetime,
    region: str,
) -> None:
    await repository.save_records(
        session,
        [
            SavedRecord(
                id=draft.id,
                source=draft.key[0],
                external_id=draft.key[1],
                kind=RecordKind.PROFILE,
                client_id=client_of[draft.id],
                placement=Placement.MATCHING,
                profile=to_json(draft.registers),
                features=to_json(draft.features.to_json()),
            )
            for draft in drafts.values()
        ],
        at=at,
    )
    await repository.change_blocking_keys(
        session,
        added={(key, d.id) for d in drafts.values() for key in d.keys - d.old_keys},
        removed={(key, d.id) for d in drafts.values() for key in d.old_keys - d.keys},
    )
    await repository.replace_profile_identifiers(
        session,
        [draft.id for draft in drafts.values() if draft.old_features],
        [row for draft in drafts.values() for row in _stated_identifiers(draft, region)],
        at=at,
    )


def _stated_identifiers(
    draft: Draft, region: str
) -> Iterable[tuple[str, str, UUID, datetime | None]]:
    verified = verified_identifiers(draft.registers, region=region)
    for kind, value in sorted(draft.features.identifiers):
        yield kind, value, draft.id, verified.get((kind, value))


async def _save_pairs(
    session: AsyncSession,
    drafts: Mapping[UUID, Draft],
    scores: Mapping[Pair, PairScore],
    *,
    model: Model,
    at: datetime,
) -> None:
    """Store the candidate pairs that reach the review line, in place of what was stored."""
    await repository.replace_pairs(
        session,
        forget_records=[draft.id for draft in drafts.values() if draft.old_features],
        forget_pairs=[
            pair
            for pair, score in scores.items()
            if score.decision is Decision.APART and drafts.keys().isdisjoint(pair)
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
        model_version=model.version,
        at=at,
    )


def _moves(
    component: Component, drafts: Mapping[UUID, Draft], client_of: Mapping[UUID, UUID]
) -> list[Move]:
    # What was read after the locks comes last: a record may have moved while we waited for them.
    known = {draft.id: draft.before for draft in drafts.values() if draft.before}
    known |= {record.id: record for record in component.records}
    return [
        Move(record.id, client_of[record.id], Placement.MATCHING, record.client_id)
        for record in known.values()
        if client_of[record.id] != record.client_id
    ]


async def _touched_identifiers(
    session: AsyncSession, drafts: Mapping[UUID, Draft], moves: Sequence[Move]
) -> frozenset[IdentifierKey]:
    """Return the identifiers that the writes state or withdraw, or that moved with a record."""
    stated = {
        identifier
        for draft in drafts.values()
        for features in (draft.features, draft.old_features)
        if features
        for identifier in features.identifiers
    }
    became_known = {d.id for d in drafts.values() if d.before and not d.old_features}
    moved = {move.record_id for move in moves} | became_known
    return frozenset(stated | await repository.list_identifiers(session, moved))


# --- what the sender is told --------------------------------------------------------------------

MAX_REVIEWS = 5


def _unchanged(prepared: Prepared) -> dict[RecordKey, Placed]:
    return {
        draft.key: Placed(draft.id, draft.before.client_id, "unchanged", (), None, ())
        for draft in prepared.drafts.values()
        if draft.before is not None and not draft.is_changed
    }


def _outcomes(
    drafts: Mapping[UUID, Draft],
    formed: Formed,
    moves: Sequence[Move],
    near: Neighbourhood,
) -> dict[RecordKey, Placed]:
    living = set(formed.client_of.values())
    merged: dict[UUID, set[UUID]] = defaultdict(set)
    for move in moves:
        if move.from_client_id not in living and move.from_client_id not in drafts:
            merged[move.client_id].add(move.from_client_id)
    members_of: dict[UUID, list[UUID]] = defaultdict(list)
    for member, client_id in formed.client_of.items():
        members_of[client_id].append(member)
    pairs_of: dict[UUID, list[tuple[UUID, PairScore]]] = defaultdict(list)
    for (a, b), score in formed.scores.items():
        pairs_of[a].append((b, score))
        pairs_of[b].append((a, score))
    return {
        draft.key: Placed(
            record_id=draft.id,
            client_id=formed.client_of[draft.id],
            outcome=_outcome(draft, drafts, members_of[formed.client_of[draft.id]]),
            merged_client_ids=tuple(sorted(merged[formed.client_of[draft.id]])),
            match=_match(draft, pairs_of[draft.id], formed),
            reviews=_reviews(draft, pairs_of[draft.id], formed.client_of, near),
        )
        for draft in drafts.values()
    }


def _outcome(draft: Draft, drafts: Mapping[UUID, Draft], members: Sequence[UUID]) -> str:
    if draft.old_features:
        return "updated"
    joined = any(other not in drafts or other < draft.id for other in members if other != draft.id)
    return "matched" if joined else "created"


def _match(
    draft: Draft, pairs: Sequence[tuple[UUID, PairScore]], formed: Formed
) -> tuple[RecordKey, PairScore] | None:
    """Return the strongest pair that ties the record to its client."""
    together = [
        (score.weight, formed.key_of[other], score)
        for other, score in pairs
        if score.decision is Decision.LINK
        and formed.client_of.get(other) == formed.client_of[draft.id]
    ]
    if not together:
        return None
    _, key, score = max(together, key=lambda item: (item[0], item[1]))
    return key, score


def _reviews(
    draft: Draft,
    pairs: Sequence[tuple[UUID, PairScore]],
    client_of: Mapping[UUID, UUID],
    near: Neighbourhood,
) -> tuple[tuple[UUID, float], ...]:
    """Return the other clients that may be the same person, the likeliest first."""
    waiting: dict[UUID, float] = {}
    for other, score in pairs:
        client_id = client_of.get(other) or near.records[other].client_id
        if score.decision is not Decision.APART and client_id != client_of[draft.id]:
            waiting[client_id] = max(score.weight, waiting.get(client_id, score.weight))
    ranked = sorted(waiting.items(), key=lambda item: (-item[1], item[0]))
    return tuple(ranked[:MAX_REVIEWS])
