"""Who holds which identifier, and the records that facts hang on: read at once, after the locks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from rcu.db.locks import lock_until_commit
from rcu.db.statements import fetch
from rcu.identity import placing
from rcu.identity.blocking import identifier_key
from rcu.identity.holding import Holding
from rcu.identity.models import Origin, RecordKind
from rcu.identity.repository import RecordKey, StoredRecord

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from rcu.identity.placing import IdentifierKey
    from rcu.identity.presentation import Presentation

HOLDER_CAP: Final = 200
"""With so many holders an identifier designates nobody, and gathers nothing.

Of a person, profiles that state an identifier or have stated it count as its holders: a card that
was shown beside many tokens is its owner's none the less. Of a thing, every record does.
"""
FOLLOWED_CAP: Final = 1000
"""Records of one identifier that are placed anew, at most, when who holds it has changed."""

_READ: Final = "SELECT * FROM read_holders($1, $2, $3, $4, $5, $6)"


@dataclass(frozen=True, slots=True)
class Holder:
    """A record that holds an identifier."""

    record: StoredRecord
    origin: str
    own: frozenset[IdentifierKey]
    """Every identifier of the record, when it is one of identifiers only."""
    is_verified: bool = False
    """Whether its source has verified the identifier, by what it last said of it."""
    since: datetime | None = None
    """Since when a profile has stated it, as `placing.Claim` says."""

    @property
    def claim(self) -> placing.Claim:
        """What a profile says of the identifier, or has said."""
        is_stated = self.origin == Origin.PROFILE
        return placing.Claim(self.record.client_id, is_stated, self.is_verified, self.since)


@dataclass(frozen=True, slots=True)
class HungRecord:
    """A record that facts hang on."""

    record: StoredRecord
    is_known: bool
    """Whether its client is."""
    shown: frozenset[IdentifierKey]
    """What facts have shown of it."""

    @property
    def holding(self) -> Holding:
        """Whose the record is."""
        is_profile = self.record.kind == RecordKind.PROFILE
        return Holding(self.record.client_id, self.record.placement, self.is_known, is_profile)


@dataclass(frozen=True, slots=True)
class PresentedRead:
    """What was read of some presentations while their locks were held."""

    most: int
    """Profiles that were read of one identifier, at most; of records of facts so many at least."""
    records: dict[RecordKey, HungRecord] = field(default_factory=dict)
    """Those that are there."""
    held: dict[IdentifierKey, list[Holder]] = field(default_factory=dict)
    declared: dict[IdentifierKey, bool] = field(default_factory=dict)
    """Whether it is shared, of each identifier of which a steward declared it."""


def most_read(added: int) -> int:
    """Return how many holders of one identifier are read, when it has won `added` at most."""
    return HOLDER_CAP + added


def values_of(
    keys: Iterable[RecordKey], identifiers: Iterable[IdentifierKey]
) -> tuple[list[str], list[str], list[str], list[str]]:
    """Return the values by which records and identifiers are read: each pair as two arrays."""
    wanted, held = sorted(keys), sorted(identifiers)
    return (
        [source for source, _ in wanted],
        [external_id for _, external_id in wanted],
        [kind for kind, _ in held],
        [value for _, value in held],
    )


async def read_presented(
    session: AsyncSession,
    presentations: Collection[Presentation],
    *,
    touched: Collection[IdentifierKey] = (),
    most: int,
    followed: int,
) -> PresentedRead:
    """Return the records of presentations, and who holds their identifiers or those `touched`.

    Of one identifier, at most `most` profiles that state it, as many that have stated it, and
    `followed` records of facts that showed it.
    """
    identifiers = set(touched).union(*(p.identifiers for p in presentations))
    if not identifiers and not presentations:
        return PresentedRead(most)
    values = values_of({p.key for p in presentations}, identifiers)
    rows = await fetch(session, _READ, *values, most, max(most, followed))
    return presented_read(rows, identifiers, most=most)


def presented_read(
    rows: Iterable[Any], identifiers: Iterable[IdentifierKey], *, most: int
) -> PresentedRead:
    """Return what the rows of the database's function `read_holders` tell of identifiers."""
    read = PresentedRead(most, held={identifier: [] for identifier in identifiers})
    for what, *record, is_known, own, kind, value, origin, is_verified, is_shared, since in rows:
        if what == "declared":
            read.declared[kind, value] = is_shared
            continue
        stored = StoredRecord(*record)
        held = frozenset((one, other) for one, other in own or ())
        if what == "record":
            hung = HungRecord(stored, bool(is_known), held)
            read.records[stored.source, stored.external_id] = hung
        else:
            read.held[kind, value].append(Holder(stored, origin, held, is_verified, since))
    return read


