"""Adjustments by an operator: with a reason, and with four eyes above what the programme says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

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


_RECORD: Final = "SELECT id FROM source_record WHERE source = $1 AND external_id = $2"


async def propose(session: AsyncSession, proposal: Proposal) -> dict[str, Any]:
    """Adjust the points of a record at once, or keep the proposal until somebody else decides it.

    The same request sent again is answered with what has become of it.
    """
    id_ = posting_id("adjustment", proposal.actor, proposal.message_id)
    known = await session.get(PointsAdjustment, id_)
    if known is not None:
        if known.request_digest != proposal.digest:
            raise RequestIdReusedError(proposal.message_id)
        return _told(known)
    rows = await fetch(session, _RECORD, proposal.source, proposal.external_id)
    if not rows:
        raise RecordNotFoundError
    programme = await programmes.get_on(session, day_in(proposal.timezone, proposal.at))
    adjustment = PointsAdjustment(
        id=id_,
        status=AdjustmentStatus.PROPOSED,
        record_id=rows[0]["id"],
        points=proposal.points,
        reason=proposal.reason,
        proposed_by=proposal.actor,
        proposed_at=proposal.at,
        request_digest=proposal.digest,
    )
    session.add(adjustment)
    await session.flush()
    if abs(proposal.points) <= programme.four_eyes_above:
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
    """Approve or refuse a proposal; whoever made it may not. Deciding the same again is allowed."""
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
    if actor == adjustment.proposed_by:
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
        lots = oldest_first(await wallets.list_lots(session, [adjustment.record_id], at=at))
        taken = take(lots, -adjustment.points)
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
