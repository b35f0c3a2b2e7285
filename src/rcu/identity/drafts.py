"""What a set of profile writes will say, worked out before any lock is taken."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.locks import lock_key
from rcu.db.statements import as_read
from rcu.identity import repository
from rcu.identity.blocking import identifier_key
from rcu.identity.faces import keys_with_faces
from rcu.identity.features import Features, describe
from rcu.identity.models import RecordKind
from rcu.identity.placing import IdentifierKey
from rcu.identity.registers import (
    ProfileStatement,
    Registers,
    Standing,
    merge,
    person_of,
    withdrawn_identifiers,
)
from rcu.identity.repository import RecordKey, StoredRecord
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
    faces: Mapping[int, str | None]
    """The blocking keys, with the face that the row of each carries."""
    old_features: Features | None
    """None when no profile of this record was known."""
    old_faces: Mapping[int, str | None]
    withdrawn: Mapping[IdentifierKey, Standing]
    """What the record has stated and states no more."""
    old_withdrawn: Mapping[IdentifierKey, Standing]

    @property
    def is_new(self) -> bool:
        """Whether there is no such record yet."""
        return self.before is None

    @property
    def keys(self) -> AbstractSet[int]:
        """The keys by which the record will be found."""
        return self.faces.keys()

    @property
    def old_keys(self) -> AbstractSet[int]:
        """The keys by which it is found until then."""
        return self.old_faces.keys()

    @property
    def identifiers(self) -> set[IdentifierKey]:
        """What the record will be found by, what it was, and what it claims anew."""
        old = self.old_features.held if self.old_features else ()
        return {*self.features.held, *old, *self.claimed_anew}

    @property
    def claimed_anew(self) -> set[IdentifierKey]:
        """What the record claims since now, without stating it, or claims no more, or otherwise."""
        return {key for key, _ in self.withdrawn.items() ^ self.old_withdrawn.items()}


@dataclass(frozen=True, slots=True)
class Prepared:
    """Drafts of everything that a transaction will write, and the locks that it needs."""

    drafts: Mapping[RecordKey, Draft]
    locks: frozenset[int]
    region: str

    @property
    def identifiers(self) -> set[IdentifierKey]:
        """The identifiers that the records will hold, and those that they held."""
        return set[IdentifierKey]().union(*(d.identifiers for d in self.drafts.values()))

    @property
    def changed(self) -> list[Draft]:
        """The drafts of which something is to be written."""
        return [draft for draft in self.drafts.values() if draft.is_changed]


async def prepare(
    session: AsyncSession, statements: Sequence[ProfileStatement], *, region: str
) -> Prepared:
    """Merge statements into what is known of their records, and say what must be locked.

    Nothing is locked yet: drafts that others have overtaken meanwhile are refused once it is.
    """
    keys = {(statement.source, statement.external_id) for statement in statements}
    stored = await repository.find_records(session, sorted(keys))
    return _prepared(statements, stored, region=region)


def prepare_as_new(statements: Sequence[ProfileStatement], *, region: str) -> Prepared:
    """Do as `prepare` does, of records that are thought to be new: nobody has looked.

    Whoever takes the locks looks then, and prepares again where that was wrong.
    """
    return _prepared(statements, {}, region=region)


def _prepared(
    statements: Sequence[ProfileStatement],
    stored: Mapping[RecordKey, tuple[StoredRecord, Registers]],
    *,
    region: str,
) -> Prepared:
    by_record: dict[RecordKey, list[ProfileStatement]] = defaultdict(list)
    for statement in statements:
        by_record[statement.source, statement.external_id].append(statement)
    # The records that one sender makes at one instant are as old as their order says.
    fresh = sorted(as_read(uuid7()) for _ in by_record)
    drafts = {
        key: _draft(new_id, key, stated, stored.get(key), region=region)
        for new_id, (key, stated) in zip(fresh, by_record.items(), strict=True)
    }
    locks = {lock_key("record", *key) for key in drafts}
    for draft in drafts.values():
        if draft.is_changed:
            locks |= draft.keys | draft.old_keys
            locks |= {identifier_key(*identifier) for identifier in draft.claimed_anew}
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
    old_held = old_features.held if old_features else ()
    return Draft(
        id=before.id if before else new_id,
        key=key,
        before=before,
        registers=registers,
        is_changed=is_changed,
        features=features,
        faces=keys_with_faces(features),
        old_features=old_features,
        old_faces=keys_with_faces(old_features) if old_features else {},
        withdrawn=withdrawn_identifiers(registers, features.held, region=region),
        old_withdrawn=withdrawn_identifiers(held, old_held, region=region),
    )
