"""Routes by which sources send messages, and operators look after those that wait."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import Query, Request
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.responses import Response

from rcu.access.authorisation import requires
from rcu.access.caller import Caller
from rcu.access.errors import ForeignSourceError
from rcu.access.models import Scope
from rcu.consent.errors import UnknownPurposeError
from rcu.context import current_request
from rcu.errors import (
    PROBLEM_MEDIA_TYPE,
    FieldError,
    RcuError,
    ValidationFailedError,
    problem,
    problems,
)
from rcu.http.cursors import decode_cursor, encode_cursor
from rcu.http.dependencies import DatabaseDep, SessionDep
from rcu.http.routing import api_router
from rcu.ingestion import parking, repository, service
from rcu.ingestion.context import Context
from rcu.ingestion.errors import MessageIdReusedError, TicketClashError
from rcu.ingestion.gathering import Gatherer
from rcu.ingestion.messages import (
    MESSAGE_MODELS,
    Batch,
    ConsentMessage,
    EventMessage,
    Message,
    MessageType,
    OrderMessage,
    ProfileMessage,
    TicketMessage,
)
from rcu.ingestion.schemas import (
    BatchAnswer,
    ConsentAnswer,
    EventAnswer,
    OrderAnswer,
    ParkedAnswer,
    ParkedMessage,
    ParkedPage,
    ProfileAnswer,
    ReplayAnswer,
    ReplayRequest,
    TicketAnswer,
)
from rcu.ingestion.service import Receipt
from rcu.validation import field_errors

router = api_router(prefix="/v1", tags=["Ingestion"])

Sender = Annotated[Caller, requires(Scope.INGEST)]
Administrator = Annotated[Caller, requires(Scope.ADMIN)]

_REPLAYED = {"Idempotent-Replayed": "true"}


def _responses(answer: type[BaseModel], *errors: type[RcuError]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of a message: new, known before, parked, refused."""
    return {
        200: {"model": answer, "description": "Nothing new was made, or it was known before."},
        201: {"model": answer, "description": "Recorded."},
        202: {"model": ParkedAnswer, "description": "Kept, and parked until it can be applied."},
        **problems(ForeignSourceError, MessageIdReusedError, *errors),
    }


async def _receive(request: Request, caller: Caller, message: Message) -> Response:
    gatherer: Gatherer = request.app.state.gatherer
    receipt = await gatherer.receive(source=caller.writes_as(), message=message)
    media_type = "application/json" if receipt.answer is not None else PROBLEM_MEDIA_TYPE
    return Response(
        orjson.dumps(receipt.answer or _with_request_id(receipt.problem or {})),
        status_code=receipt.status,
        media_type=media_type,
        headers=_REPLAYED if receipt.replayed else None,
    )


def _with_request_id(refusal: Mapping[str, Any]) -> dict[str, Any]:
    """Return a problem document that says, as every one does, by what support finds the request."""
    request = current_request.get()
    return dict(refusal) | ({"request_id": request.request_id} if request else {})


@router.post("/profiles", status_code=201, responses=_responses(ProfileAnswer, UnknownPurposeError))
async def receive_profile(body: ProfileMessage, request: Request, caller: Sender) -> Response:
    """Receive what the source knows of a person; answer which client that is."""
    return await _receive(request, caller, body)


@router.post("/tickets", status_code=201, responses=_responses(TicketAnswer, TicketClashError))
async def receive_ticket(body: TicketMessage, request: Request, caller: Sender) -> Response:
    """Receive a sale, a return or a void; answer whose it is, and how that is known."""
    return await _receive(request, caller, body)


@router.post("/orders", status_code=201, responses=_responses(OrderAnswer))
async def receive_order(body: OrderMessage, request: Request, caller: Sender) -> Response:
    """Receive a step in the life of a web order."""
    return await _receive(request, caller, body)


@router.post("/events", status_code=201, responses=_responses(EventAnswer))
async def receive_event(body: EventMessage, request: Request, caller: Sender) -> Response:
    """Receive something a person did that is no sale."""
    return await _receive(request, caller, body)


@router.post("/consents", status_code=201, responses=_responses(ConsentAnswer, UnknownPurposeError))
async def receive_consent(body: ConsentMessage, request: Request, caller: Sender) -> Response:
    """Receive what a person said of a purpose; answer whose it is, and how that is known.

    It is kept for ever under the record of the person, and never changed.
    """
    return await _receive(request, caller, body)


@router.post("/batch", response_model=BatchAnswer, responses=problems(ForeignSourceError))
async def receive_batch(
    body: Batch, request: Request, database: DatabaseDep, caller: Sender
) -> Response:
    """Receive up to 1,000 messages of any type; answer each by itself, in the order sent.

    Each message has a `type` (`profile`, `ticket`, `order`, `event`, `consent`) beside its own
    fields. One that is refused harms no other.
    """
    source = caller.writes_as()
    read = [_read(message) for message in body.messages]
    receipts = iter(
        await service.receive_all(
            database,
            source=source,
            messages=[message for message in read if not isinstance(message, RcuError)],
            context=Context.from_settings(request.app.state.settings),
        )
    )
    results = []
    for index, message in enumerate(read):
        if isinstance(message, RcuError):
            sent = body.messages[index].get("message_id")
            result = {
                "message_id": sent if isinstance(sent, str) else None,
                "status": message.status,
                "answer": None,
                "problem": _with_request_id(problem(message)),
            }
        else:
            result = _result(next(receipts))
        results.append(result | {"index": index})
    return Response(orjson.dumps({"results": results}), media_type="application/json")


def _read(sent: dict[str, Any]) -> Message | RcuError:
    """Return the message that a member of a batch is, or what is wrong with it."""
    fields = dict(sent)
    try:
        model = MESSAGE_MODELS[MessageType(fields.pop("type", None))]
    except ValueError:
        kinds = ", ".join(MessageType)
        return ValidationFailedError([FieldError("/type", f"One of {kinds}")])
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        return ValidationFailedError(field_errors(error.errors(), fields))


def _result(receipt: Receipt) -> dict[str, Any]:
    return {
        "message_id": receipt.message_id,
        "status": receipt.status,
        "answer": receipt.answer,
        "problem": receipt.problem and _with_request_id(receipt.problem),
    }


# --- parked messages ----------------------------------------------------------------------------

_PARKED_PLACE = TypeAdapter(tuple[datetime, str, str])


@router.get("/parked", tags=["Parked messages"])
async def list_parked(
    session: SessionDep,
    _caller: Administrator,
    source: Annotated[str | None, Query(max_length=32)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
) -> ParkedPage:
    """List the messages that cannot be applied yet, oldest first, and what each waits for."""
    after = decode_cursor(cursor, _PARKED_PLACE) if cursor else None
    found = await repository.list_parked(session, source=source, after=after, limit=limit + 1)
    page = found[:limit]
    last = page[-1] if len(found) > limit else None
    return ParkedPage(
        parked=[ParkedMessage.model_validate(row, from_attributes=True) for row in page],
        next_cursor=encode_cursor(last.parked_at, last.source, last.message_id) if last else None,
    )


@router.post("/parked/replay", tags=["Parked messages"])
async def replay_parked(
    body: ReplayRequest, request: Request, database: DatabaseDep, _caller: Administrator
) -> ReplayAnswer:
    """Try parked messages again: those named, or the oldest ones of a source or of all."""
    replay = await parking.replay(
        database,
        source=body.source,
        message_ids=body.message_ids,
        context=Context.from_settings(request.app.state.settings),
    )
    return ReplayAnswer(applied=replay.applied, still_parked=replay.still_parked)
