"""Blocking keys that become generic, or stop being so, and the pairs that hang on that.

A key with more holders than the model's `key_cap` finds no candidates. Whether it does is a
function of who holds it now, not of who came when: a write that takes a key over the line takes
back the pairs that met by this key only, and one that takes it back below the line compares its
holders again.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import combinations
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.locks import lock_key, lock_until_commit
from rcu.identity.blocking import blocking_keys
from rcu.identity.candidates import count_holders
from rcu.identity.features import Features
from rcu.identity.pairs import find_pairs_within
from rcu.identity.repository import Pair
from rcu.identity.scoring import Decision

_TURNING = lock_key("keys that turn generic")


class Rekeyed(Protocol):
    """What is looked at of a record that is being written."""

    id: UUID

    @property
    def keys(self) -> AbstractSet[int]:
        """The keys by which it will be found."""

    @property
    def old_keys(self) -> AbstractSet[int]:
        """The keys by which it is found until then."""


@dataclass(frozen=True, slots=True)
class KeyTurns:
    """Which keys some writes take over the line, and which back below it."""

    crowded: Sequence[int]
    """Keys that have become generic."""
    cleared: Sequence[int]
    """Keys that were generic and find candidates again."""

    def __iter__(self) -> Iterator[int]:
        """Yield every key that turns."""
        yield from self.crowded
        yield from self.cleared

    @classmethod
    def of(
        cls, written: Collection[Rekeyed], holders: Mapping[int, Collection[UUID]], *, cap: int
    ) -> "KeyTurns":
        """Compare how many hold each key now, as `holders` says, with how many did before."""
        if max(map(len, holders.values()), default=0) + len(written) <= cap:
            return cls((), ())  # nor had any key more holders than that before
        gained: dict[int, int] = {}
        for record in written:
            for key in record.keys - record.old_keys:
                gained[key] = gained.get(key, 0) + 1
            for key in record.old_keys - record.keys:
                gained[key] = gained.get(key, 0) - 1
        crowded, cleared = [], []
        for key, more in gained.items():
            now = len(holders.get(key, ()))
            if now - more <= cap < now:
                crowded.append(key)
            elif now <= cap < now - more:
                cleared.append(key)
        return cls(sorted(crowded), sorted(cleared))


@dataclass(frozen=True, slots=True)
class Reexamined:
    """What the writes change between records that are not written themselves."""

    candidates: AbstractSet[Pair] = frozenset()
    """Pairs to be scored: they have become candidates, or may weigh differently now."""
    dropped: AbstractSet[Pair] = frozenset()
    """Stored pairs that are no candidates any more: the keys they share are all generic."""
    parted: AbstractSet[UUID] = frozenset()
    """The records of dropped links: their clusters are to be formed anew."""


@dataclass(slots=True)
class Reexamination:
    """The pairs among the holders of keys that turn, while they are worked out."""

    session: AsyncSession
    written: Mapping[UUID, Rekeyed]
    holders: Mapping[int, AbstractSet[UUID]]
    """By key of the writes, who holds it once they are done; complete unless it is generic."""
    cap: int
    features: Mapping[UUID, Features]
    turns: KeyTurns
    """The keys of the writes that turn."""
    _keys: dict[UUID, frozenset[int]] = field(default_factory=dict)

    async def run(self, regrouped: Iterable[Collection[UUID]]) -> Reexamined:
        """Return the pairs concerned.

        Those of a group of `regrouped` may weigh differently, but are candidates only if they
        share a key that is not generic.
        """
        turns = self.turns
        doubtful = {pair for group in regrouped for pair in combinations(sorted(group), 2)}
        if not (turns.crowded or turns.cleared or doubtful):
            return Reexamined()
        # Of two keys that a pair shares, two writers may turn one each: the second sees the first.
        await lock_until_commit(self.session, [_TURNING])
        stored = [
            pair
            for key in turns.crowded
            for pair in await find_pairs_within(self.session, self._others(key))
        ]
        met = {(pair.left_id, pair.right_id) for pair in stored}
        doubtful = {pair for pair in doubtful if self.written.keys().isdisjoint(pair)}
        usable = await self._sharing_a_good_key(met | doubtful)
        return Reexamined(
            candidates={
                pair for key in turns.cleared for pair in combinations(sorted(self._others(key)), 2)
            }
            | (doubtful & usable),
            dropped=met - usable,
            parted={
                record_id
                for pair in stored
                if pair.decision == Decision.LINK and (pair.left_id, pair.right_id) not in usable
                for record_id in (pair.left_id, pair.right_id)
            },
        )

    def _others(self, key: int) -> AbstractSet[UUID]:
        return self.holders[key] - self.written.keys()

    async def _sharing_a_good_key(self, pairs: AbstractSet[Pair]) -> AbstractSet[Pair]:
        """Return those of `pairs` that share a key which is not generic."""
        shared = {pair: self._keys_of(pair[0]) & self._keys_of(pair[1]) for pair in pairs}
        wanted = frozenset[int]().union(*shared.values())
        good = await self._good(wanted)
        return {pair for pair, keys in shared.items() if not keys.isdisjoint(good)}

    async def _good(self, keys: AbstractSet[int]) -> AbstractSet[int]:
        """Return those of `keys` that are not generic, counting those not known yet."""
        elsewhere = keys - self.holders.keys()
        counted = await count_holders(self.session, elsewhere, cap=self.cap + 1)
        return {
            key
            for key in keys
            if (counted.get(key, 0) if key in elsewhere else len(self.holders[key])) <= self.cap
        }

    def _keys_of(self, record_id: UUID) -> frozenset[int]:
        found = self._keys.get(record_id)
        if found is None:
            found = self._keys[record_id] = blocking_keys(self.features[record_id])
        return found
