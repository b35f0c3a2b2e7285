"""Writing down what profiles say, in one statement: records, and all that hangs on them.

Each row of a further table would cost little, but each further statement a round trip.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import columns, fetch
from rcu.identity.pairs import ScoredPair, saving_pairs
from rcu.identity.repository import ADD_RECORDS, SAVE_RECORDS, SavedRecord


class SavedKey(NamedTuple):
    """A blocking key of a record, with the face that its row carries."""

    key: int
    record_id: UUID
    face: str | None


class StatedIdentifier(NamedTuple):
    """An identifier that the profile of a record states."""

    kind: str
    value: str
    record_id: UUID
    verified_at: datetime | None


@dataclass(frozen=True, slots=True)
class SavedProfiles:
    """What is written of some records."""

    records: Collection[SavedRecord]
    keys: Collection[SavedKey]
    """Those that are new, or whose face is."""
    identifiers: Collection[StatedIdentifier]
    """All that their profiles state."""
    pairs: Collection[ScoredPair]
    model_version: str
    """That of the model which scored the pairs."""
    are_new: bool
    """Whether none of the records exists yet."""
    client_ids: Collection[UUID]
    """Clients that have one of the records from now on, and that nobody leaves."""


def _saving(records: str, *, key_exists: str, is_stated: str) -> str:
    return f"""
        WITH saved AS ({records}), keyed AS (
            INSERT INTO blocking_key (key, record_id, face)
            SELECT * FROM unnest($10::bigint[], $11::uuid[], $12::text[]) {key_exists}
        ), scored AS ({saving_pairs(17)}), refreshed AS (
            INSERT INTO client AS c (id, known, version, created_at, changed_at)
            SELECT id, true, 1, $9, $9 FROM unnest($25::uuid[]) AS id ORDER BY id
            ON CONFLICT (id) DO UPDATE
            SET known = true, version = c.version + 1, changed_at = excluded.changed_at,
                retired_at = NULL
        )
        INSERT INTO identifier (kind, value, record_id, origin, verified_at, first_seen_at)
        SELECT kind, value, record_id, 'profile', verified_at, $9
        FROM unnest($13::text[], $14::text[], $15::uuid[], $16::timestamptz[])
            AS stated (kind, value, record_id, verified_at) {is_stated}
    """  # noqa: S608 - of constants


# Of a new record there is nothing yet that a row could meet: not to look saves a sixth of the time.
_ADD = _saving(ADD_RECORDS, key_exists="", is_stated="")
_SAVE = _saving(
    SAVE_RECORDS,
    key_exists="ON CONFLICT (key, record_id) DO UPDATE SET face = excluded.face",
    is_stated="""
        ON CONFLICT (kind, value, record_id, origin) DO UPDATE
        SET verified_at = excluded.verified_at
    """,
)


async def save_profiles(session: AsyncSession, saved: SavedProfiles, *, at: datetime) -> None:
    """Insert records with all that hangs on them, or bring what is there up to date.

    What a record has lost is taken away before: by `forget_keys`, `forget_stated`, `forget_pairs`.
    """
    if saved.records:
        await fetch(
            session,
            _ADD if saved.are_new else _SAVE,
            *columns(saved.records),
            at,
            *(columns(saved.keys) if saved.keys else [[], [], []]),
            *(columns(saved.identifiers) if saved.identifiers else [[], [], [], []]),
            *(columns(saved.pairs) if saved.pairs else [[], [], [], [], [], []]),
            saved.model_version,
            at,
            list(saved.client_ids),
        )


_FORGET_KEYS = """
    DELETE FROM blocking_key b
    USING unnest($1::bigint[], $2::uuid[]) AS gone(key, record_id)
    WHERE b.key = gone.key AND b.record_id = gone.record_id
"""


async def forget_keys(session: AsyncSession, gone: Collection[tuple[int, UUID]]) -> None:
    """Remove `(key, record id)` rows."""
    if gone:
        await fetch(session, _FORGET_KEYS, *columns(gone))


_FORGET_STATED = """
    DELETE FROM identifier WHERE record_id = ANY ($1::uuid[]) AND origin = 'profile'
"""


async def forget_stated(session: AsyncSession, record_ids: Collection[UUID]) -> None:
    """Remove the identifiers that the profiles of records stated. What sales showed stays."""
    if record_ids:
        await fetch(session, _FORGET_STATED, list(record_ids))
