"""Why records are one client, why others are not, and what would have tipped it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import product
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.clients.explain_answers import (
    Asking,
    ExplainedPair,
    PairSeen,
    Reference,
    RefusedLink,
    Side,
    Why,
    WhyNot,
)
from rcu.clients.explain_parts import (
    SNAPSHOT,
    binding_judgements,
    explained_pair,
    hindrance_of,
    joins,
    seen,
    sides_of,
)
from rcu.identity import examination
from rcu.identity.errors import TogetherAlreadyError
from rcu.identity.examination import Examined, examine
from rcu.identity.explanation import guard_of
from rcu.identity.repository import StoredRecord
from rcu.identity.retracing import Refused
from rcu.identity.scoring import Decision
from rcu.identity.tipping import find_tips
from rcu.identity.wording import Sentence

MOST_PAIRS = 50
"""Pairs listed beside the strongest one."""
MOST_REFUSALS = 20


async def why(session: AsyncSession, left: Reference, right: Reference, asking: Asking) -> Why:
    """Explain why two records, two clients, or a record and its client, are one or are not.

    Read as of one instant: the session must be a new one.
    """
    await session.execute(SNAPSHOT)
    found, _ = await _why(session, left, right, asking)
    return found


async def why_not(
    session: AsyncSession, left: Reference, right: Reference, asking: Asking
) -> WhyNot:
    """Explain what keeps two sides apart, and the least that would have brought them together."""
    await session.execute(SNAPSHOT)
    found, examined = await _why(session, left, right, asking)
    if found.together:
        raise TogetherAlreadyError(found.left_client_id)
    return await asyncio.to_thread(_with_tips, found, examined, asking)


def _with_tips(found: Why, examined: Examined, asking: Asking) -> WhyNot:
    a, b = found.strongest.left.record_id, found.strongest.right.record_id
    score = examined.score(a, b)
    obstacle = examined.retraced.obstacle_between(a, b)
    return WhyNot(
        why=found,
        tips=() if score is None else find_tips(score, asking.model),
        hindrance=None if obstacle is None else hindrance_of(obstacle, examined),
    )


async def _why(
    session: AsyncSession, left: Reference, right: Reference, asking: Asking
) -> tuple[Why, Examined]:
    one, two = await sides_of(session, left, right)
    examined = await examine(
        session, one.ids, two.ids, model=asking.model, most_records=asking.most_records
    )
    pairs = await asyncio.to_thread(_ranked_pairs, one, two, examined)
    ends = (examined.features[end.record_id] for end in (pairs[0].left, pairs[0].right))
    are_candidates = await examination.find_each_other(session, *ends, model=asking.model)
    judgements = await binding_judgements(
        session, _of_clients({one.client_id, two.client_id}, examined)
    )

    def tell() -> Why:
        strongest = explained_pair(pairs[0].left, pairs[0].right, examined, asking)
        together = one.client_id == two.client_id
        a, b = strongest.left.record_id, strongest.right.record_id
        refused = () if together else _refusals(one, two, examined)
        return Why(
            model_version=asking.model.version,
            left_client_id=one.client_id,
            right_client_id=two.client_id,
            together=together,
            is_up_to_date=examined.is_as_stored({one.client_id, two.client_id}),
            are_candidates=are_candidates,
            strongest=strongest,
            pair_count=len(pairs),
            pairs=tuple(pairs[:MOST_PAIRS]),
            path=joins(examined.retraced.path(a, b), examined, asking) if together else (),
            refused=refused,
            judgements=judgements,
            sentence=_together_sentence(strongest)
            if together
            else _apart_sentence(strongest, refused),
        )

    return await asyncio.to_thread(tell), examined


def _ranked_pairs(one: Side, two: Side, examined: Examined) -> list[PairSeen]:
    """Return each pair between two sides, the strongest first."""
    pairs = []
    for a, b in product(one.records, two.records):
        score = examined.score(a.id, b.id)
        if score is not None:
            pairs.append(
                PairSeen(
                    seen(a),
                    seen(b),
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


def _refusals(one: Side, two: Side, examined: Examined) -> tuple[RefusedLink, ...]:
    """Return the links between the two clients that the partition did not follow."""
    clients = {one.client_id, two.client_id}
    return tuple(
        RefusedLink(
            left=seen(examined.records[refused.left]),
            right=seen(examined.records[refused.right]),
            weight=refused.score.weight,
            hindrance=hindrance_of(refused.obstacle, examined),
        )
        for refused in examined.retraced.refused
        if _clients_of(refused, examined) == clients
    )[:MOST_REFUSALS]


def _clients_of(refused: Refused[UUID], examined: Examined) -> set[UUID]:
    return {examined.records[end].client_id for end in (refused.left, refused.right)}


def _of_clients(client_ids: set[UUID], examined: Examined) -> list[StoredRecord]:
    return [record for record in examined.records.values() if record.client_id in client_ids]


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
