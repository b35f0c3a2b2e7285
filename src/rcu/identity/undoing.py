"""Undoing a change of the partition, whoever made it, and undoing that in turn.

What a steward decided is undone by leaving the decision out. What the service did by itself has
no decision to leave out: the steward then contradicts it, and says that the two sides of a merge
are two people, or that those of a split are one.
"""

from itertools import product
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.identity import brake_decisions, changes, decisions, declarations
from rcu.identity.change_models import ChangeKind
from rcu.identity.changes import Change
from rcu.identity.decision_models import DecisionKind, Verdict
from rcu.identity.decisions import Instruction
from rcu.identity.errors import AlreadyUndoneError, ChangeNotFoundError, PlacedByRuleError
from rcu.identity.model import Model
from rcu.identity.neighbourhood import ordered
from rcu.identity.repository import Pair
from rcu.identity.stewardship import Decided, form_decided, said
from rcu.identity.turns import ExpectedVersions, take_turn


async def undo(
    session: AsyncSession,
    change_id: UUID,
    *,
    expected_versions: ExpectedVersions,
    instruction: Instruction,
    model: Model,
) -> Decided:
    """Undo a decision, or a change that the service made by itself.

    `change_id` is that of a change of the history, or of a decision; what a decision caused is
    undone as a whole in either case. Everything else that was decided or received stays: what
    came in between goes with the records that it concerns.
    """
    decision_id = change_id
    if await decisions.find(session, decision_id) is None:
        change = await changes.find_change(session, change_id)
        if change is None:
            raise ChangeNotFoundError(change_id)
        if change.decision_id is None:
            return await _contradict(session, change, expected_versions, instruction, model)
        decision_id = change.decision_id
    return await _leave_out(session, decision_id, expected_versions, instruction, model)


async def _leave_out(
    session: AsyncSession,
    decision_id: UUID,
    expected_versions: ExpectedVersions,
    instruction: Instruction,
    model: Model,
) -> Decided:
    pairs = await decisions.list_pairs(session, decision_id)
    declared = await declarations.list_declared_by(session, decision_id)
    turn, records = await declarations.hold_holders(
        session, declared, *(record_id for pair in pairs for record_id in pair)
    )
    undone = await decisions.find(session, decision_id)
    if undone is not None and undone.undone_by is not None:
        raise AlreadyUndoneError(decision_id, by=undone.undone_by)
    turn.refuse_changed(expected_versions)
    decision = await decisions.record(
        session, DecisionKind.UNDO, instruction, undoes_id=decision_id
    )
    await decisions.mark_undone(session, decision)
    await decisions.settle(session, pairs, by=decision)
    await brake_decisions.settle(session, decision_id)
    if declared:
        return await declarations.reexamine(
            session, declared, records, decision, turn=turn, model=model
        )
    return await form_decided(session, records, decision, turn=turn, model=model)


async def _contradict(
    session: AsyncSession,
    change: Change,
    expected_versions: ExpectedVersions,
    instruction: Instruction,
    model: Model,
) -> Decided:
    """Part what the service joined, or join what it parted, by judgements of the steward."""
    moved = await changes.list_profiles_among(session, change.record_ids)
    is_merge = change.kind is ChangeKind.MERGE
    side = change.client_id if is_merge else change.from_client_id
    others = await changes.list_profiles_staying(session, change.id, side)
    if not moved or not others:
        raise PlacedByRuleError(change.id)
    turn = await take_turn(session, {*moved, *others})
    if by := await decisions.find_undoing_of_change(session, change.id):
        raise AlreadyUndoneError(change.id, by=by)
    turn.refuse_changed(expected_versions)
    decision = await decisions.record(
        session, DecisionKind.UNDO, instruction, undoes_change_id=change.id
    )
    if is_merge:
        verdict, pairs = Verdict.NO_MATCH, {ordered(a, b) for a, b in product(moved, others)}
    else:
        verdict, pairs = Verdict.MATCH, _spanning(moved, others)
    await decisions.state(session, decision, said(verdict, pairs))
    return await form_decided(session, {*moved, *others}, decision, turn=turn, model=model)


def _spanning(moved: list[UUID], others: list[UUID]) -> set[Pair]:
    return {ordered(moved[0], other) for other in others} | {
        ordered(record_id, others[0]) for record_id in moved
    }
