"""Why records are one client, why others are not, and how a client came to be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.identity import examination, repository, wording
from rcu.identity.errors import (
    AnonymousClientError,
    ClientNotFoundError,
    NothingToCompareError,
    NotPlacedByMatchingError,
    RecordNotFoundError,
    SameClientError,
    TogetherAlreadyError,
)
from rcu.identity.examination import Examined, examine
from rcu.identity.explanation import PairExplanation, explain_pair, guard_of
from rcu.identity.model import Model
from rcu.identity.models import RecordKind
from rcu.identity.repository import StoredRecord
from rcu.identity.retracing import Joined, Obstacle, Refused
from rcu.identity.scoring import Decision
from rcu.identity.tipping import Tip, find_tips
from rcu.identity.wording import Sentence

MOST_PAIRS = 50
"""Pairs listed beside the strongest one."""
MOST_REFUSALS = 20


@dataclass(frozen=True, slots=True)
class RecordReference:
    """A source record, as its source names it."""

    source: str
    external_id: str


@dataclass(frozen=True, slots=True)
class ClientReference:
    """A client, by any id it ever had."""

    client_id: UUID


Reference = RecordReference | ClientReference


@dataclass(frozen=True, slots=True)
class Asking:
    """How to answer: under which model, with personal values or without, and how much."""

    model: Model
    with_values: bool
    most_records: int | None = None
    """Records that may be compared for one answer; None for any number."""


@dataclass(frozen=True, slots=True)
class RecordSeen:
    """A source record in an explanation."""

    record_id: UUID
    source: str
    external_id: str
    client_id: UUID


@dataclass(frozen=True, slots=True)
class ExplainedPair:
    """Two records, and all that decided on them."""

    left: RecordSeen
    right: RecordSeen
    match: PairExplanation


@dataclass(frozen=True, slots=True)
class PairSeen:
    """Two records and their weight, in short."""

    left: RecordSeen
    right: RecordSeen
    weight: float
    decision: Decision
    guard: str | None


@dataclass(frozen=True, slots=True)
class Join:
    """One step of a client's making: two groups of records became one."""

    number: int
    left: RecordSeen
    right: RecordSeen
    left_size: int
    right_size: int
    by: str
    """`link` or `judgement`."""
    match: PairExplanation | None
    """The link; for a judgement the evidence beside it, where the two were compared."""


@dataclass(frozen=True, slots=True)
class Hindrance:
    """What keeps two clients apart although two of their records link, or would."""

    reason: str
    detail: str | None
    between: tuple[RecordSeen, RecordSeen] | None
    """The two records that contradict, were judged, or are rivals."""
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class RefusedLink:
    """A link that the partition did not follow, and why."""

    left: RecordSeen
    right: RecordSeen
    weight: float
    hindrance: Hindrance


@dataclass(frozen=True, slots=True)
class BindingJudgement:
    """What a steward said of two records, and which binds."""

    left: RecordSeen
    right: RecordSeen
    verdict: str
    reason: str
    author: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the question: the record, or the profile records of the client."""

    client_id: UUID
    records: tuple[StoredRecord, ...]
    is_client: bool

    @property
    def ids(self) -> list[UUID]:
        """The ids of its records."""
        return [record.id for record in self.records]


@dataclass(frozen=True, slots=True)
class Why:
    """Why two sides are one client, or two."""

    model_version: str
    left_client_id: UUID
    right_client_id: UUID
    together: bool
    is_up_to_date: bool
    """Whether forming the clients anew, with this model, gives what is stored."""
    are_candidates: bool
    """Whether the strongest pair shares a blocking key: without one nobody compares it."""
    strongest: ExplainedPair
    pair_count: int
    pairs: tuple[PairSeen, ...]
    """The pairs between the two sides, strongest first."""
    path: tuple[Join, ...]
    """When together: the steps that tie the strongest pair, from its left to its right."""
    refused: tuple[RefusedLink, ...]
    judgements: tuple[BindingJudgement, ...]
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Why two sides are two clients, what came nearest, and what would have tipped it."""

    why: Why
    tips: tuple[Tip, ...]
    hindrance: Hindrance | None
    """What would keep the two clients apart even if the pair linked."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One moment in the life of a client: a record came, or records moved."""

    at: datetime
    kind: str
    """`record`, `merge`, `split` or `move`."""
    record: RecordSeen | None
    placement: str | None
    match: ExplainedPair | None
    """The strongest link to a record that was there before."""
    client_id: UUID | None
    other_client_id: UUID | None
    record_ids: tuple[UUID, ...]
    cause: str | None
    actor: str | None
    reason: str | None
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class How:
    """How a client came to be."""

    model_version: str
    client_id: UUID
    is_up_to_date: bool
    records: tuple[RecordSeen, ...]
    by_evidence: tuple[Join, ...]
    """As the partition forms it: judgements first, then links, strongest first."""
    by_time: tuple[Arrival, ...]
    judgements: tuple[BindingJudgement, ...]


_SNAPSHOT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


