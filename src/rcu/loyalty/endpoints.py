"""Routes of points: quotes, spending, holds, and what a client has."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID

import orjson
from pydantic import BaseModel
from starlette.responses import Response

from rcu.access.authorisation import requires
from rcu.access.caller import Caller
from rcu.access.errors import ForeignSourceError
from rcu.access.models import Scope
from rcu.clients.errors import IdentifierUnreadableError
from rcu.db.engine import Database
from rcu.errors import problems
from rcu.http.dependencies import DatabaseDep, SettingsDep
from rcu.http.routing import api_router
from rcu.identity.errors import ClientNotFoundError
from rcu.identity.features import identifier_of
from rcu.loyalty import balances, quoting, spending
from rcu.loyalty.earning import Line
from rcu.loyalty.errors import (
    AmountNotSpendableError,
    CaptureTooLargeError,
    HoldClosedError,
    HoldNotFoundError,
    InsufficientPointsError,
    NoProgrammeError,
    RequestIdReusedError,
    RewardNotFoundError,
    SpenderAmbiguousError,
    SpenderNotFoundError,
)
from rcu.loyalty.lots import day_in
from rcu.loyalty.models import HoldStatus
from rcu.loyalty.quoting import Basket
from rcu.loyalty.schemas import (
    CaptureRequest,
    HoldAnswer,
    HoldClosedAnswer,
    HoldRequest,
    LoyaltyRead,
    QuoteAnswer,
    QuoteRequest,
    RedemptionAnswer,
    SpenderNamed,
    SpendRequest,
    VoidRequest,
)
from rcu.loyalty.spending import Closing, Request
from rcu.loyalty.wallets import Spender
from rcu.settings import Settings

router = api_router(prefix="/v1", tags=["Loyalty"])

Till = Annotated[Caller, requires(Scope.LOYALTY_SPEND)]
Reader = Annotated[Caller, requires(Scope.CLIENTS_READ)]

_SPEND_ERRORS = (
    ForeignSourceError,
    NoProgrammeError,
    SpenderNotFoundError,
    SpenderAmbiguousError,
    IdentifierUnreadableError,
    InsufficientPointsError,
    RequestIdReusedError,
    RewardNotFoundError,
    AmountNotSpendableError,
)


def digest_of(body: BaseModel, *about: object) -> bytes:
    """Return the SHA-256 of a request, to tell one that is sent again from another."""
    content = [*map(str, about), body.model_dump(mode="json", exclude={"message_id"})]
    return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()


def spender_of(
    source: str, named: SpenderNamed, settings: Settings, *, field: str = "spender"
) -> Spender:
    """Return who is named in a field; raise `IdentifierUnreadableError` when a card is none."""
    for kind, value in (("card", named.card), ("app_user", named.app_user)):
        if value is not None:
            identifier = identifier_of(kind, value, region=settings.default_region)
            if identifier is None:
                raise IdentifierUnreadableError(f"{field}/{kind}")
            return Spender(source, None, identifier)
    return Spender(source, named.external_id, None)


def _request(caller: Caller, body: SpendRequest, settings: Settings) -> Request:
    source = caller.writes_as()
    return Request(
        message_id=body.message_id,
        digest=digest_of(body),
        spender=spender_of(source, body.spender, settings),
        points=body.points,
        reward=body.reward,
        paid_ticket=body.ticket_id,
        timezone=settings.default_timezone,
        at=datetime.now(UTC),
    )


@router.post("/loyalty/redeem", responses=problems(*_SPEND_ERRORS))
async def redeem_points(
    body: SpendRequest, database: DatabaseDep, settings: SettingsDep, caller: Till
) -> RedemptionAnswer:
    """Spend points at once: a free amount, or a reward of the catalogue.

    Points of all records of the client that verified links lead to, the oldest first.
    """
    request = _request(caller, body, settings)
    answer = await database.run(lambda session: spending.redeem(session, request))
    return RedemptionAnswer.model_validate(answer)


@router.post("/loyalty/holds", responses=problems(*_SPEND_ERRORS))
async def hold_points(
    body: HoldRequest, database: DatabaseDep, settings: SettingsDep, caller: Till
) -> HoldAnswer:
    """Reserve points for a till or a basket; they are free again by themselves in time."""
    request = _request(caller, body, settings)
    answer = await database.run(lambda session: spending.hold(session, request))
    return HoldAnswer.model_validate(answer)


def _closing(
    hold_id: UUID, body: CaptureRequest | VoidRequest, caller: Caller, settings: Settings
) -> Closing:
    captured = body if isinstance(body, CaptureRequest) else None
    return Closing(
        hold_id=hold_id,
        source=caller.writes_as(),
        status=HoldStatus.CAPTURED if captured else HoldStatus.VOIDED,
        points=captured.points if captured else None,
        paid_ticket=captured.ticket_id if captured else None,
        digest=digest_of(body, "capture" if captured else "void"),
        timezone=settings.default_timezone,
        at=datetime.now(UTC),
    )


async def _close(database: Database, closing: Closing) -> HoldClosedAnswer:
    answer = await database.run(lambda session: spending.close(session, closing))
    return HoldClosedAnswer.model_validate(answer)


@router.post(
    "/loyalty/holds/{hold_id}/capture",
    responses=problems(
        ForeignSourceError, HoldNotFoundError, HoldClosedError, CaptureTooLargeError
    ),
)
async def capture_hold(
    hold_id: UUID,
    body: CaptureRequest,
    database: DatabaseDep,
    settings: SettingsDep,
    caller: Till,
) -> HoldClosedAnswer:
    """Spend what a hold reserves, all or part of it; only the source that made it may."""
    return await _close(database, _closing(hold_id, body, caller, settings))


@router.post(
    "/loyalty/holds/{hold_id}/void",
    responses=problems(ForeignSourceError, HoldNotFoundError, HoldClosedError),
)
async def void_hold(
    hold_id: UUID,
    body: VoidRequest,
    database: DatabaseDep,
    settings: SettingsDep,
    caller: Till,
) -> HoldClosedAnswer:
    """Give up a hold: its points are free again."""
    return await _close(database, _closing(hold_id, body, caller, settings))


@router.post(
    "/loyalty/quote",
    responses=problems(
        ForeignSourceError,
        NoProgrammeError,
        SpenderNotFoundError,
        SpenderAmbiguousError,
        IdentifierUnreadableError,
    ),
)
async def quote_basket(
    body: QuoteRequest, database: DatabaseDep, settings: SettingsDep, caller: Till
) -> QuoteAnswer:
    """Say what a basket would earn, and what could be spent on it; nothing is written."""
    source = caller.writes_as()
    at = datetime.now(UTC)
    basket = Basket(
        sold_at=body.sold_at or at,
        total_cents=body.total_cents,
        currency=body.currency,
        channel=body.channel,
        store=body.store,
        lines=[Line(line.category, line.amount_cents) for line in body.lines],
        payments=[(payment.method, payment.amount_cents) for payment in body.payments],
        spender=spender_of(source, body.spender, settings) if body.spender else None,
    )
    answer: dict[str, Any] = await database.run(
        lambda session: quoting.quote(session, basket, at=at, timezone=settings.default_timezone)
    )
    return QuoteAnswer.model_validate(answer)


@router.get(
    "/clients/{client_id}/loyalty",
    response_model=LoyaltyRead,
    responses=problems(ClientNotFoundError),
)
async def read_loyalty(
    client_id: UUID, database: DatabaseDep, settings: SettingsDep, _caller: Reader
) -> Response:
    """Read the points of a client by any id it ever had: balance, tier, what lapses next."""
    at = datetime.now(UTC)
    found = await balances.find_balance(
        database, client_id, at=at, today=day_in(settings.default_timezone, at)
    )
    if found is None:
        raise ClientNotFoundError(client_id)
    return Response(orjson.dumps(found), media_type="application/json")
