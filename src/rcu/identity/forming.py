"""Forming clusters anew: the component around some records, and the clients that it falls into."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.locks import only_reads
from rcu.identity.braking import Braking, Party
from rcu.identity.drafts import Draft
from rcu.identity.entering import Entered
from rcu.identity.features import Features
from rcu.identity.joining import are_compatible, is_sure
from rcu.identity.model import Model
from rcu.identity.neighbourhood import Neighbourhood, ordered
from rcu.identity.pairs import Component, load_component, read_around
from rcu.identity.partition import Judgements, partition
from rcu.identity.placing import IdentifierKey
from rcu.identity.repository import Pair, RecordKey
from rcu.identity.scoring import Decision, PairScore


async def lock_component(session: AsyncSession, seeds: Collection[UUID]) -> Component:
    """Return all that links and judgements tie to the seeds, with its clients locked.

    A session that only reads locks none: it reads as of one instant.
    """
    if only_reads(session):
        return await load_component(session, seeds)
    return (await read_around(session, seeds)).component


@dataclass(frozen=True, slots=True)
class Formed:
    """The clusters of the components that the writes touch."""

    client_of: Mapping[UUID, UUID]
    key_of: Mapping[UUID, RecordKey]
    scores: Mapping[Pair, PairScore]
    """Pairs that were scored: candidates, those of written records, mostly all in a component."""
    features: Mapping[UUID, Features]

    @property
    def scores_within(self) -> dict[Pair, PairScore]:
        """The scores of the pairs of which the clusters are made."""
        return _within(self.features, self.scores)

    def identifiers_of(self, record_id: UUID) -> frozenset[IdentifierKey]:
        """Return what a record of the components is known by."""
        return frozenset(self.features[record_id].identifiers)


def _within(
    records: Mapping[UUID, Features], scores: Mapping[Pair, PairScore]
) -> dict[Pair, PairScore]:
    return {(a, b): score for (a, b), score in scores.items() if a in records and b in records}


async def form_clusters(
    session: AsyncSession,
    drafts: Mapping[UUID, Draft],
    component: Component,
    near: Neighbourhood,
    candidates: Mapping[Pair, PairScore],
) -> Formed:
    """Form the clusters of every component concerned.

    Within a component every pair is scored, candidate or not: what is put together must be
    compared. Only where the links of a written record make one client of all is it left out.
    """
    tied = tie(drafts, component, near, candidates)
    features, scores = tied.features, tied.scores
    if len(tied.groups) == 1 and _join_plainly(drafts, component, near, features, scores):
        return Formed(dict.fromkeys(features, min(features)), tied.key_of, scores, features)
    await tied.learn_sharing(session)
    return tied.form()


@dataclass(frozen=True, slots=True)
class Resolved:
    """What becomes of some drafts: whom they met, and the clients that all of them form."""

    drafts: Mapping[UUID, Draft]
    """Those of which something is to be written."""
    near: Neighbourhood
    candidates: Collection[Pair]
    """The pairs that the writes may have changed, of those that are scored."""
    component: Component
    formed: Formed


async def resolve(session: AsyncSession, entered: Entered, *, model: Model) -> Resolved:
    """Work out what becomes of the drafts of a set of writes. Nothing is written.

    Reads the candidates that were not read with the locks, scores the pairs, gathers the component
    of every record that is touched, and forms its clusters anew.
    """
    drafts = {draft.id: draft for draft in entered.prepared.changed}
    near = await Neighbourhood.load(
        session, drafts.values(), model, entered.controls, entered.holders, entered.around
    )
    scores = near.score()
    seeds = near.seeds(scores)
    component = near.component_of(seeds)
    if component is None:
        component = await lock_component(session, seeds)
    formed = await form_clusters(session, drafts, component, near, scores)
    return Resolved(drafts, near, scores.keys(), component, formed)


@dataclass(frozen=True, slots=True)
class Tied:
    """Records that are tied together, with all that decides which clusters they form."""

    near: Neighbourhood
    component: Component
    key_of: Mapping[UUID, RecordKey]
    features: Mapping[UUID, Features]
    groups: Sequence[Sequence[UUID]]
    hold: Callable[[Pair, PairScore], PairScore]
    """See `holding_back`."""
    scores: dict[Pair, PairScore]
    """Of the candidates; the other pairs join them."""

    async def learn_sharing(self, session: AsyncSession) -> None:
        """Find out which identifiers that they have in common are shared: the last that is read."""
        groups = [[self.features[member] for member in group] for group in self.groups]
        await self.near.learn_sharing(session, groups)

    def form(self) -> Formed:
        """Score what is left to be scored, and form the clusters: nothing but computing."""
        features, scores = self.features, self.scores
        for group in self.groups:
            for a, b in combinations(group, 2):
                if (a, b) not in scores:
                    weighed = self.near.weigh(features[a], features[b])
                    scores[a, b] = self.hold((a, b), weighed)
        clusters = partition(
            features,
            _within(features, scores),
            model=self.near.model,
            judgements=judgements_of(self.component),
            order=self.key_of.__getitem__,
        )
        client_of = {member: min(cluster) for cluster in clusters for member in cluster}
        return Formed(client_of, self.key_of, scores, features)


def tie(
    drafts: Mapping[UUID, Draft],
    component: Component,
    near: Neighbourhood,
    candidates: Mapping[Pair, PairScore],
) -> Tied:
    """Return the records of a component and the drafts, in the groups that are tied together."""
    features = {record.id: near.features_of(record) for record in component.records}
    features |= {draft.id: draft.features for draft in drafts.values()}
    key_of = {record.id: (record.source, record.external_id) for record in component.records}
    key_of |= {draft.id: draft.key for draft in drafts.values()}
    hold = holding_back(near, component, drafts, features)
    scores = dict(candidates)
    if near.controls.brakes:
        scores = {pair: hold(pair, score) for pair, score in scores.items()}
    groups = tied_groups(features, component, scores, drafts, near.reexamined.dropped)
    return Tied(near, component, key_of, features, groups, hold, scores)


def _join_plainly(
    drafts: Mapping[UUID, Draft],
    component: Component,
    near: Neighbourhood,
    features: Mapping[UUID, Features],
    scores: dict[Pair, PairScore],
) -> bool:
    """Tell whether the one record that is written and one client are one client (`joining`).

    Adds the scores of the record's pairs that were no candidates. What two have in common of which
    one is written is settled already.
    """
    if (
        len(drafts) != 1
        or component.judged
        or near.controls.brakes
        or len({record.client_id for record in component.records}) > 1
    ):
        return False
    [draft] = drafts.values()
    for other in features.keys() - drafts.keys():
        pair = ordered(draft.id, other)
        if pair not in scores:
            scores[pair] = near.weigh(draft.features, features[other])
        if not is_sure(scores[pair]):
            return False
    others = [features[other] for other in features.keys() - drafts.keys()]
    return are_compatible(draft.features, others, near.model)


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


def tied_groups(
    record_ids: Collection[UUID],
    component: Component,
    scores: Mapping[Pair, PairScore],
    written: Collection[UUID],
    dropped: Collection[Pair] = (),
) -> list[list[UUID]]:
    """Return the records that links and match judgements tie together, as sorted groups.

    A stored link counts unless its pair was scored anew or is no candidate any more (`dropped`),
    or one of its records is written.
    """
    ties = [pair for pair, score in scores.items() if score.decision is Decision.LINK]
    ties += [
        (a, b)
        for a, b in component.links
        if (a, b) not in scores and (a, b) not in dropped and a not in written and b not in written
    ]
    ties += [(j.left_id, j.right_id) for j in component.judged if j.verdict == "match"]
    group_of: dict[UUID, set[UUID]] = {record_id: {record_id} for record_id in record_ids}
    for a, b in ties:
        one, two = group_of[a], group_of[b]
        if one is not two:
            small, large = (one, two) if len(one) < len(two) else (two, one)
            large |= small
            for member in small:
                group_of[member] = large
    return [sorted(group) for group in {id(g): g for g in group_of.values()}.values()]
