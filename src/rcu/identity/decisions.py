"""Decisions of stewards in the database: one row each, and what they say of pairs of records.

Every decision states verdicts on pairs and never changes an earlier one. What holds of a pair is
derived: the last match, no match or withdrawal said of it by a decision that is not undone. So to
undo a decision is to leave it out, whatever was decided before and after it, in whatever order.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import columns, fetch, to_json
from rcu.identity.adoption import Cause
from rcu.identity.decision_models import DecisionKind, Verdict
from rcu.identity.repository import Pair
from rcu.ids import uuid7


@dataclass(frozen=True, slots=True)
class Instruction:
    """What a steward asks for: who and why, and the caller's own id of the request."""

    actor: str
    reason: str
    message_id: str | None = None
    request_digest: bytes | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision that is being made in this transaction."""

    id: UUID
    made_at: datetime
    instruction: Instruction

    @property
    def cause(self) -> Cause:
        """What goes into the history of the partition."""
        return Cause("judgement", self.instruction.actor, self.instruction.reason, self.id)


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """A decision that was made before."""

    id: UUID
    kind: DecisionKind
    undone_by: UUID | None


class Statement(NamedTuple):
    """What a decision says of two records, and what the steward saw of them."""

    left_id: UUID
    right_id: UUID
    verdict: Verdict
    weight: float | None = None
    was_together: bool | None = None
    model_version: str | None = None


_RECORD = """
    INSERT INTO decision (id, kind, actor, reason, made_at, undoes_id, undoes_change_id,
                          message_id, request_digest)
    SELECT $1, $2, $3, $4, greatest(
        clock_timestamp(), (SELECT max(made_at) FROM decision) + interval '1 microsecond'
    ), $5, $6, $7, $8
    RETURNING made_at
"""


async def record(
    session: AsyncSession,
    kind: DecisionKind,
    instruction: Instruction,
    *,
    undoes_id: UUID | None = None,
    undoes_change_id: UUID | None = None,
) -> Decision:
    """Write a decision down. Its time is after all others', also when the clock was put back.

    The caller holds the turn, so that no other is made meanwhile.
    """
    decision_id = uuid7()
    [row] = await fetch(
        session,
        _RECORD,
        decision_id,
        kind,
        instruction.actor,
        instruction.reason,
        undoes_id,
        undoes_change_id,
        instruction.message_id,
        instruction.request_digest,
    )
    return Decision(decision_id, row["made_at"], instruction)


# The digest is made of the features as PostgreSQL writes a jsonb: the same features, the same text.
DIGEST = "sha256(convert_to(l.features::text || ' ' || r.features::text, 'UTF8'))"
"""SQL: the digest of the features of two records, `l` and `r`, the one with the lower id first."""

_STATE = f"""
    INSERT INTO judgement (id, left_id, right_id, verdict, weight, was_together, model_version,
                           reason, author, made_at, revoked_at, decision_id, values_digest)
    SELECT s.id, s.left_id, s.right_id, s.verdict, s.weight, s.was_together, s.model_version,
           $8, $9, $10, $10, $11, {DIGEST}
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::float8[], $6::bool[],
                $7::text[])
        AS s (id, left_id, right_id, verdict, weight, was_together, model_version)
    JOIN source_record l ON l.id = s.left_id
    JOIN source_record r ON r.id = s.right_id
"""  # noqa: S608 - made of constants of this module


async def state(
    session: AsyncSession, decision: Decision, statements: Collection[Statement]
) -> None:
    """Write down what a decision says of pairs, and work out anew what holds of them."""
    if not statements:
        return
    rows = [(uuid7(), *statement) for statement in statements]
    said = decision.instruction
    await fetch(
        session, _STATE, *columns(rows), said.reason, said.actor, decision.made_at, decision.id
    )
    await settle(session, {(s.left_id, s.right_id) for s in statements}, by=decision)


_HOLDING = """
    SELECT DISTINCT ON (j.left_id, j.right_id) j.id, j.verdict
    FROM unnest($1::uuid[], $2::uuid[]) AS pair (left_id, right_id)
    JOIN judgement j USING (left_id, right_id)
    JOIN decision d ON d.id = j.decision_id
    WHERE d.undone_by IS NULL AND j.verdict <> 'unsure'
    ORDER BY j.left_id, j.right_id, j.made_at DESC, j.id DESC
"""
_REVOKE = """
    UPDATE judgement j SET revoked_at = $3, revoked_by = $4
    FROM unnest($1::uuid[], $2::uuid[]) AS pair (left_id, right_id)
    WHERE (j.left_id, j.right_id) = (pair.left_id, pair.right_id)
      AND j.revoked_at IS NULL AND j.id <> ALL ($5::uuid[])
"""
_BIND = """
    UPDATE judgement SET revoked_at = NULL, revoked_by = NULL
    WHERE id = ANY ($1::uuid[]) AND revoked_at IS NOT NULL
