"""Records for the identifiers that tickets, orders and events carry, and their clients."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.locks import lock_until_commit
from rcu.db.statements import as_read, to_json
from rcu.identity import placing
from rcu.identity.adoption import Cause, Made, Move, adopt
from rcu.identity.blocking import identifier_key
from rcu.identity.features import Features
from rcu.identity.holders import (
    FOLLOWED_CAP,
    Holder,
    Holders,
    PresentedRead,
    identifier_records,
    most_read,
    read_presented,
)
from rcu.identity.holding import Holding
from rcu.identity.model import Model
from rcu.identity.models import Origin, Placement, RecordKind
from rcu.identity.placing import IdentifierKey, Narrowed
from rcu.identity.presentation import Presentation
from rcu.identity.repository import RecordKey, SavedRecord, StoredRecord
from rcu.identity.scoring import contradiction
from rcu.identity.sharing import is_shared
from rcu.ids import uuid7


@dataclass(slots=True)
class PlacedRecords:
    """The records that facts hang on, and what else changed on the way."""

    records: dict[RecordKey, UUID] = field(default_factory=dict)
    holdings: dict[UUID, Holding] = field(default_factory=dict)
    """Whose each of them is."""
    new_record_ids: set[UUID] = field(default_factory=set)
    touched_client_ids: set[UUID] = field(default_factory=set)


async def place_presented(  # noqa: PLR0913 - each is a word of one sentence
    session: AsyncSession,
    presentations: Collection[Presentation],
    *,
    model: Model,
    at: datetime,
    cause: Cause,
    touched: Collection[IdentifierKey] = (),
    stating: int = 0,
    read: PresentedRead | None = None,
) -> PlacedRecords:
    """Find or make the record of each presentation, and place all that this concerns.

    `touched` names identifiers that changed hands for another reason, such as a profile
    that now states them; `stating` says how many profiles, at most, have come to state one in
    this transaction. The locks of the presentations are held already; `read` is what was read of
    them since, when that was done already and nothing has changed. Two round trips, or one.

    No record of a profile moves, so that no golden record changes.
    """
    # Who places a fact by one of these at this moment is waited for, and its record seen.
    await lock_until_commit(session, {identifier_key(kind, value) for kind, value in touched})
    by_key = {presentation.key: presentation for presentation in presentations}
    if read is None:
        most = most_read(len(by_key) + stating)
        read = await read_presented(
            session, presentations, touched=touched, most=most, followed=FOLLOWED_CAP
        )
    stored = {key: read.records[key] for key in by_key if key in read.records}
    made = {key: as_read(uuid7()) for key in by_key if key not in stored}
    outcome = PlacedRecords(
        records={key: hung.record.id for key, hung in stored.items()} | made,
        holdings={hung.record.id: hung.holding for hung in stored.values()},
        new_record_ids=set(made.values()),
    )
    new = {made[key]: _as_read(made[key], by_key[key]) for key in made}
    shown = _newly_shown(presentations, read)
    changed = set(touched) | {identifier for identifier, _ in shown}
    if not (made or changed):
        return outcome
    locked = set(touched).union(*(p.identifiers for p in presentations))
    work = _Placing(Holders(session, read, locked), model)
    for identifier, key in shown:
        holder = (
            new[made[key]]
            if key in made
            else Holder(stored[key].record, Origin.TICKET, frozenset())
        )
        work.holders.add(identifier, holder)
    moves = await _place_again(work, changed, claimed=touched, new=new)
    placed = {move.record_id: (move.client_id, move.placement) for move in moves}
    adopted = await adopt(
        session,
        [move for move in moves if move.record_id not in new],
        made=Made(
            [_to_save(record, by_key[key], placed) for key, record in made.items()],
            [(*identifier, outcome.records[key]) for identifier, key in shown],
        ),
        lock=True,
        hung=set(outcome.records.values()),
        cause=cause,
        at=at,
    )
    outcome.holdings = dict(adopted.holdings)
    outcome.touched_client_ids = set(adopted.client_ids)
    return outcome


def _as_read(record_id: UUID, presentation: Presentation) -> Holder:
    """Return a record that is about to be made, as it would be read."""
    source, external_id = presentation.key
    record = StoredRecord(
        id=record_id,
        source=source,
        external_id=external_id,
        kind=presentation.kind,
        client_id=record_id,
        placement=_first_placement(presentation),
        features=_features(presentation),
        version=1,
    )
    return Holder(record, Origin.TICKET, presentation.identifiers)


def _first_placement(presentation: Presentation) -> Placement:
    is_of_source = presentation.kind == RecordKind.REFERENCE
    return Placement.OWN_RECORD if is_of_source else Placement.NONE


def _features(presentation: Presentation) -> dict[str, Any]:
    """Return what is kept of the names that were shown: none under an id of the source."""
    is_of_source = presentation.kind == RecordKind.REFERENCE
    return {} if is_of_source else presentation.features.to_json()


def _newly_shown(
    presentations: Iterable[Presentation], read: PresentedRead
) -> list[tuple[IdentifierKey, RecordKey]]:
    """Return the identifiers that facts showed and that were not known of their record."""
    shown = {(i, presentation.key) for presentation in presentations for i in presentation.shown}
    known = {
        (identifier, key)
        for key in {presentation.key for presentation in presentations} & read.records.keys()
        for identifier in read.records[key].shown
    }
    return sorted(shown - known)


def _to_save(
    record_id: UUID, presentation: Presentation, placed: Mapping[UUID, tuple[UUID, str]]
) -> SavedRecord:
    client_id, placement = placed.get(record_id, (record_id, _first_placement(presentation)))
    return SavedRecord(
        id=record_id,
        source=presentation.key[0],
        external_id=presentation.key[1],
        kind=presentation.kind,
        client_id=client_id,
        placement=placement,
        profile="{}",
        features=to_json(_features(presentation)),
    )


# --- placing ------------------------------------------------------------------------------------

_STATING = frozenset({Origin.PROFILE})
_CLAIMING = frozenset({Origin.PROFILE, Origin.WITHDRAWN})


@dataclass(slots=True)
class _Placing:
    """The placement of identifier records, while it is being worked out."""

    holders: Holders
    model: Model
    records: dict[UUID, Holder] = field(default_factory=dict)
    placed: dict[UUID, tuple[UUID, Placement] | None] = field(default_factory=dict)
    narrowed: dict[UUID, Narrowed] = field(default_factory=dict)
    _features: dict[UUID, Features] = field(default_factory=dict)

    def features(self, record: StoredRecord) -> Features:
        """Return what is known of a person by a record; several identifiers ask for the same."""
        found = self._features.get(record.id)
        if found is None:
            found = self._features[record.id] = Features.from_json(record.features)
        return found

    def narrow(self, record_id: UUID, holder: Holder) -> Narrowed:
        """Return what the personal identifiers of a record leave; their holders are loaded."""
        names = self.features(holder.record)
        own = self.meaningful(placing.personal_identifiers(holder.own))
        found = placing.narrow(own, partial(self.owners, names))
        self.narrowed[record_id] = found
        return found

    def why_unplaced(self, record_id: UUID) -> Placement:
        """Return why a record has no owner; one that was not examined again keeps its reason."""
        holder = self.records[record_id]
        if record_id not in self.narrowed:
            return Placement(holder.record.placement)
        names = self.features(holder.record)
        own = self.meaningful(holder.own)
        found = placing.why_unplaced(own, partial(self.users, names), self.narrowed[record_id])
        left_out = holder.own - own
        if found is not Placement.NONE or not left_out:
            return found
        # What is shared was left out: several hold it, though none counts.
        is_personal = placing.personal_identifiers(left_out)
        return Placement.AMBIGUOUS if is_personal else Placement.SHARED

    def meaningful(self, identifiers: Collection[IdentifierKey]) -> frozenset[IdentifierKey]:
        """Return the identifiers without those that are shared: who presents one may be anybody.

        Their holders are loaded.
        """
        return frozenset(i for i in identifiers if not self._is_shared(i))

    def owners(self, names: Features, identifier: IdentifierKey) -> Collection[UUID]:
        """Return the known clients who hold the identifier, names permitting."""
        return placing.holding(
            [
                holder.claim
                for holder, features in self._holding(identifier, _CLAIMING)
                if not contradiction(features, names, self.model)
            ]
        )

    def _holding(
        self, identifier: IdentifierKey, origins: Collection[str]
    ) -> list[tuple[Holder, Features]]:
        return [
            (holder, self.features(holder.record))
            for holder in self.holders.of(identifier)
            if holder.record.kind == RecordKind.PROFILE and holder.origin in origins
        ]

    def _is_shared(self, identifier: IdentifierKey) -> bool:
        if self.holders.are_too_many(identifier):
            return True
        declared = self.holders.declared(identifier)
        kind = identifier[0]
        if declared is not None or kind not in placing.PERSONAL:
            return bool(declared)
        stating = self._holding(identifier, _STATING)
        return len(stating) > self.model.shared_limit(kind) and is_shared(
            kind, [features for _, features in stating], self.model
        )

    def users(self, names: Features, identifier: IdentifierKey) -> set[UUID]:
        """Return the known clients who were seen with a token or a device."""
        return {
            client_id
            for holder in self.holders.of(identifier)
            if (client_id := self._user(holder, names)) is not None
        }

    def _user(self, holder: Holder, names: Features) -> UUID | None:
        record = holder.record
        if record.kind == RecordKind.PROFILE:
            contradicted = contradiction(self.features(record), names, self.model)
            return None if contradicted else record.client_id
        if record.kind != RecordKind.IDENTIFIERS:
            return None
        if record.id in self.placed:
            decided = self.placed[record.id]
            return decided[0] if decided and decided[1] in placing.DIRECT_PLACEMENTS else None
        return record.client_id if record.placement in placing.DIRECT_PLACEMENTS else None


async def _place_again(
    work: _Placing,
    changed: Collection[IdentifierKey],
    *,
    claimed: Collection[IdentifierKey],
    new: Mapping[UUID, Holder],
) -> list[Move]:
    """Return the moves of every identifiers record that a changed identifier concerns.

    `claimed` are those of which profiles changed; the others were shown by facts. `new` holds the
    records that were just made.
    """
    await work.holders.load(changed)
    # That one more record shows an identifier of a person changes nothing of who owns the others.
    concerning = set(changed) - set(placing.personal_identifiers(changed)) | set(claimed)
    first = work.holders.identifier_records(concerning) | work.holders.just_too_many(changed)
    first |= identifier_records(new.values())
    if not first:
        return []
    work.records |= first
    await _place_by_person(work, first)
    await _place_by_instrument(work, first, changed)
    return _moves(work, await _gather_anonymous(work))


async def _place_by_person(work: _Placing, records: Mapping[UUID, Holder]) -> None:
    await work.holders.lock_and_load(
        {
            identifier
            for holder in records.values()
            for identifier in placing.personal_identifiers(holder.own)
        }
    )
    for record_id, holder in records.items():
        work.placed[record_id] = work.narrow(record_id, holder).owner


async def _place_by_instrument(
    work: _Placing, first: Mapping[UUID, Holder], changed: Collection[IdentifierKey]
) -> None:
    """Place by token or device what no person was named for, or one of several."""
    touched = set(placing.instrumental_identifiers(changed))
    for holder in first.values():
        touched.update(placing.instrumental_identifiers(holder.own))
    await work.holders.lock_and_load(touched)
    concerned = work.holders.identifier_records(touched) | dict(first)
    await work.holders.lock_and_load(
        {
            identifier
            for holder in concerned.values()
            for identifier in placing.instrumental_identifiers(holder.own)
        }
    )
    others = {
        record_id: holder
        for record_id, holder in concerned.items()
        if record_id not in first and holder.record.placement not in placing.DIRECT_PLACEMENTS
    }
    work.records |= others
    await _place_by_person(work, others)
    for record_id, holder in work.records.items():
        if work.placed[record_id] is None:
            names = work.features(holder.record)
            work.placed[record_id] = placing.place_by_instrument(
                work.meaningful(holder.own), partial(work.users, names), work.narrowed[record_id]
            )


async def _gather_anonymous(work: _Placing) -> Mapping[UUID, UUID]:
    """Return the anonymous client of every unplaced record, and of those that it gathers with.

    Also of those that it gathered with before: any identifier of it may have been its anchor.
    """
    anchors = {
        identifier
        for record_id, holder in work.records.items()
        if holder.record.placement in placing.UNPLACED or work.placed[record_id] is None
        for identifier in holder.own
    }
    await work.holders.load(anchors)
    around = {
        record_id: holder
        for record_id, holder in work.holders.gathered(anchors).items()
        if record_id not in work.records and holder.record.placement in placing.UNPLACED
    }
    await work.holders.load({held for holder in around.values() for held in holder.own})
    for record_id, holder in around.items():
        if work.holders.anchor(holder.own) in anchors:
            work.records[record_id] = holder
            work.placed[record_id] = None
    return placing.anonymous_clients(
        {
            record_id: work.holders.anchor(work.records[record_id].own)
            for record_id, decided in work.placed.items()
            if decided is None
        }
    )


def _moves(work: _Placing, anonymous: Mapping[UUID, UUID]) -> list[Move]:
    moves = []
    for record_id, decided in work.placed.items():
        record = work.records[record_id].record
        if decided is None:
            client_id, placement = anonymous[record_id], work.why_unplaced(record_id)
        else:
            client_id, placement = decided
        if (client_id, placement) != (record.client_id, record.placement):
            moves.append(Move(record_id, client_id, placement, record.client_id))
    return moves
