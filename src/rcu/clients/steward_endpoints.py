"""Routes of the steward: merging two clients, splitting one, and undoing what changed clients."""

from __future__ import annotations

from collections.abc import Collection
from hashlib import sha256
from typing import Annotated
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.access.authorisation import requires
from rcu.access.caller import Caller
from rcu.access.models import Scope
from rcu.clients import stewardship
from rcu.clients.steward_schemas import (
    DecisionAnswer,
    DecisionRequest,
    MergeRequest,
    SplitRequest,
    UndoRequest,
)
from rcu.clients.stewardship import Deed, Request
from rcu.db.engine import Database
from rcu.errors import problems
from rcu.http.dependencies import DatabaseDep, SettingsDep
from rcu.http.routing import api_router
from rcu.identity import stewardship as deeds
from rcu.identity import undoing
from rcu.identity.active_model import active_model
from rcu.identity.decisions import Instruction
from rcu.identity.errors import (
    AlreadyUndoneError,
    AnonymousClientError,
    ChangeNotFoundError,
    ClientChangedError,
    ClientNotFoundError,
    DecisionIdReusedError,
    PlacedByRuleError,
    RecordsNotOfClientError,
    SameClientError,
)
from rcu.identity.stewardship import Decided
from rcu.settings import Settings

router = api_router(prefix="/v1", tags=["Stewardship"])

Steward = Annotated[Caller, requires(Scope.CLIENTS_STEWARD)]


def instruction_of(
    caller: Caller, body: DecisionRequest, *about: object, without: Collection[str] = ()
) -> Instruction:
    """Return who asks for what, with the digest that tells a request sent again from another."""
    content = body.model_dump(mode="json", exclude={"dry_run", *without})
    asked = orjson.dumps([*map(str, about), content], option=orjson.OPT_SORT_KEYS)
    return Instruction(
        actor=caller.actor,
        reason=body.reason,
        message_id=body.message_id,
        request_digest=sha256(asked).digest(),
    )


async def _decide(
    database: Database,
    settings: Settings,
    body: DecisionRequest,
    instruction: Instruction,
    deed: Deed,
) -> DecisionAnswer:
    request = Request(instruction, dry_run=body.dry_run, region=settings.default_region)
    return DecisionAnswer.model_validate(await stewardship.decide(database, request, deed))


@router.post(
    "/clients/{client_id}/merge",
    responses=problems(
        ClientNotFoundError,
        SameClientError,
        AnonymousClientError,
        ClientChangedError,
        DecisionIdReusedError,
    ),
)
async def merge_clients(
    client_id: UUID,
    body: MergeRequest,
    database: DatabaseDep,
    settings: SettingsDep,
    caller: Steward,
) -> DecisionAnswer:
    """Make two clients one. The older id survives, and both resolve for ever.

    The decision binds later resolutions, until it is undone. With `dry_run`, only what would move
    is said.
    """
    instruction = instruction_of(caller, body, "merge", client_id)

    async def deed(session: AsyncSession) -> Decided:
        return await deeds.merge_clients(
            session,
            client_id,
            body.other_client_id,
            expected_versions={
                client_id: body.expected_version,
                body.other_client_id: body.other_expected_version,
            },
            instruction=instruction,
            model=await active_model(session),
        )

    return await _decide(database, settings, body, instruction, deed)


@router.post(
    "/clients/{client_id}/split",
    responses=problems(
        ClientNotFoundError, RecordsNotOfClientError, ClientChangedError, DecisionIdReusedError
    ),
)
async def split_client(
    client_id: UUID,
    body: SplitRequest,
    database: DatabaseDep,
    settings: SettingsDep,
    caller: Steward,
) -> DecisionAnswer:
    """Take source records out of a client, with every fact that hangs on them.

    They make a client together, apart from the records left behind, until the decision is undone.
    With `dry_run`, only what would move is said.
    """
    instruction = instruction_of(caller, body, "split", client_id)

    async def deed(session: AsyncSession) -> Decided:
        return await deeds.split_client(
            session,
            client_id,
            {(record.source, record.external_id) for record in body.records},
            expected_versions={client_id: body.expected_version},
            instruction=instruction,
            model=await active_model(session),
        )

    return await _decide(database, settings, body, instruction, deed)


@router.post(
    "/identity-changes/{change_id}/undo",
    responses=problems(
        ChangeNotFoundError,
        AlreadyUndoneError,
        PlacedByRuleError,
        ClientChangedError,
        DecisionIdReusedError,
    ),
)
async def undo_change(
    change_id: UUID,
    body: UndoRequest,
    database: DatabaseDep,
    settings: SettingsDep,
    caller: Steward,
) -> DecisionAnswer:
    """Undo a change of the history, or a decision, by its id; an undo can be undone in turn.

    Of a steward's decision, the whole is left out, and what it had overruled holds again. What the
    service joined by itself is parted by judgements of no match, what it parted is joined. With
    `dry_run`, only what would move is said.
    """
    instruction = instruction_of(caller, body, "undo", change_id)

    async def deed(session: AsyncSession) -> Decided:
        return await undoing.undo(
            session,
            change_id,
            expected_versions=body.expected_versions,
            instruction=instruction,
            model=await active_model(session),
        )

    return await _decide(database, settings, body, instruction, deed)
