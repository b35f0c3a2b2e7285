"""The trial of a model: what it would change, found on a copy of the partition.

Everything is read as of one instant and resolved with the model that is tried; what would change is
told merge by merge, with the scores of the deciding pair under both models. No client changes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
import pyarrow as pa

from rcu.bulk.batches import batch_of
from rcu.bulk.engine import Engine
from rcu.bulk.resolution import find_shared
from rcu.bulk.stages import IdentifierKey
from rcu.bulk.trial_joins import GAINED, LOST, Join, read_joins
from rcu.bulk.whole_database import resolve_database
from rcu.db.engine import Database
from rcu.identity.controls import ALL_DECLARED
from rcu.identity.estimation import WEIGHT_EDGES, Stratum, estimate_precision
from rcu.identity.features import Features
from rcu.identity.model import Model
from rcu.identity.scoring import Decision, PairScore, score_pair
from rcu.identity.sharing import with_declared

CONFIDENCE: Final = 0.95
MOST_RECORDS_NAMED: Final = 20
"""Records named of each side of a line."""
_CHUNK: Final = 2000

OnProgress = Callable[[int, int | None], None]
"""Told how many merges are worked out, of how many; None while everything is being resolved."""


@dataclass(frozen=True, slots=True)
class Line:
    """One merge gained or lost."""

    kind: str
    client_id: UUID
    other_client_id: UUID
    tickets: int
    left_id: UUID
    right_id: UUID
    left_record_ids: list[str]
    right_record_ids: list[str]
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Estimated:
    """How many of the links gained, or lost, are between records of one person."""

    value: float
    low: float
    high: float
    judged_share: float
    """Of the links, those of like weight as pairs that were judged; for the others the value is
    the model's own probability, and the interval goes from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a trial found, in numbers."""

    records: int
    clients_before: int
    clients_after: int
    merges_gained: int
    merges_lost: int
    moved_records: int
    touched_clients: int
    tickets: int
    """Of the clients touched."""
    points_accounts: int
    """Of the clients touched."""
    points: int
    """On these accounts."""
    gained_precision: Estimated | None
    """None when none is gained."""
    lost_precision: Estimated | None
    """Share of the links lost that were right: what the change costs. None when none is lost."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The outcome."""

    figures: Figures
    lines: list[Line]
    """Most tickets first."""


async def try_model(
    database: Database,
    engine: Engine,
    *,
    model: Model,
    active: Model,
    region: str,
    on_progress: OnProgress = lambda _done, _all: None,
) -> Trial:
    """Return what would change if `model` were activated in the place of `active`."""
    on_progress(0, None)
    found = await resolve_database(database, engine, model=model, region=region, dry_run=True)
    joins = list(read_joins(engine))
    on_progress(0, len(joins))
    scorer = _Scorer(engine, active, model, await _read_declared(database))
    facts = await _count_facts(database, {client for join in joins for client in _clients(join)})
    tickets = {client: counted.tickets for client, counted in facts.items()}
    lines: list[Line] = []
    after: list[PairScore] = []
    for join, one, other, scores in scorer.explain(joins):
        lines.append(_line(join, one, other, scores, tickets))
        after.append(scores[1])
        on_progress(len(lines), len(joins))
    judged = scorer.judged(await _read_judged(database))
    by_kind = {
        kind: [score for line, score in zip(lines, after, strict=True) if line.kind == kind]
        for kind in (GAINED, LOST)
    }
    [(before_count,)] = engine.rows("SELECT count(DISTINCT client_id) FROM known")
    figures = Figures(
        records=found.figures.records,
        clients_before=int(str(before_count)),
        clients_after=found.figures.clients,
        merges_gained=len(by_kind[GAINED]),
        merges_lost=len(by_kind[LOST]),
        moved_records=found.moved_records,
        touched_clients=len(tickets),
        tickets=sum(tickets.values()),
        points_accounts=sum(counted.accounts for counted in facts.values()),
        points=sum(counted.points for counted in facts.values()),
        gained_precision=estimate(by_kind[GAINED], judged),
        lost_precision=estimate(by_kind[LOST], judged),
    )
    lines.sort(key=lambda line: (-line.tickets, line.kind, line.client_id, line.other_client_id))
    return Trial(figures, lines)


