"""What the sender of a profile is told: where the record ended, and why."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from rcu.identity.adoption import Move
from rcu.identity.drafts import Draft, Prepared
from rcu.identity.forming import Formed
from rcu.identity.neighbourhood import Neighbourhood
from rcu.identity.repository import RecordKey
from rcu.identity.scoring import Decision, PairScore


@dataclass(frozen=True, slots=True)
class Placed:
    """Where one record ended, and why."""

    record_id: UUID
    client_id: UUID
    outcome: str
    """`created`, `matched`, `updated` or `unchanged`."""
    merged_client_ids: tuple[UUID, ...]
    match: tuple[RecordKey, PairScore] | None
    reviews: tuple[tuple[UUID, float], ...]

    def again(self) -> "Placed":
        """Return the outcome of a further statement on the same record in the same set."""
        is_first = self.outcome in {"created", "matched"}
        return replace(self, outcome="updated") if is_first else self


MAX_REVIEWS = 5


def unchanged(prepared: Prepared) -> dict[RecordKey, Placed]:
    """Return the outcome of every statement that told nothing new."""
    return {
        draft.key: Placed(draft.id, draft.before.client_id, "unchanged", (), None, ())
        for draft in prepared.drafts.values()
        if draft.before is not None and not draft.is_changed
    }


def outcomes(
    drafts: Mapping[UUID, Draft],
    formed: Formed,
    moves: Sequence[Move],
    near: Neighbourhood,
) -> dict[RecordKey, Placed]:
    """Return the outcome of every record that was written."""
    living = set(formed.client_of.values())
    merged: dict[UUID, set[UUID]] = defaultdict(set)
    for move in moves:
        if move.from_client_id not in living and move.from_client_id not in drafts:
            merged[move.client_id].add(move.from_client_id)
    members_of: dict[UUID, list[UUID]] = defaultdict(list)
    for member, client_id in formed.client_of.items():
        members_of[client_id].append(member)
    pairs_of: dict[UUID, list[tuple[UUID, PairScore]]] = defaultdict(list)
    for (a, b), score in formed.scores.items():
        pairs_of[a].append((b, score))
        pairs_of[b].append((a, score))
    return {
        draft.key: Placed(
            record_id=draft.id,
            client_id=formed.client_of[draft.id],
            outcome=_outcome(draft, drafts, members_of[formed.client_of[draft.id]]),
            merged_client_ids=tuple(sorted(merged[formed.client_of[draft.id]])),
            match=_match(draft, pairs_of[draft.id], formed),
            reviews=_reviews(draft, pairs_of[draft.id], formed.client_of, near),
        )
        for draft in drafts.values()
    }


def _outcome(draft: Draft, drafts: Mapping[UUID, Draft], members: Sequence[UUID]) -> str:
    if draft.old_features:
        return "updated"
    joined = any(other not in drafts or other < draft.id for other in members if other != draft.id)
    return "matched" if joined else "created"


def _match(
    draft: Draft, pairs: Sequence[tuple[UUID, PairScore]], formed: Formed
) -> tuple[RecordKey, PairScore] | None:
    """Return the strongest pair that ties the record to its client."""
    together = [
        (score.weight, formed.key_of[other], score)
        for other, score in pairs
        if score.decision is Decision.LINK
        and formed.client_of.get(other) == formed.client_of[draft.id]
    ]
    if not together:
        return None
    _, key, score = max(together, key=lambda item: (item[0], item[1]))
    return key, score


def _reviews(
    draft: Draft,
    pairs: Sequence[tuple[UUID, PairScore]],
    client_of: Mapping[UUID, UUID],
    near: Neighbourhood,
) -> tuple[tuple[UUID, float], ...]:
    """Return the other clients that may be the same person, the likeliest first."""
    waiting: dict[UUID, float] = {}
    for other, score in pairs:
        client_id = client_of.get(other) or near.records[other].client_id
        if score.decision is not Decision.APART and client_id != client_of[draft.id]:
            waiting[client_id] = max(score.weight, waiting.get(client_id, score.weight))
    ranked = sorted(waiting.items(), key=lambda item: (-item[1], item[0]))
    return tuple(ranked[:MAX_REVIEWS])
