"""The turn of a steward: decisions are made one after another, on clients that hold still.

People decide at the pace of people, so that one lock for all of them costs nobody anything, and
gives every decision its place in one order: of two on the same pair, the later one holds, and of
two requests that are the same, the second finds the answer of the first.
Against messages, which change clients all the time, the clients concerned are locked.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.errors import StaleReadError
from rcu.db.locks import lock_key, lock_until_commit
from rcu.db.statements import fetch
from rcu.identity import repository
from rcu.identity.errors import ClientChangedError, ClientNotFoundError
from rcu.identity.pairs import load_component

ExpectedVersions = Mapping[UUID, int | None]
"""By client id, the version at which the steward saw it; None when he does not say."""

_TURN = lock_key("stewardship")


@dataclass(frozen=True, slots=True)
class Turn:
    """Clients that hold still until the transaction ends."""

    client_of: Mapping[UUID, UUID]
    """The client of each record, or of each former client id, that was asked for."""
    versions: Mapping[UUID, int]

    def refuse_changed(self, expected_versions: ExpectedVersions) -> None:
        """Raise `ClientChangedError` when a client is not as the steward saw it."""
        for seen_id, expected in expected_versions.items():
            client_id = self.client_of.get(seen_id, seen_id)
            current = self.versions.get(client_id, 0)
            if expected is not None and expected != current:
                raise ClientChangedError(client_id, expected=expected, current=current)


async def wait_for_turn(session: AsyncSession) -> None:
    """Wait until no other steward decides; the turn lasts until the transaction ends."""
    await lock_until_commit(session, [_TURN])


async def take_turn(session: AsyncSession, ids: Collection[UUID]) -> Turn:
    """Wait for the turn, then lock the clients of some records, and all that they are tied to.

    An id may be that of a record, or any client id ever given. Raises `ClientNotFoundError` for
    one that is neither, and `StaleReadError`, upon which the edge tries again, when the clients
    changed while we waited for them.
    """
    await wait_for_turn(session)
    around = await _look_around(session, ids)
    versions = await repository.lock_clients(session, around.client_ids)
    if await _look_around(session, ids) != around:
        raise StaleReadError
    return Turn(around.client_of, versions)


@dataclass(frozen=True, slots=True)
class _Around:
    client_of: Mapping[UUID, UUID]
    client_ids: frozenset[UUID]
    """The clients asked for, and those that links and judgements tie to them."""


_CURRENT = "SELECT id, client_id FROM source_record WHERE id = ANY ($1::uuid[])"
_PROFILES = """
    SELECT id FROM source_record WHERE client_id = ANY ($1::uuid[]) AND kind = 'profile'
"""


async def _look_around(session: AsyncSession, ids: Collection[UUID]) -> _Around:
    client_of = dict(await fetch(session, _CURRENT, sorted(ids)))
    for missing in sorted(set(ids) - client_of.keys()):
        raise ClientNotFoundError(missing)
    profiles = await fetch(session, _PROFILES, sorted(set(client_of.values())))
    component = await load_component(session, [row["id"] for row in profiles])
    tied = {record.client_id for record in component.records}
    return _Around(client_of, frozenset(client_of.values()) | tied)
