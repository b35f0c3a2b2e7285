"""What the explanations are made of: sides found, records named, pairs and joins explained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.clients.explain_answers import (
    Asking,
    BindingJudgement,
    ExplainedPair,
    Hindrance,
    Join,
    RecordReference,
    RecordSeen,
    Reference,
    Side,
)
from rcu.identity import examination, repository, wording
from rcu.identity.errors import (
    AnonymousClientError,
    ClientNotFoundError,
    NothingToCompareError,
    NotPlacedByMatchingError,
    RecordNotFoundError,
    SameClientError,
)
from rcu.identity.examination import Examined
from rcu.identity.explanation import PairExplanation, explain_pair
from rcu.identity.models import RecordKind
from rcu.identity.repository import StoredRecord
from rcu.identity.retracing import Joined, Obstacle

SNAPSHOT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
"""The first statement of an answer: all of it is read as of one instant, and nothing written."""


async def client_of(session: AsyncSession, reference: Reference) -> UUID:
    """Return the client that is meant, by the id that it has today."""
    if isinstance(reference, RecordReference):
        return (await record_of(session, reference)).client_id
    client_id = await repository.current_client_id(session, reference.client_id)
    if client_id is None:
        raise ClientNotFoundError(reference.client_id)
    return client_id


async def record_of(session: AsyncSession, reference: RecordReference) -> StoredRecord:
    """Return the record that is meant; raise `RecordNotFoundError` when there is none."""
    key = (reference.source, reference.external_id)
    found = await repository.find_records(session, [key])
    if key not in found:
        raise RecordNotFoundError
    return found[key][0]


async def side_of(session: AsyncSession, reference: Reference) -> Side:
    """Return the profile records that are meant; raise when there is none to compare."""
    if isinstance(reference, RecordReference):
        record = await record_of(session, reference)
        if record.kind != RecordKind.PROFILE:
            raise NotPlacedByMatchingError(kind=record.kind, placement=record.placement)
        return Side(record.client_id, (record,), is_client=False)
    client_id = await client_of(session, reference)
    members = await repository.list_members(session, [client_id])
    profiles = tuple(member for member in members if member.kind == RecordKind.PROFILE)
    if not profiles:
        raise AnonymousClientError(client_id)
    return Side(client_id, profiles, is_client=True)


def _without(side: Side, other: Side) -> Side:
    """Return a client without the record that it is compared with."""
    if not side.is_client:
        return side
    others = set(other.ids)
    records = tuple(record for record in side.records if record.id not in others)
    return Side(side.client_id, records, is_client=True)


async def sides_of(session: AsyncSession, left: Reference, right: Reference) -> tuple[Side, Side]:
    """Return two sides that have no record in common; raise when they are one and the same."""
    one, two = await side_of(session, left), await side_of(session, right)
    if one.is_client and two.is_client and one.client_id == two.client_id:
        raise SameClientError(one.client_id)
    one, two = _without(one, two), _without(two, one)
    if not one.records or not two.records or one.ids == two.ids:
        raise NothingToCompareError
    return one, two


def seen(record: StoredRecord) -> RecordSeen:
    """Return a record as explanations name it."""
    return RecordSeen(record.id, record.source, record.external_id, record.client_id)


def explained_pair(
    left: RecordSeen, right: RecordSeen, examined: Examined, asking: Asking
) -> ExplainedPair:
    """Explain two records that were compared."""
    match = explained_match(left.record_id, right.record_id, examined, asking)
    assert match is not None  # noqa: S101 - the pair comes from the scores
    return ExplainedPair(left, right, match)


def explained_match(a: UUID, b: UUID, examined: Examined, asking: Asking) -> PairExplanation | None:
    """Explain the score of two records; None when they were not compared."""
    score = examined.score(a, b)
    if score is None:
        return None
    return explain_pair(
        score,
        examined.features[a],
        examined.features[b],
        examined.model,
        shared=examined.shared,
        with_values=asking.with_values,
    )


def joins(steps: Sequence[Joined[UUID]], examined: Examined, asking: Asking) -> tuple[Join, ...]:
    """Explain steps of the partition, numbered from one."""
    return tuple(
        Join(
            number=number,
            left=seen(examined.records[step.left]),
            right=seen(examined.records[step.right]),
            left_size=step.left_size,
            right_size=step.right_size,
            by="judgement" if step.score is None else "link",
            match=explained_match(step.left, step.right, examined, asking),
        )
        for number, step in enumerate(steps, start=1)
    )


def hindrance_of(obstacle: Obstacle[UUID], examined: Examined) -> Hindrance:
    """Return what keeps two clients apart, with its records named and in words."""
    between = obstacle.between
    return Hindrance(
        reason=obstacle.reason,
        detail=obstacle.detail,
        between=None
        if between is None
        else (seen(examined.records[between[0]]), seen(examined.records[between[1]])),
        sentence=wording.refusal_sentence(obstacle.reason, obstacle.detail),
    )


async def binding_judgements(
    session: AsyncSession, records: Iterable[StoredRecord]
) -> tuple[BindingJudgement, ...]:
    """Return the judgements that bind pairs of the records, oldest first."""
    by_id = {record.id: record for record in records}
    return tuple(
        BindingJudgement(
            left=seen(by_id[judged.left_id]),
            right=seen(by_id[judged.right_id]),
            verdict=judged.verdict,
            reason=judged.reason,
            author=judged.author,
            made_at=judged.made_at,
        )
        for judged in await examination.list_binding_judgements(session, list(by_id))
    )