async def why(session: AsyncSession, left: Reference, right: Reference, asking: Asking) -> Why:
    """Explain why two records, two clients, or a record and its client, are one or are not.

    Read as of one instant: the session must be a new one.
    """
    await session.execute(_SNAPSHOT)
    found, _ = await _why(session, left, right, asking)
    return found


async def why_not(
    session: AsyncSession, left: Reference, right: Reference, asking: Asking
) -> WhyNot:
    """Explain what keeps two sides apart, and the least that would have brought them together."""
    await session.execute(_SNAPSHOT)
    found, examined = await _why(session, left, right, asking)
    if found.together:
        raise TogetherAlreadyError(found.left_client_id)
    a, b = found.strongest.left.record_id, found.strongest.right.record_id
    score = examined.score(a, b)
    obstacle = examined.retraced.obstacle_between(a, b)
    return WhyNot(
        why=found,
        tips=() if score is None else find_tips(score, asking.model),
        hindrance=None if obstacle is None else _hindrance(obstacle, examined),
    )


async def how(session: AsyncSession, client: Reference, asking: Asking) -> How:
    """Explain how a client came to be: by the strength of the evidence, and in time."""
    await session.execute(_SNAPSHOT)
    client_id = await _client_of(session, client)
    members = await repository.list_members(session, [client_id])
    profiles = [member for member in members if member.kind == RecordKind.PROFILE]
    examined = await examine(
        session,
        [member.id for member in profiles],
        model=asking.model,
        most_records=asking.most_records,
    )
    within = {member.id for member in profiles}
    joined = [step for step in examined.retraced.joined if {step.left, step.right} <= within]
    return How(
        model_version=asking.model.version,
        client_id=client_id,
        is_up_to_date=not profiles or examined.is_as_stored([client_id]),
        records=tuple(map(_seen, members)),
        by_evidence=_joins(joined, examined, asking),
        by_time=await _by_time(session, members, examined, asking),
        judgements=await _judgements(session, profiles),
    )


# --- the sides -----------------------------------------------------------------------------------


async def _client_of(session: AsyncSession, reference: Reference) -> UUID:
    if isinstance(reference, RecordReference):
        return (await _record(session, reference)).client_id
    client_id = await repository.current_client_id(session, reference.client_id)
    if client_id is None:
        raise ClientNotFoundError(reference.client_id)
    return client_id


async def _record(session: AsyncSession, reference: RecordReference) -> StoredRecord:
    key = (reference.source, reference.external_id)
    found = await repository.find_records(session, [key])
    if key not in found:
        raise RecordNotFoundError(reference.source)
    return found[key][0]


async def _side(session: AsyncSession, reference: Reference) -> Side:
    if isinstance(reference, RecordReference):
        record = await _record(session, reference)
        if record.kind != RecordKind.PROFILE:
            raise NotPlacedByMatchingError(kind=record.kind, placement=record.placement)
        return Side(record.client_id, (record,), is_client=False)
    client_id = await _client_of(session, reference)
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


async def _sides(session: AsyncSession, left: Reference, right: Reference) -> tuple[Side, Side]:
    one, two = await _side(session, left), await _side(session, right)
    if one.is_client and two.is_client and one.client_id == two.client_id:
        raise SameClientError(one.client_id)
    one, two = _without(one, two), _without(two, one)
    if not one.records or not two.records or one.ids == two.ids:
        raise NothingToCompareError
    return one, two


# --- why -----------------------------------------------------------------------------------------


async def _why(
    session: AsyncSession, left: Reference, right: Reference, asking: Asking
) -> tuple[Why, Examined]:
    one, two = await _sides(session, left, right)
    examined = await examine(
        session, one.ids, two.ids, model=asking.model, most_records=asking.most_records
    )
    pairs = _ranked_pairs(one, two, examined)
    strongest = _explained(pairs[0].left, pairs[0].right, examined, asking)
    together = one.client_id == two.client_id
    a, b = strongest.left.record_id, strongest.right.record_id
    refused = () if together else _refusals(one, two, examined)
    found = Why(
        model_version=asking.model.version,
        left_client_id=one.client_id,
        right_client_id=two.client_id,
        together=together,
        is_up_to_date=examined.is_as_stored({one.client_id, two.client_id}),
        are_candidates=await examination.find_each_other(
            session, examined.features[a], examined.features[b], model=asking.model
        ),
        strongest=strongest,
        pair_count=len(pairs),
        pairs=tuple(pairs[:MOST_PAIRS]),
        path=_joins(examined.retraced.path(a, b), examined, asking) if together else (),
        refused=refused,
        judgements=await _judgements(
            session, _of_clients({one.client_id, two.client_id}, examined)
        ),
        sentence=_together_sentence(strongest) if together else _apart_sentence(strongest, refused),
    )
    return found, examined


def _seen(record: StoredRecord) -> RecordSeen:
    return RecordSeen(record.id, record.source, record.external_id, record.client_id)