class Holders:
    """Who holds which identifier, read once and as it is after the locks."""

    def __init__(
        self, session: AsyncSession, read: PresentedRead, locked: Iterable[IdentifierKey]
    ) -> None:
        """Begin with what was read already."""
        self._session = session
        self._locked = set(locked)
        self._most_read = read.most
        self._held = {identifier: list(held) for identifier, held in read.held.items()}
        self._declared = dict(read.declared)

    def add(self, identifier: IdentifierKey, holder: Holder) -> None:
        """Count a holder that is not written yet; the identifier is locked, and was read."""
        self._held[identifier].append(holder)

    async def load(self, identifiers: Iterable[IdentifierKey]) -> None:
        """Read the holders of identifiers that were not read yet."""
        missing = set(identifiers) - self._held.keys()
        most = self._most_read
        read = await read_presented(self._session, (), touched=missing, most=most, followed=most)
        self._held |= read.held
        self._declared |= read.declared

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

    def declared(self, identifier: IdentifierKey) -> bool | None:
        """Tell whether a steward declared the identifier shared; None when nothing is declared."""
        return self._declared.get(identifier)

    def are_too_many(self, identifier: IdentifierKey) -> bool:
        """Tell whether an identifier designates nobody."""
        return self._designating(identifier) >= HOLDER_CAP

    def _designating(self, identifier: IdentifierKey) -> int:
        """Return how many hold an identifier, of those who count."""
        held = self._held[identifier]
        if identifier[0] not in placing.PERSONAL:
            return len(held)
        return sum(holder.origin != Origin.TICKET for holder in held)

    def _gathers(self, identifier: IdentifierKey) -> bool:
        return len(self._held[identifier]) < HOLDER_CAP

    def just_too_many(self, identifiers: Iterable[IdentifierKey]) -> dict[UUID, Holder]:
        """Return the identifier records of what may have too many holders since this transaction.

        It had placed or gathered them: they are to be placed without it.
        """
        just = range(HOLDER_CAP, self._most_read)
        return identifier_records(
            holder
            for identifier in identifiers
            if self._designating(identifier) in just or len(self._held[identifier]) in just
            for holder in self._held[identifier]
        )

    def anchor(self, own: Collection[IdentifierKey]) -> IdentifierKey | None:
        """Return what gathers a record with others: its strongest identifier that means something.

        The holders of all its identifiers are loaded.
        """
        return placing.anchor([held for held in own if self._gathers(held)])

    def gathered(self, identifiers: Iterable[IdentifierKey]) -> dict[UUID, Holder]:
        """Return the records known by identifiers only that one of the identifiers may gather."""
        return identifier_records(
            holder
            for identifier in identifiers
            if self._gathers(identifier)
            for holder in self._held[identifier]
        )

    def identifier_records(self, identifiers: Iterable[IdentifierKey]) -> dict[UUID, Holder]:
        """Return the records known by identifiers only that hold one of the identifiers."""
        return identifier_records(
            holder for identifier in identifiers for holder in self.of(identifier)
        )


def identifier_records(holders: Iterable[Holder]) -> dict[UUID, Holder]:
    """Return, of some holders, the records that are known by identifiers only."""
    return {
        holder.record.id: holder
        for holder in holders
        if holder.record.kind == RecordKind.IDENTIFIERS
    }
