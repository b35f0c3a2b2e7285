"""Routes of the history of clients: what changed, and which records were whose at a time."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

import orjson
from fastapi import Query
from pydantic import TypeAdapter
from starlette.responses import Response

from rcu.access.authorisation import requires
from rcu.access.caller import Caller
from rcu.access.models import Scope
from rcu.clients import history
from rcu.clients.history_schemas import HistoryPage, RecordsPage, RecordThenRead
from rcu.errors import problems
from rcu.http.cursors import InvalidCursorError, decode_cursor, encode_cursor
from rcu.http.dependencies import DatabaseDep
from rcu.http.fields import PastMoment
from rcu.http.routing import api_router
from rcu.identity.errors import ClientNotFoundError

router = api_router(prefix="/v1/clients", tags=["Clients"])

Reader = Annotated[Caller, requires(Scope.CLIENTS_READ)]

_CHANGE_PLACE: Final = TypeAdapter(history.Place)
_RECORD_PLACE: Final = TypeAdapter(tuple[UUID])


@router.get("/{client_id}/records", responses=problems(ClientNotFoundError, InvalidCursorError))
async def list_records(
    client_id: UUID,
    database: DatabaseDep,
    _caller: Reader,
    as_of: Annotated[PastMoment | None, Query(description="Now when it is left out.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
) -> RecordsPage:
    """List the source records of a client, now or as they were at a time.

    The id is followed to the client that it stood for at that time. Records that came later
    are left out.
    """
    after = history.FIRST_RECORD if cursor is None else decode_cursor(cursor, _RECORD_PLACE)[0]
    then = await history.find_client_then(
        database, client_id, as_of or history.NOW, after=after, limit=limit
    )
    if then is None:
        raise ClientNotFoundError(client_id)
    return RecordsPage(
        as_of=as_of,
        client_id=then.client_id,
        records=[RecordThenRead.model_validate(record) for record in then.records],
        next_cursor=encode_cursor(then.next_record) if then.next_record else None,
    )


@router.get(
    "/{client_id}/history",
    response_model=HistoryPage,
    responses=problems(ClientNotFoundError, InvalidCursorError),
)
async def read_history(
    client_id: UUID,
    database: DatabaseDep,
    _caller: Reader,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
) -> Response:
    """List every identity change that led to a client, newest first, and where its records are.

    Any id ever given answers, for ever. Each change can be undone by its id.
    """
    after = history.START if cursor is None else decode_cursor(cursor, _CHANGE_PLACE)
    page = await history.find_history(database, client_id, after=after, limit=limit)
    if page is None:
        raise ClientNotFoundError(client_id)
    answer = {
        "client_id": str(page.client_id),
        "successors": [
            {"client_id": str(successor), "records": count} for successor, count in page.successors
        ],
        "items": [orjson.Fragment(item) for item in page.items],
        "next_cursor": encode_cursor(*page.next_place) if page.next_place else None,
    }
    return Response(orjson.dumps(answer), media_type="application/json")
