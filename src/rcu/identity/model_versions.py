"""Model documents kept as versions, and the change of the one that decides.

An activation takes an instant: from its commit on, whoever takes locks decides with the new model.
What was resolved before follows in the background (`rcu.bulk.activation`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.active_version import read_version
from rcu.db.locks import lock_activation
from rcu.db.statements import fetch
from rcu.identity.active_model import load_model
from rcu.identity.errors import (
    ActivationNotFoundError,
    ModelActiveAlreadyError,
    ModelVersionNameError,
    ModelVersionNotFoundError,
    ModelVersionTakenError,
    NothingToRevertError,
)
from rcu.identity.model import Model, ModelDocument
from rcu.identity.model_version_models import JobState, ModelOrigin

VERSION_PATTERN: Final = "^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$"
"""Of a version that can be kept: it stands in addresses and in file names."""


@dataclass(frozen=True, slots=True)
class KeptVersion:
    """A model version, without its document."""

    version: str
    origin: str
    created_at: datetime | None
    """None for a shipped model that was never activated: it is not stored."""
    created_by: str | None
    is_active: bool


@dataclass(frozen=True, slots=True)
class Activation:
    """A change of the active model, and how far the resolution that follows is."""

    number: int
    version: str
    previous_version: str
    reverts: int | None
    actor: str
    reason: str
    activated_at: datetime
    state: str
    done_records: int
    total_records: int | None
    moved_records: int | None
    started_at: datetime | None
    finished_at: datetime | None
    failure: str | None


# --- versions -----------------------------------------------------------------------------------

_ADD = """
    INSERT INTO model_version (version, document, origin, created_at, created_by)
    VALUES ($1, $2::text::json, $3, $4, $5)
    ON CONFLICT (version) DO NOTHING
    RETURNING version
"""
_LIST = """
    SELECT version, origin, created_at, created_by FROM model_version
    ORDER BY created_at DESC, version
"""
_GET = """
    SELECT version, origin, created_at, created_by FROM model_version WHERE version = $1
"""


async def add_version(
    session: AsyncSession, document: ModelDocument, *, origin: ModelOrigin, actor: str
) -> bool:
    """Keep a document under its version; return whether it was new.

    Raises `ModelVersionNameError` for a version that could not stand in an address, and
    `ModelVersionTakenError` when the version stands for another document.
    """
    version = document.version
    if not re.fullmatch(VERSION_PATTERN, version):
        raise ModelVersionNameError
    shipped = Model.shipped()
    if version == shipped.version and document != shipped.document:
        raise ModelVersionTakenError(version)
    text = document.model_dump_json(exclude_none=True)
    if await fetch(session, _ADD, version, text, origin, datetime.now(UTC), actor):
        return True
    if (await load_model(session, version)).document != document:
        raise ModelVersionTakenError(version)
    return False


async def keep_shipped(session: AsyncSession, *, actor: str) -> None:
    """Keep the shipped document, for rows that refer to it: it outlives the release."""
    await add_version(session, Model.shipped().document, origin=ModelOrigin.SHIPPED, actor=actor)


async def list_versions(session: AsyncSession) -> list[KeptVersion]:
    """Return every version, the newest first; the shipped one is always among them."""
    active = await active_version(session)
    kept = [_kept(row, active) for row in await fetch(session, _LIST)]
    if all(one.version != Model.shipped().version for one in kept):
        kept.append(_shipped(active))
    return kept


async def get_version(session: AsyncSession, version: str) -> KeptVersion:
    """Return one version; raise `ModelVersionNotFoundError` when there is none."""
    active = await active_version(session)
    rows = await fetch(session, _GET, version)
    if rows:
        return _kept(rows[0], active)
    if version == Model.shipped().version:
        return _shipped(active)
    raise ModelVersionNotFoundError(version)


async def active_version(session: AsyncSession) -> str:
    """Return the version that is active as of now."""
    return await read_version(session) or Model.shipped().version


def _kept(row: asyncpg.Record, active: str) -> KeptVersion:
    version, origin, created_at, created_by = row
    return KeptVersion(version, origin, created_at, created_by, version == active)


def _shipped(active: str) -> KeptVersion:
    version = Model.shipped().version
    return KeptVersion(version, ModelOrigin.SHIPPED, None, None, is_active=version == active)


# --- activations --------------------------------------------------------------------------------

_COLUMNS: Final = (
    "number, version, previous_version, reverts, actor, reason, activated_at, state, done_records, "
    "total_records, moved_records, started_at, finished_at, failure"
)
_GET_ACTIVATION = f"SELECT {_COLUMNS} FROM model_activation WHERE number = $1"  # noqa: S608
_LIST_ACTIVATIONS = f"""
    SELECT {_COLUMNS} FROM model_activation
    WHERE $1::bigint IS NULL OR number < $1 ORDER BY number DESC LIMIT $2