def _clients(join: Join) -> tuple[str, ...]:
    """Return the clients of today that a join concerns."""
    return (join.side, join.other_side) if join.kind == GAINED else (join.client,)


def _line(
    join: Join,
    one: Sequence[str],
    other: Sequence[str],
    scores: tuple[PairScore, PairScore],
    tickets: dict[str, int],
) -> Line:
    before, after = scores
    return Line(
        kind=join.kind,
        client_id=UUID(join.side if join.kind == GAINED else join.client),
        other_client_id=UUID(join.other_side),
        tickets=sum(tickets[client] for client in _clients(join)),
        left_id=UUID(one[0]),
        right_id=UUID(other[0]),
        left_record_ids=list(one[1:]),
        right_record_ids=list(other[1:]),
        before=_told(before),
        after=_told(after),
    )


def _told(score: PairScore) -> dict[str, Any]:
    return score._asdict() | {"evidence": [item._asdict() for item in score.evidence]}


# --- scores -------------------------------------------------------------------------------------

_JUDGED_SCHEMA = pa.schema(
    [("left_id", pa.string()), ("right_id", pa.string()), ("is_match", pa.bool_())]
)


class _Scorer:
    """Weighs pairs under both models, with the features as they were read."""

    def __init__(
        self, engine: Engine, active: Model, model: Model, declared: dict[IdentifierKey, bool]
    ) -> None:
        self._engine = engine
        self._models: tuple[tuple[Model, frozenset[IdentifierKey]], ...] = tuple(
            (one, with_declared(find_shared(engine, one), declared)) for one in (active, model)
        )

    def explain(
        self, joins: Iterable[Join]
    ) -> Iterator[tuple[Join, list[str], list[str], tuple[PairScore, PairScore]]]:
        """Yield each join with the record ids of its sides, the best one first, and its scores."""
        remaining = iter(joins)
        while some := list(islice(remaining, _CHUNK)):
            ids, features = self._read(some)
            for join in some:
                a, b = features[join.number], features[join.other_number]
                yield (
                    join,
                    _named(ids, join.number, join.members),
                    _named(ids, join.other_number, join.other_members),
                    (self._score(0, a, b), self._score(1, a, b)),
                )

    def judged(self, pairs: Sequence[tuple[str, str, bool]]) -> list[tuple[PairScore, bool]]:
        """Return the score of each judged pair under the model that is tried, and the verdict."""
        self._engine.load("judged_pair", [batch_of(_JUDGED_SCHEMA, pairs)], _JUDGED_SCHEMA)
        rows = self._engine.rows(
            "SELECT a.features, b.features, j.is_match FROM judged_pair j "
            "JOIN known k ON k.id = j.left_id JOIN record a ON a.number = k.number "
            "JOIN known l ON l.id = j.right_id JOIN record b ON b.number = l.number"
        )
        self._engine.drop("judged_pair")
        return [(self._score(1, _parse(a), _parse(b)), bool(is_match)) for a, b, is_match in rows]

    def _score(self, which: int, a: Features, b: Features) -> PairScore:
        model, shared = self._models[which]
        return score_pair(a, b, model, shared=shared)

    def _read(self, joins: Sequence[Join]) -> tuple[dict[int, str], dict[int, Features]]:
        """Return the ids of the records to name, and the features of those to score."""
        scored = {n for join in joins for n in (join.number, join.other_number)}
        named = {n for join in joins for n in (*join.members, *join.other_members)}
        schema = pa.schema([("number", pa.int64())])
        rows = [(number,) for number in sorted(scored | named)]
        self._engine.load("asked_number", [batch_of(schema, rows)], schema)
        ids: dict[int, str] = {}
        features: dict[int, Features] = {}
        for batch in self._engine.stream(
            "SELECT k.number, k.id, r.features FROM asked_number n "
            "JOIN known k ON k.number = n.number JOIN record r ON r.number = n.number"
        ):
            for row in batch.to_pylist():
                ids[row["number"]] = row["id"]
                if row["number"] in scored:
                    features[row["number"]] = _parse(row["features"])
        self._engine.drop("asked_number")
        return ids, features


