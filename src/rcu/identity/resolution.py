"""Keeping the partition of profile records: which records are one client, write by write.

The path of a set of writes, of one record or of a thousand:

1. `entering.enter` works out what the records will say (`rcu.identity.drafts`) and the keys they
   will be found by, takes the locks that this needs, all at once and sorted (`rcu.db.locks`), and
   reads who holds the keys; of a new record those of them as well who probably matter.
2. `place` reads the candidates that were not, scores the pairs, gathers the *component* of
   every record that is touched (all records tied to it by links or judgements, directly or
   through others), forms the clusters of the component anew, and writes what changed.

A component is always formed anew, from the whole set of its records: the outcome does not
depend on which of them came last. The client id of a cluster is the id of its oldest record.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu import metrics
from rcu.db.statements import to_json
from rcu.identity.adoption import Adopted, Cause, Move, adopt
from rcu.identity.brakes import confirm_brakes, merges_of, watch_merges
from rcu.identity.braking import BRAKE, DEFAULT_LIMITS, BrakeLimits, Brakes
from rcu.identity.controls import read_controls
from rcu.identity.drafts import Draft
from rcu.identity.entering import Entered
from rcu.identity.forming import form_clusters, lock_component, resolve
from rcu.identity.identifier_statuses import remember_turns
from rcu.identity.identifiers import list_identifiers
from rcu.identity.model import Model
from rcu.identity.models import Origin, Placement, RecordKind
from rcu.identity.neighbourhood import Neighbourhood
from rcu.identity.outcomes import Placed, outcomes, unchanged
from rcu.identity.pairs import Component, ScoredPair, worth_storing
from rcu.identity.placing import IdentifierKey
from rcu.identity.registers import (
    stated_identifiers,
)
from rcu.identity.repository import Pair, RecordKey, SavedRecord
from rcu.identity.saving import (
    SavedKey,
    SavedProfiles,
    StatedIdentifier,
    forget,
    save_profiles,
)
from rcu.identity.scoring import Decision, PairScore


@dataclass(frozen=True, slots=True)
class Placements:
    """The outcome of a set of writes."""

    by_record: Mapping[RecordKey, Placed]
    touched_client_ids: frozenset[UUID]
    """Clients whose set of records, or a record of theirs, changed: those retired included."""
    touched_identifiers: frozenset[IdentifierKey]
    """Identifiers that changed hands: facts known by them only must be looked at again."""


async def place(
    session: AsyncSession,
    entered: Entered,
    *,
    model: Model,
    at: datetime,
    cause: Cause,
    limits: BrakeLimits = DEFAULT_LIMITS,
) -> Placements:
    """Write the drafts and bring the partition up to date. The locks are held already.

    `limits` say how much one identifier or source may merge before a brake stops it.
    """
    prepared = entered.prepared
    if not prepared.changed:
        return Placements(unchanged(prepared), frozenset(), frozenset())
    started = perf_counter()
    resolved = await resolve(session, entered, model=model)
    drafts, near, formed = resolved.drafts, resolved.near, resolved.formed
    component = resolved.component
    metrics.observe_resolution(
        seconds=(perf_counter() - started) / len(drafts),
        candidates=near.candidates() // len(drafts),
    )
    scores = {pair: formed.scores[pair] for pair in resolved.candidates}
    brakes = entered.controls.brakes
    if brakes and any(score.contradiction == BRAKE for score in scores.values()):
        await confirm_brakes(session, brakes)
    moves = _moves(component, drafts, formed.client_of)
    clients = {formed.client_of[record_id] for record_id in drafts}
    await _forget(session, drafts, scores, dropped=near.reexamined.dropped)
    pairs = worth_storing(scores)
    saved = SavedProfiles(
        records=[_saved_record(draft, formed.client_of[draft.id]) for draft in drafts.values()],
        keys=[key for draft in drafts.values() for key in _saved_keys(draft)],
        identifiers=[row for d in drafts.values() for row in _stated(d, prepared.region)],
        pairs=pairs,
        model_version=model.version,
        are_new=_are_new(drafts, pairs),
        # Where records move, whom they leave matters too, and `adopt` looks at all of them.
        client_ids=() if moves else clients,
    )
    await save_profiles(session, saved, at=at)
    await remember_turns(session, near.turns(), model=model, cause=cause, at=at)
    adopted = (
        await adopt(session, moves, refresh=clients, cause=cause, at=at)
        if moves
        else Adopted(frozenset(clients), ())
    )
    merges = merges_of(adopted.merges, component, drafts, formed, near)
    await watch_merges(session, merges, limits=limits, at=at)
    return Placements(
        by_record=unchanged(prepared) | outcomes(drafts, formed, moves, near),
        touched_client_ids=adopted.client_ids,
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
    """Form the clusters anew around records whose judgements have changed.

    No brake holds these back: a brake stops what merges by itself, not what somebody decides. What
    one holds back already is stored for review, and ties nothing together here.
    """
    component = await lock_component(session, record_ids)
    controls = await read_controls(session)
    controls.brakes = Brakes()
    near = await Neighbourhood.load(session, [], model, controls, {})
    formed = await form_clusters(session, {}, component, near, {})
    moves = _moves(component, {}, formed.client_of)
    adopted = await adopt(session, moves, cause=cause, at=at)
    return FormedAgain(
        formed.client_of, adopted.client_ids, await _touched_identifiers(session, {}, moves)
    )


async def _forget(
    session: AsyncSession,
    drafts: Mapping[UUID, Draft],
    scores: Mapping[Pair, PairScore],
    *,
    dropped: Collection[Pair],
) -> None:
    """Take away what the records do not say any more, and the pairs that are none any more."""
    apart = (
        pair
        for pair, score in scores.items()
        if score.decision is Decision.APART and drafts.keys().isdisjoint(pair)
    )
    await forget(
        session,
        keys=[(key, d.id) for d in drafts.values() for key in d.old_keys - d.keys],
        record_ids=[draft.id for draft in drafts.values() if draft.old_features],
        pairs=[*dropped, *apart],
    )


def _are_new(drafts: Mapping[UUID, Draft], pairs: Iterable[ScoredPair]) -> bool:
    """Tell whether nothing is stored yet of the records that are written, and of the pairs."""
    return all(draft.is_new for draft in drafts.values()) and all(
        pair.left_id in drafts or pair.right_id in drafts for pair in pairs
    )


def _saved_record(draft: Draft, client_id: UUID) -> SavedRecord:
    return SavedRecord(
        id=draft.id,
        source=draft.key[0],
        external_id=draft.key[1],
        kind=RecordKind.PROFILE,
        client_id=client_id,
        placement=Placement.MATCHING,
        profile=to_json(draft.registers),
        features=to_json(draft.features.to_json()),
    )


def _saved_keys(draft: Draft) -> Iterable[SavedKey]:
    for key, face in draft.faces.items():
        if key not in draft.old_faces or draft.old_faces[key] != face:
            yield SavedKey._make((key, draft.id, face))


def _stated(draft: Draft, region: str) -> Iterable[StatedIdentifier]:
    stated = stated_identifiers(draft.registers, draft.features.held, region=region)
    for (kind, value), standing in sorted(stated.items()):
        yield StatedIdentifier(kind, value, draft.id, Origin.PROFILE, *standing)
    for (kind, value), standing in sorted(draft.withdrawn.items()):
        yield StatedIdentifier(kind, value, draft.id, Origin.WITHDRAWN, *standing)


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
    stated = {identifier for draft in drafts.values() for identifier in draft.identifiers}
    # What sales showed of a record leads to it as long as the names allow it.
    renamed = {
        d.id
        for d in drafts.values()
        if d.before and (d.old_features is None or d.old_features.face() != d.features.face())
    }
    moved = {move.record_id for move in moves} | renamed
    return frozenset(stated | await list_identifiers(session, moved))
