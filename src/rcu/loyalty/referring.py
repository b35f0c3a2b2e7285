"""Referrals (parrainage): a client hands on a code, and somebody new is brought by it.

A referral is stated before the first purchase of whom it brings, and paid with it
(`rcu.loyalty.accrual`). Who is named as brought has to prove himself, as to spend; a code needs no
proof, since it only gives.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.errors import StaleReadError
from rcu.db.locks import lock_key, lock_until_commit
from rcu.loyalty import programmes, referral_repository, wallets
from rcu.loyalty.errors import (
    ReferralCodeNotFoundError,
    ReferralRefusedError,
    ReferralsNotOfferedError,
    RequestIdReusedError,
)
from rcu.loyalty.ledger import posting_id
from rcu.loyalty.lots import day_in
from rcu.loyalty.referral_repository import NewReferral
from rcu.loyalty.wallets import Spender

CODE_LETTERS: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without those that are taken for one another: 0 and O, 1 and I."""
CODE_LENGTH: Final = 8


def normalised_code(text: str) -> str:
    """Return a code as it is kept: capitals, without the spaces and dashes people write."""
    return "".join(character for character in text.upper() if character.isalnum())


async def give_code(session: AsyncSession, who: Spender, *, at: datetime) -> dict[str, Any]:
    """Return the code of a client, made when it is asked for first, and whom it has brought."""
    found = await wallets.find_spender(session, who)
    code = await referral_repository.find_code(session, found.client_id)
    if code is None:
        made = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
        await referral_repository.add_code(session, made, found.record_id, at=at)
        code = await referral_repository.find_code(session, found.client_id)
        if code is None:  # Somebody else has it, at odds of one to a trillion.
            raise StaleReadError
    pending, paid = await referral_repository.count_referrals(session, found.client_id)
    return {"code": code, "pending": pending, "paid": paid}


@dataclass(frozen=True, slots=True)
class ReferralRequest:
    """That somebody was brought, by what it was sent as."""

    message_id: str
    digest: bytes
    referred: Spender
    code: str
    timezone: str
    at: datetime


async def state_referral(session: AsyncSession, request: ReferralRequest) -> dict[str, Any]:
    """Keep who brought somebody, once and for ever; the same sent again is answered the same.

    Raises `ReferralRefusedError` for who is one client with the referrer, shares with it what one
    person should hold alone, has bought or was brought before, or has brought the referrer.
    """
    referral_id = posting_id("referral", request.referred.source, request.message_id)
    # One after another: chains of referrals are looked at as a whole.
    await lock_until_commit(session, [lock_key("referral")])
    stated = await referral_repository.find_stated(session, referral_id)
    if stated is not None:
        digest, answer = stated
        if digest != request.digest:
            raise RequestIdReusedError(request.message_id)
        return dict(answer)
    today = day_in(request.timezone, request.at)
    if (await programmes.get_on(session, today)).referral is None:
        raise ReferralsNotOfferedError
    referred = await wallets.find_spender(session, request.referred)
    referrer = await referral_repository.find_referrer(session, request.code)
    if referrer is None:
        raise ReferralCodeNotFoundError
    referrer_id, referrer_client_id = referrer
    await referral_repository.take_turn(session, [referred.client_id, referrer_client_id])
    reason = await referral_repository.find_grounds(
        session, referred_client_id=referred.client_id, referrer_client_id=referrer_client_id
    )
    if reason is not None:
        raise ReferralRefusedError(reason)
    answer = {"referral_id": str(referral_id), "status": "pending"}
    await referral_repository.add(
        session,
        NewReferral(
            id=referral_id,
            referred_id=referred.record_id,
            referrer_id=referrer_id,
            code=request.code,
            source=request.referred.source,
            stated_at=request.at,
            stated_on=today,
            request_digest=request.digest,
            answer=answer,
        ),
    )
    return answer
