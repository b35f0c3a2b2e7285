"""Routes of the steward: merging two clients, and splitting one."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.access.authorisation import requires
from rcu.access.caller import Caller
from rcu.access.models import Scope
from rcu.clients import stewardship
from rcu.errors import problems
from rcu.http.dependencies import DatabaseDep, SettingsDep
from rcu.http.routing import api_router
from rcu.identity.errors import (
    AnonymousClientError,
    ClientChangedError,
    ClientNotFoundError,
    RecordsNotOfClientError,
    SameClientError,
)
from rcu.identity.stewardship import Decided, Decision

router = api_router(prefix="/v1/clients", tags=["Stewardship"])

Steward = Annotated[Caller, requires(Scope.CLIENTS_STEWARD)]
Reason = Annotated[str, StringConstraints(min_length=3, max_length=500, strip_whitespace=True)]


class _Decision(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: Reason = Field(description="Why, in words; kept with the decision. No personal data.")
    expected_version: int | None = Field(
        default=None, ge=1, description="The client's version as seen; another one is refused."
    )


class MergeRequest(_Decision):
    """Another client that is the same person."""

    other_client_id: UUID


class RecordName(BaseModel):
    """A source record, by the source and the id it has there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Annotated[str, StringConstraints(max_length=32)]
    external_id: Annotated[str, StringConstraints(max_length=128)]


class SplitRequest(_Decision):
    """Source records that are not this person; together they make a client of their own."""

    records: Annotated[list[RecordName], Field(min_length=1, max_length=100)]


class StewardAnswer(BaseModel):
    """The clients that the records concerned are with now, the oldest first."""

    client_ids: list[UUID]


@router.post(
    "/{client_id}/merge",
    responses=problems(
        ClientNotFoundError, SameClientError, AnonymousClientError, ClientChangedError
    ),
)
async def merge_clients(
    client_id: UUID,
    body: MergeRequest,
    database: DatabaseDep,
    settings: SettingsDep,
    caller: Steward,
) -> StewardAnswer:
    """Make two clients one. The older id survives, and both resolve for ever.

    The decision binds later resolutions. A split undoes it.
    """

    async def work(session: AsyncSession) -> Decided:
        return await stewardship.merge(
            session,
            client_id,
            body.other_client_id,
            expected_version=body.expected_version,
            decision=Decision(f"key:{caller.key_id}", body.reason, datetime.now(UTC)),
            region=settings.default_region,
        )

    return StewardAnswer(client_ids=list((await database.run(work)).client_ids))


@router.post(
    "/{client_id}/split",
    responses=problems(ClientNotFoundError, RecordsNotOfClientError, ClientChangedError),
)
async def split_client(
    client_id: UUID,
    body: SplitRequest,
    database: DatabaseDep,
    settings: SettingsDep,
    caller: Steward,
) -> StewardAnswer:
    """Take source records out of a client, with every fact that hangs on them.

    The decision binds later resolutions. A merge undoes it.
    """
    records = {(record.source, record.external_id) for record in body.records}

    async def work(session: AsyncSession) -> Decided:
        return await stewardship.split(
            session,
            client_id,
            records,
            expected_version=body.expected_version,
            decision=Decision(f"key:{caller.key_id}", body.reason, datetime.now(UTC)),
            region=settings.default_region,
        )

    return StewardAnswer(client_ids=list((await database.run(work)).client_ids))
