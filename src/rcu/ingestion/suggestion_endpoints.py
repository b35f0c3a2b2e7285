"""Routes of suggestions: tickets that may be a client's, offered to stewards."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import Query
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.access.authorisation import requires
from rcu.access.caller import Caller
from rcu.access.models import Scope
from rcu.errors import problems
from rcu.http.cursors import InvalidCursorError, decode_cursor, encode_cursor
from rcu.http.dependencies import DatabaseDep, SessionDep, SettingsDep
from rcu.http.routing import api_router
from rcu.ingestion.following import follow_with_points
from rcu.ingestion.ticket_endpoints import instruction
from rcu.sales import stories, suggestions
from rcu.sales.errors import SuggestionDecidedError, SuggestionNotFoundError
from rcu.sales.schemas import SuggestionDecision, SuggestionPage, SuggestionRead, TicketRead

router = api_router(prefix="/v1/ticket-suggestions", tags=["Stewardship"])

Steward = Annotated[Caller, requires(Scope.CLIENTS_STEWARD)]

_PLACE: Final = TypeAdapter(tuple[datetime, UUID])


@router.get("", responses=problems(InvalidCursorError))
async def list_suggestions(
    session: SessionDep,
    _caller: Steward,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
) -> SuggestionPage:
    """List tickets whose mistyped card or e-mail has a neighbour that fits, oldest first.

    `rcu tickets suggest` looks for them. Nothing is attached until a steward says so.
    """
    after = None if cursor is None else decode_cursor(cursor, _PLACE)
    found = await suggestions.list_open(session, after=after, limit=limit + 1)
    page = found[:limit]
    last = page[-1] if len(found) > limit else None
    return SuggestionPage(
        suggestions=[SuggestionRead.model_validate(one) for one in page],
        next_cursor=encode_cursor(last["made_at"], last["id"]) if last else None,
    )


@router.post(
    "/{suggestion_id}/decision",
    responses=problems(SuggestionNotFoundError, SuggestionDecidedError),
)
async def decide_suggestion(
    suggestion_id: UUID,
    body: SuggestionDecision,
    database: DatabaseDep,
    settings: SettingsDep,
    caller: Steward,
) -> TicketRead:
    """Attach the ticket to the client, or say that it is not theirs; answer the ticket."""
    by = instruction(caller, body.reason)

    async def work(session: AsyncSession) -> TicketRead:
        ticket_id, rehung = await suggestions.decide(session, suggestion_id, body.verdict, by)
        await follow_with_points(session, rehung, at=by.at, timezone=settings.default_timezone)
        return TicketRead.model_validate(await stories.find_ticket(session, ticket_id))

    return await database.run(work)
