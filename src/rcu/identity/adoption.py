"""Writing a new partition down: records move, clients appear or retire, history is kept."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.errors import StaleReadError
from rcu.db.statements import arrays, fetch
from rcu.identity import repository
from rcu.identity.change_models import ChangeKind
from rcu.identity.holding import Holding
from rcu.identity.models import Placement
from rcu.identity.repository import SavedRecord
from rcu.ids import uuid7


@dataclass(frozen=True, slots=True)
class Move:
    """A record and the client it is with from now on."""

    record_id: UUID
    client_id: UUID
    placement: str
    from_client_id: UUID


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
class Made:
    """Records that facts made, with their clients already, and what facts showed of records."""

    records: Sequence[SavedRecord] = ()
    shown: Sequence[tuple[str, str, UUID]] = ()
    """Kind and value of an identifier, and the record."""


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
    holdings: Mapping[UUID, Holding] = field(default_factory=dict)
    """Whose the records are that were asked for."""


_ADOPT: Final = (
    "SELECT * FROM adopt_records($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, "
    "$16, $17, $18, $19, $20, $21, $22)"
)


async def adopt(  # noqa: PLR0913 - each is a word of one sentence
    session: AsyncSession,
    moves: Sequence[Move],
    *,
    made: Made = Made(),
    lock: bool = False,
    refresh: Collection[UUID] = (),
    hung: Collection[UUID] = (),
    cause: Cause,
    at: datetime,
) -> Adopted:
    """Move records between clients and keep the history, after those that facts `made` are kept.

    Clients in `refresh` are brought in line as well: one of their records is new or became
    a profile. With `lock`, the rows of the clients concerned are locked first: whoever merges or
    splits clients holds them. The answer tells whose the records `hung` are then. Raises
    `StaleReadError`, upon which the edge tries again, when a record is no longer with the client
    it was read to be with, or that client has gone elsewhere meanwhile. One round trip.
    """
    moved = [move for move in moves if move.from_client_id != move.client_id]
    changed = {record.client_id for record in made.records}.union(refresh)
    changed |= {move.client_id for move in moves} | {move.from_client_id for move in moved}
    locked = changed | {move.from_client_id for move in moves} if lock else ()
    ordered = sorted(moves, key=lambda move: move.record_id)
    rows = await fetch(
        session,
        _ADOPT,
        sorted(locked),
        *arrays(made.records, width=len(SavedRecord._fields)),
        *arrays(made.shown, width=3),
        *arrays([_moved(move) for move in ordered], width=5),
        sorted(changed),
        list(hung),
        at,
        cause.kind,
        cause.actor,
    )
    current, holdings = {}, {}
    for what, id_, *of in rows:
        if what == "overtaken":
            raise StaleReadError
        if what == "client":
            current[id_] = of[0]
        else:
            holdings[id_] = Holding(*of)
    history = _history(moved, current, cause=cause, at=at)
    await repository.add_changes(session, history)
    merges = tuple(
        MergeMade(change["id"], change["client_id"], change["other_client_id"])
        for change in history
        if change["kind"] is ChangeKind.MERGE
    )
    return Adopted(frozenset(changed), merges, holdings)


def _moved(move: Move) -> tuple[UUID, UUID, UUID, str, UUID | None]:
    """Return a move as it is written; the last is the id of its change of placement, if it is."""
    change_id = uuid7() if move.placement != Placement.MATCHING else None
    return move.record_id, move.from_client_id, move.client_id, move.placement, change_id


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
