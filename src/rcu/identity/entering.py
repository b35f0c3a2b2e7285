"""The locks of a set of writes, and all that is read of it at once when they are held.

One statement takes the locks and then reads: each of them would cost a round trip of its own, and a
plain statement sees what was committed before it began to wait.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.errors import StaleReadError
from rcu.db.locks import (
    ACTIVATION,
    left_to_wait_for,
    lock_until_commit,
    note_taken,
    only_reads,
)
from rcu.db.statements import fetch
from rcu.identity.blocking import identifier_key
from rcu.identity.candidates import KeyHolders, most_read
from rcu.identity.controls import Controls, controls_of
from rcu.identity.drafts import Prepared, prepare, prepare_as_new
from rcu.identity.faces import pack_face
from rcu.identity.model import Model
from rcu.identity.neighbourhood import FEW
from rcu.identity.pairs import NOTHING_READ, Around, around_of
from rcu.identity.registers import ProfileStatement
from rcu.identity.repository import RecordKey

_MEET_PROFILE = "SELECT * FROM meet_profile($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
_LOCK_AND_READ = "SELECT * FROM lock_and_read($1, $2, $3, $4, $5, $6, $7, $8, $9)"
_HAVE_BEEN_READ: Final = False
"""Whether records are thought to be new, of those that `prepare` has looked for."""
_VERSION, _HOLDERS, _SEEDS = "version", "holders", "seeds"
_RECORD: Final = 7
"""The first of the columns of `read_ties` among those of `meet_profile`."""
_MOST_GUESSED: Final = 150
"""Candidates that are read before it is known whether they matter."""
_ARE_LIKELY_NEW: Final = 1
"""Statements that come alone are taken for those of new records: to look costs a round trip."""


@dataclass(frozen=True, slots=True)
class Entered:
    """A set of writes that holds its locks, and what was read of it then."""

    prepared: Prepared
    controls: Controls
    holders: KeyHolders
    """Of the keys of the drafts that are changed, at most `most_read` for each."""
    around: Around = NOTHING_READ
    """What was read with them of those who probably matter."""


async def enter(
    session: AsyncSession,
    statements: Sequence[ProfileStatement],
    *,
    model: Model,
    region: str,
    further_locks: Collection[int] = (),
) -> Entered:
    """Take the locks of some statements, and read what a write needs to know first.

    `further_locks` are taken along, in one order with the others. A session that only reads takes
    none, for one statement on a record that does not exist. Raises `StaleReadError`, upon
    which the edge tries again, when a record changed before it was locked.
    """
    if not statements:
        await lock_until_commit(session, further_locks)
        return Entered(prepare_as_new([], region=region), Controls(), {})
    if len(statements) <= _ARE_LIKELY_NEW:
        prepared = prepare_as_new(statements, region=region)
        entered = await _enter_new(session, prepared, model, further_locks)
        if entered is not None:
            return entered
    prepared = await prepare(session, statements, region=region)
    return await _enter(session, prepared, model, further_locks)


async def _enter_new(
    session: AsyncSession, prepared: Prepared, model: Model, further_locks: Collection[int]
) -> Entered | None:
    """Take the locks of one record and read all around it, unless it exists."""
    locks = (
        None
        if only_reads(session)
        else await left_to_wait_for(session, {*prepared.locks, *further_locks})
    )
    [(key, draft)] = prepared.drafts.items()
    identifiers = prepared.identifiers
    features = draft.features
    rows = await fetch(
        session,
        _MEET_PROFILE,
        locks,
        ACTIVATION,
        *key,
        *_halves(identifiers),
        list(draft.keys),
        most_read([draft], model),
        [identifier_key(*identifier) for identifier in features.identifiers],
        pack_face(features),
        FEW,
        _MOST_GUESSED,
    )
    if not rows:
        return None
    note_taken(session, locks or (), active=rows[0]["one"])
    told = [row for row in rows if row["what"] is not None]
    _refuse_overtaken(prepared, told)
    holders: dict[int, dict[UUID, str | None]] = defaultdict(dict)
    seeds: list[UUID] = []
    for row in told:
        if row["what"] == _HOLDERS:
            for number, record_id, held in zip(row["held"], row["ids"], row["faces"], strict=True):
                holders[number][record_id] = held
        elif row["what"] == _SEEDS:
            seeds = row["ids"]
    return Entered(
        prepared,
        controls_of((tuple(row)[:4] for row in told), known=identifiers),
        dict(holders),
        around_of(rows[len(told) :], asked=seeds, first=_RECORD),
    )


async def _enter(
    session: AsyncSession, prepared: Prepared, model: Model, further_locks: Collection[int]
) -> Entered:
    """Take the locks, and read who holds the keys."""
    locks = await left_to_wait_for(session, {*prepared.locks, *further_locks})
    changed = prepared.changed
    identifiers = prepared.identifiers
    rows = await fetch(
        session,
        _LOCK_AND_READ,
        locks,
        ACTIVATION,
        *_halves(prepared.drafts),
        _HAVE_BEEN_READ,
        *_halves(identifiers),
        list(frozenset[int]().union(*(d.keys | d.old_keys for d in changed))),
        most_read(changed, model),
    )
    note_taken(session, locks, active=rows[0]["one"])
    _refuse_overtaken(prepared, rows)
    return Entered(
        prepared,
        controls_of((tuple(row)[:4] for row in rows), known=identifiers),
        {
            number: dict(zip(ids, faces, strict=True))
            for what, _, _, number, ids, faces in rows
            if what == _HOLDERS
        },
    )


def _refuse_overtaken(prepared: Prepared, rows: Iterable[Any]) -> None:
    """Raise `StaleReadError` when a record changed before it was locked."""
    versions: dict[RecordKey, int] = {
        (row["one"], row["other"]): row["number"] for row in rows if row["what"] == _VERSION
    }
    for key, draft in prepared.drafts.items():
        if versions.get(key) != (draft.before.version if draft.before else None):
            raise StaleReadError


def _halves(pairs: Iterable[tuple[str, str]]) -> tuple[list[str], list[str]]:
    ordered = sorted(pairs)
    return [one for one, _ in ordered], [other for _, other in ordered]
