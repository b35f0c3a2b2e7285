"""What a steward decides of clients: joining two, taking records out of one, judging a pair.

A decision states verdicts on pairs of records (`decisions`), which bind every later resolution.
The clusters are then formed anew, as after any other change.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.identity import decisions, repository
from rcu.identity.decision_models import DecisionKind, Verdict
from rcu.identity.decisions import Decision, Instruction, Statement
from rcu.identity.errors import AnonymousClientError, RecordsNotOfClientError, SameClientError
from rcu.identity.model import Model
from rcu.identity.models import RecordKind
from rcu.identity.neighbourhood import ordered
from rcu.identity.placing import IdentifierKey
from rcu.identity.presented import place_presented
from rcu.identity.repository import Pair, RecordKey, StoredRecord
from rcu.identity.resolution import form_again
from rcu.identity.turns import ExpectedVersions, Turn, take_turn


@dataclass(frozen=True, slots=True)
class Decided:
    """The outcome of a decision."""

    decision_id: UUID
    client_ids: tuple[UUID, ...]
    """The clients that the records concerned are with now, the oldest first."""
    touched_client_ids: frozenset[UUID]
    versions: Mapping[UUID, int]
    """The versions before, of the clients concerned."""


async def merge_clients(
    session: AsyncSession,
    client_id: UUID,
    other_client_id: UUID,
    *,
    expected_versions: ExpectedVersions,
    instruction: Instruction,
    model: Model,
) -> Decided:
    """Make two clients one. The older id survives; the other resolves to it from now on.

    A client that is not at its expected version is refused. What was said of pairs between the
    two before is withdrawn.
    """
    turn = await take_turn(session, {client_id, other_client_id})
    one, two = turn.client_of[client_id], turn.client_of[other_client_id]
    if one == two:
        raise SameClientError(one)
    turn.refuse_changed(expected_versions)
    side, other = await _profiles(session, one), await _profiles(session, two)
    if not side or not other:
        raise AnonymousClientError(two if side else one)
    decision = await decisions.record(session, DecisionKind.MERGE, instruction)
    matches = spanning_pairs(side, other)
    judged = await decisions.list_judged_pairs(session, ids_of(side), ids_of(other))
    await decisions.state(
        session,
        decision,
        [*said(Verdict.MATCH, matches), *said(Verdict.WITHDRAWN, judged - matches)],
    )
    return await form_decided(session, ids_of([*side, *other]), decision, turn=turn, model=model)


async def split_client(
    session: AsyncSession,
    client_id: UUID,
    records: Collection[RecordKey],
    *,
    expected_versions: ExpectedVersions,
    instruction: Instruction,
    model: Model,
) -> Decided:
    """Take records out of a client; they stay together, and apart from those left behind."""
    turn = await take_turn(session, {client_id})
    current = turn.client_of[client_id]
    turn.refuse_changed(expected_versions)
    members = await _profiles(session, current)
    out = [member for member in members if (member.source, member.external_id) in records]
    left = [member for member in members if member not in out]
    if len(out) != len(set(records)) or not left:
        raise RecordsNotOfClientError(asked=len(set(records)), found=len(out), members=len(members))
    decision = await decisions.record(session, DecisionKind.SPLIT, instruction)
    parted = {ordered(a.id, b.id) for a, b in product(out, left)}
    together = {ordered(out[0].id, member.id) for member in out[1:]}
    await decisions.state(
        session, decision, [*said(Verdict.NO_MATCH, parted), *said(Verdict.MATCH, together)]
    )
    return await form_decided(session, ids_of(members), decision, turn=turn, model=model)


async def judge_pair(
    session: AsyncSession,
    judgement: Statement,
    *,
    turn: Turn,
    instruction: Instruction,
    model: Model,
) -> Decided:
    """Keep what a steward says of one pair, in a turn that holds its records already.

    A match joins the clients of the two records as far as nothing else speaks against it, a no
    match parts the records; unsure leaves everything as it is.
    """
    decision = await decisions.record(session, DecisionKind.JUDGEMENT, instruction)
    await decisions.state(session, decision, [judgement])
    pair = {judgement.left_id, judgement.right_id}
    if judgement.verdict is Verdict.UNSURE:
        clients = tuple(sorted({turn.client_of[record_id] for record_id in pair}))
        return Decided(decision.id, clients, frozenset(), turn.versions)
    return await form_decided(session, pair, decision, turn=turn, model=model)


def spanning_pairs(side: Sequence[StoredRecord], other: Sequence[StoredRecord]) -> set[Pair]:
    """Return pairs that tie every record of either side to the oldest of the other."""
    pairs = {ordered(side[0].id, member.id) for member in other}
    return pairs | {ordered(member.id, other[0].id) for member in side}


def said(verdict: Verdict, pairs: Iterable[Pair]) -> list[Statement]:
    """Return one verdict on many pairs, in order."""
    return [Statement(left_id, right_id, verdict) for left_id, right_id in sorted(pairs)]


def ids_of(records: Iterable[StoredRecord]) -> list[UUID]:
    """Return the ids of records."""
    return [record.id for record in records]


async def _profiles(session: AsyncSession, client_id: UUID) -> list[StoredRecord]:
    members = await repository.list_members(session, [client_id])
    return [member for member in members if member.kind == RecordKind.PROFILE]


async def form_decided(
    session: AsyncSession,
    record_ids: Collection[UUID],
    decision: Decision,
    *,
    turn: Turn,
    model: Model,
    touched: Collection[IdentifierKey] = (),
) -> Decided:
    """Form the clusters around records anew, and place again what is known by identifiers only.

    `touched` names identifiers that came to say something else.
    """
    formed = await form_again(
        session, set(record_ids), model=model, at=decision.made_at, cause=decision.cause
    )
    facts = await place_presented(
        session,
        [],
        model=model,
        at=decision.made_at,
        cause=decision.cause,
        touched=formed.touched_identifiers | set(touched),
    )
    return Decided(
        decision_id=decision.id,
        client_ids=tuple(sorted({formed.client_of[record_id] for record_id in record_ids})),
        touched_client_ids=formed.touched_client_ids | facts.touched_client_ids,
        versions=turn.versions,
    )
