"""Giving points to somebody of the same household, where the programme lets them.

Both have to prove themselves, as to spend: the giver since it costs him something, the receiver so
that nobody's account is used without him. They are one household when an account of each states
the same house number, street and postcode, whatever the flat: the giver decides, so that a wrong
address costs nobody anything, and the programme's limit keeps points from being traded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import fetch, from_json
from rcu.loyalty import ledger, programmes, wallets
from rcu.loyalty.errors import RequestIdReusedError, TransferRefusal, TransferRefusedError
from rcu.loyalty.ledger import Draft, NewLot, posting_id
from rcu.loyalty.lots import day_in
from rcu.loyalty.models import PostingKind
from rcu.loyalty.programme import HouseholdTransfers
from rcu.loyalty.settlement import settle, settle_records
from rcu.loyalty.tiers import period_after, period_start
from rcu.loyalty.wallets import Account, FoundSpender, Spend, Spender


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """Points to give, by what it was sent as."""

    message_id: str
    digest: bytes
    giver: Spender
    receiver: Spender
    points: int
    timezone: str
    at: datetime


_RECORDED: Final = "SELECT request_digest, answer FROM points_posting WHERE id = $1"
# An address is kept as its number, street, postcode and city.
_ONE_HOUSEHOLD: Final = """
    WITH home AS (
        SELECT DISTINCT r.client_id, stated ->> 0 AS number, stated ->> 1 AS street,
               stated ->> 2 AS postcode
        FROM source_record r CROSS JOIN jsonb_array_elements(r.features -> 'addresses') AS stated
        WHERE r.client_id IN ($1, $2) AND r.kind = 'profile'
          AND '' NOT IN (stated ->> 0, stated ->> 1, stated ->> 2)
    )
    SELECT EXISTS (
        SELECT FROM home one JOIN home two USING (number, street, postcode)
        WHERE one.client_id = $1 AND two.client_id = $2
    )
"""
_GIVEN: Final = """
    SELECT coalesce(-sum(e.points), 0)::bigint
    FROM source_record r JOIN points_entry e ON e.account_id = r.id AND e.points < 0
    JOIN points_posting p ON p.id = e.posting_id
    WHERE r.client_id = $1 AND p.kind = 'transfer' AND p.spender_id IS NOT NULL
      AND p.business_date >= $2 AND p.business_date < $3
"""


async def transfer(session: AsyncSession, request: TransferRequest) -> dict[str, Any]:
    """Give points of one client to another, and return the answer; the same again does nothing.

    They keep the days of their lots, pay what the receiver owes first, and go over verified links
    only. What a giver gave of somebody else's is settled like what he spent. Raises
    `TransferRefusedError` or `InsufficientPointsError`.
    """
    transfer_id = posting_id("household", request.giver.source, request.message_id)
    rows = await fetch(session, _RECORDED, transfer_id)
    if rows:
        return _answered(rows[0], request)
    today = day_in(request.timezone, request.at)
    programme = await programmes.get_on(session, today)
    rule = programme.household_transfers
    if not rule.allowed:
        raise TransferRefusedError(TransferRefusal.NOT_ALLOWED)
    if request.points < rule.at_least:
        raise TransferRefusedError(TransferRefusal.TOO_FEW)
    giver, receiver = await wallets.hold_spenders(session, [request.giver, request.receiver])
    locked = await wallets.lock_clients(session, {giver.client_id, receiver.client_id})
    await _check(session, rule, giver, receiver, points=request.points, today=today)
    if any(account.borne for account in locked[giver.client_id]):
        await settle(session, [giver.client_id], at=request.at)
        locked = await wallets.lock_clients(session, {giver.client_id, receiver.client_id})
    accounts = locked[giver.client_id]
    wallet = await wallets.read_wallet(session, giver, accounts, at=request.at)
    spend = wallets.choose(wallet, request.points, inferred_up_to=0)
    draft = Draft(transfer_id, PostingKind.TRANSFER, today, actor=f"source:{request.giver.source}")
    _move(draft, giver, receiver, spend, locked[receiver.client_id])
    draft.programme_version, draft.request_digest = programme.version, request.digest
    draft.answer = {
        "posting_id": str(transfer_id),
        "points": request.points,
        "available": wallet.available - request.points,
    }
    await ledger.post(session, [draft], at=request.at)
    if draft.crossings:
        await settle_records(session, [crossing.account_id for crossing in draft.crossings])
    return draft.answer


def _answered(row: Any, request: TransferRequest) -> dict[str, Any]:
    if row["request_digest"] != request.digest:
        raise RequestIdReusedError(request.message_id)
    answer = row["answer"]
    return dict(from_json(answer))


async def _check(
    session: AsyncSession,
    rule: HouseholdTransfers,
    giver: FoundSpender,
    receiver: FoundSpender,
    *,
    points: int,
    today: date,
) -> None:
    if giver.client_id == receiver.client_id:
        raise TransferRefusedError(TransferRefusal.SAME_CLIENT)
    [(is_household,)] = await fetch(session, _ONE_HOUSEHOLD, giver.client_id, receiver.client_id)
    if not is_household:
        raise TransferRefusedError(TransferRefusal.NOT_ONE_HOUSEHOLD)
    start = period_start(today, rule.period_months)
    end = period_after(start, rule.period_months)
    [(given,)] = await fetch(session, _GIVEN, giver.client_id, start, end)
    if given + points > rule.at_most:
        raise TransferRefusedError(TransferRefusal.LIMIT_REACHED, left=max(rule.at_most - given, 0))


def _move(
    draft: Draft,
    giver: FoundSpender,
    receiver: FoundSpender,
    spend: Spend,
    receiving: Iterable[Account],
) -> None:
    """Move points from each lot of the one to a lot of the other with the same days."""
    draft.spender_id = giver.record_id
    draft.rules = {"to": str(receiver.record_id)}
    draft.take(spend.taken)
    debts = {account.record_id: account.debt for account in receiving}
    debt = debts.get(receiver.record_id, 0)
    for part in spend.taken:
        lot = part.lot
        days = (lot.earned_at, lot.active_from, lot.expires_on)
        new = NewLot(receiver.record_id, *days, lot.timezone, part.points)
        debt = draft.give(new, debt=debt)
    draft.crossings = wallets.crossings_of(spend, giver.record_id)
