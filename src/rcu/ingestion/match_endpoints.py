"""Route of matching: which client a person is, asked without writing anything down."""

from __future__ import annotations

from typing import Annotated

from rcu.access.authorisation import requires
from rcu.access.caller import Caller
from rcu.access.models import Scope
from rcu.clients.explain_schemas import MatchRead
from rcu.clients.matching import Asked, MatchedProfile, match_profile
from rcu.clients.schemas import ClientSummary
from rcu.http.dependencies import DatabaseDep, SettingsDep
from rcu.http.routing import api_router
from rcu.ingestion.match_schemas import (
    ClientMatchRead,
    MatchAnswer,
    MatchRequest,
    ObstacleRead,
)
from rcu.ingestion.schemas import Evidence

router = api_router(prefix="/v1/clients", tags=["Clients"])

Searcher = Annotated[Caller, requires(Scope.CLIENTS_SEARCH)]


@router.post("/match")
async def match_client(
    body: MatchRequest, database: DatabaseDep, settings: SettingsDep, caller: Searcher
) -> MatchAnswer:
    """Find the clients whom a profile is of, or may be, without writing anything.

    Decides as `POST /v1/profiles` would on a new record of the key's source: by the same keys,
    weights, guards, judgements and brakes. Nothing is kept of what was asked.
    """
    asked = Asked(body.stated(), caller.source or "", body.limit, explained=body.explain)
    return answer_of(await match_profile(database, asked, region=settings.default_region))


def answer_of(found: MatchedProfile) -> MatchAnswer:
    """Return what was found as it stands on the wire."""
    return MatchAnswer(
        model_version=found.model_version,
        decision=found.decision,
        client_id=found.client_id,
        matches=[
            ClientMatchRead(
                client=ClientSummary.model_validate(one.client),
                decision=one.decision,
                weight=round(one.score.weight, 3),
                probability=round(one.score.probability, 6),
                evidence=[
                    Evidence(
                        attribute=item.attribute, level=item.level, weight=round(item.counted, 3)
                    )
                    for item in one.score.evidence
                ],
                guard=one.guard,
                obstacle=None
                if one.obstacle is None
                else ObstacleRead.model_validate(one.obstacle),
                explanation=None
                if one.explanation is None
                else MatchRead.model_validate(one.explanation),
            )
            for one in found.clients
        ],
    )