"""
_BINDING = frozenset({Verdict.MATCH, Verdict.NO_MATCH})


async def settle(session: AsyncSession, pairs: Collection[Pair], *, by: Decision) -> None:
    """Make binding what holds of each pair now, and nothing else that was said of it."""
    if not pairs:
        return
    named = columns(sorted(pairs))
    holding = await fetch(session, _HOLDING, *named)
    binding = [judgement_id for judgement_id, verdict in holding if verdict in _BINDING]
    # One row of a pair may bind: what binds no more is revoked before anything else binds.
    await fetch(session, _REVOKE, *named, by.made_at, by.instruction.actor, binding)
    await fetch(session, _BIND, binding)


_EVER_JUDGED = """
    SELECT DISTINCT left_id, right_id FROM judgement
    WHERE (left_id = ANY ($1::uuid[]) AND right_id = ANY ($2::uuid[]))
       OR (left_id = ANY ($2) AND right_id = ANY ($1))
"""


async def list_judged_pairs(
    session: AsyncSession, one_side: Collection[UUID], other_side: Collection[UUID]
) -> set[Pair]:
    """Return the pairs between two sides of which anything was ever said."""
    rows = await fetch(session, _EVER_JUDGED, list(one_side), list(other_side))
    return {(left_id, right_id) for left_id, right_id in rows}


_FIND = "SELECT id, kind, undone_by FROM decision WHERE id = $1"


async def find(session: AsyncSession, decision_id: UUID) -> StoredDecision | None:
    """Return a decision, or None when no decision has this id."""
    rows = await fetch(session, _FIND, decision_id)
    return next((StoredDecision(id_, DecisionKind(kind), by) for id_, kind, by in rows), None)


_UNDONE_CHANGE = """
    SELECT id FROM decision WHERE undoes_change_id = $1 AND undone_by IS NULL
    ORDER BY made_at DESC LIMIT 1
"""


async def find_undoing_of_change(session: AsyncSession, change_id: UUID) -> UUID | None:
    """Return the decision by which an identity change is undone now, if it is."""
    rows = await fetch(session, _UNDONE_CHANGE, change_id)
    return rows[0]["id"] if rows else None


_ROOT = """
    WITH RECURSIVE up AS (
        SELECT id, undoes_id FROM decision WHERE id = $1
        UNION ALL
        SELECT d.id, d.undoes_id FROM up JOIN decision d ON d.id = up.undoes_id
    )
    SELECT id FROM up WHERE undoes_id IS NULL
"""
_PAIRS = "SELECT left_id, right_id FROM judgement WHERE decision_id = $1"


async def list_pairs(session: AsyncSession, decision_id: UUID) -> set[Pair]:
    """Return the pairs on which a decision bears: for an undo, those of what it is about."""
    [root] = await fetch(session, _ROOT, decision_id)
    return {(left, right) for left, right in await fetch(session, _PAIRS, root["id"])}


_TREE = """
    WITH RECURSIVE up AS (
        SELECT id, undoes_id FROM decision WHERE id = $1
        UNION ALL
        SELECT d.id, d.undoes_id FROM up JOIN decision d ON d.id = up.undoes_id
    ), tree AS (
        SELECT d.id, d.undoes_id, d.made_at
        FROM decision d JOIN up USING (id) WHERE up.undoes_id IS NULL
        UNION ALL
        SELECT d.id, d.undoes_id, d.made_at FROM tree JOIN decision d ON d.undoes_id = tree.id
    )
    SELECT id, undoes_id FROM tree ORDER BY made_at, id
"""
_MARK_UNDONE = """
    UPDATE decision d SET undone_by = marked.undone_by
    FROM unnest($1::uuid[], $2::uuid[]) AS marked (id, undone_by)
    WHERE d.id = marked.id AND d.undone_by IS DISTINCT FROM marked.undone_by
"""


async def mark_undone(session: AsyncSession, decision: Decision) -> None:
    """Work out which decisions are undone, among all that a new undo bears on."""
    rows = await fetch(session, _TREE, decision.id)
    undone = undone_by({row["id"]: row["undoes_id"] for row in rows})
    await fetch(session, _MARK_UNDONE, list(undone), list(undone.values()))


def undone_by(undoes: Mapping[UUID, UUID | None]) -> dict[UUID, UUID | None]:
    """Return by which decision each is undone, or None for those that are in force.

    `undoes` says what each undoes, the oldest first. A decision is undone when a decision in
    force undoes it; so an undo that is undone does nothing.
    """
    answer: dict[UUID, UUID | None] = dict.fromkeys(undoes)
    for decision_id, target in reversed(list(undoes.items())):
        if target is not None and answer[decision_id] is None:
            answer[target] = answer[target] or decision_id
    return answer


# --- requests that are sent again -----------------------------------------------------------------


class Recorded(NamedTuple):
    """What was answered to a request."""

    request_digest: bytes
    answer: dict[str, Any]


_RECORDED = "SELECT request_digest, answer FROM decision WHERE actor = $1 AND message_id = $2"
_ANSWER = "UPDATE decision SET answer = $2::jsonb WHERE id = $1"


async def find_recorded(session: AsyncSession, actor: str, message_id: str) -> Recorded | None:
    """Return what the actor was answered to the request of this id, if there was one."""
    rows = await fetch(session, _RECORDED, actor, message_id)
    return Recorded(*rows[0]) if rows else None


async def record_answer(session: AsyncSession, decision_id: UUID, answer: dict[str, Any]) -> None:
    """Keep the answer, for the same request sent again."""
    await fetch(session, _ANSWER, decision_id, to_json(answer))
