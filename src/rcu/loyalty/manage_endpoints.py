"""Routes of those who run the programme: adjustments, and versions of its rules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.access.authorisation import requires
from rcu.access.caller import Caller
from rcu.access.models import Scope
from rcu.errors import FieldError, ValidationFailedError, problems
from rcu.http.dependencies import DatabaseDep, SettingsDep
from rcu.http.routing import api_router
from rcu.loyalty import adjusting, programmes
from rcu.loyalty.adjusting import Proposal
from rcu.loyalty.endpoints import digest_of
from rcu.loyalty.errors import (
    AdjustmentDecidedError,
    AdjustmentNotFoundError,
    FourEyesError,
    InsufficientPointsError,
    NoProgrammeError,
    ProgrammeVersionTakenError,
    RecordNotFoundError,
    RequestIdReusedError,
)
from rcu.loyalty.lots import day_in
from rcu.loyalty.programme import Programme
from rcu.loyalty.schemas import (
    ActivationRead,
    AdjustmentRead,
    AdjustmentRequest,
    DecisionOnAdjustment,
    ProgrammeActivate,
    ProgrammeRead,
)
from rcu.validation import field_errors

router = api_router(prefix="/v1/loyalty", tags=["Loyalty"])

Manager = Annotated[Caller, requires(Scope.LOYALTY_MANAGE)]


@router.post(
    "/adjustments",
    responses=problems(
        NoProgrammeError, RecordNotFoundError, RequestIdReusedError, InsufficientPointsError
    ),
)
async def propose_adjustment(
    body: AdjustmentRequest, database: DatabaseDep, settings: SettingsDep, caller: Manager
) -> AdjustmentRead:
    """Give points to a record or take some, with a reason.

    Above what the programme says, for it and those that nobody approved in the 24 hours before for
    the same client together, it waits until another reader's key approves it.
    """
    proposal = Proposal(
        message_id=body.message_id,
        digest=digest_of(body),
        source=body.source,
        external_id=body.external_id,
        points=body.points,
        reason=body.reason,
        actor=caller.actor,
        timezone=settings.default_timezone,
        at=datetime.now(UTC),
    )
    answer = await database.run(lambda session: adjusting.propose(session, proposal))
    return AdjustmentRead.model_validate(answer)


_DECISION_ERRORS = (
    AdjustmentNotFoundError,
    AdjustmentDecidedError,
    FourEyesError,
    InsufficientPointsError,
    NoProgrammeError,
)


@router.post("/adjustments/{adjustment_id}/approve", responses=problems(*_DECISION_ERRORS))
async def approve_adjustment(
    adjustment_id: UUID,
    body: DecisionOnAdjustment,  # noqa: ARG001 - a body, so that it is a deliberate request
    database: DatabaseDep,
    settings: SettingsDep,
    caller: Manager,
) -> AdjustmentRead:
    """Approve an adjustment that somebody else has proposed."""
    return await _decide(adjustment_id, database, settings, caller, approve=True)


@router.post("/adjustments/{adjustment_id}/refuse", responses=problems(*_DECISION_ERRORS))
async def refuse_adjustment(
    adjustment_id: UUID,
    body: DecisionOnAdjustment,  # noqa: ARG001 - a body, so that it is a deliberate request
    database: DatabaseDep,
    settings: SettingsDep,
    caller: Manager,
) -> AdjustmentRead:
    """Refuse an adjustment that somebody else has proposed."""
    return await _decide(adjustment_id, database, settings, caller, approve=False)


async def _decide(
    adjustment_id: UUID,
    database: DatabaseDep,
    settings: SettingsDep,
    caller: Caller,
    *,
    approve: bool,
) -> AdjustmentRead:
    answer = await database.run(
        lambda session: adjusting.decide(
            session,
            adjustment_id,
            approve=approve,
            actor=caller.actor,
            timezone=settings.default_timezone,
            at=datetime.now(UTC),
        )
    )
    return AdjustmentRead.model_validate(answer)


@router.get("/programme")
async def read_programme(
    database: DatabaseDep, settings: SettingsDep, _caller: Manager
) -> ProgrammeRead:
    """Read the programme in force today, and what was activated when."""

    async def work(session: AsyncSession) -> ProgrammeRead:
        today = day_in(settings.default_timezone, datetime.now(UTC))
        version = (await programmes.read_in_force(session)).version_on(today)
        loaded = await programmes.load(session, [version] if version else [])
        return ProgrammeRead(
            version=version,
            document=loaded[version].to_document() if version else None,
            activations=[
                ActivationRead.model_validate(one, from_attributes=True)
                for one in await programmes.list_activations(session)
            ],
        )

    return await database.run(work)


@router.post("/programme", responses=problems(ProgrammeVersionTakenError, ValidationFailedError))
async def activate_programme(
    body: ProgrammeActivate, database: DatabaseDep, settings: SettingsDep, caller: Manager
) -> ProgrammeRead:
    """Put a version of the programme in force from a business day on.

    Tickets of earlier days keep the rules of their day, and those that earned keep theirs.
    """
    try:
        programme = Programme.from_document(body.document)
    except ValidationError as error:
        refused = [
            FieldError(f"/document{one.field}", one.reason, one.code)
            for one in field_errors(error.errors(), body.document)
        ]
        raise ValidationFailedError(refused) from None

    async def work(session: AsyncSession) -> None:
        await programmes.activate(
            session, programme, effective_on=body.effective_on, actor=caller.actor
        )

    await database.run(work)
    return await read_programme(database, settings, caller)
