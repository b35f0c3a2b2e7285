"""What the machinery around the service asks: is it up, is it ready, what are its figures."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from rcu import metrics
from rcu.access.authorisation import ScopeRequirement, presented_key
from rcu.access.caller import Caller
from rcu.access.keys import PresentedKey, read_key
from rcu.access.models import Scope
from rcu.db.engine import Database
from rcu.db.errors import DatabaseUnavailableError
from rcu.db.migrations import current_revision
from rcu.errors import problems
from rcu.http.dependencies import DatabaseDep
from rcu.http.errors import NotReadyError
from rcu.http.routing import api_router
from rcu.ingestion.repository import count_parked

router = api_router(tags=["Operations"])


class Health(BaseModel):
    """The state of this process."""

    status: str


@router.get("/healthz")
async def healthz() -> Health:
    """Say that the process runs. It asks nothing of the database: do not restart for its sake."""
    return Health(status="up")


@router.get("/readyz", responses=problems(NotReadyError, DatabaseUnavailableError))
async def readyz(request: Request, database: DatabaseDep) -> Health:
    """Say whether requests can be served: the database answers and its tables are up to date."""
    async with database.read() as connection:
        found = await current_revision(connection)
    if found != request.app.state.expected_revision:
        raise NotReadyError("The database is not migrated to this release: run `rcu migrate`.")
    return Health(status="ready")


class MetricsRequirement(ScopeRequirement):
    """Lets pass a key with the scope metrics:read.

    While the database is away no key can be recognised, and that is when the figures are wanted
    most: the key that last read them may read them again.
    """

    async def __call__(self, request: Request) -> Caller | None:
        """Return the caller, or None for the last one while the database is away."""
        state = request.app.state
        presented = read_key(presented_key(request))
        try:
            caller = await super().__call__(request)
        except DatabaseUnavailableError:
            last: PresentedKey | None = state.last_metrics_key
            if presented is None or last is None or not presented.opens(last.secret_hash):
                raise
            return None
        state.last_metrics_key = presented
        return caller


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def read_metrics(
    database: DatabaseDep,
    _caller: Annotated[Caller | None, Depends(MetricsRequirement(Scope.METRICS_READ))],
) -> Response:
    """Return the figures of the service in Prometheus's text format."""
    use = database.pool_use()
    metrics.set_pool(in_use=use.in_use, limit=use.limit)
    figures = metrics.exposition(parked=await _count_parked(database))
    return Response(figures, media_type=metrics.CONTENT_TYPE)


async def _count_parked(database: Database) -> dict[str, int] | None:
    """Return how many messages wait, by reason; None while the database is away."""
    try:
        async with database.transaction() as session:
            return await count_parked(session)
    except DatabaseUnavailableError:
        return None
