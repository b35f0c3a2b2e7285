"""Routes of single tickets and orders. They stand here, above points, which follow a ticket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.access.authorisation import requires
from rcu.access.caller import Caller
from rcu.access.errors import ForeignSourceError
from rcu.access.models import Scope
from rcu.db.engine import Database
from rcu.errors import FieldError, ValidationFailedError, problems
from rcu.http.dependencies import DatabaseDep, SessionDep, SettingsDep
from rcu.http.routing import api_router
from rcu.identity.errors import AnonymousClientError, ClientNotFoundError
from rcu.ingestion.following import follow_with_points
from rcu.sales import claims, corrections, stories
from rcu.sales.claims import Claim, Claimed, ClaimLimits
from rcu.sales.corrections import Instruction
from rcu.sales.errors import (
    ClaimantNotKnownError,
    ClaimLimitError,
    ClaimTooLateError,
    OrderNotFoundError,
    TicketNotClaimableError,
    TicketNotFoundError,
    VoidNotAttachedError,
)
from rcu.sales.rehanging import Rehung
from rcu.sales.schemas import (
    AttachRequest,
    ClaimAnswer,
    ClaimRequest,
    OrderLookup,
    OrderMatches,
    OrderRead,
    ReasonedRequest,
    TicketRead,
)
from rcu.settings import Settings

router = api_router(prefix="/v1", tags=["Tickets"])

Sender = Annotated[Caller, requires(Scope.INGEST)]
Reader = Annotated[Caller, requires(Scope.CLIENTS_READ)]
Steward = Annotated[Caller, requires(Scope.CLIENTS_STEWARD)]

Deed = Callable[[AsyncSession, Instruction], Awaitable[list[Rehung]]]


@router.post(
    "/tickets/claim",
    responses=problems(
        ForeignSourceError,
        ClaimantNotKnownError,
        TicketNotClaimableError,
        ClaimTooLateError,
        ClaimLimitError,
        ValidationFailedError,
    ),
)
async def claim_ticket(
    body: ClaimRequest, database: DatabaseDep, settings: SettingsDep, caller: Sender
) -> ClaimAnswer:
    """Give a ticket to a client who has its receipt, once and within a set time.

    A refusal does not tell whether there is such a ticket. The same claim again is answered as
    before. Tries are limited by client and by till, over the last 24 hours.
    """
    at = datetime.now(UTC)
    if claims.is_in_the_future(body.business_date, at):
        raise ValidationFailedError([FieldError("/business_date", "A date that has come already")])
    asked = Claim(
        source=caller.writes_as(),
        external_id=body.external_id,
        printed=(body.store, body.till, body.business_date, body.number),
        total_cents=body.total_cents,
    )
    limits = ClaimLimits(
        days=settings.claim_days,
        per_client=settings.claims_per_client,
        per_till=settings.claims_per_till,
    )

    async def work(session: AsyncSession) -> Claimed | None:
        claimed = await claims.claim(session, asked, limits=limits, actor=caller.actor, at=at)
        if claimed is not None:
            await follow_with_points(
                session, claimed.rehung, at=at, timezone=settings.default_timezone
            )
        return claimed

    # The try is committed before the refusal is told: it counts.
    claimed = await database.run(work)
    if claimed is None:
        raise TicketNotClaimableError
    return ClaimAnswer(ticket_id=claimed.ticket_id, client_id=claimed.client_id)


@router.get("/tickets/{ticket_id}", responses=problems(TicketNotFoundError))
async def read_ticket(ticket_id: UUID, session: SessionDep, _caller: Reader) -> TicketRead:
    """Read a ticket by the service's own id: whose it is, whose it was at the sale, and between."""
    return await _read(session, ticket_id)


async def _read(session: AsyncSession, ticket_id: UUID) -> TicketRead:
    told = await stories.find_ticket(session, ticket_id)
    if told is None:
        raise TicketNotFoundError
    return TicketRead.model_validate(told)


async def _decide(
    database: Database,
    settings: Settings,
    ticket_id: UUID,
    by: Instruction,
    deed: Deed,
) -> TicketRead:
    async def work(session: AsyncSession) -> TicketRead:
        rehung = await deed(session, by)
        await follow_with_points(session, rehung, at=by.at, timezone=settings.default_timezone)
        return await _read(session, ticket_id)

    return await database.run(work)


def instruction(caller: Caller, reason: str) -> Instruction:
    """Return who decides, why, and that it is now."""
    return Instruction(caller.actor, reason, datetime.now(UTC))


@router.post(
    "/tickets/{ticket_id}/attach",
    responses=problems(
        TicketNotFoundError, ClientNotFoundError, AnonymousClientError, VoidNotAttachedError
    ),
)
async def attach_ticket(
    ticket_id: UUID,
    body: AttachRequest,
    database: DatabaseDep,
    settings: SettingsDep,
    caller: Steward,
) -> TicketRead:
    """Say whose a ticket is, whatever it carried; what arrives later does not change it.

    What returns the ticket and names nobody goes with it. Sent again, it changes nothing.
    """

    async def deed(session: AsyncSession, by: Instruction) -> list[Rehung]:
        return await corrections.attach_ticket(session, ticket_id, body.client_id, by)

    return await _decide(database, settings, ticket_id, instruction(caller, body.reason), deed)


@router.post(
    "/tickets/{ticket_id}/detach", responses=problems(TicketNotFoundError, VoidNotAttachedError)
)
async def detach_ticket(
    ticket_id: UUID,
    body: ReasonedRequest,
    database: DatabaseDep,
    settings: SettingsDep,
    caller: Steward,
) -> TicketRead:
    """Say that a ticket is nobody's that is known; nothing it carries attaches it any more."""

    async def deed(session: AsyncSession, by: Instruction) -> list[Rehung]:
        return await corrections.detach_ticket(session, ticket_id, by)

    return await _decide(database, settings, ticket_id, instruction(caller, body.reason), deed)


@router.post(
    "/tickets/{ticket_id}/restore", responses=problems(TicketNotFoundError, VoidNotAttachedError)
)
async def restore_ticket(
    ticket_id: UUID,
    body: ReasonedRequest,
    database: DatabaseDep,
    settings: SettingsDep,
    caller: Steward,
) -> TicketRead:
    """Take back what was decided or claimed of a ticket: it finds its client by what it carried."""

    async def deed(session: AsyncSession, by: Instruction) -> list[Rehung]:
        return await corrections.restore_ticket(session, ticket_id, by)

    return await _decide(database, settings, ticket_id, instruction(caller, body.reason), deed)


@router.post("/orders/lookup")
async def look_up_order(body: OrderLookup, session: SessionDep, _caller: Reader) -> OrderMatches:
    """Find orders by the id that a source gave them; without a source, of any."""
    found = await stories.find_orders(session, order_id=body.order_id, source=body.source)
    return OrderMatches(ids=found)


@router.get("/orders/{order_id}", responses=problems(OrderNotFoundError))
async def read_order(order_id: UUID, session: SessionDep, _caller: Reader) -> OrderRead:
    """Read an order by the service's own id: its steps, and its tickets wherever they are."""
    story = await stories.find_order(session, order_id)
    if story is None:
        raise OrderNotFoundError
    told: dict[str, Any] = story.order | {
        "tickets": story.tickets,
        "sold_cents": story.sold_cents,
        "returned_cents": story.returned_cents,
    }
    return OrderRead.model_validate(told)
