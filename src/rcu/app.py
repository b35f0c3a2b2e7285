"""Assembles the service: settings, database, keyring, routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware

from rcu import metrics, operations
from rcu.access import endpoints as access
from rcu.access import repository as access_repository
from rcu.access.authorisation import authenticate
from rcu.access.keyring import Keyring
from rcu.access.repository import StoredKey
from rcu.analytics import attach_rate_endpoints as attach_rate
from rcu.analytics.attach_rate_rollups import keep_folding
from rcu.api_description import DESCRIPTION, TAGS, describe_api
from rcu.bulk import model_endpoints as models
from rcu.bulk.background import keep_working
from rcu.clients import brake_endpoints as brakes
from rcu.clients import endpoints as clients
from rcu.clients import explain_endpoints as explanations
from rcu.clients import following
from rcu.clients import history_endpoints as history
from rcu.clients import identifier_endpoints as identifiers
from rcu.clients import review_endpoints as reviews
from rcu.clients import steward_endpoints as stewardship
from rcu.consent import endpoints as consents
from rcu.db.migrations import head_revision
from rcu.db.opening import open_database
from rcu.http import documentation
from rcu.http.dispatch import Dispatcher
from rcu.http.json_body import JsonLimits
from rcu.http.routing import ApiRoute
from rcu.http.shell import Shell
from rcu.ingestion import endpoints as ingestion
from rcu.ingestion import match_endpoints as matching
from rcu.ingestion import stores_endpoints as stores
from rcu.ingestion import suggestion_endpoints as suggestions
from rcu.ingestion import ticket_endpoints as tickets
from rcu.ingestion.gathering import gatherer_for
from rcu.logs import configure_logs, get_logger
from rcu.loyalty import endpoints as loyalty
from rcu.loyalty import manage_endpoints as programme
from rcu.loyalty import member_endpoints as members
from rcu.loyalty.settlement import settle
from rcu.settings import Settings

if TYPE_CHECKING:
    from fastapi import APIRouter
    from starlette.types import ASGIApp

    from rcu.db.engine import Database

log = get_logger(__name__)

ROUTERS: Final[tuple[APIRouter, ...]] = (
    ingestion.router,
    stores.router,
    consents.router,
    loyalty.router,
    members.router,
    programme.router,
    tickets.router,
    suggestions.router,
    clients.router,
    matching.router,
    history.router,
    stewardship.router,
    reviews.router,
    identifiers.router,
    brakes.router,
    explanations.router,
    models.router,
    attach_rate.router,
    access.router,
    operations.router,
    documentation.router,
)
"""Every router of the service. A domain adds its own here."""

_SUBSCRIPTION_SECONDS: Final = 2.0


class Service(FastAPI):
    """FastAPI without the layers that this service does otherwise, or does without."""

    def build_middleware_stack(self) -> ASGIApp:
        """Return the routes inside the shell.

        The shell stands for FastAPI's error, telemetry, body limit and exception layers: it
        answers every exception, and never with the text of one.
        """
        return Shell(
            AsyncExitStackMiddleware(Dispatcher(self.router)),
            max_body_bytes=self.state.settings.max_body_bytes,
        )

    def openapi(self) -> dict[str, Any]:
        """Return the description of the API."""
        if self.openapi_schema is None:
            self.openapi_schema = describe_api(self)
        return self.openapi_schema


def create_app(settings: Settings | None = None, *, database: Database | None = None) -> FastAPI:
    """Return the service.

    `database` is for tests: an open one to use, which stays open at shutdown.
    """
    settings = settings or Settings()
    app = Service(
        title="RCU",
        summary="Référentiel client unique: one client, one lasting id.",
        description=DESCRIPTION,
        version=version("rcu"),
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_tags=TAGS,
        # Swagger UI and ReDoc come from another host; `/docs` is a page of our own.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        generate_unique_id_function=lambda route: route.name,
        redirect_slashes=False,
        # FastAPI's own telemetry would export bodies and exception messages.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        lifespan=_lifespan,
    )
    app.state.settings = settings
    app.state.given_database = database
    app.state.authenticate = authenticate
    app.state.last_metrics_key = None
    app.state.expected_revision = head_revision()
    app.state.json_limits = JsonLimits(
        max_bytes=settings.max_body_bytes,
        max_depth=settings.max_json_depth,
        max_keys=settings.max_json_keys,
    )
    app.router.route_class = ApiRoute
    following.introduce(settle)
    for router in ROUTERS:
        app.include_router(router)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open what requests need; at shutdown the server has finished them, and all is let go."""
    settings: Settings = app.state.settings
    configure_logs(level=settings.log_level, log_format=settings.log_format)
    async with _database_of(app) as database:
        keyring = _keyring_for(database)
        app.state.database = database
        app.state.gatherer = gatherer_for(database, settings)
        app.state.keyring = keyring
        async with keyring.listening():
            await keyring.wait_until_subscribed(timeout_seconds=_SUBSCRIPTION_SECONDS)
            log.info("service.started", embedded=settings.database_url is None)
            async with _working(app, database):
                yield
    metrics.close()
    log.info("service.stopped")


@asynccontextmanager
async def _working(app: FastAPI, database: Database) -> AsyncIterator[None]:
    """Have work on the whole base done meanwhile, and what changed counted into the rollups."""
    if app.state.given_database is not None:
        yield
        return
    settings: Settings = app.state.settings
    tasks = [
        asyncio.create_task(keep_working(database)),
        asyncio.create_task(keep_folding(database, timezone=settings.default_timezone)),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


@asynccontextmanager
async def _database_of(app: FastAPI) -> AsyncIterator[Database]:
    given: Database | None = app.state.given_database
    if given is not None:
        yield given
        return
    async with open_database(app.state.settings) as database:
        yield database


def _keyring_for(database: Database) -> Keyring:
    async def load(public_id: str) -> StoredKey | None:
        async with database.read() as connection:
            return await access_repository.find_live_key(connection, public_id)

    return Keyring(load=load, connect=database.dedicated_connection)
