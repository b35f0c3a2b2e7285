"""Clients whom a profile may be of: decided as ingestion decides, told as a search tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.clients import lookup, repository
from rcu.clients.lookup import Summary
from rcu.db.engine import Database
from rcu.identity import retracing, wording
from rcu.identity.active_model import active_model
from rcu.identity.examination import read_standings
from rcu.identity.explanation import PairExplanation, Standing, explain_pair, guard_of
from rcu.identity.matching import ClientMatch, Match, find_matches
from rcu.identity.model import Model
from rcu.identity.scoring import Decision, PairScore
from rcu.identity.wording import Sentence


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What keeps a client apart although one of its records links."""

    reason: str
    detail: str | None
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class MatchedClient:
    """A client that somebody would join, or may be, and by what."""

    client: Summary
    decision: Decision
    score: PairScore
    guard: str | None
    obstacle: Obstacle | None
    explanation: PairExplanation | None
    """Without the values that were compared: they may be the client's."""


@dataclass(frozen=True, slots=True)
class MatchedProfile:
    """What ingestion would decide on a profile, were it that of a new record."""

    model_version: str
    decision: Decision
    client_id: UUID | None
    clients: tuple[MatchedClient, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a profile."""

    values: Mapping[str, Any]
    """Attribute to wire value, as a profile message says them."""
    source: str
    """The source that would send it; empty when nobody says."""
    limit: int
    """Clients told, at most."""
    explained: bool


async def match_profile(database: Database, asked: Asked, *, region: str) -> MatchedProfile:
    """Return the clients that a new record with a profile would join, or may be, likeliest first.

    As ingestion would decide now, by the active model. All is read as of one instant; nothing is
    locked or written.
    """

    async def work(session: AsyncSession) -> MatchedProfile:
        model = await active_model(session)
        match = await find_matches(
            session, asked.values, model=model, region=region, source=asked.source
        )
        told = match.clients[: asked.limit]
        obstacles = match.obstacles(told)
        shared = await read_standings(session, match.shared) if asked.explained else None
        found = await repository.find_by_ids(
            await session.connection(), [one.client_id for one in told]
        )
        return MatchedProfile(
            model_version=model.version,
            decision=match.decision,
            client_id=match.client_id,
            clients=tuple(
                MatchedClient(
                    client=lookup.summarise(found[one.client_id]),
                    decision=one.decision,
                    score=one.score,
                    guard=guard_of(one.score, model),
                    obstacle=_obstacle(obstacles.get(one.client_id)),
                    explanation=None if shared is None else _explained(one, match, model, shared),
                )
                for one in told
                if one.client_id in found
            ),
        )

    return await database.look(work)


def _explained(
    one: ClientMatch, match: Match, model: Model, shared: Mapping[tuple[str, str], Standing]
) -> PairExplanation:
    return explain_pair(
        one.score, match.features, one.features, model, shared=shared, with_values=False
    )


def _obstacle(found: retracing.Obstacle[UUID] | None) -> Obstacle | None:
    if found is None:
        return None
    return Obstacle(
        str(found.reason), found.detail, wording.refusal_sentence(found.reason, found.detail)
    )
