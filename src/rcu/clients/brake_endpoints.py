"""Routes of the merge brake: listed, released, and what it let through reverted."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from fastapi import Query
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.access.authorisation import requires
from rcu.access.caller import Caller
from rcu.access.models import Scope
from rcu.clients import stewardship
from rcu.clients.brake_schemas import BrakeRequest, MergeBrakePage, MergeBrakeRead
from rcu.clients.steward_endpoints import instruction_of
from rcu.clients.steward_schemas import DecisionAnswer
from rcu.clients.stewardship import Request
from rcu.errors import problems
from rcu.http.cursors import InvalidCursorError, decode_cursor, encode_cursor
from rcu.http.dependencies import DatabaseDep, SettingsDep
from rcu.http.routing import api_router
from rcu.identity import brake_decisions, brakes
from rcu.identity.active_model import active_model
from rcu.identity.brakes import MergeBrake
from rcu.identity.errors import (
    BrakeNotFoundError,
    BrakeReleasedError,
    DecisionIdReusedError,
    NothingMergedError,
)
from rcu.identity.stewardship import Decided

router = api_router(prefix="/v1/brakes", tags=["Stewardship"])

Steward = Annotated[Caller, requires(Scope.CLIENTS_STEWARD)]

_PLACE: Final = TypeAdapter(tuple[UUID])


@router.get("", responses=problems(InvalidCursorError))
async def list_brakes(
    database: DatabaseDep,
    _caller: Steward,
    active: Annotated[
        bool | None, Query(description="Only those that are on, or only those released.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
) -> MergeBrakePage:
    """List the merge brakes, newest first.

    A brake trips when one identifier or one source suddenly brings many clients into others. While
    it is on, what would be merged by it waits in the review queue under the guard `brake`.
    """
    before = None if cursor is None else decode_cursor(cursor, _PLACE)[0]

    async def work(session: AsyncSession) -> list[MergeBrake]:
        return await brakes.list_brakes(session, active=active, before=before, limit=limit + 1)

    found = await database.run(work)
    page = found[:limit]
    return MergeBrakePage(
        brakes=[MergeBrakeRead.model_validate(brake) for brake in page],
        next_cursor=encode_cursor(page[-1].id) if len(found) > limit else None,
    )


@router.post(
    "/{brake_id}/release",
    responses=problems(BrakeNotFoundError, BrakeReleasedError, DecisionIdReusedError),
)
async def release_brake(
    brake_id: UUID,
    body: BrakeRequest,
    database: DatabaseDep,
    settings: SettingsDep,
    caller: Steward,
) -> DecisionAnswer:
    """Let merging go on, and look again at the pairs that waited.

    Undone by the decision's id, the brake is on again; what was merged by then stays. With
    `dry_run`, only what would move is said.
    """
    instruction = instruction_of(caller, body, "release", brake_id)

    async def deed(session: AsyncSession) -> Decided:
        return await brake_decisions.release(
            session, brake_id, instruction=instruction, model=await active_model(session)
        )

    request = Request(instruction, dry_run=body.dry_run, region=settings.default_region)
    return DecisionAnswer.model_validate(await stewardship.decide(database, request, deed))


@router.post(
    "/{brake_id}/revert",
    responses=problems(BrakeNotFoundError, NothingMergedError, DecisionIdReusedError),
)
async def revert_brake(
    brake_id: UUID,
    body: BrakeRequest,
    database: DatabaseDep,
    settings: SettingsDep,
    caller: Steward,
) -> DecisionAnswer:
    """Part all that was merged up to the brake, as one decision, which can be undone as one.

    The clients are those of before, and stay apart by judgements of no match. With `dry_run`, only
    what would move is said.
    """
    instruction = instruction_of(caller, body, "revert", brake_id)

    async def deed(session: AsyncSession) -> Decided:
        return await brake_decisions.revert(
            session, brake_id, instruction=instruction, model=await active_model(session)
        )

    request = Request(instruction, dry_run=body.dry_run, region=settings.default_region)
    return DecisionAnswer.model_validate(await stewardship.decide(database, request, deed))
