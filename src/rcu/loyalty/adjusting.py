"""Adjustments by an operator: with a reason, and with four eyes above what the programme says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.access.service import are_two_people
from rcu.db.locks import lock_key, lock_until_commit
from rcu.db.statements import fetch
from rcu.loyalty import ledger, programmes, wallets
from rcu.loyalty.errors import (
    AdjustmentDecidedError,
    AdjustmentNotFoundError,
    FourEyesError,
    InsufficientPointsError,
    RecordNotFoundError,
    RequestIdReusedError,
)
from rcu.loyalty.ledger import Draft, NewLot, posting_id
from rcu.loyalty.lots import day_in, expires_on, oldest_first, take, taken_points
from rcu.loyalty.models import AdjustmentStatus, Counterpart, PointsAdjustment, PostingKind
from rcu.loyalty.programme import Programme


@dataclass(frozen=True, slots=True)
class Proposal:
    """An adjustment that somebody asks for."""

    message_id: str
    digest: bytes
    source: str
    external_id: str
    points: int
    reason: str
    actor: str
    timezone: str
    at: datetime


_RECORD: Final = "SELECT id, client_id FROM source_record WHERE source = $1 AND external_id = $2"
_UNAPPROVED: Final = """
    SELECT coalesce(sum(abs(a.points)), 0)::bigint
    FROM source_record r JOIN points_adjustment a ON a.record_id = r.id
    WHERE r.client_id = $1 AND a.status = 'approved' AND a.decided_by IS NULL
      AND a.proposed_at > $2
"""
_TOGETHER: Final = timedelta(hours=24)
"""Within this time the adjustments of a client count together: else a large one is cut up."""


async def propose(session: AsyncSession, proposal: Proposal) -> dict[str, Any]:
    """Adjust the points of a record at once, or keep the proposal until somebody else decides it.

    The same request sent again is answered with what has become of it.
    """
    id_ = posting_id("adjustment", proposal.actor, proposal.message_id)
    await lock_until_commit(session, [lock_key("adjustment", str(id_))])
    known = await session.get(PointsAdjustment, id_)
    if known is not None:
        if known.request_digest != proposal.digest:
            raise RequestIdReusedError(proposal.message_id)
        return _told(known)
    rows = await fetch(session, _RECORD, proposal.source, proposal.external_id)
    if not rows:
        raise RecordNotFoundError
    [(record_id, client_id)] = rows
    programme = await programmes.get_on(session, day_in(proposal.timezone, proposal.at))
    await lock_until_commit(session, [lock_key("adjustments", str(client_id))])
    since = proposal.at - _TOGETHER
    [(unapproved,)] = await fetch(session, _UNAPPROVED, client_id, since)
    adjustment = PointsAdjustment(
        id=id_,
        status=AdjustmentStatus.PROPOSED,
        record_id=record_id,
        points=proposal.points,
        reason=proposal.reason,
        proposed_by=proposal.actor,
        proposed_at=proposal.at,
        request_digest=proposal.digest,
    )
    session.add(adjustment)
    await session.flush()
    if unapproved + abs(proposal.points) <= programme.four_eyes_above:
        await _apply(session, adjustment, programme, timezone=proposal.timezone, at=proposal.at)
    return _told(adjustment)


async def decide(
    session: AsyncSession,
    adjustment_id: UUID,
    *,
    approve: bool,
    actor: str,
    timezone: str,
    at: datetime,
) -> dict[str, Any]:
    """Approve or refuse a proposal; whoever made it may not, with whatever key.

    Deciding the same again is allowed.
    """
    adjustment = await session.scalar(
        select(PointsAdjustment).where(PointsAdjustment.id == adjustment_id).with_for_update()
    )
    if adjustment is None:
        raise AdjustmentNotFoundError(adjustment_id)
    wanted = AdjustmentStatus.APPROVED if approve else AdjustmentStatus.REFUSED
    if adjustment.status == wanted:
        return _told(adjustment)
    if adjustment.status != AdjustmentStatus.PROPOSED:
        raise AdjustmentDecidedError(adjustment_id, adjustment.status)
    if not await are_two_people(session, actor, adjustment.proposed_by):
        raise FourEyesError
    adjustment.decided_by, adjustment.decided_at = actor, at
    if approve:
        programme = await programmes.get_on(session, day_in(timezone, at))
        await _apply(session, adjustment, programme, timezone=timezone, at=at)
    else:
        adjustment.status = AdjustmentStatus.REFUSED
    await session.flush()
    return _told(adjustment)


async def _apply(
    session: AsyncSession,
    adjustment: PointsAdjustment,
    programme: Programme,
    *,
    timezone: str,
    at: datetime,
) -> None:
    today = day_in(timezone, at)
    draft = Draft(
        adjustment.id,
        PostingKind.ADJUSTMENT,
        today,
        actor=adjustment.proposed_by,
        programme_version=programme.version,
        reason=adjustment.reason,
        rules={"approved_by": adjustment.decided_by},
    )
    accounts = await wallets.lock_accounts(session, [adjustment.record_id])
    if adjustment.points > 0:
        lot = NewLot(
            account_id=adjustment.record_id,
            earned_at=at,
            active_from=today,
            expires_on=expires_on(today, months=programme.expires_after_months),
            timezone=timezone,
            granted=adjustment.points,
        )
        draft.give(lot, debt=sum(account.debt for account in accounts))
    else:
        lots = await wallets.list_lots(session, [adjustment.record_id], at=at)
        lasting = oldest_first(lot for lot in lots if not lot.is_past(at))
        taken = take(lasting, -adjustment.points)
        if taken_points(taken) < -adjustment.points:
            raise InsufficientPointsError(
                requested=-adjustment.points, available=taken_points(taken)
            )
        draft.take(taken)
    draft.against(Counterpart.ADJUSTED)
    await ledger.post(session, [draft], at=at)
    adjustment.status, adjustment.posting_id = AdjustmentStatus.APPROVED, draft.id
    await session.flush()


def _told(adjustment: PointsAdjustment) -> dict[str, Any]:
    return {
        "adjustment_id": str(adjustment.id),
        "status": adjustment.status,
        "points": adjustment.points,
        "posting_id": str(adjustment.posting_id) if adjustment.posting_id else None,
    }
