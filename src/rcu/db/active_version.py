"""Which version of the match model decides: read with the locks, and remembered by the process.

The statement that takes a transaction's locks takes a shared lock on the active version as well,
and returns it. So a transaction that holds locks knows what is active until it commits, for no
further round trip, and whoever activates another version waits for it. What the version means is
not known here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rcu.db.errors import StaleReadError
from rcu.db.statements import fetch

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

SEEN: Final = "rcu.active_version.seen"
"""Where a session finds what its process last saw."""
_ASSUMED: Final = "rcu.active_version.assumed"
_LOCKED: Final = "rcu.active_version.locked"

_ACTIVE = "SELECT version FROM model_activation ORDER BY number DESC LIMIT 1"


@dataclass(slots=True, eq=False, weakref_slot=True)
class SeenVersion:
    """The active version as the connections of a `Database` last saw it."""

    is_known: bool = False
    version: str | None = None
    """None when none was ever activated."""


async def assume_version(session: AsyncSession) -> str | None:
    """Return the active version, for work that has not taken its locks yet.

    It is the one that the process last saw: when another is active by the time that the locks are
    taken, the work is run again with that one. A transaction that holds locks is told what holds.
    """
    if _LOCKED in session.info:
        return _text(session.info[_LOCKED])
    if _ASSUMED not in session.info:
        seen: SeenVersion | None = session.info.get(SEEN)
        if seen is not None and seen.is_known:
            session.info[_ASSUMED] = seen.version
        else:
            session.info[_ASSUMED] = await read_version(session)
    return _text(session.info[_ASSUMED])


async def read_version(session: AsyncSession) -> str | None:
    """Return the version that is active as of now; None when none was ever activated."""
    rows = await fetch(session, _ACTIVE)
    version = _text(rows[0][0]) if rows else None
    _remember(session, version)
    return version


def note_locked(session: AsyncSession, version: str | None) -> None:
    """Take note of the version that holds until the transaction ends.

    Raises `StaleReadError`, upon which the edge runs the work again, when the work began with
    another.
    """
    session.info[_LOCKED] = version
    _remember(session, version)
    if session.info.get(_ASSUMED, version) != version:
        raise StaleReadError


def locked_version(session: AsyncSession) -> str | None:
    """Return the version that holds until the transaction ends, which has taken its locks."""
    return _text(session.info[_LOCKED])


def _remember(session: AsyncSession, version: str | None) -> None:
    seen: SeenVersion | None = session.info.get(SEEN)
    if seen is not None:
        seen.version, seen.is_known = version, True


def _text(value: object) -> str | None:
    return None if value is None else str(value)
