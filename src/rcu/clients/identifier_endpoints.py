"""Routes of the status of identifiers: which are shared, since when, and what stewards declare."""

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
from rcu.clients.identifier_schemas import (
    DeclarationRequest,
    IdentifierName,
    IdentifierStateRead,
    Kind,
    StatusChangePage,
    StatusChangeRead,
)
from rcu.clients.steward_endpoints import instruction_of
from rcu.clients.steward_schemas import DecisionAnswer
from rcu.clients.stewardship import Request
from rcu.errors import problems
from rcu.http.cursors import InvalidCursorError, decode_cursor, encode_cursor
from rcu.http.dependencies import DatabaseDep, SettingsDep
from rcu.http.routing import api_router
from rcu.identity import declarations, identifier_statuses
from rcu.identity.active_model import active_model
from rcu.identity.declarations import IdentifierState
from rcu.identity.errors import (
    DecisionIdReusedError,
    IdentifierChangedError,
    NotAnIdentifierError,
)
from rcu.identity.features import identifier_of
from rcu.identity.identifier_models import IdentifierStatus
from rcu.identity.identifier_statuses import StatusChange
from rcu.identity.placing import IdentifierKey
from rcu.identity.stewardship import Decided

router = api_router(prefix="/v1/identifiers", tags=["Stewardship"])

Steward = Annotated[Caller, requires(Scope.CLIENTS_STEWARD)]

MOST_CHANGES: Final = 100
_PLACE: Final = TypeAdapter(tuple[UUID])


def _normal(kind: str, value: str, region: str) -> IdentifierKey:
    identifier = identifier_of(kind, value, region=region)
    if identifier is None:
        raise NotAnIdentifierError(kind)
    return identifier


@router.get("/status-changes", responses=problems(InvalidCursorError))
async def list_status_changes(
    database: DatabaseDep,
    _caller: Steward,
    kind: Annotated[Kind | None, Query()] = None,
    status: Annotated[IdentifierStatus | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
) -> StatusChangePage:
    """List when identifiers became shared, or personal again, newest first.

    The answer holds the identifiers themselves: personal data.
    """
    before = None if cursor is None else decode_cursor(cursor, _PLACE)[0]

    async def work(session: AsyncSession) -> list[StatusChange]:
        return await identifier_statuses.list_changes(
            session, kind=kind, status=status, before=before, limit=limit + 1
        )

    found = await database.run(work)
    page = found[:limit]
    return StatusChangePage(
        changes=[StatusChangeRead.model_validate(change) for change in page],
        next_cursor=encode_cursor(page[-1].id) if len(found) > limit else None,
    )


@router.post("/lookup", responses=problems(NotAnIdentifierError))
async def look_up_identifier(
    body: IdentifierName, database: DatabaseDep, settings: SettingsDep, _caller: Steward
) -> IdentifierStateRead:
    """Say whether an identifier is shared, how many people hold it, and how that came about."""
    identifier = _normal(body.kind, body.value, settings.default_region)

    async def work(session: AsyncSession) -> IdentifierState:
        return await declarations.state_of(
            session,
            identifier,
            model=await active_model(session),
            most_changes=MOST_CHANGES,
        )

    return IdentifierStateRead.model_validate(await database.run(work))


@router.post(
    "/declarations",
    responses=problems(NotAnIdentifierError, IdentifierChangedError, DecisionIdReusedError),
)
async def declare_identifier(
    body: DeclarationRequest, database: DatabaseDep, settings: SettingsDep, caller: Steward
) -> DecisionAnswer:
    """Declare an identifier shared, or one person's, or leave it to its holders again.

    All who hold it are looked at again, and tickets that know nothing else. The declaration binds
    until another one of the same identifier, or until it is undone by the decision's id. With
    `dry_run`, only what would move is said.
    """
    identifier = _normal(body.kind, body.value, settings.default_region)
    instruction = instruction_of(caller, body, "declare")

    async def deed(session: AsyncSession) -> Decided:
        return await declarations.declare(
            session,
            identifier,
            body.status,
            expected_version=body.expected_version,
            instruction=instruction,
            model=await active_model(session),
        )

    request = Request(instruction, dry_run=body.dry_run, region=settings.default_region)
    return DecisionAnswer.model_validate(await stewardship.decide(database, request, deed))
