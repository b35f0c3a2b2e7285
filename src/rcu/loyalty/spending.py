"""Spending points: at once, or by a hold that is captured or voided; once for each request."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.errors import StaleReadError
from rcu.db.statements import columns, fetch, from_json, to_json
from rcu.loyalty import ledger, programmes, wallets
from rcu.loyalty.errors import (
    AmountNotSpendableError,
    CaptureTooLargeError,
    HoldClosedError,
    HoldNotFoundError,
    RequestIdReusedError,
    RewardNotFoundError,
)
from rcu.loyalty.ledger import Draft, posting_id
from rcu.loyalty.lots import Lot, Taken, day_in
from rcu.loyalty.models import Counterpart, HoldStatus, PostingKind
from rcu.loyalty.programme import Programme
from rcu.loyalty.returning import lock_paid_ticket, take_back_spent
from rcu.loyalty.settlement import settle, settle_records
from rcu.loyalty.wallets import Spend, Spender, Wallet


@dataclass(frozen=True, slots=True)
class Request:
    """A request to spend, by what it was sent as."""

    message_id: str
    digest: bytes
    """SHA-256 of the request: tells one that is sent again from another."""
    spender: Spender
    points: int | None
    """A free amount, or how many there have to be; else those of the reward."""
    reward: str | None
    paid_ticket: str | None
    """The ticket of the source that the points pay for, known already or not."""
    timezone: str
    """Of the business day."""
    at: datetime

    @property
    def actor(self) -> str:
        """Who asked, as the ledger names it."""
        return f"source:{self.spender.source}"


@dataclass(frozen=True, slots=True)
class Price:
    """How many points are spent, and what they are worth."""

    points: int
    value_cents: int | None
    reward: str | None


def price_of(programme: Programme, *, points: int | None, reward: str | None) -> Price:
    """Return the points and the worth of a reward, or of a free amount.

    Raises `RewardNotFoundError`, or `AmountNotSpendableError` when only rewards are for sale.
    """
    if reward is not None:
        found = programme.reward(reward)
        if found is None:
            raise RewardNotFoundError(reward)
        return Price(found.points, found.value_cents, found.code)
    if points is None or programme.free_amount is None:
        raise AmountNotSpendableError
    worth = programme.free_amount
    return Price(points, points * worth.value_cents // worth.points, None)


_RECORDED: Final = "SELECT request_digest, answer FROM points_posting WHERE id = $1"
_RECORDED_HOLD: Final = "SELECT request_digest, answer FROM points_hold WHERE id = $1"


async def _find_answer(
    session: AsyncSession, statement: str, id_: UUID, request: Request
) -> dict[str, Any] | None:
    rows = await fetch(session, statement, id_)
    if not rows:
        return None
    if rows[0]["request_digest"] != request.digest:
        raise RequestIdReusedError(request.message_id)
    answer: dict[str, Any] = from_json(rows[0]["answer"])
    return answer


async def open_wallet(session: AsyncSession, spender: Spender, *, at: datetime) -> Wallet:
    """Return what may be spent, once what the client has spent twice is taken from it."""
    wallet = await wallets.open_wallet(session, spender, at=at)
    if not wallet.borne:
        return wallet
    await settle(session, [wallet.spender.client_id], at=at)
    return await wallets.open_wallet(session, spender, at=at)


async def redeem(session: AsyncSession, request: Request) -> dict[str, Any]:
    """Spend points at once, and return the answer; a request sent again is answered the same.

    The accounts of the client stay locked until the transaction ends, and a lot cannot go below
    zero: two who spend at one instant cannot both have the last points.
    """
    redemption_id = posting_id("redemption", request.spender.source, request.message_id)
    recorded = await _find_answer(session, _RECORDED, redemption_id, request)
    if recorded is not None:
        return recorded
    today = day_in(request.timezone, request.at)
    programme = await programmes.get_on(session, today)
    price = price_of(programme, points=request.points, reward=request.reward)
    if request.paid_ticket is not None:
        await lock_paid_ticket(session, request.paid_ticket)
    wallet = await open_wallet(session, request.spender, at=request.at)
    spend = wallets.choose(wallet, price.points, inferred_up_to=programme.inferred_spend_up_to)
    spender_id = wallet.spender.record_id
    draft = _redemption(redemption_id, spender_id, spend, on=today, actor=request.actor)
    draft.programme_version = programme.version
    draft.request_digest = request.digest
    if request.paid_ticket is not None:
        draft.paid = (request.spender.source, request.paid_ticket)
    draft.rules = {"reward": price.reward, "value_cents": price.value_cents}
    draft.answer = {"posting_id": str(redemption_id)} | _told(price, spend, wallet)
    draft.answer["balance"] -= price.points
    await _post(session, draft, timezone=request.timezone, at=request.at)
    return draft.answer


async def _post(session: AsyncSession, draft: Draft, *, timezone: str, at: datetime) -> None:
    """Post a redemption; what is of somebody else by now is settled at once.

    So it is when the points were held before two clients were parted, or were parted meanwhile.
    What was paid for goods that are back already goes back with them.
    """
    await ledger.post(session, [draft], at=at)
    if draft.paid is not None:
        await take_back_spent(session, *draft.paid, timezone=timezone, at=at)
    if draft.crossings:
        await settle_records(session, [crossing.account_id for crossing in draft.crossings])


def _redemption(id_: UUID, spender_id: UUID, spend: Spend, *, on: date, actor: str) -> Draft:
    """Return the posting that takes points, and says whose were spent under another record."""
    draft = Draft(id_, PostingKind.REDEMPTION, on, actor)
    draft.spender_id = spender_id
    draft.inferred_points = spend.inferred_points
    draft.take(spend.taken)
    draft.against(Counterpart.REDEEMED)
    draft.crossings = wallets.crossings_of(spend, spender_id)
    return draft


def _told(price: Price, spend: Spend, wallet: Wallet) -> dict[str, Any]:
    """Return what both spending and holding answer."""
    verified = price.points - spend.inferred_points
    return {
        "points": price.points,
        "value_cents": price.value_cents,
        "reward": price.reward,
        "inferred_points": spend.inferred_points,
        "client_id": str(wallet.spender.client_id),
        "balance": wallet.balance,
        "available": wallet.available - verified,
    }


# --- holds --------------------------------------------------------------------------------------

_ADD_HOLD: Final = """
    WITH hold AS (
        INSERT INTO points_hold (
            id, status, points, spender_id, owner, inferred_points, programme_version, created_at,
            expires_at, request_digest, answer
        )
        VALUES ($1, 'open', $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb)
        ON CONFLICT (id) DO NOTHING
        RETURNING id
    ), part AS (
        INSERT INTO points_hold_part (hold_id, lot_id, points)
        SELECT hold.id, reserved.lot_id, reserved.points
        FROM hold CROSS JOIN unnest($11::uuid[], $12::bigint[]) AS reserved (lot_id, points)
        RETURNING lot_id, points
    )
    UPDATE points_lot l SET held = l.held + part.points FROM part WHERE l.id = part.lot_id
    RETURNING l.id
