"""Routes of clients: the 360 view, look-up, search, timeline. Personal data is never in a URL."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

import orjson
from fastapi import Query
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from rcu.access.authorisation import requires
from rcu.access.caller import Caller
from rcu.access.models import Scope
from rcu.clients import history, service, timeline, view
from rcu.clients.errors import (
    IdentifierUnreadableError,
    SearchTooVagueError,
)
from rcu.clients.history_schemas import IdentityThen, RecordThenRead
from rcu.clients.lookup import MAX_CANDIDATES, Summary, separating_fields
from rcu.clients.schemas import (
    ClientSummary,
    ClientView,
    LookupAnswer,
    LookupOutcome,
    LookupRequest,
    SearchAnswer,
    SearchHit,
    SearchReason,
    SearchRequest,
    TimelinePage,
    TimelineType,
)
from rcu.clients.service import FoundHit, SearchPlace
from rcu.db.engine import Database
from rcu.errors import ValidationFailedError, problems
from rcu.http.cursors import InvalidCursorError, decode_cursor, encode_cursor
from rcu.http.dependencies import DatabaseDep, SettingsDep
from rcu.http.fields import PastMoment
from rcu.http.routing import api_router
from rcu.identity.errors import ClientNotFoundError

router = api_router(prefix="/v1/clients", tags=["Clients"])

Reader = Annotated[Caller, requires(Scope.CLIENTS_READ)]
Searcher = Annotated[Caller, requires(Scope.CLIENTS_SEARCH)]

_SEARCH_PLACE: Final = TypeAdapter(SearchPlace)
_TIMELINE_PLACE: Final = TypeAdapter(timeline.Place)
_AS_OF: Final = TypeAdapter(PastMoment)
_AS_OF_PARAMETER: Final = {
    "name": "as_of",
    "in": "query",
    "required": False,
    "description": "A time: `identity_as_of` then says whom the id stood for.",
    "schema": {"type": "string", "format": "date-time"},
}
_JSON: Final = "application/json"

MOST_RECORDS_THEN: Final = 500
"""Records told in a view as of a time; `GET /{client_id}/records` tells all."""


@router.get(
    "/{client_id}",
    response_model=ClientView,
    responses=problems(ClientNotFoundError, ValidationFailedError),
    openapi_extra={"parameters": [_AS_OF_PARAMETER]},
)
async def read_client(
    client_id: UUID, request: Request, database: DatabaseDep, _caller: Reader
) -> Response:
    """Read the 360 view of a client by any id it ever had.

    A former id answers with the client it is part of now; `resolved_from` says so.
    """
    document = await view.find_view(database, client_id)
    if document is None:
        raise ClientNotFoundError(client_id)
    # Read by hand: a declared parameter would take every read off the short way of `plain_calls`.
    as_of = request.query_params.get("as_of") if request.scope["query_string"] else None
    if as_of is not None:
        document = await _with_identity_then(database, client_id, document, as_of)
    return Response(document, media_type=_JSON)


async def _with_identity_then(
    database: Database, client_id: UUID, document: bytes, as_of: str
) -> bytes:
    try:
        at = _AS_OF.validate_strings(as_of)
    except ValidationError as error:
        place = {"loc": ("query", "as_of")}
        raise RequestValidationError([failure | place for failure in error.errors()]) from None
    then = await history.find_client_then(database, client_id, at, limit=MOST_RECORDS_THEN)
    if then is None:
        raise ClientNotFoundError(client_id)
    identity = IdentityThen(
        as_of=at,
        client_id=then.client_id,
        records=[RecordThenRead.model_validate(record) for record in then.records],
    )
    view_now = orjson.loads(document)
    return orjson.dumps(view_now | {"identity_as_of": identity.model_dump(mode="json")})


@router.get(
    "/{client_id}/timeline",
    response_model=TimelinePage,
    responses=problems(ClientNotFoundError, InvalidCursorError),
)
async def read_timeline(
    client_id: UUID,
    database: DatabaseDep,
    _caller: Reader,
    types: Annotated[list[TimelineType] | None, Query(alias="type")] = None,
    channels: Annotated[list[str] | None, Query(alias="channel", max_length=10)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
) -> Response:
    """List everything that happened to a client, newest first.

    `type` and `channel` may be repeated. What has no channel (consents, profile messages, identity
    changes) is left out when channels are asked for.
    """
    after = timeline.START if cursor is None else decode_cursor(cursor, _TIMELINE_PLACE)
    page = await timeline.find_page(
        database, client_id, types=types, channels=channels, after=after, limit=limit
    )
    if page is None:
        raise ClientNotFoundError(client_id)
    answer = {
        "client_id": str(page.client_id),
        "items": [orjson.Fragment(item) for item in page.items],
        "next_cursor": encode_cursor(*page.next_place) if page.next_place else None,
    }
    return Response(orjson.dumps(answer), media_type=_JSON)


@router.post("/lookup", responses=problems(IdentifierUnreadableError))
async def look_up_client(
    body: LookupRequest, database: DatabaseDep, settings: SettingsDep, _caller: Reader
) -> LookupAnswer:
    """Find the client that one exact identifier designates, in any writing of it.

    Known clients only; a payment token may designate an anonymous one, which says so.
    """
    async with database.read() as connection:
        if body.source is not None and body.external_id is not None:
            found = await service.look_up_record(
                connection, source=body.source, external_id=body.external_id
            )
        else:
            kind, value = body.identifier
            found = await service.look_up_identifier(
                connection, kind=kind, value=value, region=settings.default_region
            )
    return _lookup_answer(found)


def _lookup_answer(found: list[Summary]) -> LookupAnswer:
    summaries = [ClientSummary.model_validate(summary) for summary in found]
    if len(summaries) == 1:
        outcome, client, candidates = LookupOutcome.FOUND, summaries[0], []
    else:
        outcome = LookupOutcome.SEVERAL if summaries else LookupOutcome.NONE
        client, candidates = None, summaries[:MAX_CANDIDATES]
    return LookupAnswer(
        outcome=outcome,
        client=client,
        candidates=candidates,
        separated_by=separating_fields(found) if outcome is LookupOutcome.SEVERAL else [],
    )


@router.post("/search", responses=problems(SearchTooVagueError, InvalidCursorError))
async def search_clients(
    body: SearchRequest, database: DatabaseDep, _caller: Searcher
) -> SearchAnswer:
    """Find clients by what a seller types, best first, each with why it matched.

    Part of a name, with or without accents and typing errors; with a postcode, a department
    or a city; the end of a phone number; a birth year or date. All that is typed must be met.
    """
    after = None if body.cursor is None else decode_cursor(body.cursor, _SEARCH_PLACE)
    async with database.read() as connection:
        page = await service.search_clients(
            connection, typed=body.text, store=body.store, limit=body.limit, after=after
        )
    return SearchAnswer(
        hits=[_search_hit(found) for found in page.hits],
        next_cursor=encode_cursor(*page.next_place) if page.next_place else None,
    )


def _search_hit(found: FoundHit) -> SearchHit:
    return SearchHit(
        client=ClientSummary.model_validate(found.client),
        score=found.hit.score,
        why=[
            SearchReason(attribute=reason.attribute, match=reason.match)
            for reason in found.hit.reasons
        ],
    )
