"""Routes that tell purposes, and what a client said of them. Statements come as messages."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from fastapi import Query
from pydantic import TypeAdapter

from rcu.access.authorisation import requires
from rcu.access.caller import Caller
from rcu.access.models import Scope
from rcu.consent import service
from rcu.consent.errors import PurposeExistsError
from rcu.consent.models import Purpose
from rcu.consent.schemas import (
    ConsentInForce,
    ConsentPage,
    ConsentRead,
    PurposeCreate,
    PurposeList,
    PurposeRead,
)
from rcu.consent.service import Place
from rcu.errors import problems
from rcu.http.cursors import InvalidCursorError, decode_cursor, encode_cursor
from rcu.http.dependencies import DatabaseDep, SessionDep
from rcu.http.routing import api_router
from rcu.identity.errors import ClientNotFoundError

router = api_router(prefix="/v1", tags=["Consents"])

Sender = Annotated[Caller, requires(Scope.INGEST)]
Reader = Annotated[Caller, requires(Scope.CLIENTS_READ)]
Administrator = Annotated[Caller, requires(Scope.ADMIN)]

_PLACE: Final = TypeAdapter(Place)


@router.get("/purposes")
async def list_purposes(session: SessionDep, _caller: Sender) -> PurposeList:
    """List what personal data are used for, on which ground, and by which channels."""
    found = await service.list_purposes(session)
    return PurposeList(purposes=[PurposeRead.model_validate(purpose) for purpose in found])


@router.post(
    "/purposes",
    response_model=PurposeRead,
    status_code=201,
    responses=problems(PurposeExistsError),
)
async def create_purpose(
    body: PurposeCreate, session: SessionDep, _caller: Administrator
) -> Purpose:
    """Add a purpose. It is never changed: another ground or channel is another purpose.

    The same again is safe.
    """
    return await service.add_purpose(session, **body.model_dump(mode="json"))


@router.get(
    "/clients/{client_id}/consents", responses=problems(ClientNotFoundError, InvalidCursorError)
)
async def read_consents(
    client_id: UUID,
    database: DatabaseDep,
    _caller: Reader,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
) -> ConsentPage:
    """Tell what holds for a client, and every statement of theirs: the proof, newest first.

    By any id that the client ever had.
    """
    after = service.START if cursor is None else decode_cursor(cursor, _PLACE)
    told = await service.tell_consents(database, client_id, after=after, limit=limit)
    return ConsentPage(
        client_id=told.client_id,
        in_force=[ConsentInForce.model_validate(one) for one in told.in_force],
        statements=[ConsentRead.model_validate(one) for one in told.statements],
        next_cursor=encode_cursor(*told.next_place) if told.next_place else None,
    )
