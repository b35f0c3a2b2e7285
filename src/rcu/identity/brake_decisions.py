"""What stewards decide of merge brakes: to release one, or to take back what it let through.

Both are decisions like any other. Releasing lets merging go on, and looks again at the pairs that
waited. Reverting parts, by judgements of no match, the clients that had been merged before the
brake tripped; what a steward judged a match since is left alone. Either can be undone: the brake is
on again, or the clients are one again.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import product
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import fetch
from rcu.identity import brakes, changes, decisions
from rcu.identity.decision_models import DecisionKind, Verdict
from rcu.identity.decisions import Instruction
from rcu.identity.errors import (
    BrakeNotFoundError,
    BrakeReleasedError,
    NothingMergedError,
)
from rcu.identity.model import Model
from rcu.identity.neighbourhood import ordered
from rcu.identity.repository import Pair
from rcu.identity.rescoring import rescore
from rcu.identity.stewardship import Decided, form_decided, said
from rcu.identity.turns import take_turn, wait_for_turn

_RELEASE = """
    UPDATE merge_brake SET released_at = $2, released_by = $3
    WHERE id = $1 AND released_at IS NULL RETURNING id
"""


async def release(
    session: AsyncSession, brake_id: UUID, *, instruction: Instruction, model: Model
) -> Decided:
    """Let merging go on for what a brake stops, and look again at the pairs that waited.

    Raises `BrakeNotFoundError`, or `BrakeReleasedError` when it is off already.
    """
    await wait_for_turn(session)
    if await brakes.find_brake(session, brake_id) is None:
        raise BrakeNotFoundError(brake_id)
    decision = await decisions.record(session, DecisionKind.RELEASE, instruction)
    # First of all: who is about to hold a pair back either has done so, or does not any more.
    held_on = await brakes.list_held_pairs(session, brake_id)
    if not await fetch(session, _RELEASE, brake_id, decision.made_at, decision.id):
        raise BrakeReleasedError(brake_id)
    pairs = held_on | await brakes.list_held_pairs(session, brake_id)
    records = {record_id for pair in pairs for record_id in pair}
    turn = await take_turn(session, records)
    await rescore(session, pairs, model=model, at=decision.made_at)
    return await form_decided(session, records, decision, turn=turn, model=model)


_SETTLE = """
    UPDATE merge_brake b
    SET released_at = CASE WHEN d.undone_by IS NULL THEN d.made_at END
    FROM decision d
    WHERE d.id = b.released_by AND d.id = ANY ($1::uuid[])
      AND (d.undone_by IS NULL OR NOT EXISTS (
          SELECT FROM merge_brake other
          WHERE other.basis = b.basis AND other.id <> b.id AND other.released_at IS NULL
      ))
"""
_UP = """
    WITH RECURSIVE up AS (
        SELECT id, undoes_id FROM decision WHERE id = $1
        UNION ALL
        SELECT d.id, d.undoes_id FROM up JOIN decision d ON d.id = up.undoes_id
    )
    SELECT id FROM up
"""


async def settle(session: AsyncSession, decision_id: UUID) -> None:
    """Put a brake on again whose release is undone, or take it off when the undoing is undone.

    Nothing else happens: what was merged in between stays until it is undone itself.
    """
    told = [row["id"] for row in await fetch(session, _UP, decision_id)]
    await fetch(session, _SETTLE, told)


async def revert(
    session: AsyncSession, brake_id: UUID, *, instruction: Instruction, model: Model
) -> Decided:
    """Part the clients that a braked identifier or source had merged, all in one decision.

    Merges that were undone one by one, and pairs that a steward judged a match, are left out.
    Raises `NothingMergedError` when nothing is left.
    """
    await wait_for_turn(session)
    if await brakes.find_brake(session, brake_id) is None:
        raise BrakeNotFoundError(brake_id)
    pairs = await _merged_pairs(session, brake_id)
    if not pairs:
        raise NothingMergedError(brake_id)
    records = {record_id for pair in pairs for record_id in pair}
    turn = await take_turn(session, records)
    decision = await decisions.record(session, DecisionKind.REVERT, instruction)
    await decisions.state(session, decision, said(Verdict.NO_MATCH, pairs))
    return await form_decided(session, records, decision, turn=turn, model=model)


_BINDING = """
    SELECT left_id, right_id FROM judgement
    WHERE left_id = ANY ($1::uuid[]) AND right_id = ANY ($1) AND revoked_at IS NULL
"""


async def _merged_pairs(session: AsyncSession, brake_id: UUID) -> set[Pair]:
    """Return the pairs across every merge that stands, less those that a judgement binds."""
    pairs: set[Pair] = set()
    for change_id in await brakes.list_merges_of(session, brake_id):
        change = await changes.find_change(session, change_id)
        if change is not None:
            moved = await changes.list_profiles_among(session, change.record_ids)
            others = await changes.list_profiles_staying(session, change.id, change.client_id)
            pairs |= {ordered(a, b) for a, b in product(moved, others)}
    return pairs - await _judged(session, {record_id for pair in pairs for record_id in pair})


async def _judged(session: AsyncSession, records: Collection[UUID]) -> set[Pair]:
    return {(left, right) for left, right in await fetch(session, _BINDING, sorted(records))}
