"""Trials as they are asked for, carried out and browsed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.engine import Database
from rcu.db.statements import columns, fetch, to_json
from rcu.errors import RcuError
from rcu.identity.active_model import load_model
from rcu.identity.model import Model
from rcu.identity.model_versions import keep_shipped
from rcu.ids import uuid7

_CHUNK: Final = 1000


class TrialNotFoundError(RcuError):
    """No trial has this id."""

    status = 404
    code = "trial_not_found"

    def __init__(self, trial_id: UUID) -> None:
        super().__init__(f"No trial has the id {trial_id}.")


@dataclass(frozen=True, slots=True)
class KeptTrial:
    """A trial, without its lines."""

    id: UUID
    version: str
    against_version: str | None
    actor: str
    asked_at: datetime
    state: str
    started_at: datetime | None
    finished_at: datetime | None
    failure: str | None
    figures: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class NamedRecord:
    """A record of one side of a line, by its source; both None once it is erased."""

    id: UUID
    source: str | None
    external_id: str | None


@dataclass(frozen=True, slots=True)
class KeptLine:
    """One merge gained or lost, as it is browsed."""

    position: int
    kind: str
    client_id: UUID
    other_client_id: UUID
    tickets: int
    left: NamedRecord
    """The record of one side that ties best with the other."""
    right: NamedRecord
    left_records: tuple[NamedRecord, ...]
    right_records: tuple[NamedRecord, ...]
    before: dict[str, Any]
    after: dict[str, Any]


_COLUMNS: Final = (
    "id, version, against_version, actor, asked_at, state, started_at, finished_at, failure, "
    "figures"
)
_ASK = f"""
    INSERT INTO model_trial (id, version, actor, asked_at, state)
    VALUES ($1, $2, $3, $4, 'waiting') RETURNING {_COLUMNS}
"""
_GET = f"SELECT {_COLUMNS} FROM model_trial WHERE id = $1"
_PENDING = """
    SELECT id FROM model_trial WHERE state IN ('waiting', 'running') ORDER BY asked_at, id LIMIT 1
"""
_START = """
    UPDATE model_trial SET state = 'running', started_at = $2, against_version = $3
    WHERE id = $1
"""
_FINISH = """
    UPDATE model_trial SET state = 'done', finished_at = $2, figures = $3::jsonb WHERE id = $1
"""
_FAIL = "UPDATE model_trial SET state = 'failed', finished_at = $2, failure = $3 WHERE id = $1"
_FORGET_LINES = "DELETE FROM model_trial_line WHERE trial_id = $1"
_SAVE_LINES = """
    INSERT INTO model_trial_line
        (trial_id, position, kind, client_id, other_client_id, tickets, left_id, right_id,
         left_record_ids, right_record_ids, before, after)
    SELECT $1, * FROM unnest($2::int[], $3::text[], $4::uuid[], $5::uuid[], $6::int[], $7::uuid[],
                             $8::uuid[], $9::jsonb[], $10::jsonb[], $11::jsonb[], $12::jsonb[])
"""
_LINES = """
    SELECT position, kind, client_id, other_client_id, tickets, left_id, right_id,
           left_record_ids, right_record_ids, before, after
    FROM model_trial_line
    WHERE trial_id = $1 AND position > $2 AND ($3::text IS NULL OR kind = $3)
    ORDER BY position LIMIT $4
"""
_NAMES = "SELECT id, source, external_id FROM source_record WHERE id = ANY ($1::uuid[])"


async def ask_trial(session: AsyncSession, version: str, *, actor: str) -> KeptTrial:
    """Ask for a trial of a version; raise `ModelVersionNotFoundError` when there is none."""
    await load_model(session, version)
    if version == Model.shipped().version:
        await keep_shipped(session, actor=actor)
    [row] = await fetch(session, _ASK, uuid7(), version, actor, datetime.now(UTC))
    return _trial(row)


async def get_trial(session: AsyncSession, trial_id: UUID) -> KeptTrial:
    """Return a trial; raise `TrialNotFoundError` when there is none."""
    rows = await fetch(session, _GET, trial_id)
    if not rows:
        raise TrialNotFoundError(trial_id)
    return _trial(rows[0])


def _trial(row: asyncpg.Record) -> KeptTrial:
    return KeptTrial(*row)


async def list_lines(
    session: AsyncSession, trial_id: UUID, *, kind: str | None, after: int, limit: int
) -> list[KeptLine]:
    """Return lines of a trial after a position, those with most tickets first."""
    rows = await fetch(session, _LINES, trial_id, after, kind, limit)
    ids = {id_ for row in rows for id_ in (row["left_id"], row["right_id"])}
    for row in rows:
        ids.update(map(UUID, row["left_record_ids"] + row["right_record_ids"]))
    names = {row[0]: NamedRecord(*row) for row in await fetch(session, _NAMES, sorted(ids))}

    def named(id_: UUID) -> NamedRecord:
        return names.get(id_, NamedRecord(id_, None, None))

    return [
        KeptLine(
            position=row["position"],
            kind=row["kind"],
            client_id=row["client_id"],
            other_client_id=row["other_client_id"],
            tickets=row["tickets"],
            left=named(row["left_id"]),
            right=named(row["right_id"]),
            left_records=tuple(named(UUID(id_)) for id_ in row["left_record_ids"]),
            right_records=tuple(named(UUID(id_)) for id_ in row["right_record_ids"]),
            before=row["before"],
            after=row["after"],
        )
        for row in rows
    ]


# --- carrying out -------------------------------------------------------------------------------


async def find_pending_trial(database: Database) -> UUID | None:
    """Return the trial that waits longest; one that a crash left running waits too."""
    async with database.driver_connection() as connection:
        found: UUID | None = await connection.fetchval(_PENDING)
    return found


async def begin(database: Database, trial_id: UUID, *, against: Model) -> None:
    """Note that a trial is under way, and against which model."""
    await _write(database, _START, trial_id, datetime.now(UTC), against.version)


async def fail(database: Database, trial_id: UUID, error: Exception) -> None:
    """Note that a trial failed, and of what, by its code."""
    code = error.code if isinstance(error, RcuError) else "unexpected"
    await _write(database, _FAIL, trial_id, datetime.now(UTC), code)


async def finish(
    database: Database, trial_id: UUID, figures: dict[str, Any], lines: Sequence[Any]
) -> None:
    """Keep the outcome of a trial, all at once."""

    async def work(session: AsyncSession) -> None:
        await fetch(session, _FORGET_LINES, trial_id)
        for start in range(0, len(lines), _CHUNK):
            some = lines[start : start + _CHUNK]
            rows = [_row(position, line) for position, line in enumerate(some, start=start + 1)]
            await fetch(session, _SAVE_LINES, trial_id, *columns(rows))
        await fetch(session, _FINISH, trial_id, datetime.now(UTC), to_json(figures))

    await database.run(work)


def _row(position: int, line: Any) -> tuple[Any, ...]:
    values = asdict(line)
    for name in ("left_record_ids", "right_record_ids", "before", "after"):
        values[name] = to_json(values[name])
    return position, *values.values()


async def _write(database: Database, statement: str, *values: object) -> None:
    async with database.driver_connection() as connection:
        await connection.execute(statement, *values)
