"""What decisions of stewards mean, said as plainly as can be: the reference of the real thing.

Decisions are a list. What holds of a pair is found by reading the list of those in force from the
end. The clusters are those of the in-memory engine, over all records at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from uuid import UUID

from rcu.identity.features import Features
from rcu.identity.in_memory import resolve
from rcu.identity.partition import Judgements

Pair = frozenset[UUID]
Partition = dict[UUID, UUID]
"""By record, its client: the oldest record of its cluster."""


@dataclass
class Decision:
    """A decision: what it says of pairs, or which other one it undoes."""

    id: str
    verdicts: Mapping[Pair, str | None] = field(default_factory=dict)
    """None withdraws what was said before."""
    undoes: str | None = None


@dataclass
class Stewards:
    """All that was ever decided."""

    decisions: list[Decision] = field(default_factory=list)

    def in_force(self, decision_id: str) -> bool:
        """Tell whether no decision in force undoes this one."""
        return not any(d.undoes == decision_id and self.in_force(d.id) for d in self.decisions)

    def verdicts(self) -> dict[Pair, str]:
        """Return what holds of each pair."""
        held: dict[Pair, str | None] = {}
        for decision in self.decisions:
            if self.in_force(decision.id):
                held.update(decision.verdicts)
        return {pair: verdict for pair, verdict in held.items() if verdict is not None}

    def merge(self, decision_id: str, one: Collection[UUID], two: Collection[UUID]) -> None:
        """Say that two clients are one, whatever was said of their records before."""
        ever = {pair for decision in self.decisions for pair in decision.verdicts}
        between = {frozenset(pair) for pair in product(one, two)}
        said: dict[Pair, str | None] = dict.fromkeys(between & ever)
        for pair in between:
            if min(one) in pair or min(two) in pair:
                said[pair] = "match"
        self.decisions.append(Decision(decision_id, said))

    def split(self, decision_id: str, out: Collection[UUID], left: Collection[UUID]) -> None:
        """Say that some records are another person than the rest."""
        said: dict[Pair, str | None] = {frozenset(pair): "no_match" for pair in product(out, left)}
        oldest, *others = sorted(out)
        said |= {frozenset((oldest, other)): "match" for other in others}
        self.decisions.append(Decision(decision_id, said))

    def part(self, decision_id: str, one: Iterable[UUID], two: Iterable[UUID]) -> None:
        """Say that what the service joined is two people."""
        said: dict[Pair, str | None] = {frozenset(pair): "no_match" for pair in product(one, two)}
        self.decisions.append(Decision(decision_id, said))

    def undo(self, decision_id: str, undone: str) -> None:
        """Leave a decision out."""
        self.decisions.append(Decision(decision_id, undoes=undone))


def partition_of(
    records: Mapping[UUID, Features], keys: Mapping[UUID, Sequence[str]], stewards: Stewards
) -> Partition:
    """Return the client of each record, as the in-memory engine forms them."""
    held = stewards.verdicts()
    judgements = Judgements(
        must_link=frozenset(pair for pair, verdict in held.items() if verdict == "match"),
        cannot_link=frozenset(pair for pair, verdict in held.items() if verdict == "no_match"),
    )
    clusters = resolve(records, judgements=judgements, order=lambda key: tuple(keys[key]))
    return {member: min(cluster) for cluster in clusters for member in cluster}
