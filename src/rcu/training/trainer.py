"""Training: a new model document out of records, without labels, and judgements where there are.

1. The model to start with scores all candidate pairs. Their matches give a first prior, and
   with it a first partition.
2. What the records show as a whole: how common values are, which lone differences are errors,
   which identifiers a person has only one of.
3. `u` from pairs drawn at random, less those that the first partition holds together.
4. `m` by Splink's expectation maximisation, in three sessions (see `em`), and once more over all
   candidate pairs at once (see `refinement`).
5. The prior again, under the new weights; judgements shift it.

Everything counted is weighed against what the model held before (see `shrinkage`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from math import log2
from typing import Any, Generic, TypeVar

from rcu.identity.features import CARD, EMAIL, PHONE, Features
from rcu.identity.in_memory import shared_identifiers
from rcu.identity.levels import EXACT
from rcu.identity.model import ATTRIBUTES, Model, ModelDocument, Session, TrainingFigures
from rcu.identity.partition import partition
from rcu.identity.scoring import PairScore
from rcu.training import em
from rcu.training.document import (
    Counts,
    changed,
    changes,
    named,
    parameters,
    tempered,
    with_m,
    with_u,
)
from rcu.training.errors import TooFewRecordsError
from rcu.training.frequencies import (
    chance_of_one_given_name,
    frequencies_as_met,
    learn_frequencies,
)
from rcu.training.households import HouseholdCensus
from rcu.training.kinds import KindCensus
from rcu.training.limits import with_value_limits
from rcu.training.prior import (
    estimate_prior,
    evidence_of,
    expected_matches,
    judged_shift,
    log_likelihood_bits,
)
from rcu.training.refinement import refined
from rcu.training.sampling import candidate_pairs, levels_of, random_pairs, score_all
from rcu.training.training_set import TrainingSet

K = TypeVar("K", bound=Any)

MIN_RECORDS = 50
NAMES_ONLY_SHARE = 0.05
"""Where fewer of the candidate pairs compare more than names and place, names must do."""

_FAR_OFF_BITS = 25.0
"""A pair so far below even odds is none under any weights that the same records could teach."""
_BARE = frozenset({"given_name", "family_name", "title", "place"})
_EXACT = frozenset({EXACT})


def _say_nothing(_step: str) -> None:
    pass


def train(
    training_set: TrainingSet[K],
    start: Model,
    *,
    trained_at: datetime,
    on_step: Callable[[str], None] = _say_nothing,
) -> ModelDocument:
    """Return a new model document trained on records, starting from the figures of `start`.

    The same records, model and judgements give the same document, whatever the order of the
    mapping. `on_step` is told what begins. Raises `TooFewRecordsError`, and
    `TrainingExtraMissingError` without the extra `rcu[train]`.
    """
    em.require_splink()
    if len(training_set.records) < MIN_RECORDS:
        raise TooFewRecordsError(records=len(training_set.records), needed=MIN_RECORDS)
    return _Training(training_set, start, on_step).run(trained_at)


class _Training(Generic[K]):
    """One training: its steps share the records, the judgements and the candidate pairs."""

    def __init__(
        self, training_set: TrainingSet[K], start: Model, on_step: Callable[[str], None]
    ) -> None:
        self._records = {key: training_set.records[key] for key in sorted(training_set.records)}
        self._base_records = training_set.base_records or len(self._records)
        self._judgements = training_set.judgements
        self._start = start
        self._on_step = on_step
        self._pairs: list[tuple[K, K]] = []

    def run(self, at: datetime) -> ModelDocument:
        """Train, and return the document."""
        self._on_step("Comparing the records")
        self._pairs = candidate_pairs(self._records, key_cap=self._start.key_cap)
        model = self._with_first_sight()
        clients = self._partition(model)
        self._on_step("Counting names and cities")
        model = changed(
            model,
            frequencies=learn_frequencies(self._faces(clients), self._start.document.frequencies),
        )
        self._on_step("Comparing random pairs")
        chance = self._chance(model, clients)
        model = with_u(model, chance)
        self._on_step("Estimating the weights")
        sessions, model = self._with_weights(model)
        self._on_step("Estimating the prior")
        return self._finish(model, clients, chance, sessions, at)

    def _score(
        self, model: Model, pairs: Sequence[tuple[K, K]] | None = None
    ) -> dict[tuple[K, K], PairScore]:
        shared = shared_identifiers(self._records, model)
        chosen = self._pairs if pairs is None else pairs
        return score_all(self._records, chosen, model, shared)

    def _with_first_sight(self) -> Model:
        """Return the starting model with what the candidate pairs show as a whole."""
        start = self._start
        scores = self._score(start)
        levels = [levels_of(score) for score in scores.values()]
        kinds = self._kinds()
        excusable = start.excusable_differences | HouseholdCensus.of(levels).excusable_differences(
            same_given_name=chance_of_one_given_name(self._records.values())
        )
        return changed(
            start,
            prior_bits=self._prior(start, scores.values()),
            excusable_differences=excusable,
            single_valued_kinds=kinds.single_valued(start),
            # Where both differences are errors, so are those beside an equal number.
            lent_kinds=start.lent_kinds if len(excusable) > 1 else kinds.lent(start),
            ambiguous_kinds=kinds.ambiguous(start),
            names_alone_link=start.names_alone_link or _names_must_do(levels),
        )

    def _kinds(self) -> KindCensus:
        """Return what the pairs show that compare other identifiers.

        Which of these pairs match by all else, names must not say that are thought too rare.
        """
        records = self._records
        names = frequencies_as_met(records.values(), self._start.document.frequencies)
        model = changed(self._start, frequencies=names)
        pairs = [(a, b) for a, b in self._pairs if records[a].others and records[b].others]
        return KindCensus.of(records, self._score(model, pairs), model)

    def _partition(self, model: Model) -> list[frozenset[K]]:
        return partition(
            self._records,
            self._score(model),
            model=model,
            judgements=self._judgements,
        )

    def _faces(self, clients: Iterable[frozenset[K]]) -> list[list[Features]]:
        return [[self._records[key] for key in client] for client in clients]

    def _prior(self, model: Model, scores: Collection[PairScore]) -> float:
        return estimate_prior(
            evidence_of(scores, model), records=len(self._records), start_bits=model.prior_bits
        )

    def _chance(self, model: Model, clients: Iterable[frozenset[K]]) -> Counts:
        client_of = {key: i for i, client in enumerate(clients) for key in client}
        apart = [
            (a, b) for a, b in random_pairs(list(self._records)) if client_of[a] != client_of[b]
        ]
        return Counts.of(levels_of(score) for score in self._score(model, apart).values())

    def _with_weights(self, model: Model) -> tuple[list[em.Session], Model]:
        """Return the sessions of expectation maximisation, and the model with their `m`.

        Pairs that contradict take no part: the guards decide on them. Judged pairs take none
        either: those that match count as seen.
        """
        judged = self._judgements.must_link | self._judgements.cannot_link
        unjudged = [pair for pair in self._pairs if frozenset(pair) not in judged]
        scores = self._score(model, unjudged)
        pairs = [levels_of(s) for s in scores.values() if s.contradiction is None]
        likely = [pair for pair, s in scores.items() if _may_match(s)]
        m, u = parameters(model)
        kinds = u.keys() - ATTRIBUTES
        sessions = em.run_sessions(pairs, _blocks(kinds), m=m, u=u)
        matches = self._score(model, self._judged(self._judgements.must_link))
        known = Counts.of(levels_of(score) for score in matches.values())
        found = tempered(with_m(model, em.pooled(sessions), known, start=self._start))
        prior = self._prior(found, self._score(found, likely).values())
        found = refined(
            changed(found, prior_bits=prior),
            likely,
            lambda under, pairs: self._score(under, pairs).values(),
            known,
            start=self._start,
        )
        return sessions, tempered(found)

    def _judged(self, pairs: Iterable[frozenset[K]]) -> list[tuple[K, K]]:
        found = []
        for pair in pairs:
            if pair <= self._records.keys():
                a, b = sorted(pair)
                found.append((a, b))
        return sorted(found)

    def _verdicts(self, model: Model) -> list[tuple[float, bool]]:
        """Return the weight of each judged pair that no guard decides, and the verdict."""
        judgements = self._judgements
        return [
            (score.weight, is_match)
            for pairs, is_match in ((judgements.must_link, True), (judgements.cannot_link, False))
            for score in self._score(model, self._judged(pairs)).values()
            if score.contradiction is None
        ]

    def _finish(
        self,
        model: Model,
        clients: Sequence[frozenset[K]],
        chance: Counts,
        sessions: Sequence[em.Session],
        at: datetime,
    ) -> ModelDocument:
        """Return the document with its prior and its figures."""
        evidence = evidence_of(self._score(model).values(), model)
        unjudged = estimate_prior(evidence, records=len(self._records), start_bits=model.prior_bits)
        verdicts = self._verdicts(changed(model, prior_bits=unjudged))
        shift = judged_shift(verdicts)
        figures = TrainingFigures(
            trained_at=at,
            trained_from=self._start.version,
            records=len(self._records),
            base_records=self._base_records,
            clients=len(clients),
            candidate_pairs=len(self._pairs),
            random_pairs=chance.pairs,
            sessions=tuple(map(_told, sessions)),
            judgements=len(verdicts),
            judgement_shift_bits=shift,
            prior_bits_before=self._start.prior_bits,
            expected_matches=expected_matches(evidence, unjudged + shift),
            log_likelihood_bits=log_likelihood_bits(evidence, unjudged + shift),
            levels=changes(self._start.document, model.document),
        )
        # From a sample by clients to the base, matches grow in step and pairs with the square.
        drawn = log2(len(self._records) / self._base_records)
        limited = with_value_limits(
            changed(model, prior_bits=unjudged + shift), self._records, self._partition
        )
        trained = changed(limited, prior_bits=round(unjudged + shift + drawn, 4), training=figures)
        return named(trained.document, at)


def _may_match(score: PairScore) -> bool:
    """Tell whether a pair could match under weights somewhat unlike these."""
    return score.contradiction is None and score.weight > -_FAR_OFF_BITS


def _names_must_do(pairs: Sequence[em.Levels]) -> bool:
    """Tell whether the records hold names and places only, or next to nothing else."""
    more = sum(1 for levels in pairs if not levels.keys() <= _BARE)
    return more < NAMES_ONLY_SHARE * len(pairs)


def _blocks(kinds: Iterable[str]) -> list[em.Block]:
    """Return the sessions: pairs of one name, of one birth date, of one identifier."""
    return [
        em.Block("names", {"given_name": _EXACT, "family_name": _EXACT}),
        em.Block("birth_date", {"birth_date": _EXACT}),
        em.Block(
            "identifier",
            dict.fromkeys([EMAIL, PHONE, CARD, *sorted(kinds)], _EXACT),
            any_of=True,
        ),
    ]


def _told(session: em.Session) -> Session:
    return Session(
        block=session.block,
        pairs=session.pairs,
        iterations=session.iterations,
        converged=session.converged,
        match_share=session.match_share,
    )
