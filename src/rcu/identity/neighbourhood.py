"""The records around a set of writes: who shares keys with them, and which values are shared."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import combinations
from types import MappingProxyType
from typing import Protocol, Self
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.identity.blocking import identifier_key
from rcu.identity.candidates import KeyHolders, find_candidates, most_read
from rcu.identity.controls import Controls
from rcu.identity.crowding import KeyTurns, Reexamination, Reexamined
from rcu.identity.faces import Apart, pack_face
from rcu.identity.features import Features
from rcu.identity.identifiers import find_stating
from rcu.identity.model import Model
from rcu.identity.pairs import NOTHING_READ, Around, Component, read_around
from rcu.identity.placing import IdentifierKey
from rcu.identity.repository import Pair, StoredRecord, list_features, list_records
from rcu.identity.scoring import (
    Decision,
    PairScore,
    is_plainly_apart,
    score_pair,
    score_unless_apart,
)
from rcu.identity.sharing import is_shared, is_shared_by_number


class Written(Protocol):
    """What the neighbourhood needs of a record that is being written."""

    id: UUID
    features: Features
    old_features: Features | None

    @property
    def is_new(self) -> bool:
        """Whether there is no such record yet."""

    @property
    def keys(self) -> AbstractSet[int]:
        """The keys by which it will be found."""

    @property
    def old_keys(self) -> AbstractSet[int]:
        """The keys by which it is found until then."""


@dataclass(frozen=True, slots=True)
class StatusTurn:
    """An identifier that became shared, or personal again, and who holds it now."""

    identifier: IdentifierKey
    is_shared: bool
    holders: int
    read: Sequence[Features]
    """The holders, or as many of them as a key may have where there are more."""


FEW = 12
"""Holders of an identifier, at most, who are taken for one person before they are compared."""


def ordered(a: UUID, b: UUID) -> Pair:
    """Return the two record ids as a pair, the lower one first."""
    return (a, b) if a < b else (b, a)


@dataclass(slots=True)
class Neighbourhood:
    """Records that are written, and the stored ones that share blocking keys with them."""

    written: Mapping[UUID, Written]
    records: dict[UUID, StoredRecord]
    model: Model
    controls: Controls
    features: dict[UUID, Features] = field(default_factory=dict)
    holders: dict[int, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    """By blocking key, who holds it once the writes are done."""
    shared: set[IdentifierKey] = field(default_factory=set)
    settled: set[IdentifierKey] = field(default_factory=set)
    """Identifiers of which we know whether they are shared."""
    turned: set[IdentifierKey] = field(default_factory=set)
    """Identifiers that the writes turn into shared ones, or back."""
    stated: dict[IdentifierKey, list[UUID]] = field(default_factory=lambda: defaultdict(list))
    """By identifier, the written records that state it now."""
    stated_before: dict[IdentifierKey, list[Features]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """By identifier, the written records that stated it, as they were."""
    crowds: dict[IdentifierKey, set[UUID]] = field(default_factory=dict)
    """Who states the identifiers whose key has more holders than were read."""
    turning: KeyTurns = field(default_factory=lambda: KeyTurns((), ()))
    """Which of the keys become generic by the writes, or stop being so."""
    around: Around = NOTHING_READ
    """The stored records that were read, with what the likely ones are tied to."""
    _parsed: dict[tuple[UUID, int], Features] = field(default_factory=dict)
    reexamined: Reexamined = field(default_factory=Reexamined)
    """What the writes change between records that are not written themselves."""

    @classmethod
    async def load(
        cls,
        session: AsyncSession,
        written: Collection[Written],
        model: Model,
        controls: Controls,
        held: KeyHolders = MappingProxyType({}),
        around: Around = NOTHING_READ,
    ) -> Self:
        """Read those of the holders of keys that matter, work out what is shared.

        What `around` holds was read with the holders.
        """
        model.forget_pairs()
        keys = frozenset[int]().union(*(w.keys | w.old_keys for w in written))
        near = cls(
            written={w.id: w for w in written},
            records={},
            model=model,
            controls=controls,
            holders={key: set() for key in keys},
            around=around,
        )
        for key, faces in held.items():
            near.holders[key].update(faces)
            near.holders[key].difference_update(near.written)
        for w in written:
            near._write(w)
        near.turning = KeyTurns.of(near.written.values(), near.holders, cap=model.key_cap)
        await near._read(session, held)
        await near._read_crowds(
            session,
            {key: len(faces) for key, faces in held.items()},
            near.stated.keys() | near.stated_before.keys(),
        )
        near._settle_written()
        await near._reexamine(session)
        return near

    async def _read(self, session: AsyncSession, held: KeyHolders) -> None:
        """Read those of the holders of keys that matter and were not read with the keys."""
        record_ids = self._worth_reading(held)
        if self.around is NOTHING_READ:
            likely = self._likely_seeds(held)
            others = record_ids - likely
            self.around = await read_around(session, likely, others, most=self.most_read)
        elif missing := record_ids - self.around.records.keys():
            self.around = self.around.and_others(await list_records(session, missing))
        for record_id in record_ids & self.around.records.keys():
            record = self.records[record_id] = self.around.records[record_id]
            self.features[record_id] = self.features_of(record)

    def _likely_seeds(self, held: KeyHolders) -> set[UUID]:
        """Return the records that the writes probably link to, and those that they change.

        A guess, which saves a round trip where it holds: what these are tied to is read with them.
        """
        found = {w.id for w in self.written.values() if not w.is_new}
        for w in self.written.values():
            exact = (held.get(identifier_key(*i), {}) for i in w.features.identifiers)
            found.update(*(holders for holders in exact if len(holders) <= FEW))
            twin = pack_face(w.features)
            found.update(
                record_id
                for key in w.keys & held.keys()
                if len(held[key]) <= FEW or twin in held[key].values()
                for record_id, face in held[key].items()
                if face == twin
            )
        return found

    def component_of(self, seeds: Collection[UUID]) -> Component | None:
        """Return all that is tied to the seeds, its clients locked; None if it was not read."""
        new = {w.id for w in self.written.values() if w.is_new}
        return self.around.component_of(set(seeds) - new)

    def _worth_reading(self, held: KeyHolders) -> set[UUID]:
        """Return those of the holders of keys whose records must be read.

        Left out are those who are plainly somebody else by their faces, which is most of them: what
        else their records say cannot matter, since they share no identifier with the writes.
        """
        stated = self.stated.keys() | self.stated_before.keys()
        exact = {identifier_key(*identifier) for identifier in stated}
        found = set[UUID]().union(*(held.get(key, ()) for key in exact.union(self.turning)))
        for w in self.written.values():
            # Of the holders of a generic key some only are known: anybody may share the identifier.
            is_open = any(self._is_generic(identifier) for identifier in w.features.identifiers)
            apart = Apart(w.features, self.model)
            for key in w.keys & held.keys():
                if len(self.holders[key]) <= self.model.key_cap:
                    found.update(
                        [
                            record_id
                            for record_id, face in held[key].items()
                            if face is None or is_open or not apart[face]
                        ]
                    )
        return found - self.written.keys()

    def _write(self, written: Written) -> None:
        self.features[written.id] = written.features
        for key in written.keys:
            self.holders[key].add(written.id)
        for identifier in written.features.identifiers:
            self.stated[identifier].append(written.id)
        if written.old_features is not None:
            for identifier in written.old_features.identifiers:
                self.stated_before[identifier].append(written.old_features)

    @property
    def most_read(self) -> int:
        """How many holders of a key are read."""
        return most_read(self.written.values(), self.model)

    async def _read_crowds(
        self,
        session: AsyncSession,
        read: Mapping[int, int],
        identifiers: Collection[IdentifierKey],
    ) -> None:
        """Read who states the identifiers of which not all holders of the key were read."""
        most = self.most_read
        crowded = {i for i in identifiers if read.get(identifier_key(*i), 0) >= most}
        if not crowded:
            return
        self.crowds |= {
            identifier: stating - self.written.keys()
            for identifier, stating in (
                await find_stating(session, crowded, cap=self.most_read)
            ).items()
        }
        few = set[UUID]().union(
            *(ids for ids in self.crowds.values() if len(ids) <= self.model.key_cap)
        )
        self.features |= {
            record_id: Features.from_json(features)
            for record_id, features in (
                await list_features(session, few - self.features.keys())
            ).items()
        }

    async def _reexamine(self, session: AsyncSession) -> None:
        """Work out what the writes change between other records, and what they share."""
        if not (self.turned or self.turning.crowded or self.turning.cleared):
            return
        groups = {identifier: set(self._holding(identifier)) for identifier in sorted(self.turned)}
        self.reexamined = await Reexamination(
            session, self.written, self.holders, self.model.key_cap, self.features, self.turning
        ).run(group for identifier, group in groups.items() if self._is_generic(identifier))
        doubtful = [pair for pair in self.reexamined.candidates if not self._is_plainly_apart(pair)]
        await self.learn_sharing(
            session,
            [[self.features[m] for m in group] for group in (*groups.values(), *doubtful)],
        )

    def _is_generic(self, identifier: IdentifierKey) -> bool:
        return len(self.holders[identifier_key(*identifier)]) > self.model.key_cap

    def _settle_written(self) -> None:
        for identifier in sorted(self.stated.keys() | self.stated_before.keys()):
            self.settled.add(identifier)
            others = self._others_holding(identifier)
            is_now = self._is_shared(identifier, others, self._stating_now(identifier))
            was = self._is_shared(identifier, others, self.stated_before.get(identifier, ()))
            if is_now:
                self.shared.add(identifier)
            if is_now != was:
                self.turned.add(identifier)

    def _stating_now(self, identifier: IdentifierKey) -> list[Features]:
        return [self.features[record_id] for record_id in self.stated.get(identifier, ())]

    def _others_holding(self, identifier: IdentifierKey) -> set[UUID]:
        """Return the records that hold the identifier and are not written."""
        if identifier in self.crowds:
            return self.crowds[identifier]
        return {
            record_id
            for record_id in self.holders[identifier_key(*identifier)] - self.written.keys()
            if identifier in self.features[record_id].identifiers
        }

    def _holding(self, identifier: IdentifierKey) -> set[UUID]:
        """Return everybody who holds the identifier once the writes are done."""
        return self._others_holding(identifier).union(self.stated.get(identifier, ()))

    def _is_shared(
        self, identifier: IdentifierKey, others: Collection[UUID], mine: Collection[Features]
    ) -> bool:
        declared = self.controls.is_shared(identifier)
        if declared is not None:
            return declared
        kind = identifier[0]
        by_number = is_shared_by_number(kind, len(others) + len(mine), self.model)
        if by_number is not None:
            return by_number
        return is_shared(kind, [*(self.features[r] for r in others), *mine], self.model)

    def _turned_groups(self) -> list[set[UUID]]:
        """Return, for each identifier that changed state, everybody who holds it."""
        return [self._holding(identifier) for identifier in sorted(self.turned)]

    async def learn_sharing(
        self, session: AsyncSession, groups: Iterable[Sequence[Features]]
    ) -> None:
        """Find out whether identifiers that two of a group have in common are shared."""
        unknown: set[IdentifierKey] = set()
        for group in groups:
            seen: set[IdentifierKey] = set()
            for features in group:
                unknown.update(seen.intersection(features.identifiers))
                seen.update(features.identifiers)
        unknown -= self.settled
        if not unknown:
            return
        await self.controls.learn(session, unknown)
        self.settled |= unknown
        told = {identifier: self._told_of(identifier) for identifier in unknown}
        for identifier, others in told.items():
            if others is not None:
                self._settle(identifier, others)
        await self._learn(session, {i for i, others in told.items() if others is None})

    def _told_of(self, identifier: IdentifierKey) -> set[UUID] | None:
        """Return who else states an identifier, where all of them were read; None where not."""
        stating = self.around.stating.get(identifier)
        if stating is None:
            return None
        others = {
            record.id
            for record in self.around.component.records
            if record.id not in self.written and identifier in self.features_of(record).identifiers
        }
        if stating != len(others) + len(self.stated_before.get(identifier, ())):
            return None
        for record_id in others:
            self.features.setdefault(record_id, self.features_of(self.around.records[record_id]))
        return others

    def _settle(self, identifier: IdentifierKey, others: Collection[UUID]) -> None:
        if self._is_shared(identifier, others, self._stating_now(identifier)):
            self.shared.add(identifier)

    async def _learn(self, session: AsyncSession, unknown: AbstractSet[IdentifierKey]) -> None:
        """Read who holds some identifiers, and find out whether they are shared."""
        found = await find_candidates(
            session, {identifier_key(*i) for i in unknown}, cap=self.most_read
        )
        read = Counter(key for candidate in found.values() for key in candidate.keys)
        await self._read_crowds(session, read, unknown)
        holders: dict[IdentifierKey, set[UUID]] = {i: self.crowds.get(i, set()) for i in unknown}
        for record_id, candidate in found.items():
            if record_id in self.written:
                continue
            features = self.features.setdefault(
                record_id, Features.from_json(candidate.record.features)
            )
            for identifier in unknown & set(features.identifiers) - self.crowds.keys():
                holders[identifier].add(record_id)
        for identifier, others in holders.items():
            self._settle(identifier, others)

    def features_of(self, record: StoredRecord) -> Features:
        """Return the features of a record as it was read."""
        found = self._parsed.get((record.id, record.version))
        if found is None:
            found = Features.from_json(record.features)
            self._parsed[record.id, record.version] = found
        return found

    def score(self) -> dict[Pair, PairScore]:
        """Return the scores of the candidate pairs that the writes may have changed.

        Most candidates only share a name's sound or a place, and are plainly two people: those
        are left out, most of them without having been read. So are pairs of a written record that
        stay apart: nothing is stored of it by then.
        """
        pairs: set[Pair] = set()
        for w in self.written.values():
            met: set[UUID] = set()
            for key in w.keys:
                held = self.holders[key]
                if 1 < len(held) <= self.model.key_cap:
                    met |= held
            met &= self.features.keys()
            met.discard(w.id)
            pairs.update([ordered(w.id, other) for other in met])
        for identifier in self.turned:
            if not self._is_generic(identifier):
                pairs.update(combinations(sorted(self._holding(identifier)), 2))
        pairs |= self.reexamined.candidates
        return {
            pair: score for pair in pairs if (score := self._weigh_candidates(pair)) is not None
        }

    def _weigh_candidates(self, pair: Pair) -> PairScore | None:
        one, other = pair
        a, b = self.features[one], self.features[other]
        if one in self.written or other in self.written:
            # Whose face is that of somebody else was not even read.
            return score_unless_apart(a, b, self.model, shared=self.shared)
        return None if is_plainly_apart(a, b, self.model) else self.weigh(a, b)

    def weigh(self, a: Features, b: Features) -> PairScore:
        """Return the score of two records; what they share must be settled already."""
        return score_pair(a, b, self.model, shared=self.shared)

    def turns(self) -> list[StatusTurn]:
        """Return the identifiers that the writes turned into shared ones or back, in order."""
        found = []
        for identifier in sorted(self.turned):
            holders = self._holding(identifier)
            read = [self.features[one] for one in sorted(holders & self.features.keys())]
            is_shared_now = identifier in self.shared
            found.append(StatusTurn(identifier, is_shared_now, len(holders), read))
        return found

    def _is_plainly_apart(self, pair: Pair) -> bool:
        return is_plainly_apart(self.features[pair[0]], self.features[pair[1]], self.model)

    def candidates(self) -> int:
        """Return how many stored records share a key with the writes."""
        return len(set[UUID]().union(*self.holders.values()) - self.written.keys())

    def seeds(self, scores: Mapping[Pair, PairScore]) -> set[UUID]:
        """Return the records whose component must be formed anew."""
        found = {w.id for w in self.written.values() if w.old_features}
        for pair, score in scores.items():
            if score.decision is Decision.LINK:
                found.update(pair)
        return found.union(self.reexamined.parted, *self._turned_groups())
