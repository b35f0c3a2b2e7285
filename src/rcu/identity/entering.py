"""The locks of a set of writes, and all that is read of it at once when they are held.

One statement takes the locks and then reads: each of them would cost a round trip of its own, and a
plain statement sees what was committed before it began to wait.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.errors import StaleReadError
from rcu.db.locks import ACTIVATION, left_to_wait_for, lock_until_commit, note_taken
from rcu.db.statements import fetch
from rcu.identity.candidates import KeyHolders, most_read
from rcu.identity.controls import Controls, controls_of
from rcu.identity.drafts import Prepared, prepare, prepare_as_new
from rcu.identity.model import Model
from rcu.identity.registers import ProfileStatement
from rcu.identity.repository import RecordKey

_LOCK_AND_READ = "SELECT * FROM lock_and_read($1, $2, $3, $4, $5, $6, $7, $8, $9)"
_ACTIVE, _VERSION, _HOLDERS = "active", "version", "holders"
_ARE_LIKELY_NEW: Final = 1
"""Statements that come alone are taken for those of new records: to look costs a round trip."""


@dataclass(frozen=True, slots=True)
class Entered:
    """A set of writes that holds its locks, and what was read of it then."""

    prepared: Prepared
    controls: Controls
    holders: KeyHolders
    """Of the keys of the drafts that are changed, at most `most_read` for each."""


async def enter(
    session: AsyncSession,
    statements: Sequence[ProfileStatement],
    *,
    model: Model,
    region: str,
    further_locks: Collection[int] = (),
) -> Entered:
    """Take the locks of some statements, and read what a write needs to know first.

    `further_locks` are taken along, in one order with the others. Raises `StaleReadError`, upon
    which the edge tries again, when a record changed before it was locked.
    """
    if not statements:
        await lock_until_commit(session, further_locks)
        return Entered(prepare_as_new([], region=region), Controls(), {})
    if len(statements) <= _ARE_LIKELY_NEW:
        prepared = prepare_as_new(statements, region=region)
        entered = await _enter(session, prepared, model, further_locks)
        if entered is not None:
            return entered
    prepared = await prepare(session, statements, region=region)
    entered = await _enter(session, prepared, model, further_locks)
    if entered is None:
        raise StaleReadError
    return entered


async def _enter(
    session: AsyncSession, prepared: Prepared, model: Model, further_locks: Collection[int]
) -> Entered | None:
    """Take the locks, unless a record exists that is thought to be new."""
    locks = await left_to_wait_for(session, {*prepared.locks, *further_locks})
    changed = prepared.changed
    identifiers = prepared.identifiers
    rows = await fetch(
        session,
        _LOCK_AND_READ,
        locks,
        ACTIVATION,
        *_halves(prepared.drafts),
        prepared.are_thought_new,
        *_halves(identifiers),
        list(frozenset[int]().union(*(d.keys | d.old_keys for d in changed))),
        most_read(changed, model),
    )
    if not rows:
        return None
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
        (source, external_id): number
        for what, source, external_id, number, _, _ in rows
        if what == _VERSION
    }
    for key, draft in prepared.drafts.items():
        if versions.get(key) != (draft.before.version if draft.before else None):
            raise StaleReadError


def _halves(pairs: Iterable[tuple[str, str]]) -> tuple[list[str], list[str]]:
    ordered = sorted(pairs)
    return [one for one, _ in ordered], [other for _, other in ordered]
