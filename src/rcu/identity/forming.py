"""Forming clusters anew: the component around some records, and the clients that it falls into."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import combinations
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.identity import repository
from rcu.identity.braking import Braking, Party
from rcu.identity.drafts import Draft
from rcu.identity.features import Features
from rcu.identity.neighbourhood import Neighbourhood, tied_groups
from rcu.identity.pairs import Component, load_component
from rcu.identity.partition import Judgements, partition
from rcu.identity.placing import IdentifierKey
from rcu.identity.repository import Pair, RecordKey
from rcu.identity.scoring import Decision, PairScore


async def lock_component(
    session: AsyncSession, seeds: Collection[UUID], *, expected: Collection[UUID] = ()
) -> Component:
    """Return all that links and judgements tie to the seeds, with its clients locked.

    Whoever changes a component holds the locks of its clients. Those that are `expected`, by what
    was read of the seeds before, are locked first: they are nearly always all. A component that has
    further ones is read again once they are locked; a deadlock that these late locks make is
    resolved by the edge, which tries again.
    """
    locked = set(await repository.lock_clients(session, expected))
    while seeds:
        component = await load_component(session, seeds)
        further = {record.client_id for record in component.records} - locked
        if not further:
            return component
        await repository.lock_clients(session, further)
        locked |= further
    return Component([], [], [])


@dataclass(frozen=True, slots=True)
class Formed:
    """The clusters of the components that the writes touch."""

    client_of: Mapping[UUID, UUID]
    key_of: Mapping[UUID, RecordKey]
    scores: Mapping[Pair, PairScore]
    """Every pair that was scored: candidates, and all pairs within a component."""
    features: Mapping[UUID, Features]

    def identifiers_of(self, record_id: UUID) -> frozenset[IdentifierKey]:
        """Return what a record of the components is known by."""
        return frozenset(self.features[record_id].identifiers)


async def form_clusters(
    session: AsyncSession,
    drafts: Mapping[UUID, Draft],
    component: Component,
    near: Neighbourhood,
    candidates: Mapping[Pair, PairScore],
) -> Formed:
    """Form the clusters of every component concerned.

    Within a component every pair is scored, candidate or not: what is put together must
    be compared.
    """
    features = {record.id: Features.from_json(record.features) for record in component.records}
    features |= {draft.id: draft.features for draft in drafts.values()}
    hold = holding_back(near, component, drafts, features)
    scores = {pair: hold(pair, score) for pair, score in candidates.items()}
    groups = tied_groups(features, component, scores, drafts, near.reexamined.dropped)
    await near.learn_sharing(session, [[features[m] for m in group] for group in groups])
    for group in groups:
        for a, b in combinations(group, 2):
            if (a, b) not in scores:
                scores[a, b] = hold((a, b), near.weigh(features[a], features[b]))
    key_of = {record.id: (record.source, record.external_id) for record in component.records}
    key_of |= {draft.id: draft.key for draft in drafts.values()}
    clusters = partition(
        features,
        {pair: score for pair, score in scores.items() if features.keys() >= set(pair)},
        model=near.model,
        judgements=judgements_of(component),
        order=key_of.__getitem__,
    )
    client_of = {member: min(cluster) for cluster in clusters for member in cluster}
    return Formed(client_of, key_of, scores, features)


def holding_back(
    near: Neighbourhood,
    component: Component,
    drafts: Mapping[UUID, Draft],
    features: Mapping[UUID, Features],
) -> Callable[[Pair, PairScore], PairScore]:
    """Return what leaves to review the pairs that a merge brake holds back."""
    if not near.controls.brakes:
        return lambda _pair, score: score
    parties = {record.id: Party(record.source, record.client_id) for record in component.records}
    for draft in drafts.values():
        before = Party(draft.key[0], draft.before.client_id if draft.before else None)
        parties.setdefault(draft.id, before)
    braking = Braking(near.controls.brakes, parties, near.model, near.shared)

    def hold(pair: Pair, score: PairScore) -> PairScore:
        if score.decision is not Decision.LINK:
            return score
        return braking.apply(*pair, (features[pair[0]], features[pair[1]]), score)

    return hold


def judgements_of(component: Component) -> Judgements[UUID]:
    """Return the binding judgements of a component, for the partition."""
    by_verdict: dict[str, set[frozenset[UUID]]] = {"match": set(), "no_match": set()}
    for judged in component.judged:
        by_verdict[judged.verdict].add(frozenset((judged.left_id, judged.right_id)))
    return Judgements(
        must_link=frozenset(by_verdict["match"]), cannot_link=frozenset(by_verdict["no_match"])
    )