def _ranked_pairs(one: Side, two: Side, examined: Examined) -> list[PairSeen]:
    """Return each pair between two sides, the strongest first."""
    pairs = []
    for a, b in product(one.records, two.records):
        score = examined.score(a.id, b.id)
        if score is not None:
            pairs.append(
                PairSeen(
                    _seen(a),
                    _seen(b),
                    score.weight,
                    score.decision,
                    guard_of(score, examined.model),
                )
            )
    return sorted(
        pairs,
        key=lambda pair: (
            pair.decision is not Decision.LINK,
            -pair.weight,
            pair.left.record_id,
            pair.right.record_id,
        ),
    )


def _explained(
    left: RecordSeen, right: RecordSeen, examined: Examined, asking: Asking
) -> ExplainedPair:
    match = _match(left.record_id, right.record_id, examined, asking)
    assert match is not None  # noqa: S101 - the pair comes from the scores
    return ExplainedPair(left, right, match)


def _match(a: UUID, b: UUID, examined: Examined, asking: Asking) -> PairExplanation | None:
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


def _joins(steps: Sequence[Joined[UUID]], examined: Examined, asking: Asking) -> tuple[Join, ...]:
    return tuple(
        Join(
            number=number,
            left=_seen(examined.records[step.left]),
            right=_seen(examined.records[step.right]),
            left_size=step.left_size,
            right_size=step.right_size,
            by="judgement" if step.score is None else "link",
            match=_match(step.left, step.right, examined, asking),
        )
        for number, step in enumerate(steps, start=1)
    )


def _refusals(one: Side, two: Side, examined: Examined) -> tuple[RefusedLink, ...]:
    """Return the links between the two clients that the partition did not follow."""
    clients = {one.client_id, two.client_id}
    return tuple(
        RefusedLink(
            left=_seen(examined.records[refused.left]),
            right=_seen(examined.records[refused.right]),
            weight=refused.score.weight,
            hindrance=_hindrance(refused.obstacle, examined),
        )
        for refused in examined.retraced.refused
        if _clients_of(refused, examined) == clients
    )[:MOST_REFUSALS]


def _clients_of(refused: Refused[UUID], examined: Examined) -> set[UUID]:
    return {examined.records[end].client_id for end in (refused.left, refused.right)}


def _hindrance(obstacle: Obstacle[UUID], examined: Examined) -> Hindrance:
    between = obstacle.between
    return Hindrance(
        reason=obstacle.reason,
        detail=obstacle.detail,
        between=None
        if between is None
        else (_seen(examined.records[between[0]]), _seen(examined.records[between[1]])),
        sentence=wording.refusal_sentence(obstacle.reason, obstacle.detail),
    )


def _of_clients(client_ids: set[UUID], examined: Examined) -> list[StoredRecord]:
    return [record for record in examined.records.values() if record.client_id in client_ids]


async def _judgements(
    session: AsyncSession, records: Iterable[StoredRecord]
) -> tuple[BindingJudgement, ...]:
    by_id = {record.id: record for record in records}
    return tuple(
        BindingJudgement(
            left=_seen(by_id[judged.left_id]),
            right=_seen(by_id[judged.right_id]),
            verdict=judged.verdict,
            reason=judged.reason,
            author=judged.author,
            made_at=judged.made_at,
        )
        for judged in await examination.list_binding_judgements(session, list(by_id))
    )


def _together_sentence(strongest: ExplainedPair) -> Sentence:
    return strongest.match.sentence.within("They are one client. {}", "C'est un seul client. {}")


def _apart_sentence(strongest: ExplainedPair, refused: Sequence[RefusedLink]) -> Sentence:
    said = strongest.match.sentence.within("They are two clients. {}", "Ce sont deux clients. {}")
    if not refused:
        return said
    cause = refused[0].hindrance.sentence
    return Sentence(
        f"{said.en} The link was refused: {cause.en}.",
        f"{said.fr} Le rapprochement a été refusé : {cause.fr}.",
    )


# --- how -----------------------------------------------------------------------------------------


async def _by_time(
    session: AsyncSession,
    members: Sequence[StoredRecord],
    examined: Examined,
    asking: Asking,
) -> tuple[Arrival, ...]:
    ids = [member.id for member in members]
    came_at = await examination.list_arrivals(session, ids)
    # A client id is the id of a record: these are all ids that the client's parts ever had.
    changes = await examination.list_changes(session, ids)
    arrivals = [_arrival(member, members, came_at, examined, asking) for member in members] + [
        Arrival(
            at=change.made_at,
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
            sentence=_CHANGES[change.kind],
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
        record=_seen(member),
        placement=member.placement,
        match=_strongest_earlier(member, members, examined, asking),
        client_id=None,
        other_client_id=None,
        record_ids=(),
        cause=None,
        actor=None,
        reason=None,
        sentence=wording.PLACEMENTS[member.placement].within(
            "A record came, {}.", "Une fiche est arrivée, {}."
        ),
    )


_CHANGES = {
    "merge": Sentence("Two clients became one.", "Deux clients n'en font plus qu'un."),
    "split": Sentence(
        "Records went from one client to another.", "Des fiches sont passées d'un client à l'autre."
    ),
    "move": Sentence("Records moved between clients.", "Des fiches ont changé de client."),
}


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
    return _explained(_seen(other), _seen(member), examined, asking)
