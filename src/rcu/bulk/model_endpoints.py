"""Routes of models: which there are, which decides, and what another one would change.

Work on the whole base is only asked for here; a process beside the service does it
(`rcu.bulk.background`).
"""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

import orjson
from fastapi import Path, Query
from pydantic import Field, TypeAdapter
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.access.authorisation import requires
from rcu.access.caller import Caller
from rcu.access.models import Scope
from rcu.bulk import trials
from rcu.bulk.model_schemas import (
    ActivationPage,
    ActivationRead,
    ActivationRequest,
    LineKind,
    ModelDetail,
    ModelList,
    ModelRead,
    TrialLine,
    TrialLinePage,
    TrialRead,
    Version,
)
from rcu.bulk.trials import TrialNotFoundError
from rcu.errors import problems
from rcu.http.cursors import InvalidCursorError, decode_cursor, encode_cursor
from rcu.http.dependencies import DatabaseDep, SessionDep
from rcu.http.routing import api_router
from rcu.identity import model_versions
from rcu.identity.active_model import load_model
from rcu.identity.errors import (
    ActivationNotFoundError,
    ModelActiveAlreadyError,
    ModelVersionNotFoundError,
    NothingToRevertError,
)
from rcu.identity.model_versions import Activation

router = api_router(prefix="/v1", tags=["Models"])

Administrator = Annotated[Caller, requires(Scope.ADMIN)]
Cursor = Annotated[str | None, Query(max_length=512)]
Limit = Annotated[int, Query(ge=1, le=100)]

_PLACE: Final = TypeAdapter(tuple[Annotated[int, Field(ge=0, lt=2**31)]])


@router.get("/models")
async def list_models(session: SessionDep, _caller: Administrator) -> ModelList:
    """List every model version, the newest first, and say which one decides."""
    kept = await model_versions.list_versions(session)
    return ModelList(models=[ModelRead.model_validate(one) for one in kept])


@router.get("/models/{version}", responses=problems(ModelVersionNotFoundError))
async def read_model(version: Version, session: SessionDep, _caller: Administrator) -> ModelDetail:
    """Read a model version with its document: levels, weights, limits, and how it was trained."""
    kept = await model_versions.get_version(session, version)
    document = (await load_model(session, version)).document
    return ModelDetail(
        model=ModelRead.model_validate(kept),
        document=orjson.loads(document.model_dump_json(exclude_none=True)),
    )


@router.post(
    "/models/{version}/activate",
    status_code=202,
    responses=problems(ModelVersionNotFoundError, ModelActiveAlreadyError),
)
async def activate_model(
    version: Version, body: ActivationRequest, database: DatabaseDep, caller: Administrator
) -> ActivationRead:
    """Make a model the one that decides, at once, in every process.

    What is stored is resolved with it in the background, while messages go on; the activation says
    how far that is. It can be taken back.
    """

    async def change(session: AsyncSession) -> Activation:
        return await model_versions.activate(
            session, version, actor=caller.actor, reason=body.reason
        )

    return ActivationRead.model_validate(await database.run(change))


@router.post(
    "/models/{version}/trials", status_code=202, responses=problems(ModelVersionNotFoundError)
)
async def try_model(version: Version, database: DatabaseDep, caller: Administrator) -> TrialRead:
    """Find out what would change if a model were activated. No client changes."""
    kept = await database.run(
        lambda session: trials.ask_trial(session, version, actor=caller.actor)
    )
    return TrialRead.model_validate(kept)


@router.get("/model-activations", responses=problems(InvalidCursorError))
async def list_activations(
    session: SessionDep, _caller: Administrator, limit: Limit = 20, cursor: Cursor = None
) -> ActivationPage:
    """List the changes of the active model, the newest first."""
    before = None if cursor is None else decode_cursor(cursor, _PLACE)[0]
    found = await model_versions.list_activations(session, before=before, limit=limit + 1)
    page = found[:limit]
    return ActivationPage(
        activations=[ActivationRead.model_validate(one) for one in page],
        next_cursor=encode_cursor(page[-1].number) if len(found) > limit else None,
    )


@router.post("/model-activations/revert", status_code=202, responses=problems(NothingToRevertError))
async def revert_activation(
    body: ActivationRequest, database: DatabaseDep, caller: Administrator
) -> ActivationRead:
    """Take the last activation back: the model before it decides again, on everything stored."""

    async def change(session: AsyncSession) -> Activation:
        return await model_versions.revert(session, actor=caller.actor, reason=body.reason)

    return ActivationRead.model_validate(await database.run(change))


@router.get("/model-activations/{number}", responses=problems(ActivationNotFoundError))
async def read_activation(
    number: Annotated[int, Path(ge=1, le=2**63 - 1)], session: SessionDep, _caller: Administrator
) -> ActivationRead:
    """Read an activation, and how far the resolution that follows it is."""
    return ActivationRead.model_validate(await model_versions.get_activation(session, number))


@router.get("/model-trials/{trial_id}", responses=problems(TrialNotFoundError))
async def read_trial(trial_id: UUID, session: SessionDep, _caller: Administrator) -> TrialRead:
    """Read a trial: whether it is done, and what the model would change in numbers."""
    return TrialRead.model_validate(await trials.get_trial(session, trial_id))


@router.get(
    "/model-trials/{trial_id}/lines", responses=problems(TrialNotFoundError, InvalidCursorError)
)
async def list_trial_lines(
    trial_id: UUID,
    session: SessionDep,
    _caller: Administrator,
    *,
    kind: LineKind | None = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> TrialLinePage:
    """List the merges that would be gained and lost, most tickets first, each with its reason."""
    await trials.get_trial(session, trial_id)
    after = 0 if cursor is None else decode_cursor(cursor, _PLACE)[0]
    found = await trials.list_lines(session, trial_id, kind=kind, after=after, limit=limit + 1)
    page = found[:limit]
    return TrialLinePage(
        lines=[TrialLine.model_validate(line) for line in page],
        next_cursor=encode_cursor(page[-1].position) if len(found) > limit else None,
    )
