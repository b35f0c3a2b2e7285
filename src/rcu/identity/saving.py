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
from rcu.identity.models import Origin
from rcu.identity.pairs import ScoredPair, forgetting_pairs, saving_pairs
from rcu.identity.repository import ADD_RECORDS, SAVE_RECORDS, Pair, SavedRecord


class SavedKey(NamedTuple):
    """A blocking key of a record, with the face that its row carries: a row of `new_key`."""

    key: int
    record_id: UUID
    face: str | None


class StatedIdentifier(NamedTuple):
    """An identifier that a profile states, or has stated: a row of `new_identifier`."""

    kind: str
    value: str
    record_id: UUID
    origin: Origin
    verified_at: datetime | None
    stated_since: datetime | None


@dataclass(frozen=True, slots=True)
class SavedProfiles:
    """What is written of some records."""

    records: Collection[SavedRecord]
    keys: Collection[SavedKey]
    """Those that are new, or whose face is."""
    identifiers: Collection[StatedIdentifier]
    """All that their profiles state or have stated."""
    pairs: Collection[ScoredPair]
    model_version: str
    """That of the model which scored the pairs."""
    are_new: bool
    """Whether none of the records exists yet, and so none of the pairs."""
    client_ids: Collection[UUID]
    """Clients that have one of the records from now on, and that nobody leaves."""


def _saving(records: str, pairs: str, *, key_exists: str, is_stated: str) -> str:
    return f"""
        WITH saved AS ({records}), keyed AS (
            INSERT INTO blocking_key (key, record_id, face)
            SELECT * FROM unnest($3::new_key[]) {key_exists}
        ), scored AS ({pairs}), refreshed AS (
            INSERT INTO client AS c (id, known, version, created_at, changed_at)
            SELECT id, true, 1, $2, $2 FROM unnest($8::uuid[]) AS id ORDER BY id
            ON CONFLICT (id) DO UPDATE
            SET known = true, version = c.version + 1, changed_at = excluded.changed_at,
                retired_at = NULL
        )
        INSERT INTO identifier
            (kind, value, record_id, origin, verified_at, stated_since, first_seen_at)
        SELECT stated.*, $2 FROM unnest($4::new_identifier[]) AS stated {is_stated}
    """  # noqa: S608 - of constants


# Of a new record there is nothing yet that a row could meet: not to look saves a sixth of the time.
_ADD = _saving(ADD_RECORDS, saving_pairs(5, are_new=True), key_exists="", is_stated="")
_SAVE = _saving(
    SAVE_RECORDS,
    saving_pairs(5),
    key_exists="ON CONFLICT (key, record_id) DO UPDATE SET face = excluded.face",
    is_stated="""
        ON CONFLICT (kind, value, record_id, origin) DO UPDATE
        SET verified_at = excluded.verified_at, stated_since = excluded.stated_since
    """,
)


async def save_profiles(session: AsyncSession, saved: SavedProfiles, *, at: datetime) -> None:
    """Insert records with all that hangs on them, or bring what is there up to date.

    What a record has lost is taken away before, by `forget`.
    """
    if saved.records:
        await fetch(
            session,
            _ADD if saved.are_new else _SAVE,
            list(saved.records),
            at,
            list(saved.keys),
            list(saved.identifiers),
            list(saved.pairs),
            saved.model_version,
            at,
            list(saved.client_ids),
        )


_FORGET = f"""
    WITH unkeyed AS (
        DELETE FROM blocking_key b
        USING unnest($1::bigint[], $2::uuid[]) AS gone (key, record_id)
        WHERE b.key = gone.key AND b.record_id = gone.record_id
    ), unstated AS (
        DELETE FROM identifier WHERE record_id = ANY ($3::uuid[]) AND origin <> 'ticket'
    ), unpaired AS ({forgetting_pairs(4)})
    DELETE FROM record_pair WHERE left_id = ANY ($3::uuid[]) OR right_id = ANY ($3)
"""  # noqa: S608 - of constants


async def forget(
    session: AsyncSession,
    *,
    keys: Collection[tuple[int, UUID]],
    record_ids: Collection[UUID],
    pairs: Collection[Pair],
) -> None:
    """Take away `(key, record id)` rows, some pairs, and what was written of some records.

    That is the identifiers that their profiles state or have stated, and their pairs. What sales
    showed stays.
    """
    if keys or record_ids or pairs:
        await fetch(
            session,
            _FORGET,
            *(columns(keys) if keys else [[], []]),
            list(record_ids),
            *(columns(pairs) if pairs else [[], []]),
        )