"""


async def hold(session: AsyncSession, request: Request) -> dict[str, Any]:
    """Reserve points until they are captured, voided, or the time of the programme is up."""
    hold_id = posting_id("hold", request.spender.source, request.message_id)
    recorded = await _find_answer(session, _RECORDED_HOLD, hold_id, request)
    if recorded is not None:
        return recorded
    programme = await programmes.get_on(session, day_in(request.timezone, request.at))
    price = price_of(programme, points=request.points, reward=request.reward)
    wallet = await open_wallet(session, request.spender, at=request.at)
    spend = wallets.choose(wallet, price.points, inferred_up_to=programme.inferred_spend_up_to)
    expires_at = request.at + timedelta(minutes=programme.hold_minutes)
    answer = {
        "hold_id": str(hold_id),
        "status": HoldStatus.OPEN,
        "expires_at": expires_at.isoformat(),
    } | _told(price, spend, wallet)
    reserved = await fetch(
        session,
        _ADD_HOLD,
        hold_id,
        price.points,
        wallet.spender.record_id,
        request.spender.source,
        spend.inferred_points,
        programme.version,
        request.at,
        expires_at,
        request.digest,
        to_json(answer),
        *columns([(part.lot.id, part.points) for part in spend.taken]),
    )
    if len(reserved) != len(spend.taken):
        raise StaleReadError
    return answer


_CONCERNED: Final = """
    SELECT spender_id FROM points_hold WHERE id = $1
    UNION
    SELECT l.account_id FROM points_hold_part p JOIN points_lot l ON l.id = p.lot_id
    WHERE p.hold_id = $1
"""
_LOCK_HOLD_ACCOUNTS: Final = """
    SELECT a.record_id FROM points_account a
    WHERE a.record_id IN (
        SELECT l.account_id FROM points_hold_part p JOIN points_lot l ON l.id = p.lot_id
        WHERE p.hold_id = $1
    )
    ORDER BY a.record_id FOR NO KEY UPDATE OF a
