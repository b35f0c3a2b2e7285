"""Routes of explanations. What is asked about stands in the body, never in an address.

Hundreds of records take seconds of computing. That goes on in a thread beside the event loop, which
other requests share with it; one answer after the other, or they would leave those little of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Final, TypeVar
from weakref import WeakKeyDictionary

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from rcu.access.authorisation import requires
from rcu.access.caller import Caller
from rcu.access.models import Scope
from rcu.clients import explain, explain_how
from rcu.clients.explain_answers import Asking, Why, WhyNot
from rcu.clients.explain_chart import Chart, waterfall
from rcu.clients.explain_schemas import (
    HowRead,
    HowRequest,
    PairRequest,
    WhyAnswer,
    WhyNotAnswer,
    WhyNotRead,
    WhyRead,
)
from rcu.db.engine import Database
from rcu.errors import problems
from rcu.http.dependencies import DatabaseDep
from rcu.http.routing import api_router
from rcu.identity.active_model import read_active_model
from rcu.identity.errors import (
    AnonymousClientError,
    ClientNotFoundError,
    NothingToCompareError,
    NotPlacedByMatchingError,
    RecordNotFoundError,
    SameClientError,
    TogetherAlreadyError,
    TooManyRecordsError,
)
from rcu.identity.explanation import PairExplanation
from rcu.identity.wording import Language

router = api_router(prefix="/v1/explanations", tags=["Explanations"])

Steward = Annotated[Caller, requires(Scope.CLIENTS_STEWARD)]

MOST_RECORDS: Final = 200
"""Records compared for one answer: all their pairs take half a second of computing, or three."""

_turns: Final[WeakKeyDictionary[Database, asyncio.Lock]] = WeakKeyDictionary()
"""Whose turn it is: who waits holds no connection."""

T = TypeVar("T")

_PAIR_ERRORS = (
    ClientNotFoundError,
    RecordNotFoundError,
    SameClientError,
    AnonymousClientError,
    NothingToCompareError,
    NotPlacedByMatchingError,
    TooManyRecordsError,
)


@router.post("/why", response_model=WhyAnswer, responses=problems(*_PAIR_ERRORS))
async def explain_why(body: PairRequest, database: DatabaseDep, _caller: Steward) -> Response:
    """Explain why two records, two clients, or a record and its client, are one or are not.

    Every attribute with its level, both sides' normalised values, its weight, and the running
    sum from the prior to the match weight; the lines, the guards, the refusals of the partition,
    the judgements that bind; in words, in English and French.
    """

    def told(found: Why) -> WhyAnswer:
        chart = _chart(found.strongest.match, body.chart)
        return WhyAnswer(**dict(WhyRead.model_validate(found)), chart=chart)

    return await _answer(
        database,
        lambda session, asking: explain.why(
            session, body.left.reference(), body.right.reference(), asking
        ),
        told,
    )


@router.post(
    "/why-not",
    response_model=WhyNotAnswer,
    responses=problems(*_PAIR_ERRORS, TogetherAlreadyError),
)
async def explain_why_not(body: PairRequest, database: DatabaseDep, _caller: Steward) -> Response:
    """Explain why two sides are two clients: what came nearest, and what would have tipped it.

    The fewest levels to change for the pair to reach the link line, and whether a guard would
    still refuse the link.
    """

    def told(found: WhyNot) -> WhyNotAnswer:
        chart = _chart(found.why.strongest.match, body.chart)
        return WhyNotAnswer(**dict(WhyNotRead.model_validate(found)), chart=chart)

    return await _answer(
        database,
        lambda session, asking: explain.why_not(
            session, body.left.reference(), body.right.reference(), asking
        ),
        told,
    )


@router.post(
    "/how",
    response_model=HowRead,
    responses=problems(ClientNotFoundError, RecordNotFoundError, TooManyRecordsError),
)
async def explain_how_it_came(
    body: HowRequest, database: DatabaseDep, _caller: Steward
) -> Response:
    """Explain how a client came to be, step by step.

    `by_evidence`: the joins as the partition makes them, judgements first, then the strongest
    link. `by_time`: each record as it came, and each change of the partition since.
    """
    return await _answer(
        database,
        lambda session, asking: explain_how.how(session, body.client.reference(), asking),
        HowRead.model_validate,
    )


async def _answer(
    database: Database,
    question: Callable[[AsyncSession, Asking], Awaitable[T]],
    told: Callable[[T], BaseModel],
) -> Response:
    """Ask when it is our turn, and return the answer as it is `told`, written beside the loop."""
    async with _turns.setdefault(database, asyncio.Lock()):
        model = await read_active_model(database)
        asking = Asking(model.apart(), with_values=True, most_records=MOST_RECORDS)
        found = await database.run(lambda session: question(session, asking))
        content = await asyncio.to_thread(lambda: told(found).model_dump_json(by_alias=True))
    return Response(content, media_type="application/json")


def _chart(match: PairExplanation, language: Language | None) -> Chart | None:
    return None if language is None else waterfall(match, language)
