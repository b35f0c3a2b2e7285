"""The partition retraced: which link joined what, in which order, and why others were refused.

The agglomeration itself runs, watched step by step: no rule of it is stated twice, and what is
retraced is what it decides.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import Any, Generic, TypeVar

from rcu.identity.clusters import Cluster, kin_of_one_name, shows_given_name
from rcu.identity.features import Features
from rcu.identity.grounds import is_personal
from rcu.identity.model import Model
from rcu.identity.partition import (
    Agglomeration,
    Judgements,
    Link,
)
from rcu.identity.scoring import PairScore, contradiction

K = TypeVar("K", bound=Hashable)


class Reason(StrEnum):
    """Why two groups of records stay apart although two of their records link."""

    JUDGEMENT = "judgement"
    CONTRADICTION = "contradiction"
    TOO_MANY_VALUES = "too_many_values"
    KIN_OF_ONE_NAME = "kin_of_one_name"
    OUTWEIGHED = "outweighed"
    WEAK_CHAIN = "weak_chain"
    RIVAL = "rival"


@dataclass(frozen=True, slots=True)
class Joined(Generic[K]):
    """Two groups became one, by a link or by a judgement."""

    left: K
    right: K
    score: PairScore | None
    """None when a judgement of match joined them."""
    left_size: int
    """Records that were with `left`, itself included, before the two were joined."""
    right_size: int


@dataclass(frozen=True, slots=True)
class Obstacle(Generic[K]):
    """What keeps two groups apart."""

    reason: Reason
    detail: str | None
    """What contradicts (`given_name`, `birth_date`, `title`), or the kind of identifier."""
    between: tuple[K, K] | None
    """The two records that contradict, were judged, or are rivals."""


@dataclass(frozen=True, slots=True)
class Refused(Generic[K]):
    """A link that the partition did not follow."""

    left: K
    right: K
    score: PairScore
    obstacle: Obstacle[K]


@dataclass(frozen=True, slots=True)
class Retraced(Generic[K]):
    """A partition, and every step to it."""

    clients: list[frozenset[K]]
    joined: list[Joined[K]]
    """In the order in which it happened: judgements, then links, strongest first."""
    refused: list[Refused[K]]
    obstacle_between: Callable[[K, K], Obstacle[K] | None]
    """Say what would keep the clients of two records apart, however strong a link."""

    def path(self, start: K, end: K) -> list[Joined[K]]:
        """Return the steps that tie two records of one client, from one to the other."""
        ties: dict[K, list[tuple[K, Joined[K]]]] = defaultdict(list)
        for step in self.joined:
            ties[step.left].append((step.right, step))
            ties[step.right].append((step.left, step))
        came_by: dict[K, list[Joined[K]]] = {start: []}
        waiting = deque([start])
        while waiting and end not in came_by:
            here = waiting.popleft()
            for there, step in ties[here]:
                if there not in came_by:
                    came_by[there] = [*came_by[here], step]
                    waiting.append(there)
        return came_by.get(end, [])


def retrace(
    records: Mapping[K, Features],
    scores: Mapping[tuple[K, K], PairScore],
    *,
    model: Model,
    judgements: Judgements[K] | None = None,
    order: Callable[[K], Any] = lambda key: key,
) -> Retraced[K]:
    """Form the clients as `partition` does, with the same arguments, and say how."""
    watched = _Watched(records, scores, judgements or Judgements(), model, order)
    clients = watched.run()
    return Retraced(clients, watched.joined, watched.refused, watched.obstacle_between)


class _Watched(Agglomeration[K]):
    """The agglomeration, noting what it does."""

    def __init__(
        self,
        records: Mapping[K, Features],
        scores: Mapping[tuple[K, K], PairScore],
        judgements: Judgements[K],
        model: Model,
        order: Callable[[K], Any],
    ) -> None:
        super().__init__(records, scores, judgements, model, order)
        self.joined: list[Joined[K]] = []
        self.refused: list[Refused[K]] = []
        self._following: PairScore | None = None
        self._obstacles: dict[
            tuple[int, int, int, int], tuple[Obstacle[K] | None, Cluster[K], Cluster[K]]
        ] = {}

    def obstacle_between(self, a: K, b: K) -> Obstacle[K] | None:
        """Return what forbids that the clusters of two records become one."""
        return self._obstacle(self._cluster_of[a], self._cluster_of[b])

    def _merge(self, a: K, b: K) -> None:
        one, two = self._cluster_of[a], self._cluster_of[b]
        if one is not two:
            self.joined.append(Joined(a, b, self._following, len(one.members), len(two.members)))
        super()._merge(a, b)

    def _agglomerate(self, links: Iterable[Link[K]]) -> None:
        for link in links:
            self._following = link.score
            super()._agglomerate([link])
            one, two = self._cluster_of[link.a], self._cluster_of[link.b]
            if one is not two:
                obstacle = self._obstacle(one, two) or self._weakness(one, two, link.score)
                self.refused.append(Refused(link.a, link.b, link.score, obstacle))

    def _obstacle(self, one: Cluster[K], two: Cluster[K]) -> Obstacle[K] | None:
        """Return what parts two clusters, found once for many links between them.

        A cluster only grows, so that its size tells its members; the clusters are kept with the
        answer, so that no other takes their identity.
        """
        state = (id(one), len(one.members), id(two), len(two.members))
        if state not in self._obstacles:
            self._obstacles[state] = (self._find_obstacle(one, two), one, two)
        return self._obstacles[state][0]

    def _find_obstacle(self, one: Cluster[K], two: Cluster[K]) -> Obstacle[K] | None:
        if self._incompatible(one, two):
            return self._judged(one, two) or self._contradicting(one, two)
        if self._too_many_values(one, two):
            return Obstacle(Reason.TOO_MANY_VALUES, self._kind_with_too_many(one, two), None)
        return None

    def _weakness(self, one: Cluster[K], two: Cluster[K], score: PairScore) -> Obstacle[K]:
        """Return what makes this link too weak for two clusters that a stronger one would join."""
        if not is_personal(score) and kin_of_one_name(one, two):
            return Obstacle(Reason.KIN_OF_ONE_NAME, None, None)
        is_outweighed = self._is_outweighed(one, two, score)
        return Obstacle(Reason.OUTWEIGHED if is_outweighed else Reason.WEAK_CHAIN, None, None)

    def _judged(self, one: Cluster[K], two: Cluster[K]) -> Obstacle[K] | None:
        for a, b in self._cannot:
            for x, y in ((a, b), (b, a)):
                if x in one.members and y in two.members:
                    return Obstacle(Reason.JUDGEMENT, None, (x, y))
        return None

    def _contradicting(self, one: Cluster[K], two: Cluster[K]) -> Obstacle[K]:
        """Return the first two members that part the sides, in the order of their keys."""
        for a in self._members(one):
            for b in self._members(two):
                ours, theirs = self._face(a), self._face(b)
                if self._contradict(ours, theirs, one, two):
                    found = contradiction(ours, theirs, self._model)
                    return Obstacle(Reason.CONTRADICTION, found, (a, b))
        raise AssertionError("two sides are incompatible, but no two members of them are")

    def _kind_with_too_many(self, one: Cluster[K], two: Cluster[K]) -> str:
        return next(
            kind
            for kind in sorted(one.values.keys() & two.values.keys())
            if len(one.values[kind] | two.values[kind]) > self._model.value_limit(kind)
        )

    def _members(self, cluster: Cluster[K]) -> Sequence[K]:
        return sorted(cluster.members, key=self._order)

    def _face(self, member: K) -> Features:
        return self._records[member].face(self._model.single_valued_kinds)

    def _unrivalled(self, links: Iterable[Link[K]]) -> list[Link[K]]:
        asked = list(links)
        kept = super()._unrivalled(asked)
        self._note_refused(asked, kept, self._rivals)
        return kept

    def _of_sole_bearers(self, links: Sequence[Link[K]]) -> list[Link[K]]:
        kept = super()._of_sole_bearers(links)
        self._note_refused(links, kept, self._bearers)
        return kept

    def _note_refused(
        self,
        links: Sequence[Link[K]],
        kept: Sequence[Link[K]],
        rivals: Callable[[Link[K], Sequence[Link[K]]], tuple[K, K] | None],
    ) -> None:
        chosen = {id(link) for link in kept}
        self.refused += [
            Refused(link.a, link.b, link.score, Obstacle(Reason.RIVAL, None, rivals(link, links)))
            for link in links
            if id(link) not in chosen
        ]

    def _bearers(self, link: Link[K], links: Sequence[Link[K]]) -> tuple[K, K] | None:
        """Return two records that a name ties to the link and that cannot be one person."""
        [group] = [group for group in self._tied(links) if any(one is link for one in group)]
        bearers = sorted({key for one in group for key in (one.a, one.b)}, key=self._order)
        for one, two in combinations(bearers, 2):
            if self._are_namesakes(self._cluster_of[one], self._cluster_of[two]):
                return one, two
        return None

    def _rivals(self, link: Link[K], links: Sequence[Link[K]]) -> tuple[K, K] | None:
        """Return two records that claim an end of the link and cannot be one person."""
        for wanted in (link.a, link.b):
            claimed = self._cluster_of[wanted]
            claimants = [
                other
                for rival in links
                for own, other in ((rival.a, rival.b), (rival.b, rival.a))
                if self._cluster_of[own] is claimed
            ]
            # The rival of this very link first, then any two who contest the record.
            claimants.sort(key=lambda key: key not in {link.a, link.b})
            for i, one in enumerate(claimants):
                for two in claimants[i + 1 :]:
                    if self._are_rivals(
                        self._cluster_of[one],
                        self._cluster_of[two],
                        named=shows_given_name(claimed),
                    ):
                        return one, two
        return None
