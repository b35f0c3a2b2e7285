"""The partition: which records form one client, as a function of the set of records alone.

Constrained agglomeration. Judgements of match come first, then the links, strongest first;
equal weights are taken in the order of the records' own keys, never of their arrival. A merge
is refused when any member of one side contradicts any member of the other and none lies between
the two, when a judgement
forbids it, or when nothing but one weak link speaks for it. Links that compared no given name and
no birth date come next, for records that one person claims; links by name alone come last, for
names that one person bears. What a merge looks at lies within the connected component of links
and judgements of match, so that a component can be partitioned by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Any, Generic, TypeVar

from rcu.identity.clusters import (
    Cluster,
    can_contradict,
    cluster_of,
    kin_of_one_name,
    shows_given_name,
)
from rcu.identity.comparison import compare_birth_dates, compare_numbers
from rcu.identity.contradictions import BIRTH_DATE, GIVEN_NAME, TITLE
from rcu.identity.features import Features
from rcu.identity.grounds import STRONG_LINK, bits_of_relatives, is_blind, is_personal
from rcu.identity.joining import are_plainly_one
from rcu.identity.levels import EXACT, RESEMBLING
from rcu.identity.model import Model
from rcu.identity.scoring import Decision, PairScore, contradiction, rests_on_names, vouches

K = TypeVar("K", bound=Hashable)

_CROSS_EVIDENCE_CAP = 12.0
_CLAIM_MARGIN = 6.0
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Judgements(Generic[K]):
    """What stewards said of pairs. Pairs are frozensets of two records."""

    must_link: frozenset[frozenset[K]] = frozenset()
    cannot_link: frozenset[frozenset[K]] = frozenset()

    def __bool__(self) -> bool:
        """Tell whether anything was said."""
        return bool(self.must_link or self.cannot_link)


@dataclass(slots=True)
class Link(Generic[K]):
    """One link between two records, with what it rests on."""

    a: K
    b: K
    score: PairScore


def partition(
    records: Mapping[K, Features],
    scores: Mapping[tuple[K, K], PairScore],
    *,
    model: Model,
    judgements: Judgements[K] | None = None,
    order: Callable[[K], Any] = lambda key: key,
) -> list[frozenset[K]]:
    """Return the clients as sets of records; every record is in exactly one.

    `scores` holds the scored pairs, each once and in either orientation; pairs left out were
    no candidates. `order` gives each record's own stable key (source and external id): it
    breaks ties. The same set of records, scores and judgements gives the same partition,
    whatever the order of the mappings. The answer is sorted by each set's first record.
    """
    if len(records) == 1 or (not judgements and are_plainly_one(records, scores, model)):
        return [frozenset(records)]
    return Agglomeration(records, scores, judgements or Judgements(), model, order).run()


class Agglomeration(Generic[K]):
    """One run of the agglomeration; its state is thrown away afterwards."""

    def __init__(
        self,
        records: Mapping[K, Features],
        scores: Mapping[tuple[K, K], PairScore],
        judgements: Judgements[K],
        model: Model,
        order: Callable[[K], Any],
    ) -> None:
        self._records = records
        self._model = model
        self._order = order
        self._must = self._ordered(judgements.must_link)
        self._cannot = self._ordered(judgements.cannot_link)
        self._weights: dict[K, dict[K, float]] = defaultdict(dict)
        self._links: list[Link[K]] = []
        for (a, b), score in scores.items():
            if order(b) < order(a):
                a, b = b, a  # noqa: PLW2901 - one orientation, whatever the caller's
            self._weights[a][b] = self._weights[b][a] = score.weight
            if score.decision is Decision.LINK:
                self._links.append(Link(a, b, score))
        self._links.sort(key=self._strongest_first)
        self._cluster_of: dict[K, Cluster[K]] = {}

    def run(self) -> list[frozenset[K]]:
        """Form the clusters and return them in order."""
        for key, features in self._records.items():
            self._cluster_of[key] = cluster_of(key, features, self._model)
        for a, b in self._cannot:
            self._cluster_of[a].forbidden.add(b)
            self._cluster_of[b].forbidden.add(a)
        for a, b in self._must:
            # Who is judged apart stays apart, whatever third records are judged to be both.
            if self._cluster_of[a].forbidden.isdisjoint(self._cluster_of[b].members):
                self._merge(a, b)
        seeing: list[Link[K]] = []
        homely: list[Link[K]] = []
        blind: list[Link[K]] = []
        named: list[Link[K]] = []
        for link in self._links:
            if rests_on_names(link.score):
                named.append(link)
            elif is_blind(link.score):
                blind.append(link)
            else:
                (seeing if is_personal(link.score) else homely).append(link)
        self._agglomerate(seeing)
        self._agglomerate(self._unrivalled(homely))
        self._agglomerate(self._unrivalled(blind))
        self._agglomerate(self._of_sole_bearers(named))
        distinct = {id(cluster): cluster for cluster in self._cluster_of.values()}
        return sorted(
            (frozenset(cluster.members) for cluster in distinct.values()),
            key=lambda members: min(map(self._order, members)),
        )

    def _strongest_first(self, link: Link[K]) -> tuple[Any, ...]:
        return -round(link.score.weight, _DIGITS), self._order(link.a), self._order(link.b)

    def _ordered(self, pairs: frozenset[frozenset[K]]) -> list[list[K]]:
        """Return the judged pairs whose records are both here, each pair and all in order."""
        present = [pair for pair in pairs if len(pair & self._records.keys()) == 2]  # noqa: PLR2004
        ordered = [sorted(pair, key=self._order) for pair in present]
        return sorted(ordered, key=lambda pair: [self._order(key) for key in pair])

    def _agglomerate(self, links: Iterable[Link[K]]) -> None:
        for link in links:
            one, two = self._cluster_of[link.a], self._cluster_of[link.b]
            if one is not two and self._may_merge(one, two, link.score):
                self._merge(link.a, link.b)

    def _merge(self, a: K, b: K) -> None:
        one, two = self._cluster_of[a], self._cluster_of[b]
        if one is two:
            return
        if len(one.members) < len(two.members):
            one, two = two, one
        one.members |= two.members
        one.faces |= two.faces
        one.birth_dates |= two.birth_dates
        one.forbidden |= two.forbidden
        for kind, values in two.values.items():
            one.values.setdefault(kind, set()).update(values)
        for key in two.members:
            self._cluster_of[key] = one

    def _may_merge(self, one: Cluster[K], two: Cluster[K], score: PairScore) -> bool:
        return not (
            self._incompatible(one, two)
            or self._too_many_values(one, two)
            or (not is_personal(score) and kin_of_one_name(one, two))
            or self._is_outweighed(one, two, score)
            or self._only_a_weak_chain(one, two, score)
        )

    def _incompatible(self, one: Cluster[K], two: Cluster[K]) -> bool:
        """Tell whether a judgement forbids it, or any member contradicts any of the other side."""
        if not one.forbidden.isdisjoint(two.members):
            return True
        if any(
            not one.values.get(kind, set()).isdisjoint(two.values.get(kind, ()))
            for kind in self._model.single_valued_kinds - self._model.lent_kinds
        ):
            return False
        return any(self._contradict(a, b, one, two) for a in one.faces for b in two.faces)

    def _contradict(self, a: Features, b: Features, one: Cluster[K], two: Cluster[K]) -> bool:
        """Tell whether two faces part their sides; a title does only where no given names can."""
        found = contradiction(a, b, self._model)
        if found is None:
            return False
        if found == TITLE and shows_given_name(one) and shows_given_name(two):
            return False
        return not any(
            other is not a and other is not b and self._stands_between(other, a, b, found)
            for other in chain(one.faces, two.faces)
        )

    def _stands_between(self, other: Features, a: Features, b: Features, found: str) -> bool:
        """Tell whether a third face explains how two that contradict can be one person's.

        It contradicts neither. Either it agrees with both where they differ, so that each has an
        error of its own. Or it has the national id of one of the two, which is therefore misfiled,
        and agrees with both where such ids are lent. Or, where a lone difference is an error, it
        has the given name of the one and the birth date of the other.
        """
        numbers = {*a.others, *b.others}.intersection(other.others)
        if any(kind not in self._model.lent_kinds for kind, _ in numbers):
            return not (
                contradiction(other, a, self._model) or contradiction(other, b, self._model)
            )
        given_a, born_a = vouches(other, a, self._model)
        given_b, born_b = vouches(other, b, self._model)
        if numbers and (given_a or born_a) and (given_b or born_b):
            return True
        given, born = (given_a, given_b), (born_a, born_b)
        if found != TITLE and _lies_between(
            *((given, born) if found == GIVEN_NAME else (born, given))
        ):
            return True
        return bool(self._model.excusable_differences) and bool(
            (given_a and born_b) or (born_a and given_b)
        )

    def _too_many_values(self, one: Cluster[K], two: Cluster[K]) -> bool:
        return any(
            len(values | two.values[kind]) > self._model.value_limit(kind)
            for kind, values in one.values.items()
            if kind in two.values
        )

    def _is_outweighed(self, one: Cluster[K], two: Cluster[K], score: PairScore) -> bool:
        """Tell whether a link gives way to what speaks against it and is not in its weight.

        Two numbers of which a person has one count, be they not those of the two linked records.
        """
        compared = {item.attribute for item in score.evidence}
        weight = score.weight - bits_of_relatives(score)
        for kind in self._model.compared_kinds - compared:
            ours, theirs = one.values.get(kind, ()), two.values.get(kind, ())
            level = compare_numbers(ours, theirs) if ours and theirs else EXACT
            if level != EXACT:
                weight += min(self._model.identifier_weight(kind, level), 0.0)
        return weight < self._model.link_weight

    def _only_a_weak_chain(self, one: Cluster[K], two: Cluster[K], score: PairScore) -> bool:
        """Tell whether the pairs scored between the two sides together speak against the link.

        Half of the prior is left out: two records that merely say too little do not speak against.
        """
        if score.weight >= STRONG_LINK or len(one.members) * len(two.members) == 1:
            return False
        small, large = (one, two) if len(one.members) <= len(two.members) else (two, one)
        total = sum(
            max(-_CROSS_EVIDENCE_CAP, min(_CROSS_EVIDENCE_CAP, weight - self._model.prior_bits / 2))
            for a in sorted(small.members, key=self._order)
            for b, weight in sorted(self._weights[a].items(), key=lambda item: self._order(item[0]))
            if b in large.members
        )
        return total < 0

    def _unrivalled(self, links: Sequence[Link[K]]) -> list[Link[K]]:
        """Return the links, less those of a cluster that two different people claim.

        The owner of an e-mail takes the anonymous records of that e-mail, and who bears a name at
        an address the records of that name and address; when two people who cannot be one do so
        with like strength, nobody does.
        """
        claims: dict[int, dict[int, tuple[float, Cluster[K]]]] = defaultdict(dict)
        claimed: dict[int, Cluster[K]] = {}
        for link in links:  # strongest first, so that the first claim of a cluster is its best
            one, two = self._cluster_of[link.a], self._cluster_of[link.b]
            claims[id(one)].setdefault(id(two), (link.score.weight, two))
            claims[id(two)].setdefault(id(one), (link.score.weight, one))
            claimed |= {id(one): one, id(two): two}
        refused = {
            key: self._refused(claimed[key], list(claim.values())) for key, claim in claims.items()
        }
        contested = {key for key, (is_contested, _) in refused.items() if is_contested}
        kept = []
        for link in links:
            a, b = id(self._cluster_of[link.a]), id(self._cluster_of[link.b])
            if (
                (a in contested) == (b in contested)
                and b not in refused[a][1]
                and a not in refused[b][1]
            ):
                kept.append(link)
        return kept

    def _refused(
        self, claimed: Cluster[K], claims: list[tuple[float, Cluster[K]]]
    ) -> tuple[bool, set[int]]:
        """Return whether rivals contest a cluster, and the claimants that lose it.

        Of two claimants that cannot be one, the weaker loses; when they are about as strong,
        both do. `claims` stand strongest first.
        """
        contested = False
        losers: set[int] = set()
        rivals = [claim for claim in claims if can_contradict(claim[1])]
        for i, (weight, cluster) in enumerate(rivals):
            for stronger, rival in rivals[:i]:
                if self._are_rivals(rival, cluster, named=shows_given_name(claimed)):
                    losers.add(id(cluster))
                    if stronger - weight < _CLAIM_MARGIN:
                        contested = True
                        losers.add(id(rival))
        return contested, losers

    def _of_sole_bearers(self, links: Sequence[Link[K]]) -> list[Link[K]]:
        """Return the links by name alone, less those of a name that two different people bear.

        How rare a name is, the records show best: when any two of those whom it ties together
        cannot be one person, the name designates neither, and ties nobody.
        """
        kept: list[Link[K]] = []
        for group in self._tied(links):
            clusters = {id(c): c for link in group for c in self._ends(link)}
            if not any(self._are_namesakes(a, b) for a, b in combinations(clusters.values(), 2)):
                kept += group
        return sorted(kept, key=self._strongest_first)

    def _tied(self, links: Iterable[Link[K]]) -> list[list[Link[K]]]:
        """Return the links by connected group of clusters."""
        groups: dict[int, list[Link[K]]] = {}
        for link in links:
            one, two = (groups.setdefault(id(c), []) for c in self._ends(link))
            one.append(link)
            if one is not two:
                one += two
                groups.update((id(c), one) for other in two for c in self._ends(other))
                groups.update((id(c), one) for c in self._ends(link))
        return list({id(group): group for group in groups.values()}.values())

    def _ends(self, link: Link[K]) -> tuple[Cluster[K], Cluster[K]]:
        return self._cluster_of[link.a], self._cluster_of[link.b]

    def _are_rivals(self, one: Cluster[K], two: Cluster[K], *, named: bool = False) -> bool:
        """Tell whether two claimants are two people, be it two of one name.

        Of what is `named`, and has the name of both, only those of that name are rivals: father
        and son. Names that differ from each other and not from it are errors of one.
        """
        if kin_of_one_name(one, two):
            return True
        return self._are_of_one_name(one, two) if named else self._incompatible(one, two)

    def _are_of_one_name(self, one: Cluster[K], two: Cluster[K]) -> bool:
        """Tell whether two are judged two people, or are by their birth dates alone."""
        return not one.forbidden.isdisjoint(two.members) or any(
            self._contradict(a, b, one, two)
            for a in one.faces
            for b in two.faces
            if contradiction(a, b, self._model) == BIRTH_DATE
        )

    def _are_namesakes(self, one: Cluster[K], two: Cluster[K]) -> bool:
        """Tell whether two of one name are two people, as years of birth far apart say too."""
        return self._are_rivals(one, two) or any(
            compare_birth_dates(a, b) == RESEMBLING for a in one.faces for b in two.faces
        )


def _lies_between(
    differing: tuple[bool | None, bool | None], other: tuple[bool | None, bool | None]
) -> bool:
    """Tell whether a third face agrees with two where they differ, and by the other as it can.

    Of given name and birth date, `differing` is the one in which the two contradict; each tells of
    both whether the third agrees with it. One slip from each of two errors is the name or the date
    that both were meant to be; a twin or a son has one of the two from nobody.
    """
    return all(differing) and False not in other and True in other
