"""What follows an activation: everything stored is resolved anew with the model that now decides.

Messages go on meanwhile, and decide with the new model already. A pass compares what is stored with
a resolution of everything as of one instant, and adopts the difference; passes follow one another
until nothing differs but what brakes hold back, since what arrives during one may turn a value into
a shared one. Then some
records of identifiers are placed again, since that depends on the model too: those that carry a
name, which may contradict, and those of an identifier that may be shared.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.bulk.engine import Engine
from rcu.bulk.jobs import OpenEngine, turn_of_jobs
from rcu.bulk.whole_database import Difference, resolve_database
from rcu.clients import service as clients
from rcu.db.engine import Database
from rcu.db.statements import fetch
from rcu.errors import RcuError
from rcu.identity.active_model import hold_active, load_model
from rcu.identity.adoption import Cause
from rcu.identity.errors import ModelReplacedError
from rcu.identity.identifiers import list_identifiers
from rcu.identity.model import Model
from rcu.identity.model_versions import Activation, get_activation
from rcu.identity.presented import place_presented
from rcu.logs import get_logger

MOST_PASSES: Final = 10
"""Beyond it the work is said to have failed: the engines would not agree."""
PLACED_RECORDS: Final = 50
"""Records of identifiers a transaction."""
_PROGRESS_SECONDS: Final = 0.5

log = get_logger(__name__)

OnProgress = Callable[[int, int | None], None]
"""Told how many records are done, of how many; None while that is being worked out."""


class PassesExhaustedError(RcuError):
    """The stored partition still differs from a fresh resolution after many passes."""

    code = "passes_exhausted"

    def __init__(self) -> None:
        super().__init__(f"After {MOST_PASSES} passes the stored partition still differs.")


_PENDING = """
    SELECT number FROM model_activation
    WHERE state IN ('waiting', 'running') OR (state = 'failed' AND $1)
    ORDER BY number DESC LIMIT 1
"""
_START = """
    UPDATE model_activation
    SET state = 'running', started_at = coalesce(started_at, $2), failure = NULL
    WHERE number = $1 AND state <> 'superseded'
"""
_TELL = """
    UPDATE model_activation SET done_records = $2, total_records = $3
    WHERE number = $1 AND state = 'running'
"""
# Counted from the history, so that the figure is whole after a crash.
_FINISH = """
    UPDATE model_activation a
    SET state = 'done', finished_at = $2, total_records = done_records, moved_records = (
        SELECT coalesce(sum(cardinality(c.record_ids)), 0) FROM identity_change c
        WHERE c.cause = 'resolution' AND c.actor = $3 AND c.made_at >= a.activated_at
    )
    WHERE number = $1 AND state = 'running'
"""
_FAIL = """
    UPDATE model_activation SET state = 'failed', finished_at = $2, failure = $3
    WHERE number = $1 AND state = 'running'