"""  # noqa: S608 - a constant list of columns
_NOT_TAKEN_BACK = f"""
    SELECT {_COLUMNS} FROM model_activation a
    WHERE a.reverts IS NULL
      AND NOT EXISTS (SELECT FROM model_activation b WHERE b.reverts = a.number)
    ORDER BY number DESC LIMIT 1
"""  # noqa: S608 - a constant list of columns
_SUPERSEDE = """
    UPDATE model_activation SET state = $1, finished_at = $2
    WHERE state IN ('waiting', 'running', 'failed')
"""
_ACTIVATE = f"""
    INSERT INTO model_activation
        (version, previous_version, reverts, actor, reason, activated_at, state)
    VALUES ($1, $2, $3, $4, $5, $6, 'waiting')
    RETURNING {_COLUMNS}
"""  # noqa: S608 - a constant list of columns


async def activate(session: AsyncSession, version: str, *, actor: str, reason: str) -> Activation:
    """Make a version the one that decides, from the commit on, in every process.

    Waits for the transactions that decide with the present one. The resolution of what is stored
    is then waiting to be done. Raises `ModelVersionNotFoundError`, and `ModelActiveAlreadyError`.
    """
    await load_model(session, version)
    await lock_activation(session)
    return await _change_to(session, version, reverts=None, actor=actor, reason=reason)


async def revert(session: AsyncSession, *, actor: str, reason: str) -> Activation:
    """Take the last activation back: the version before it decides again.

    Given again, it takes back the activation before that one. Raises `NothingToRevertError`.
    """
    await lock_activation(session)
    rows = await fetch(session, _NOT_TAKEN_BACK)
    if not rows:
        raise NothingToRevertError
    last = _activation(rows[0])
    return await _change_to(
        session, last.previous_version, reverts=last.number, actor=actor, reason=reason
    )


async def _change_to(
    session: AsyncSession, version: str, *, reverts: int | None, actor: str, reason: str
) -> Activation:
    now = datetime.now(UTC)
    current = await active_version(session)
    if version == current:
        raise ModelActiveAlreadyError(version)
    shipped = Model.shipped()
    if shipped.version in {version, current}:
        await keep_shipped(session, actor=actor)
    await fetch(session, _SUPERSEDE, JobState.SUPERSEDED, now)
    rows = await fetch(session, _ACTIVATE, version, current, reverts, actor, reason, now)
    return _activation(rows[0])


async def get_activation(session: AsyncSession, number: int) -> Activation:
    """Return an activation; raise `ActivationNotFoundError` when there is none."""
    rows = await fetch(session, _GET_ACTIVATION, number)
    if not rows:
        raise ActivationNotFoundError(number)
    return _activation(rows[0])


async def list_activations(
    session: AsyncSession, *, before: int | None = None, limit: int = 100
) -> Sequence[Activation]:
    """Return activations, the newest first, from before a number on."""
    return [_activation(row) for row in await fetch(session, _LIST_ACTIVATIONS, before, limit)]


def _activation(row: asyncpg.Record) -> Activation:
    return Activation(*row)
