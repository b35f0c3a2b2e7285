"""Use cases on clients: golden records kept in step with their records; look-up and search."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from rcu.clients import golden, lookup, repository, search
from rcu.clients.errors import IdentifierUnreadableError, SearchTooVagueError
from rcu.clients.golden import ProfileRecord
from rcu.clients.lookup import FoundClient, Summary
from rcu.clients.repository import Rebuilt
from rcu.clients.search import Hit
from rcu.clients.search_terms import search_terms
from rcu.db.statements import to_json
from rcu.identity.features import MISTYPED_CARD, identifier_of

if TYPE_CHECKING:
    from rcu.db.engine import Database

REBUILD_CHUNK = 1000
"""Clients rebuilt in one transaction, when all are."""

SearchPlace = tuple[int, UUID]
"""Where a page of a search ended: the negated score and the id of its last client."""


@dataclass(frozen=True, slots=True)
class FoundHit:
    """A client that a search found, and why."""

    client: Summary
    hit: Hit


@dataclass(frozen=True, slots=True)
class SearchPage:
    """Hits, best first, and where the next page begins."""

    hits: list[FoundHit]
    next_place: SearchPlace | None


async def rebuild(
    session: AsyncSession, client_ids: Collection[UUID], *, region: str = "FR"
) -> None:
    """Bring the golden records of clients up to date with their profile records.

    A golden record that has not changed is not written; one of a client that has no profile
    record, or is retired, is deleted. Two statements, for one client or thousands. `region`
    (ISO 3166 alpha-2) reads phone numbers without a country code.
    """
    wanted = set(client_ids)
    if not wanted:
        return
    profiles = await repository.list_profiles(session, wanted)
    rebuilt = [_rebuilt(client_id, profiles[client_id], region) for client_id in sorted(profiles)]
    await repository.save_golden_records(session, rebuilt, gone=sorted(wanted - profiles.keys()))


async def rebuild_all(
    database: Database, on_done: Callable[[int], None] | None = None, *, region: str = "FR"
) -> None:
    """Rebuild every golden record, a thousand clients a transaction; for a changed rule.

    `on_done` is told the number of clients after each transaction. Clients that change
    meanwhile are rebuilt by what changes them.
    """
    after = UUID(int=0)
    while True:

        async def work(session: AsyncSession, after: UUID = after) -> list[UUID]:
            found = await repository.list_known_clients(session, after=after, limit=REBUILD_CHUNK)
            await rebuild(session, found, region=region)
            return found

        done = await database.run(work)
        if not done:
            return
        after = done[-1]
        if on_done is not None:
            on_done(len(done))


def _rebuilt(client_id: UUID, profiles: list[ProfileRecord], region: str) -> Rebuilt:
    assembled = golden.assemble(profiles, region=region)
    terms = " ".join(search_terms(profiles, assembled))
    return Rebuilt(client_id, to_json(assembled), terms)


async def look_up_identifier(
    connection: AsyncConnection, *, kind: str, value: str, region: str
) -> list[Summary]:
    """Return the known clients who hold exactly this identifier, last buyer first.

    `value` may be in any writing; equality is that of normalised values. For a payment token
    that no known client holds, the anonymous clients who paid with it. A card whose check digit
    fails is unreadable, unless a profile states it just so.
    """
    identifier = identifier_of(kind, value, region=region, as_written=True)
    if identifier is None:
        raise IdentifierUnreadableError(kind)
    held_as, normalised = identifier
    found = await repository.find_by_identifier(connection, kind=held_as, value=normalised)
    if held_as == MISTYPED_CARD and not found:
        raise IdentifierUnreadableError(kind)
    return _summaries(lookup.choose(found, kind=kind))


async def look_up_record(
    connection: AsyncConnection, *, source: str, external_id: str
) -> list[Summary]:
    """Return the known client of a source record, in a list of one or none."""
    found = await repository.find_by_record(connection, source=source, external_id=external_id)
    return _summaries(lookup.choose(found, kind=None))


def _summaries(found: Collection[FoundClient]) -> list[Summary]:
    return [lookup.summarise(client) for client in found]


async def search_clients(
    connection: AsyncConnection,
    *,
    typed: str,
    store: str | None,
    limit: int,
    after: SearchPlace | None = None,
) -> SearchPage:
    """Return the known clients who meet all that was typed, best first.

    `store` favours those who bought there. The order is that of scores, then of ids, so that
    a page begins where the one before ended even if clients came or went.
    """
    parts = search.understand(typed)
    if search.is_too_vague(parts):
        raise SearchTooVagueError
    candidates = await repository.find_candidates(connection, parts, store=store)
    judged = (
        search.judge(parts, candidate, bonus=search.STORE_BONUS if bought_there else 0)
        for candidate, bought_there in candidates
    )
    hits = sorted((hit for hit in judged if hit is not None), key=lambda hit: hit.rank)
    rest = [hit for hit in hits if after is None or hit.rank > after]
    page = rest[:limit]
    found = await repository.find_by_ids(connection, [hit.client_id for hit in page])
    return SearchPage(
        hits=[
            FoundHit(lookup.summarise(found[hit.client_id]), hit)
            for hit in page
            if hit.client_id in found
        ],
        next_place=page[-1].rank if len(rest) > limit else None,
    )
