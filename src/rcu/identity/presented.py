"""Records for the identifiers that tickets, orders and events carry, and their clients."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.errors import StaleReadError
from rcu.db.locks import lock_until_commit
from rcu.db.statements import to_json
from rcu.identity import placing, repository
from rcu.identity.adoption import Cause, Move, adopt
from rcu.identity.blocking import identifier_key
from rcu.identity.features import Features
from rcu.identity.identifiers import Holder, add_shown_identifiers, find_holders
from rcu.identity.model import Model
from rcu.identity.models import Placement, RecordKind
from rcu.identity.placing import IdentifierKey, Narrowed
from rcu.identity.presentation import Presentation
from rcu.identity.repository import RecordKey, SavedRecord, StoredRecord
from rcu.identity.scoring import contradiction
from rcu.identity.sharing import is_shared
from rcu.ids import uuid7

HOLDER_CAP = 200
"""Records looked at for one identifier; with so many holders it designates nobody."""


@dataclass(slots=True)
class PlacedRecords:
    """The records that facts hang on, and what else changed on the way."""

    records: dict[RecordKey, UUID] = field(default_factory=dict)
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
) -> PlacedRecords:
    """Find or make the record of each presentation, and place all that this concerns.

    `touched` names identifiers that changed hands for another reason, such as a profile
    that now states them; `stating` says how many profiles, at most, have come to state one in
    this transaction. The locks of the presentations are held already.
    """
    outcome = PlacedRecords()
    # Who places a fact by one of these at this moment is waited for, and its record seen.
    await lock_until_commit(session, {identifier_key(kind, value) for kind, value in touched})
    by_key = {presentation.key: presentation for presentation in presentations}
    stored = await repository.find_records(session, sorted(by_key))
    made = {key: uuid7() for key in by_key if key not in stored}
    outcome.records = {key: record.id for key, (record, _) in stored.items()} | made
    outcome.new_record_ids = set(made.values())
    await _make(session, {made[key]: by_key[key] for key in made}, at=at)
    changed = set(touched) | await _remember_shown(session, presentations, outcome.records, at=at)
    if made or changed:
        locked = set(touched).union(*(p.identifiers for p in presentations))
        holders = _Holders(session, locked, added=len(by_key) + stating)
        work = _Placing(holders, model)
        new = {made[key]: _holder(made[key], by_key[key]) for key in made}
        moves = await _place_again(work, changed, new=new)
        outcome.touched_client_ids = await _adopt(
            session, moves, new=outcome.new_record_ids, cause=cause, at=at
        )
    return outcome


def _holder(record_id: UUID, presentation: Presentation) -> Holder:
    """Return a record that was just made, as it would be read."""
    source, external_id = presentation.key
    record = StoredRecord(
        id=record_id,
        source=source,
        external_id=external_id,
        kind=presentation.kind,
        client_id=record_id,
        placement=Placement.NONE,
        features=presentation.features.to_json(),
        version=1,
    )
    return Holder(record, "ticket", presentation.identifiers, is_declared_shared=None)


async def _adopt(
    session: AsyncSession,
    moves: Sequence[Move],
    *,
    new: Collection[UUID],
    cause: Cause,
    at: datetime,
) -> set[UUID]:
    """Move records, unless a client that they come from or go to has gone elsewhere meanwhile.

    Whoever merges or splits clients holds their rows: once they are ours, the partition says
    whether what was read before is still so.
    """
    await repository.lock_clients(
        session,
        {move.client_id for move in moves}
        | {move.from_client_id for move in moves if not move.is_new},
    )
    lone = set(new) - {move.record_id for move in moves}
    changed = (await adopt(session, moves, refresh=lone, cause=cause, at=at)).client_ids
    if moves and await repository.has_strays(session, changed):
        raise StaleReadError
    return set(changed)


async def _make(session: AsyncSession, made: Mapping[UUID, Presentation], *, at: datetime) -> None:
    await repository.save_records(
        session,
        [
            SavedRecord(
                id=record_id,
                source=presentation.key[0],
                external_id=presentation.key[1],
                kind=presentation.kind,
                client_id=record_id,
                placement=Placement.OWN_RECORD
                if presentation.kind == RecordKind.REFERENCE
                else Placement.NONE,
                profile="{}",
                features=to_json(presentation.features.to_json())
                if presentation.kind == RecordKind.IDENTIFIERS
                else "{}",
            )
            for record_id, presentation in made.items()
        ],
        at=at,
    )


async def _remember_shown(
    session: AsyncSession,
    presentations: Collection[Presentation],
    records: Mapping[RecordKey, UUID],
    *,
    at: datetime,
) -> set[IdentifierKey]:
    """Store the identifiers that facts showed; return those that were not known of a record."""
    rows = {
        (kind, value, records[presentation.key])
        for presentation in presentations
        for kind, value in presentation.shown
    }
    return await add_shown_identifiers(session, rows, at=at)


# --- placing ------------------------------------------------------------------------------------


class _Holders:
    """Who holds which identifier, read once and as it is after the locks."""

    def __init__(
        self, session: AsyncSession, locked: Iterable[IdentifierKey], *, added: int
    ) -> None:
        """Read nothing yet. `added` is how many holders, at most, one identifier has won."""
        self._session = session
        self._locked = set(locked)
        self._most_read = HOLDER_CAP + added
        self._held: dict[IdentifierKey, list[Holder]] = {}

    async def load(self, identifiers: Iterable[IdentifierKey]) -> None:
        missing = set(identifiers) - self._held.keys()
        self._held |= await find_holders(self._session, missing, cap=self._most_read)

    async def lock_and_load(self, identifiers: Iterable[IdentifierKey]) -> None:
        """Read the holders once nobody else is about to change them.

        Two transactions may each show one token with another client: the second must see the
        first.
        """
        unlocked = set(identifiers) - self._locked
        await lock_until_commit(
            self._session, {identifier_key(*identifier) for identifier in unlocked}
        )
        self._locked |= unlocked
        for identifier in unlocked:
            self._held.pop(identifier, None)
        await self.load(identifiers)

    def of(self, identifier: IdentifierKey) -> Sequence[Holder]:
        """Return the holders; none when they are too many for the identifier to mean anything."""
        return () if self.are_too_many(identifier) else self._held[identifier]

    def are_too_many(self, identifier: IdentifierKey) -> bool:
        """Tell whether an identifier designates nobody, and gathers nothing."""
        return len(self._held[identifier]) >= HOLDER_CAP

    def just_too_many(self, identifiers: Iterable[IdentifierKey]) -> dict[UUID, Holder]:
        """Return the identifier records of what may designate nobody only since this transaction.

        It had placed them: they are to be placed without it.
        """
        return _identifier_records(
            holder
            for identifier in identifiers
            if HOLDER_CAP <= len(self._held[identifier]) < self._most_read
            for holder in self._held[identifier]
        )

    def anchor(self, own: Collection[IdentifierKey]) -> IdentifierKey | None:
        """Return what gathers a record with others: its strongest identifier that means something.

        The holders of all its identifiers are loaded.
        """
        return placing.anchor([held for held in own if not self.are_too_many(held)])

    def identifier_records(self, identifiers: Iterable[IdentifierKey]) -> dict[UUID, Holder]:
        return _identifier_records(
            holder for identifier in identifiers for holder in self.of(identifier)
        )


def _identifier_records(holders: Iterable[Holder]) -> dict[UUID, Holder]:
    return {
        holder.record.id: holder
        for holder in holders
        if holder.record.kind == RecordKind.IDENTIFIERS
    }


@dataclass(slots=True)
class _Placing:
    """The placement of identifier records, while it is being worked out."""

    holders: _Holders
    model: Model
    records: dict[UUID, Holder] = field(default_factory=dict)
    placed: dict[UUID, tuple[UUID, Placement] | None] = field(default_factory=dict)
    narrowed: dict[UUID, Narrowed] = field(default_factory=dict)

    def narrow(self, record_id: UUID, holder: Holder) -> Narrowed:
        """Return what the personal identifiers of a record leave; their holders are loaded."""
        names = Features.from_json(holder.record.features)
        own = self.meaningful(placing.personal_identifiers(holder.own))
        found = placing.narrow(own, partial(self.owners, names))
        self.narrowed[record_id] = found
        return found

    def why_unplaced(self, record_id: UUID) -> Placement:
        """Return why a record has no owner; one that was not examined again keeps its reason."""
        holder = self.records[record_id]
        if record_id not in self.narrowed:
            return Placement(holder.record.placement)
        names = Features.from_json(holder.record.features)
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

    def owners(self, names: Features, identifier: IdentifierKey) -> set[UUID]:
        """Return the known clients whose profile states the identifier, names permitting."""
        return {
            holder.record.client_id
            for holder, features in self._stating(identifier)
            if not contradiction(features, names, self.model)
        }

    def _stating(self, identifier: IdentifierKey) -> list[tuple[Holder, Features]]:
        return [
            (holder, Features.from_json(holder.record.features))
            for holder in self.holders.of(identifier)
            if holder.record.kind == RecordKind.PROFILE and holder.origin == "profile"
        ]

    def _is_shared(self, identifier: IdentifierKey) -> bool:
        if self.holders.are_too_many(identifier):
            return True
        declared = next((h.is_declared_shared for h in self.holders.of(identifier)), None)
        kind = identifier[0]
        if declared is not None or kind not in placing.PERSONAL:
            return bool(declared)
        stating = self._stating(identifier)
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
            contradicted = contradiction(Features.from_json(record.features), names, self.model)
            return None if contradicted else record.client_id
        if record.kind != RecordKind.IDENTIFIERS:
            return None
        if record.id in self.placed:
            decided = self.placed[record.id]
            return decided[0] if decided and decided[1] in placing.DIRECT_PLACEMENTS else None
        return record.client_id if record.placement in placing.DIRECT_PLACEMENTS else None


async def _place_again(
    work: _Placing, changed: Collection[IdentifierKey], *, new: Mapping[UUID, Holder]
) -> list[Move]:
    """Return the moves of every identifiers record that a changed identifier concerns.

    `new` holds the records that were just made.
    """
    await work.holders.load(changed)
    first = work.holders.identifier_records(changed) | work.holders.just_too_many(changed)
    first |= _identifier_records(new.values())
    if not first:
        return []
    work.records |= first
    await _place_by_person(work, first)
    await _place_by_instrument(work, first, changed)
    return _moves(work, await _gather_anonymous(work), new)


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
            names = Features.from_json(holder.record.features)
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
        for record_id, holder in work.holders.identifier_records(anchors).items()
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


def _moves(work: _Placing, anonymous: Mapping[UUID, UUID], new: Collection[UUID]) -> list[Move]:
    moves = []
    for record_id, decided in work.placed.items():
        record = work.records[record_id].record
        if decided is None:
            client_id, placement = anonymous[record_id], work.why_unplaced(record_id)
        else:
            client_id, placement = decided
        if (client_id, placement) != (record.client_id, record.placement):
            is_new = record_id in new
            moves.append(Move(record_id, client_id, placement, record.client_id, is_new=is_new))
    return moves