def _parse(packed: object) -> Features:
    return Features.from_json(orjson.loads(str(packed)))


def _named(ids: dict[int, str], best: int, members: Sequence[int]) -> list[str]:
    """Return the id of the best record, then those of its side, as many as are named."""
    return [ids[best], *sorted(ids[number] for number in members)[:MOST_RECORDS_NAMED]]


# --- figures ------------------------------------------------------------------------------------

_FACTS = """
    SELECT r.client_id::text, sum((SELECT count(*) FROM ticket t WHERE t.record_id = r.id))::bigint,
           count(a.record_id), coalesce(sum(a.balance), 0)::bigint
    FROM source_record r LEFT JOIN points_account a ON a.record_id = r.id
    WHERE r.client_id = ANY ($1::uuid[]) GROUP BY r.client_id
"""
# A pair that was joined or parted by hand, without a review, says nothing of weights.
_JUDGED = """
    SELECT DISTINCT ON (j.left_id, j.right_id) j.left_id::text, j.right_id::text, j.verdict
    FROM judgement j JOIN decision d ON d.id = j.decision_id
    WHERE d.undone_by IS NULL AND j.weight IS NOT NULL
    ORDER BY j.left_id, j.right_id, j.made_at DESC, j.id DESC
"""


class _Facts(NamedTuple):
    """What hangs on a client."""

    tickets: int = 0
    accounts: int = 0
    points: int = 0


async def _count_facts(database: Database, clients: set[str]) -> dict[str, _Facts]:
    """Return how much hangs on each client."""
    found = dict.fromkeys(clients, _Facts())
    ordered = iter(sorted(clients))
    async with database.driver_connection() as connection:
        while some := list(islice(ordered, _CHUNK)):
            for client, *counts in await connection.fetch(_FACTS, some):
                found[client] = _Facts(*counts)
    return found


async def _read_declared(database: Database) -> dict[IdentifierKey, bool]:
    async with database.driver_connection() as connection:
        rows = await connection.fetch(ALL_DECLARED)
    return {(kind, value): is_shared for kind, value, is_shared in rows}


async def _read_judged(database: Database) -> list[tuple[str, str, bool]]:
    async with database.driver_connection() as connection:
        rows = await connection.fetch(_JUDGED)
    return [
        (left, right, verdict == "match")
        for left, right, verdict in rows
        if verdict in {"match", "no_match"}
    ]


def estimate(
    scores: Sequence[PairScore], judged: Sequence[tuple[PairScore, bool]]
) -> Estimated | None:
    """Return the share of matches among links; None when there are no links.

    Links are taken by band of weight, and by whether a guard or the review line keeps them apart.
    In a stratum where pairs were judged, these stand for all; elsewhere the model's probability
    does, one half where a guard overrules it.
    """
    counts = Counter(map(_stratum, scores))
    expected: defaultdict[tuple[str, int], float] = defaultdict(float)
    for score in scores:
        expected[_stratum(score)] += _probability(score)
    said = Counter(_stratum(score) for score, _ in judged)
    matches = Counter(_stratum(score) for score, is_match in judged if is_match)
    strata = [
        Stratum(
            together=True,
            band=band,
            pairs=pairs,
            expected_matches=expected[decision, band],
            judged=said[decision, band],
            matches=matches[decision, band],
        )
        for (decision, band), pairs in sorted(counts.items())
    ]
    found = estimate_precision(strata, confidence=CONFIDENCE)
    if found is None:
        return None
    covered = sum(stratum.pairs for stratum in strata if stratum.judged)
    return Estimated(**asdict(found), judged_share=covered / len(scores))


def _stratum(score: PairScore) -> tuple[str, int]:
    """Return the stratum of a pair: what is decided of it, and its band of weight."""
    decision = "guarded" if score.contradiction else str(score.decision)
    return decision, sum(score.weight >= edge for edge in WEIGHT_EDGES)


def _probability(score: PairScore) -> float:
    return 0.5 if score.contradiction and score.decision is not Decision.LINK else score.probability