"""


async def follow_activation(
    database: Database,
    open_engine: OpenEngine,
    *,
    region: str,
    retry_failed: bool = False,
    on_progress: OnProgress = lambda _done, _all: None,
) -> Activation | None:
    """Resolve what is stored with the model that was activated; return the activation when done.

    None when there is nothing to do, or another process is at it. Sound to stop at any time: given
    again, it goes on. What a later activation overtakes is left to that one.
    """
    done: Activation | None = None
    async with turn_of_jobs(database) as is_ours:
        while is_ours and (number := await _pending(database, retry_failed=retry_failed)):
            retry_failed = False
            activation = await _read(database, number)
            with suppress(ModelReplacedError):
                await _Following(database, activation, region, on_progress).run(open_engine)
            done = await _read(database, number)
    return done


async def _read(database: Database, number: int) -> Activation:
    return await database.run(lambda session: get_activation(session, number))


async def _pending(database: Database, *, retry_failed: bool) -> int | None:
    async with database.driver_connection() as connection:
        number: int | None = await connection.fetchval(_PENDING, retry_failed)
    return number


@dataclass(slots=True)
class _Following:
    """The work that one activation asks for."""

    database: Database
    activation: Activation
    region: str
    on_progress: OnProgress
    done: int = 0
    total: int | None = None

    async def run(self, open_engine: OpenEngine) -> None:
        """Do it all; what it fails of is kept with the activation, and raised."""
        await self._write(_START, datetime.now(UTC))
        self.done = self.activation.done_records
        model = await self.database.run(lambda s: load_model(s, self.activation.version))
        try:
            async with self._telling():
                with open_engine() as engine:
                    await self._resolve(engine, model)
                await self._place_again(model)
        except ModelReplacedError:
            raise
        except Exception as error:
            code = error.code if isinstance(error, RcuError) else "unexpected"
            await self._write(_FAIL, datetime.now(UTC), code)
            raise
        await self._tell()
        await self._write(_FINISH, datetime.now(UTC), f"model:{model.version}")
        log.info("model.followed", version=model.version, records=self.done)

    async def _resolve(self, engine: Engine, model: Model) -> None:
        last: Difference | None = None
        for _ in range(MOST_PASSES):
            before = self.done

            def progress(done: int, records: int, before: int = before) -> None:
                self.done, self.total = before + done, before + records
                self.on_progress(self.done, self.total)

            self.on_progress(before, None)
            found = await resolve_database(
                self.database,
                engine,
                model=model,
                region=self.region,
                only_while_active=True,
                on_progress=progress,
            )
            if not found.records or found.is_held_back_since(last):
                return
            last = found
        raise PassesExhaustedError

    async def _place_again(self, model: Model) -> None:
        before = await self.database.run(
            lambda session: load_model(session, self.activation.previous_version)
        )
        limit = min(min(one.document.shared_limits.values()) for one in (before, model))
        after: UUID | None = UUID(int=0)
        while after is not None:
            after = await self.database.run(
                partial(_place_some, after=after, limit=limit, model=model, region=self.region)
            )

    @asynccontextmanager
    async def _telling(self) -> AsyncIterator[None]:
        """Keep the progress where others can read it, now and then."""

        async def now_and_then() -> None:
            while True:
                await asyncio.sleep(_PROGRESS_SECONDS)
                await self._tell()

        task = asyncio.create_task(now_and_then())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _tell(self) -> None:
        await self._write(_TELL, self.done, self.total)

    async def _write(self, statement: str, *values: object) -> None:
        async with self.database.driver_connection() as connection:
            await connection.execute(statement, self.activation.number, *values)


# --- records of identifiers ---------------------------------------------------------------------

_IN_QUESTION = """
    SELECT id FROM source_record r
    WHERE kind = 'identifiers' AND id > $1 AND (
        features ?| ARRAY['given', 'family', 'gender', 'born']
        OR EXISTS (
            SELECT FROM identifier own WHERE own.record_id = r.id AND (
                SELECT count(*) FROM (
                    SELECT FROM identifier held
                    WHERE (held.kind, held.value) = (own.kind, own.value)
                      AND held.origin = 'profile'
                    LIMIT $3::int + 1
                ) AS found
            ) > $3::int
        )
    )
    ORDER BY id LIMIT $2
"""


async def _place_some(
    session: AsyncSession, *, after: UUID, limit: int, model: Model, region: str
) -> UUID | None:
    """Place some records anew; return the last of them, or None when there were no more."""
    await hold_active(session, model)
    ids: list[UUID] = [
        row[0] for row in await fetch(session, _IN_QUESTION, after, PLACED_RECORDS, limit)
    ]
    if not ids:
        return None
    at = datetime.now(UTC)
    placed = await place_presented(
        session,
        [],
        model=model,
        at=at,
        cause=Cause("resolution", f"model:{model.version}"),
        touched=await list_identifiers(session, ids),
    )
    await clients.rebuild(session, placed.touched_client_ids, region=region)
    return ids[-1]
