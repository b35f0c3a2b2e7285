"""The records around a set of writes: who shares keys with them, and which values are shared."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Protocol, Self
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.identity.blocking import identifier_key
from rcu.identity.candidates import find_candidates
from rcu.identity.features import Features
from rcu.identity.model import Model
from rcu.identity.pairs import Component
from rcu.identity.placing import IdentifierKey
from rcu.identity.repository import Pair, StoredRecord
from rcu.identity.scoring import Decision, PairScore, is_plainly_apart, score_pair
from rcu.identity.sharing import is_shared


class Written(Protocol):
    """What the neighbourhood needs of a record that is being written."""

    id: UUID
    features: Features
    keys: frozenset[int]
    old_features: Features | None
    old_keys: frozenset[int]


def ordered(a: UUID, b: UUID) -> Pair:
    """Return the two record ids as a pair, the lower one first."""
    return (a, b) if a < b else (b, a)


@dataclass(slots=True)
class Neighbourhood:
    """Records that are written, and the stored ones that share blocking keys with them."""

    written: Mapping[UUID, Written]
    records: dict[UUID, StoredRecord]
    model: Model
    features: dict[UUID, Features] = field(default_factory=dict)
    holders: dict[int, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    """By blocking key, who holds it once the writes are done."""
    shared: set[IdentifierKey] = field(default_factory=set)
    settled: set[IdentifierKey] = field(default_factory=set)
    """Identifiers of which we know whether they are shared."""
    turned: set[IdentifierKey] = field(default_factory=set)
    """Identifiers that the writes turn into shared ones, or back."""

    @classmethod
    async def load(cls, session: AsyncSession, written: Collection[Written], model: Model) -> Self:
        """Read the candidates of the writes in one query, and work out what is shared."""
        keys = frozenset[int]().union(*(w.keys | w.old_keys for w in written))
        # One more than the cap tells a key that has too many holders.
        found = await find_candidates(session, keys, cap=model.key_cap + 1)
        near = cls(
            written={w.id: w for w in written},
            records={},
            model=model,
        )
        for record_id, candidate in found.items():
            if record_id not in near.written:
                near.records[record_id] = candidate.record
                near.features[record_id] = Features.from_json(candidate.record.features)
                for key in candidate.keys:
                    near.holders[key].add(record_id)
        for w in written:
            near.features[w.id] = w.features
            for key in w.keys:
                near.holders[key].add(w.id)
        near._settle_written()
        groups = near._turned_groups()
        await near.learn_sharing(session, [[near.features[m] for m in g] for g in groups])
        return near

    def _settle_written(self) -> None:
        for w in self.written.values():
            old = w.old_features.identifiers if w.old_features else ()
            for identifier in {*w.features.identifiers, *old} - self.settled:
                self.settled.add(identifier)
                now = self._holding(identifier, self.features)
                is_now = self._is_shared(identifier, now.values())
                if is_now:
                    self.shared.add(identifier)
                if is_now != self._is_shared(identifier, self._holding_before(identifier, now)):
                    self.turned.add(identifier)

    def _holding(
        self, identifier: IdentifierKey, features: Mapping[UUID, Features]
    ) -> dict[UUID, Features]:
        return {
            record_id: features[record_id]
            for record_id in self.holders[identifier_key(*identifier)]
            if identifier in features[record_id].identifiers
        }

    def _holding_before(
        self, identifier: IdentifierKey, now: Mapping[UUID, Features]
    ) -> list[Features]:
        before = [features for record_id, features in now.items() if record_id in self.records]
        before += [
            w.old_features
            for w in self.written.values()
            if w.old_features and identifier in w.old_features.identifiers
        ]
        return before

    def _is_shared(self, identifier: IdentifierKey, holders: Collection[Features]) -> bool:
        kind = identifier[0]
        if len(holders) <= self.model.shared_limit(kind):
            return False
        return is_shared(kind, list(holders), self.model)

    def _turned_groups(self) -> list[set[UUID]]:
        """Return, for each identifier that changed state, everybody who holds it."""
        return [set(self._holding(identifier, self.features)) for identifier in sorted(self.turned)]

    async def learn_sharing(
        self, session: AsyncSession, groups: Iterable[Sequence[Features]]
    ) -> None:
        """Find out whether identifiers that two of a group have in common are shared."""
        unknown: set[IdentifierKey] = set()
        for group in groups:
            seen: set[IdentifierKey] = set()
            for features in group:
                unknown |= seen & set(features.identifiers)
                seen |= set(features.identifiers)
        unknown -= self.settled
        found = await find_candidates(
            session, {identifier_key(*i) for i in unknown}, cap=self.model.key_cap + 1
        )
        held = {
            record_id: Features.from_json(candidate.record.features)
            for record_id, candidate in found.items()
            if record_id not in self.written
        } | {w.id: w.features for w in self.written.values()}
        for identifier in unknown:
            holders = [f for f in held.values() if identifier in f.identifiers]
            if self._is_shared(identifier, holders):
                self.shared.add(identifier)
        self.settled |= unknown

    def score(self) -> dict[Pair, PairScore]:
        """Return the scores of the candidate pairs that the writes may have changed.

        Most candidates only share a name's sound or a place, and are plainly two people: those
        are left out.
        """
        pairs: set[Pair] = set()
        for w in self.written.values():
            for key in w.keys:
                held = self.holders[key]
                if len(held) <= self.model.key_cap:
                    pairs.update(ordered(w.id, other) for other in held if other != w.id)
        pairs = {
            (a, b)
            for a, b in pairs
            if not is_plainly_apart(self.features[a], self.features[b], self.model)
        }
        for group in self._turned_groups():
            pairs.update(combinations(sorted(group), 2))
        return {
            (a, b): score_pair(self.features[a], self.features[b], self.model, shared=self.shared)
            for a, b in pairs
        }

    def candidates(self) -> int:
        """Return how many stored records share a key with the writes."""
        return len(self.records)

    def seeds(self, scores: Mapping[Pair, PairScore]) -> set[UUID]:
        """Return the records whose component must be formed anew."""
        found = {w.id for w in self.written.values() if w.old_features}
        for pair, score in scores.items():
            if score.decision is Decision.LINK:
                found.update(pair)
        return found.union(*self._turned_groups())


def tied_groups(
    record_ids: Collection[UUID],
    component: Component,
    scores: Mapping[Pair, PairScore],
    written: Collection[UUID],
) -> list[list[UUID]]:
    """Return the records that links and match judgements tie together, as sorted groups.

    A stored link counts unless its pair was scored anew, or one of its records is written.
    """
    ties = [pair for pair, score in scores.items() if score.decision is Decision.LINK]
    ties += [
        (stored.left_id, stored.right_id)
        for stored in component.pairs
        if stored.decision == Decision.LINK
        and (stored.left_id, stored.right_id) not in scores
        and stored.left_id not in written
        and stored.right_id not in written
    ]
    ties += [(j.left_id, j.right_id) for j in component.judged if j.verdict == "match"]
    group_of: dict[UUID, set[UUID]] = {record_id: {record_id} for record_id in record_ids}
    for a, b in ties:
        one, two = group_of[a], group_of[b]
        if one is not two:
            small, large = (one, two) if len(one) < len(two) else (two, one)
            large |= small
            for member in small:
                group_of[member] = large
    return [sorted(group) for group in {id(g): g for g in group_of.values()}.values()]
