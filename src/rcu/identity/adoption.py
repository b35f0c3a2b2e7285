"""Writing a new partition down: records move, clients appear or retire, history is kept."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.identity import repository
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


async def adopt(
    session: AsyncSession,
    moves: Sequence[Move],
    *,
    refresh: Collection[UUID] = (),
    cause: Cause,
    at: datetime,
) -> frozenset[UUID]:
    """Move records between clients and keep the history; return the clients that changed.

    Clients in `refresh` are brought in line as well: one of their records is new or became
    a profile.
    """
    await repository.move_records(
        session, [(move.record_id, move.client_id, move.placement) for move in moves]
    )
    moved = [move for move in moves if not move.is_new and move.from_client_id != move.client_id]
    changed = {move.client_id for move in moves} | set(refresh)
    changed |= {move.from_client_id for move in moved}
    retired = await repository.refresh_clients(session, changed, at=at)
    await repository.add_changes(session, _history(moved, retired, cause=cause, at=at))
    return frozenset(changed)


def _history(
    moved: Sequence[Move], retired: Collection[UUID], *, cause: Cause, at: datetime
) -> list[dict[str, object]]:
    """Return one change for each pair of clients between which records moved."""
    groups: dict[tuple[UUID, UUID], list[UUID]] = defaultdict(list)
    for move in moved:
        groups[move.from_client_id, move.client_id].append(move.record_id)
    return [
        {
            "id": uuid7(),
            "kind": "merge" if from_client_id in retired else "split",
            "client_id": client_id,
            "other_client_id": from_client_id,
            "record_ids": sorted(record_ids),
            "cause": cause.kind,
            "actor": cause.actor,
            "reason": cause.reason,
            "made_at": at,
        }
        for (from_client_id, client_id), record_ids in sorted(groups.items())
    ]
