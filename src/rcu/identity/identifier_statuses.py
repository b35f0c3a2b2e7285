"""The status of identifiers, remembered: when each became shared, or personal again, and why."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import columns, fetch
from rcu.identity.adoption import Cause
from rcu.identity.features import Features
from rcu.identity.identifier_models import IdentifierStatus, StatusCause
from rcu.identity.model import Model
from rcu.identity.neighbourhood import StatusTurn
from rcu.identity.placing import IdentifierKey
from rcu.identity.sharing import count_people
from rcu.ids import uuid7

MOST_PEOPLE: Final = 100
"""People counted among the holders of an identifier, at most."""


class NewStatus(NamedTuple):
    """A row of the history to write."""

    id: UUID
    kind: str
    value: str
    status: IdentifierStatus
    holders: int
    people: int
    cause: StatusCause
    actor: str
    reason: str | None
    decision_id: UUID | None


def new_status(
    identifier: IdentifierKey,
    *,
    is_shared: bool,
    holders: int,
    read: Sequence[Features],
    cause: Cause,
    model: Model,
) -> NewStatus:
    """Return the row that says which status an identifier has from now on.

    `holders` says how many records hold it, `read` which, or as many of them as were read.
    """
    return NewStatus(
        uuid7(),
        *identifier,
        IdentifierStatus.SHARED if is_shared else IdentifierStatus.PERSONAL,
        holders,
        people_among(identifier, read, model),
        _STATUS_CAUSES.get(cause.kind, StatusCause.MESSAGE),
        cause.actor,
        cause.reason,
        cause.decision_id,
    )


def people_among(identifier: IdentifierKey, holders: Sequence[Features], model: Model) -> int:
    """Count the plainly different people among the holders of an identifier, up to a hundred."""
    twice = identifier[0] in model.single_valued_kinds
    return count_people(holders, model, limit=MOST_PEOPLE, twice=twice)


_STATUS_CAUSES: Final = {
    "judgement": StatusCause.STEWARD,
    "resolution": StatusCause.RESOLUTION,
}

_APPEND = """
    INSERT INTO identifier_status_change
        (id, kind, value, status, holders, people, cause, actor, reason, decision_id, made_at)
    SELECT *, $11::timestamptz
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::int[], $6::int[], $7::text[],
                $8::text[], $9::text[], $10::uuid[])
"""


async def append(session: AsyncSession, rows: Collection[NewStatus], *, at: datetime) -> None:
    """Append to the history."""
    if rows:
        await fetch(session, _APPEND, *columns(rows), at)


async def remember_turns(
    session: AsyncSession,
    turns: Collection[StatusTurn],
    *,
    model: Model,
    cause: Cause,
    at: datetime,
) -> None:
    """Remember the identifiers that writes turned into shared ones, or back."""
    rows = [
        new_status(
            turn.identifier,
            is_shared=turn.is_shared,
            holders=turn.holders,
            read=turn.read,
            cause=cause,
            model=model,
        )
        for turn in turns
    ]
    await append(session, rows, at=at)


# --- reading --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StatusChange:
    """The status that an identifier had from some time on."""

    id: UUID
    kind: str
    value: str
    """Personal data."""
    status: IdentifierStatus
    holders: int
    people: int
    cause: StatusCause
    actor: str
    reason: str | None
    decision_id: UUID | None
    made_at: datetime


_COLUMNS = "id, kind, value, status, holders, people, cause, actor, reason, decision_id, made_at"
_LIST = f"""
    SELECT {_COLUMNS} FROM identifier_status_change
    WHERE ($1::text IS NULL OR kind = $1) AND ($2::text IS NULL OR status = $2)
      AND ($3::uuid IS NULL OR id < $3)
    ORDER BY id DESC LIMIT $4
"""  # noqa: S608 - made of constants of this module


async def list_changes(
    session: AsyncSession,
    *,
    kind: str | None = None,
    status: IdentifierStatus | None = None,
    before: UUID | None = None,
    limit: int,
) -> list[StatusChange]:
    """Return changes of status, newest first; those before the one of an id, if it is given."""
    rows = await fetch(session, _LIST, kind, status, before, limit)
    return [StatusChange(*row) for row in rows]


_OF_ONE = f"""
    SELECT {_COLUMNS} FROM identifier_status_change
    WHERE kind = $1 AND value = $2 ORDER BY id DESC LIMIT $3
"""  # noqa: S608 - made of constants of this module


async def list_changes_of(
    session: AsyncSession, identifier: IdentifierKey, *, limit: int
) -> list[StatusChange]:
    """Return the changes of one identifier's status, newest first."""
    return [StatusChange(*row) for row in await fetch(session, _OF_ONE, *identifier, limit)]


_TOLD = """
    SELECT wanted.kind, wanted.value, (
        SELECT status FROM identifier_status_change c
        WHERE (c.kind, c.value) = (wanted.kind, wanted.value) ORDER BY c.id DESC LIMIT 1
    )
    FROM unnest($1::text[], $2::text[]) AS wanted (kind, value)
"""


async def statuses_told(
    session: AsyncSession, identifiers: Collection[IdentifierKey]
) -> dict[IdentifierKey, IdentifierStatus]:
    """Return the status that was last told of each identifier, one at least.

    An identifier of which nothing was told is one person's.
    """
    return {
        (kind, value): IdentifierStatus(status or IdentifierStatus.PERSONAL)
        for kind, value, status in await fetch(session, _TOLD, *columns(sorted(identifiers)))
    }


_TOLD_SHARED = """
    SELECT kind, value FROM (
        SELECT DISTINCT ON (kind, value) kind, value, status
        FROM identifier_status_change ORDER BY kind, value, id DESC
    ) AS told
    WHERE status = $1
"""


async def list_told_shared(session: AsyncSession) -> set[IdentifierKey]:
    """Return every identifier of which was told last that it is shared."""
    found = await fetch(session, _TOLD_SHARED, IdentifierStatus.SHARED)
    return {(kind, value) for kind, value in found}


_VERSION = "SELECT count(*) FROM identifier_status_change WHERE kind = $1 AND value = $2"


async def version_of(session: AsyncSession, identifier: IdentifierKey) -> int:
    """Return how often the status of an identifier was told: another number, another story."""
    [(count,)] = await fetch(session, _VERSION, *identifier)
    return int(count)
