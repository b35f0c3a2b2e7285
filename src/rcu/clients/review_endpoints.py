"""Routes of the review queue: pairs to look at, most useful first, and their judgements."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.access.authorisation import requires
from rcu.access.caller import Caller
from rcu.access.models import Scope
from rcu.clients import lookup, repository, reviews, stewardship
from rcu.clients.review_schemas import (
    JudgementRequest,
    Review,
    ReviewGroup,
    ReviewQuery,
    ReviewQueue,
    ReviewSample,
)
from rcu.clients.reviews import Filters
from rcu.clients.schemas import ClientSummary
from rcu.clients.steward_endpoints import instruction_of
from rcu.clients.steward_schemas import DecisionAnswer
from rcu.clients.stewardship import Request
from rcu.errors import problems
from rcu.http.cursors import InvalidCursorError, decode_cursor, encode_cursor
from rcu.http.dependencies import DatabaseDep, SettingsDep
from rcu.http.routing import api_router
from rcu.identity.active_model import active_model, read_active_model
from rcu.identity.errors import DecisionIdReusedError, ReviewChangedError, ReviewNotFoundError
from rcu.identity.stewardship import Decided

router = api_router(prefix="/v1/reviews", tags=["Stewardship"])

Steward = Annotated[Caller, requires(Scope.CLIENTS_STEWARD)]
Cursor = Annotated[str | None, Query(max_length=512)]

_GROUP_PLACE: Final = TypeAdapter(reviews.GroupPlace)
_SAMPLE_PLACE: Final = TypeAdapter(tuple[str])


@router.get("", responses=problems(InvalidCursorError))
async def list_reviews(
    query: Annotated[ReviewQuery, Query()], database: DatabaseDep, _caller: Steward
) -> ReviewQueue:
    """List the pairs that a steward should judge, by the two clients they touch.

    The most useful first: near even odds, with much hanging on them. A pair is listed while its
    weight reaches the review line, its records are of two clients, and no judgement of it holds.
    One judged no match comes back when the values of its records change.
    """
    groups = await reviews.list_groups(
        database,
        Filters(query.client_id, query.source, query.decision, query.guard, query.state),
        model=await read_active_model(database),
        after=None if query.cursor is None else decode_cursor(query.cursor, _GROUP_PLACE),
        limit=query.limit + 1,
    )
    page = groups[: query.limit]
    async with database.read() as connection:
        found = await repository.find_by_ids(
            connection, sorted({id_ for group in page for id_ in group.client_ids})
        )
    summaries = {
        id_: ClientSummary.model_validate(lookup.summarise(client)) for id_, client in found.items()
    }
    return ReviewQueue(
        groups=[
            ReviewGroup(
                clients=[summaries[id_] for id_ in group.client_ids if id_ in summaries],
                usefulness=group.usefulness,
                tickets=group.tickets,
                amount_cents=group.amount_cents,
                pairs=group.pairs,
                reviews=list(group.reviews),
            )
            for group in page
        ],
        next_cursor=encode_cursor(*page[-1].place) if len(groups) > query.limit else None,
    )


@router.get("/sample", responses=problems(InvalidCursorError))
async def sample_links(
    database: DatabaseDep,
    _caller: Steward,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Cursor = None,
) -> ReviewSample:
    """List linked pairs that nobody judged, in an order of no meaning.

    Judging some of them is how the precision of the links is estimated (`rcu model evaluate`).
    """
    after = "" if cursor is None else decode_cursor(cursor, _SAMPLE_PLACE)[0]
    page, next_digest = await reviews.list_sample(database, after=after, limit=limit)
    return ReviewSample(
        reviews=page, next_cursor=encode_cursor(next_digest) if next_digest else None
    )


@router.get("/{review_id}", responses=problems(ReviewNotFoundError))
async def read_review(review_id: str, database: DatabaseDep, _caller: Steward) -> Review:
    """Read the review of a pair as it stands, judged or not."""
    review = await reviews.find_review(database, review_id)
    if review is None:
        raise ReviewNotFoundError
    return review


@router.post(
    "/{review_id}/judgement",
    responses=problems(ReviewNotFoundError, ReviewChangedError, DecisionIdReusedError),
)
async def judge_review(
    review_id: str,
    body: JudgementRequest,
    database: DatabaseDep,
    settings: SettingsDep,
    caller: Steward,
) -> DecisionAnswer:
    """Say whether two records are one person: match, no match, or unsure.

    A match and a no match bind every later resolution, until they are undone by the decision's id.
    A no match keeps a digest of the values that it was made under. A review that has changed since
    it was seen is refused, with `current`: the review as it stands.
    """
    instruction = instruction_of(caller, body, "judge", review_id)

    async def deed(session: AsyncSession) -> Decided:
        return await reviews.judge(
            session,
            review_id,
            body.verdict,
            expected_version=body.expected_version,
            instruction=instruction,
            model=await active_model(session),
        )

    request = Request(instruction, dry_run=body.dry_run, region=settings.default_region)
    return DecisionAnswer.model_validate(await stewardship.decide(database, request, deed))
