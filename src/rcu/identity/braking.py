"""The merge brake, as rules: what it holds back, and when it trips. Pure.

While a brake is on, what would join two clients by the braked identifier, or by a record of the
braked source, goes to review. Clients stay as they are: two records that are one client already
link as before, so that the brake stops merging and splits nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, NamedTuple
from uuid import UUID

from rcu.identity.features import Features
from rcu.identity.model import Model
from rcu.identity.scoring import Decision, PairScore, score_pair

BRAKE: Final = "brake"
"""The guard of a pair that a brake holds back."""


@dataclass(frozen=True, slots=True)
class BrakeLimits:
    """How many clients may go over to others before merging stops."""

    window: timedelta = timedelta(hours=1)
    """Over which time they are counted."""
    identifier_merges: int = 10
    """By one identifier."""
    source_merges: int = 100
    """By the writes of one source, however few of its profiles are new."""
    source_share: float = 0.2
    """By the writes of one source, as a share of the profiles that are new in that time."""

    def most_of_source(self, new_records: int) -> float:
        """Return how many clients a source with so many new profiles may merge."""
        return max(self.source_merges, self.source_share * new_records)


DEFAULT_LIMITS: Final = BrakeLimits()


class Party(NamedTuple):
    """One record of a pair: where it is from, and its client; None for a record that is new."""

    source: str
    client_id: UUID | None


@dataclass(slots=True)
class Brakes:
    """The brakes that are on."""

    identifiers: set[tuple[str, str]] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        """Tell whether any is on."""
        return bool(self.identifiers or self.sources)


@dataclass(frozen=True, slots=True)
class Braking:
    """What decides whether a pair is held back."""

    brakes: Brakes
    parties: Mapping[UUID, Party]
    model: Model
    shared: Collection[tuple[str, str]]

    def apply(
        self, a: UUID, b: UUID, both: tuple[Features, Features], score: PairScore
    ) -> PairScore:
        """Return the score of a pair, for review when a brake holds it back."""
        if score.decision is not Decision.LINK or not self._is_held(a, b, both):
            return score
        return score._replace(decision=Decision.REVIEW, contradiction=BRAKE)

    def _is_held(self, a: UUID, b: UUID, both: tuple[Features, Features]) -> bool:
        one, other = self.parties[a], self.parties[b]
        if one.client_id is not None and one.client_id == other.client_id:
            return False
        if not self.brakes.sources.isdisjoint({one.source, other.source}):
            return True
        common = self.brakes.identifiers.intersection(both[0].identifiers, both[1].identifiers)
        if not common:
            return False
        without = score_pair(*both, self.model, shared={*self.shared, *common})
        return without.decision is not Decision.LINK
