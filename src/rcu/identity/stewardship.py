"""What an operator decides of clients: joining two, taking records out of one.

A decision is kept as judgements on pairs of records, which bind every later resolution:
the clusters are then formed anew, as after any other change. A merge is undone by a split and
a split by a merge: each revokes the judgements of the other that stand in its way.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.identity import repository
from rcu.identity.adoption import Cause
from rcu.identity.errors import (
    AnonymousClientError,
    ClientChangedError,
    ClientNotFoundError,
    RecordsNotOfClientError,
    SameClientError,
)
from rcu.identity.model import Model
from rcu.identity.models import RecordKind
from rcu.identity.presented import place_presented
from rcu.identity.repository import RecordKey, StoredRecord
from rcu.identity.resolution import form_again
from rcu.ids import uuid7


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decides, why and when."""

    actor: str
    reason: str
    at: datetime

    @property
    def cause(self) -> Cause:
        """What goes into the history of the partition."""
        return Cause("judgement", self.actor, self.reason)


@dataclass(frozen=True, slots=True)
class Decided:
    """The outcome of a decision."""

    client_ids: tuple[UUID, ...]
    """The clients that the records concerned are with now, the oldest first."""
    touched_client_ids: frozenset[UUID]


async def merge_clients(
    session: AsyncSession,
    client_id: UUID,
    other_client_id: UUID,
    *,
    expected_version: int | None,
    decision: Decision,
    model: Model,
) -> Decided:
    """Make two clients one. The older id survives; the other resolves to it from now on.

    With `expected_version`, a first client that has changed since is refused.
    """
    one = await _current(session, client_id)
    two = await _current(session, other_client_id)
    if one == two:
        raise SameClientError(one)
    await _lock(session, {one, two}, one, expected_version)
    members = await _profiles(session, [one, two])
    side = [member for member in members if member.client_id == one]
    other = [member for member in members if member.client_id == two]
    if not side or not other:
        raise AnonymousClientError(two if side else one)
    await _revoke(session, side, other, decision)
    pairs = {(side[0].id, member.id) for member in other}
    pairs |= {(member.id, other[0].id) for member in side}
    await _judge(session, pairs, "match", decision)
    return await _adopt(session, members, decision, model)


async def split_client(
    session: AsyncSession,
    client_id: UUID,
    records: Collection[RecordKey],
    *,
    expected_version: int | None,
    decision: Decision,
    model: Model,
) -> Decided:
    """Take records out of a client; they stay together, and apart from those left behind."""
    current = await _current(session, client_id)
    await _lock(session, {current}, current, expected_version)
    members = await _profiles(session, [current])
    out = [member for member in members if (member.source, member.external_id) in records]
    left = [member for member in members if member not in out]
    if len(out) != len(set(records)) or not left:
        raise RecordsNotOfClientError(asked=len(set(records)), found=len(out), members=len(members))
    await _revoke(session, out, left, decision)
    await _judge(session, ((a.id, b.id) for a, b in product(out, left)), "no_match", decision)
    await _judge(session, ((out[0].id, member.id) for member in out[1:]), "match", decision)
    return await _adopt(session, members, decision, model)


async def _current(session: AsyncSession, client_id: UUID) -> UUID:
    current = await repository.current_client_id(session, client_id)
    if current is None:
        raise ClientNotFoundError(client_id)
    return current


async def _lock(
    session: AsyncSession, client_ids: Collection[UUID], first: UUID, expected_version: int | None
) -> None:
    """Lock clients, and refuse the decision when the first is not as the operator saw it."""
    versions = await repository.lock_clients(session, client_ids)
    if expected_version is not None and versions.get(first) != expected_version:
        raise ClientChangedError(first, expected=expected_version, current=versions.get(first, 0))


async def _profiles(session: AsyncSession, client_ids: Collection[UUID]) -> list[StoredRecord]:
    members = await repository.list_members(session, client_ids)
    return [member for member in members if member.kind == RecordKind.PROFILE]


async def _revoke(
    session: AsyncSession,
    one_side: Sequence[StoredRecord],
    other_side: Sequence[StoredRecord],
    decision: Decision,
) -> None:
    await repository.revoke_judgements(
        session,
        one_side=[record.id for record in one_side],
        other_side=[record.id for record in other_side],
        by=decision.actor,
        at=decision.at,
    )


async def _judge(
    session: AsyncSession, pairs: Iterable[tuple[UUID, UUID]], verdict: str, decision: Decision
) -> None:
    await repository.add_judgements(
        session,
        [
            {
                "id": uuid7(),
                "left_id": min(pair),
                "right_id": max(pair),
                "verdict": verdict,
                "reason": decision.reason,
                "author": decision.actor,
                "made_at": decision.at,
            }
            for pair in sorted(pairs)
        ],
    )


async def _adopt(
    session: AsyncSession, members: Sequence[StoredRecord], decision: Decision, model: Model
) -> Decided:
    """Form the clusters anew, and place again the facts that are known by identifiers only."""
    formed = await form_again(
        session,
        {member.id for member in members},
        model=model,
        at=decision.at,
        cause=decision.cause,
    )
    facts = await place_presented(
        session,
        [],
        model=model,
        at=decision.at,
        cause=decision.cause,
        touched=formed.touched_identifiers,
    )
    return Decided(
        client_ids=tuple(sorted({formed.client_of[member.id] for member in members})),
        touched_client_ids=formed.touched_client_ids | facts.touched_client_ids,
    )
