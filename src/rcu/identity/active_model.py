"""The model that decides: the active version, each document read once by a process."""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.active_version import (
    SEEN,
    SeenVersion,
    assume_version,
    locked_version,
    read_version,
)
from rcu.db.engine import Database
from rcu.db.locks import lock_active_version
from rcu.db.statements import fetch
from rcu.identity.errors import ModelReplacedError, ModelVersionNotFoundError
from rcu.identity.model import Model

MOST_MODELS: Final = 8
"""Models kept ready by a process for each database: the active one, and those around a change."""

_loaded: Final[WeakKeyDictionary[SeenVersion, dict[str, Model]]] = WeakKeyDictionary()

_DOCUMENT = "SELECT document::text FROM model_version WHERE version = $1"


async def active_model(session: AsyncSession) -> Model:
    """Return the model that decides in the transaction of `session`.

    Before the transaction has taken its locks it is the one that the process last saw active, for
    no round trip; when it turns out with the locks to be another, the edge runs the work again.
    """
    return await _model_of(session, await assume_version(session))


async def read_active_model(database: Database) -> Model:
    """Return the model that is active as of now, for an answer that decides nothing."""

    async def work(session: AsyncSession) -> Model:
        return await _model_of(session, await read_version(session))

    return await database.run(work)


async def hold_active(session: AsyncSession, model: Model) -> None:
    """Keep `model` the active one until the commit; raise `ModelReplacedError` when it is not."""
    await lock_active_version(session)
    refuse_replaced(session, model)


def refuse_replaced(session: AsyncSession, model: Model) -> None:
    """Raise `ModelReplacedError` when another model is active; the locks are held already."""
    if (locked_version(session) or Model.shipped().version) != model.version:
        raise ModelReplacedError(model.version)


async def load_model(session: AsyncSession, version: str) -> Model:
    """Return the model of a version; raise `ModelVersionNotFoundError` when there is none.

    The shipped model is there without being stored.
    """
    seen: SeenVersion | None = session.info.get(SEEN)
    ready = _loaded.setdefault(seen, {}) if seen is not None else {}
    if version not in ready:
        rows = await fetch(session, _DOCUMENT, version)
        if not rows and version != Model.shipped().version:
            raise ModelVersionNotFoundError(version)
        if len(ready) >= MOST_MODELS:
            ready.clear()
        ready[version] = Model.from_json(rows[0][0]) if rows else Model.shipped()
    return ready[version]


async def _model_of(session: AsyncSession, version: str | None) -> Model:
    return Model.shipped() if version is None else await load_model(session, version)
