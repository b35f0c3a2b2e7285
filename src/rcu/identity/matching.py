"""Who a person is that nobody has written down: what ingestion would decide, without writing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.identity.drafts import Draft
from rcu.identity.entering import enter
from rcu.identity.features import Features
from rcu.identity.forming import Resolved, judgements_of, resolve
from rcu.identity.model import Model
from rcu.identity.placing import IdentifierKey
from rcu.identity.registers import ProfileStatement
from rcu.identity.retracing import Obstacle, retrace
from rcu.identity.scoring import Decision, PairScore

_NO_ID: Final = ""
"""No record has it: the ids of all others have one character at least."""
_ANY_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""When it was said decides nothing of a record that says one thing of each attribute."""


@dataclass(frozen=True, slots=True)
class ClientMatch:
    """A client that somebody would join, or may be."""

    client_id: UUID
    decision: Decision
    """`link` where a record like this would be with records of the client; else `review`."""
    record_id: UUID
    """Of the client's record that says most of it: of a client that is joined, one that links."""
    features: Features
    """Of that record."""
    score: PairScore
    """Of the pair. It may link, and the client be for review: see `Match.obstacles`."""


@dataclass(frozen=True, slots=True)
class Match:
    """What ingestion would decide on a profile, were it that of a new record."""

    features: Features
    """What is understood of the profile."""
    client_id: UUID | None
    """The client that the record would be with; None when it would be a client of its own."""
    clients: tuple[ClientMatch, ...]
    """Those that it would join, all of which would be one client then; after them those that it may
    be. In each part the likeliest first."""
    resolved: Resolved
    draft_id: UUID

    @property
    def decision(self) -> Decision:
        """The best decision on any client; `apart` when there is none."""
        return self.clients[0].decision if self.clients else Decision.APART

    @property
    def shared(self) -> Collection[IdentifierKey]:
        """The identifiers that are known to be shared, of those that were looked at."""
        return self.resolved.near.shared

    def obstacles(self, found: Iterable[ClientMatch]) -> dict[UUID, Obstacle[UUID]]:
        """Return what keeps those clients apart of which a record links, by the ids of the clients.

        The clusters are formed once more, watched, where there is any such client.
        """
        apart = [
            one
            for one in found
            if one.decision is not Decision.LINK and one.score.decision is Decision.LINK
        ]
        if not apart:
            return {}
        formed = self.resolved.formed
        retraced = retrace(
            formed.features,
            formed.scores_within,
            model=self.resolved.near.model,
            judgements=judgements_of(self.resolved.component),
            order=formed.key_of.__getitem__,
        )
        refused = {frozenset((one.left, one.right)): one.obstacle for one in retraced.refused}
        told: dict[UUID, Obstacle[UUID]] = {}
        for one in apart:
            obstacle = refused.get(
                frozenset((self.draft_id, one.record_id))
            ) or retraced.obstacle_between(self.draft_id, one.record_id)
            if obstacle is not None:
                told[one.client_id] = obstacle
        return told


async def find_matches(
    session: AsyncSession,
    values: Mapping[str, Any],
    *,
    model: Model,
    region: str,
    source: str = "",
) -> Match:
    """Return what ingestion would decide on a new record of `source` that says `values`.

    `values` are those of a `ProfileStatement`. By the code of ingestion, on what it would read:
    keys, scores, controls, brakes, judgements, partition. The session is one of `Database.look`:
    nothing is locked, and nothing written. One round trip, as a rule.
    """
    statement = ProfileStatement(source, _NO_ID, values, _ANY_TIME, _NO_ID)
    entered = await enter(session, [statement], model=model, region=region)
    [draft] = entered.prepared.drafts.values()
    return _match(draft, await resolve(session, entered, model=model))


def _match(draft: Draft, resolved: Resolved) -> Match:
    formed, near = resolved.formed, resolved.near
    home = formed.client_of[draft.id]
    client_now = {record.id: record.client_id for record in resolved.component.records}
    joined = {
        client_now[member]
        for member, client_id in formed.client_of.items()
        if client_id == home and member != draft.id
    }
    best: dict[UUID, ClientMatch] = {}
    for pair, score in formed.scores.items():
        if draft.id not in pair:
            continue
        other = pair[0] if pair[1] == draft.id else pair[1]
        client_id = client_now.get(other) or near.records[other].client_id
        if score.decision is Decision.APART and client_id not in joined:
            continue
        decision = Decision.LINK if client_id in joined else Decision.REVIEW
        features = formed.features.get(other) or near.features[other]
        found = ClientMatch(client_id, decision, other, features, score)
        if client_id not in best or _rank(found) < _rank(best[client_id]):
            best[client_id] = found
    return Match(
        features=draft.features,
        client_id=None if home == draft.id else home,
        clients=tuple(sorted(best.values(), key=_rank)),
        resolved=resolved,
        draft_id=draft.id,
    )


def _rank(found: ClientMatch) -> tuple[bool, bool, float, UUID, UUID]:
    """Return the place in the order: who would be joined first, then by the strongest pair.

    What joins a client is a pair that links; what a steward is asked about, the heaviest one.
    """
    is_joined = found.decision is Decision.LINK
    return (
        not is_joined,
        is_joined and found.score.decision is not Decision.LINK,
        -found.score.weight,
        found.client_id,
        found.record_id,
    )
