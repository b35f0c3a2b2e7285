"""Routes of what members do for one another: referrals, and points given in a household."""

from __future__ import annotations

from datetime import UTC, datetime

from rcu.access.errors import ForeignSourceError
from rcu.clients.errors import IdentifierUnreadableError
from rcu.errors import problems
from rcu.http.dependencies import DatabaseDep, SettingsDep
from rcu.http.routing import api_router
from rcu.loyalty import referring, transferring
from rcu.loyalty.endpoints import Till, digest_of, spender_of
from rcu.loyalty.errors import (
    InsufficientPointsError,
    NoProgrammeError,
    ReferralCodeNotFoundError,
    ReferralRefusedError,
    ReferralsNotOfferedError,
    RequestIdReusedError,
    SpenderAmbiguousError,
    SpenderNotFoundError,
    TransferRefusedError,
)
from rcu.loyalty.referring import ReferralRequest
from rcu.loyalty.schemas import (
    ReferralCodeRead,
    ReferralCodeRequest,
    ReferralRead,
    ReferralStated,
    TransferAnswer,
    TransferOfPoints,
)
from rcu.loyalty.transferring import TransferRequest

router = api_router(prefix="/v1/loyalty", tags=["Loyalty"])

_PERSON_ERRORS = (
    ForeignSourceError,
    SpenderNotFoundError,
    SpenderAmbiguousError,
    IdentifierUnreadableError,
)


@router.post("/referral-codes", responses=problems(*_PERSON_ERRORS))
async def give_referral_code(
    body: ReferralCodeRequest, database: DatabaseDep, settings: SettingsDep, caller: Till
) -> ReferralCodeRead:
    """Return the code that a client hands on to whom it brings: always the same one."""
    who = spender_of(caller.writes_as(), body.client, settings, field="client")
    at = datetime.now(UTC)
    answer = await database.run(lambda session: referring.give_code(session, who, at=at))
    return ReferralCodeRead.model_validate(answer)


@router.post(
    "/referrals",
    responses=problems(
        *_PERSON_ERRORS,
        NoProgrammeError,
        ReferralsNotOfferedError,
        ReferralCodeNotFoundError,
        ReferralRefusedError,
        RequestIdReusedError,
    ),
)
async def state_referral(
    body: ReferralStated, database: DatabaseDep, settings: SettingsDep, caller: Till
) -> ReferralRead:
    """Say that somebody new was brought by a client, before the first purchase.

    Both are given points with the first purchase that is large enough, as the programme says.
    """
    source = caller.writes_as()
    request = ReferralRequest(
        message_id=body.message_id,
        digest=digest_of(body, "referral"),
        referred=spender_of(source, body.referred, settings, field="referred"),
        code=referring.normalised_code(body.code),
        timezone=settings.default_timezone,
        at=datetime.now(UTC),
    )
    answer = await database.run(lambda session: referring.state_referral(session, request))
    return ReferralRead.model_validate(answer)


@router.post(
    "/transfers",
    responses=problems(
        *_PERSON_ERRORS,
        NoProgrammeError,
        TransferRefusedError,
        InsufficientPointsError,
        RequestIdReusedError,
    ),
)
async def transfer_points(
    body: TransferOfPoints, database: DatabaseDep, settings: SettingsDep, caller: Till
) -> TransferAnswer:
    """Give points to somebody of the same household, where the programme allows it.

    They keep their days. Both the giver and the receiver prove themselves, as to spend.
    """
    source = caller.writes_as()
    request = TransferRequest(
        message_id=body.message_id,
        digest=digest_of(body, "transfer"),
        giver=spender_of(source, body.giver, settings, field="giver"),
        receiver=spender_of(source, body.receiver, settings, field="receiver"),
        points=body.points,
        timezone=settings.default_timezone,
        at=datetime.now(UTC),
    )
    answer = await database.run(lambda session: transferring.transfer(session, request))
    return TransferAnswer.model_validate(answer)
