"""Writing a new partition down: records move, clients appear or retire, history is kept."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.errors import StaleReadError
from rcu.identity import repository
from rcu.identity.models import ChangeKind, Placement
from rcu.identity.placement_history import add_placement_changes
from rcu.ids import uuid7


@dataclass(frozen=True, slots=True)
class Move:
    """A record and the client it is with from now on."""

    record_id: UUID
    client_id: UUID
    placement: str
    from_client_id: UUID
    is_new: bool = False
    """Made in this transaction: nobody was told of a client it was with before."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why the partition changes: what goes into the history."""

    kind: str
    """`message`, `judgement` or `resolution`."""
    actor: str
    reason: str | None = None
    decision_id: UUID | None = None
    """The steward's decision, when it is one."""


@dataclass(frozen=True, slots=True)
class MergeMade:
    """A client that went over to another one, by a change of the history."""

    change_id: UUID
    client_id: UUID
    from_client_id: UUID


@dataclass(frozen=True, slots=True)
class Adopted:
    """What came of a new partition."""

    client_ids: frozenset[UUID]
    """The clients that changed."""
    merges: tuple[MergeMade, ...]


async def adopt(
    session: AsyncSession,
    moves: Sequence[Move],
    *,
    refresh: Collection[UUID] = (),
    cause: Cause,
    at: datetime,
) -> Adopted:
    """Move records between clients and keep the history.

    Clients in `refresh` are brought in line as well: one of their records is new or became
    a profile. Raises `StaleReadError`, upon which the edge tries again, when a record is no
    longer with the client it was read to be with.
    """
    are_moved = await repository.move_records(
        session,
        [(move.record_id, move.from_client_id, move.client_id, move.placement) for move in moves],
    )
    if not are_moved:
        raise StaleReadError
    await add_placement_changes(
        session,
        [
            (uuid7(), move.record_id, move.client_id, move.placement)
            for move in moves
            if not move.is_new and move.placement != Placement.MATCHING
        ],
        at=at,
        cause=(cause.kind, cause.actor),
    )
    moved = [move for move in moves if not move.is_new and move.from_client_id != move.client_id]
    changed = {move.client_id for move in moves} | set(refresh)
    changed |= {move.from_client_id for move in moved}
    current = await repository.refresh_clients(session, changed, at=at)
    history = _history(moved, current, cause=cause, at=at)
    await repository.add_changes(session, history)
    merges = tuple(
        MergeMade(change["id"], change["client_id"], change["other_client_id"])
        for change in history
        if change["kind"] is ChangeKind.MERGE
    )
    return Adopted(frozenset(changed), merges)


def _history(
    moved: Sequence[Move], current: Mapping[UUID, UUID], *, cause: Cause, at: datetime
) -> list[dict[str, Any]]:
    """Return one change for each pair of clients between which records moved.

    Every move is in one: who was whom at any time is told from the changes alone.
    """
    groups: dict[tuple[UUID, UUID], list[Move]] = defaultdict(list)
    for move in moved:
        groups[move.from_client_id, move.client_id].append(move)
    return [
        {
            "id": uuid7(),
            "kind": _kind(from_client_id, current[from_client_id] == client_id, moves),
            "client_id": client_id,
            "other_client_id": from_client_id,
            "record_ids": sorted(move.record_id for move in moves),
            "cause": cause.kind,
            "actor": cause.actor,
            "reason": cause.reason,
            "made_at": at,
            "decision_id": cause.decision_id,
        }
        for (from_client_id, client_id), moves in sorted(groups.items(), key=itemgetter(0))
    ]


def _kind(from_client_id: UUID, goes_over: bool, moves: Sequence[Move]) -> ChangeKind:  # noqa: FBT001
    """Return what a change is: the whole client goes over, profiles leave it, or only facts do."""
    if goes_over:
        has_head = any(move.record_id == from_client_id for move in moves)
        return ChangeKind.MERGE if has_head else ChangeKind.FOLLOW
    has_profile = any(move.placement == Placement.MATCHING for move in moves)
    return ChangeKind.SPLIT if has_profile else ChangeKind.MOVE
