"""How a client came to be: as the partition forms it, and in time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.clients.explain_answers import Arrival, Asking, ExplainedPair, How, Reference
from rcu.clients.explain_parts import (
    SNAPSHOT,
    binding_judgements,
    client_of,
    explained_pair,
    joins,
    seen,
)
from rcu.identity import examination, repository, wording
from rcu.identity.change_models import IdentityChange
from rcu.identity.examination import Examined, examine
from rcu.identity.models import RecordKind
from rcu.identity.repository import StoredRecord
from rcu.identity.scoring import Decision


async def how(session: AsyncSession, client: Reference, asking: Asking) -> How:
    """Explain how a client came to be: by the strength of the evidence, and in time."""
    await session.execute(SNAPSHOT)
    client_id = await client_of(session, client)
    members = await repository.list_members(session, [client_id])
    profiles = [member for member in members if member.kind == RecordKind.PROFILE]
    examined = await examine(
        session,
        [member.id for member in profiles],
        model=asking.model,
        most_records=asking.most_records,
    )
    ids = [member.id for member in members]
    came_at = await examination.list_arrivals(session, ids)
    # A client id is the id of a record: these are all ids that the client's parts ever had.
    changes = await examination.list_changes(session, ids)
    judgements = await binding_judgements(session, profiles)
    within = {member.id for member in profiles}

    def tell() -> How:
        joined = [step for step in examined.retraced.joined if {step.left, step.right} <= within]
        return How(
            model_version=asking.model.version,
            client_id=client_id,
            is_up_to_date=not profiles or examined.is_as_stored([client_id]),
            records=tuple(map(seen, members)),
            by_evidence=joins(joined, examined, asking),
            by_time=_by_time(members, came_at, changes, examined, asking),
            judgements=judgements,
        )

    return await asyncio.to_thread(tell)


def _by_time(
    members: Sequence[StoredRecord],
    came_at: dict[UUID, datetime],
    changes: Sequence[IdentityChange],
    examined: Examined,
    asking: Asking,
) -> tuple[Arrival, ...]:
    arrivals = [_arrival(member, members, came_at, examined, asking) for member in members] + [
        Arrival(
            at=change.recorded_at,
            kind=change.kind,
            record=None,
            placement=None,
            match=None,
            client_id=change.client_id,
            other_client_id=change.other_client_id,
            record_ids=tuple(change.record_ids),
            cause=change.cause,
            actor=change.actor,
            reason=change.reason,
            sentence=wording.CHANGES[change.kind],
        )
        for change in changes
    ]
    return tuple(sorted(arrivals, key=lambda arrival: (arrival.at, arrival.record is None)))


def _arrival(
    member: StoredRecord,
    members: Sequence[StoredRecord],
    came_at: dict[UUID, datetime],
    examined: Examined,
    asking: Asking,
) -> Arrival:
    return Arrival(
        at=came_at[member.id],
        kind="record",
        record=seen(member),
        placement=member.placement,
        match=_strongest_earlier(member, members, examined, asking),
        client_id=None,
        other_client_id=None,
        record_ids=(),
        cause=None,
        actor=None,
        reason=None,
        sentence=wording.PLACEMENTS[member.placement].within(
            "A record came, {}", "Une fiche est arrivée, {}"
        ),
    )


def _strongest_earlier(
    member: StoredRecord,
    members: Sequence[StoredRecord],
    examined: Examined,
    asking: Asking,
) -> ExplainedPair | None:
    """Return the strongest link to a record that came before."""
    earlier = [
        (score.weight, other)
        for other in members
        if other.id < member.id
        and (score := examined.score(member.id, other.id)) is not None
        and score.decision is Decision.LINK
    ]
    if not earlier:
        return None
    _, other = max(earlier, key=lambda found: (found[0], found[1].source, found[1].external_id))
    return explained_pair(seen(other), seen(member), examined, asking)