"""
_LOCK_HOLD: Final = """
    SELECT status, points, spender_id, owner, inferred_points, programme_version, expires_at,
           close_digest, close_answer, answer
    FROM points_hold WHERE id = $1 FOR UPDATE
"""
_PARTS: Final = """
    SELECT l.id, l.account_id, l.posting_id, l.earned_at, l.active_from, l.expires_on, l.timezone,
           l.remaining, l.held, p.points
    FROM points_hold_part p JOIN points_lot l ON l.id = p.lot_id WHERE p.hold_id = $1
"""
_CLOSE: Final = """
    WITH hold AS (
        UPDATE points_hold SET status = $2, closed_at = $3, close_digest = $4,
            close_answer = $5::jsonb
        WHERE id = $1
        RETURNING id
    )
    UPDATE points_lot l SET held = l.held - part.points
    FROM hold JOIN points_hold_part part ON part.hold_id = hold.id WHERE l.id = part.lot_id
"""


@dataclass(frozen=True, slots=True)
class Closing:
    """A request to end a hold."""

    hold_id: UUID
    source: str
    status: HoldStatus
    """`captured` or `voided`."""
    points: int | None
    """Of a capture: a part, or None for all."""
    paid_ticket: str | None
    digest: bytes
    timezone: str
    at: datetime


async def close(session: AsyncSession, closing: Closing) -> dict[str, Any]:
    """Capture a hold, all or part of it, or void it; the same asked again is answered the same.

    What is not captured is free again.
    """
    if closing.paid_ticket is not None:
        await lock_paid_ticket(session, closing.paid_ticket)
    concerned = await fetch(session, _CONCERNED, closing.hold_id)
    await wallets.hold_records(session, [row[0] for row in concerned])
    await fetch(session, _LOCK_HOLD_ACCOUNTS, closing.hold_id)
    rows = await fetch(session, _LOCK_HOLD, closing.hold_id)
    if not rows or rows[0]["owner"] != closing.source:
        raise HoldNotFoundError(closing.hold_id)
    held = rows[0]
    if held["status"] == closing.status and held["close_digest"] == closing.digest:
        answer: dict[str, Any] = from_json(held["close_answer"])
        return answer
    if held["status"] != HoldStatus.OPEN:
        raise HoldClosedError(closing.hold_id, held["status"])
    if held["expires_at"] <= closing.at:
        raise HoldClosedError(closing.hold_id, HoldStatus.EXPIRED)
    points = closing.points if closing.points is not None else held["points"]
    if points > held["points"]:
        raise CaptureTooLargeError(requested=points, held=held["points"])
    if closing.status is HoldStatus.VOIDED:
        points = 0
    redemption_id = posting_id("capture", closing.hold_id) if points else None
    answer = {
        "hold_id": str(closing.hold_id),
        "status": closing.status,
        "points": points,
        "posting_id": str(redemption_id) if redemption_id else None,
    }
    parts = await fetch(session, _PARTS, closing.hold_id)
    await fetch(
        session,
        _CLOSE,
        closing.hold_id,
        closing.status,
        closing.at,
        closing.digest,
        to_json(answer),
    )
    if redemption_id is not None:
        reserved = [(Lot(*tuple(row)[:9]), int(row["points"])) for row in parts]
        spend = _captured(reserved, points, inferred=held["inferred_points"], of=held["points"])
        draft = _redemption(
            redemption_id,
            held["spender_id"],
            spend,
            on=day_in(closing.timezone, closing.at),
            actor=f"source:{closing.source}",
        )
        draft.programme_version = held["programme_version"]
        told = from_json(held["answer"])
        draft.rules = {"reward": told["reward"], "value_cents": told["value_cents"]}
        if closing.paid_ticket is not None:
            draft.paid = (closing.source, closing.paid_ticket)
        await _post(session, draft, timezone=closing.timezone, at=closing.at)
    return answer


def _captured(reserved: list[tuple[Lot, int]], points: int, *, inferred: int, of: int) -> Spend:
    """Choose the points of a capture: the oldest of what was reserved, inferred links last."""
    taken = []
    left = points
    for lot, held in sorted(reserved, key=lambda part: (part[0].earned_at, part[0].id)):
        part = min(held, left)
        if part:
            taken.append(Taken(replace(lot, held=lot.held - part), part))
            left -= part
    return Spend(tuple(taken), max(inferred - (of - points), 0))
