"""The bulk resolution: candidates, weights and partition of a whole set of records.

The same steps as `rcu.identity.resolution` takes write by write, each done once for all: which
identifiers are shared, which pairs share a key, their weights, what links tie together, and the
clusters of each component.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType

import pyarrow as pa

from rcu.bulk.batches import document_of
from rcu.bulk.candidates import Blocked, find_candidates
from rcu.bulk.engine import Engine
from rcu.bulk.parts import parts_of
from rcu.bulk.stages import (
    FEATURES_SCHEMA,
    IDENTIFIER_MARK,
    Describe,
    FindShared,
    IdentifierKey,
    Pair,
    Partition,
    Score,
)
from rcu.identity.model import Model
from rcu.identity.partition import Judgements
from rcu.identity.sharing import with_declared

_NOBODY: Judgements[str] = Judgements()
_NOTHING: Mapping[IdentifierKey, bool] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Figures:
    """What a resolution cost, for the cost model."""

    records: int
    blocking_keys: int
    generic_keys: int
    """Keys with more holders than the model allows, which found no candidates."""
    pairs: int
    """Candidate pairs: those that share a key."""
    weighed_pairs: int
    """Those that were weighed: the others are plainly two people."""
    kept_pairs: int
    """Those that reached the review line."""
    shared: int
    """Identifiers that too many different people hold."""
    components: int
    """Groups of two records or more that links tie together."""
    clients: int


@dataclass(frozen=True)
class Resolved:
    """The outcome, kept by the engine until it is read.

    Tables, by name: `record` (number, key, features), `pair` (the pairs at or above the review
    line) and `placed` (number, cluster, and the strongest match; every record is there).
    """

    engine: Engine = field(repr=False)
    figures: Figures
    shared: frozenset[IdentifierKey]

    def clients(self) -> Iterator[pa.RecordBatch]:
        """Yield `key` and `client_key`, the first key of the client, in order of `key`."""
        return self.engine.stream(
            "SELECT r.key, c.key AS client_key FROM placed p "
            "JOIN record r ON r.number = p.number JOIN record c ON c.number = p.cluster "
            "ORDER BY r.key"
        )

    def pairs(self) -> Iterator[pa.RecordBatch]:
        """Yield the pairs at or above the review line, by `left_key` and `right_key`."""
        return self.engine.stream(
            "SELECT l.key AS left_key, r.key AS right_key, p.weight, p.probability, p.decision, "
            "p.contradiction, p.evidence FROM pair p "
            "JOIN record l ON l.number = p.left_number JOIN record r ON r.number = p.right_number"
        )


def resolve(
    records: Iterable[pa.RecordBatch] | pa.Table,
    *,
    engine: Engine,
    model: Model | None = None,
    judgements: Judgements[str] = _NOBODY,
    declared: Mapping[IdentifierKey, bool] = _NOTHING,
    region: str = "FR",
) -> Resolved:
    """Resolve a whole set of records.

    `records` has the columns of `FEATURES_SCHEMA`, or some of `PERSON_SCHEMA`; `judgements` are
    on pairs of keys; `declared` says of identifiers whether stewards call them shared. The outcome
    is a function of the set: of the order of rows nothing depends.
    """
    if isinstance(records, pa.Table):
        schema, batches = records.schema, iter(records.to_batches())
    else:
        batches = iter(records)
        first = next(batches, None)
        schema = first.schema if first is not None else FEATURES_SCHEMA
        batches = _again(first, batches)
    engine.load("incoming", batches, schema)
    engine.number("numbered", "SELECT * FROM incoming", by="key")
    engine.map("record", "SELECT * FROM numbered", Describe(region))
    engine.drop("incoming", "numbered")
    return resolve_described(engine, model=model, judgements=judgements, declared=declared)


def _again(
    first: pa.RecordBatch | None, rest: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    if first is not None:
        yield first
        yield from rest


def resolve_described(
    engine: Engine,
    *,
    model: Model | None = None,
    judgements: Judgements[str] = _NOBODY,
    declared: Mapping[IdentifierKey, bool] = _NOTHING,
) -> Resolved:
    """Resolve the table `record` (number, key, features, keys, identifiers) of the engine."""
    model = model or Model.shipped()
    return place(engine, weigh(engine, model=model, declared=declared), judgements=judgements)


@dataclass(frozen=True, slots=True)
class Weighed:
    """The first half of a resolution: the pairs are known, the table `pair` is there."""

    model: Model
    shared: frozenset[IdentifierKey]
    blocked: Blocked


def weigh(
    engine: Engine, *, model: Model, declared: Mapping[IdentifierKey, bool] = _NOTHING
) -> Weighed:
    """Make the table `pair` of the pairs of the table `record` at or above the review line."""
    shared = with_declared(find_shared(engine, model), declared)
    blocked = find_candidates(engine, model)
    engine.map("pair", _candidates_with_features(engine), Score(document_of(model), shared))
    engine.drop("candidate")
    return Weighed(model, shared, blocked)


def place(engine: Engine, weighed: Weighed, *, judgements: Judgements[str] = _NOBODY) -> Resolved:
    """Make the table `placed` of the clusters of the records that `weigh` has weighed."""
    judged = _numbered(engine, judgements)
    components = tie_together(engine, [pair for pair, said in judged.items() if said == "match"])
    form_clusters(engine, Partition(document_of(weighed.model), weighed.shared, judged))
    [(kept, clients)] = engine.rows(
        "SELECT (SELECT count(*) FROM pair), (SELECT count(DISTINCT cluster) FROM placed)"
    )
    return Resolved(
        engine,
        Figures(
            **asdict(weighed.blocked),
            kept_pairs=_int(kept),
            shared=len(weighed.shared),
            components=components,
            clients=_int(clients),
        ),
        weighed.shared,
    )


def find_shared(engine: Engine, model: Model) -> frozenset[IdentifierKey]:
    """Return the identifiers that too many different people hold."""
    engine.create(
        "held_identifier",
        f"SELECT number, {engine.explode}(identifiers) AS identifier FROM record",
    )
    limits = model.document.shared_limits
    holders = engine.collect({"features": "r.features"})
    engine.map(
        "shared_identifier",
        f"""
        SELECT h.identifier, {holders} AS holders
        FROM held_identifier h
        JOIN record r ON r.number = h.number
        WHERE h.identifier IN (
            SELECT identifier FROM held_identifier
            GROUP BY identifier HAVING count(*) > {min(limits.values())}
        )
        GROUP BY h.identifier
        """,
        FindShared(document_of(model)),
    )
    found = engine.rows("SELECT identifier FROM shared_identifier")
    engine.drop("held_identifier", "shared_identifier")
    return frozenset(_identifier(str(text)) for (text,) in found)


def _identifier(text: str) -> IdentifierKey:
    kind, _, value = text.partition(IDENTIFIER_MARK)
    return kind, value


def score_pairs(
    engine: Engine,
    pairs: pa.Table,
    *,
    model: Model,
    shared: frozenset[IdentifierKey] = frozenset(),
) -> Iterator[pa.RecordBatch]:
    """Yield the scores of given pairs, those that stay apart too, as `stages.SCORED_SCHEMA`.

    `pairs` has `left_number`, `right_number`, `left_features` and `right_features`.
    """
    engine.load("asked", pairs.to_batches(), pairs.schema)
    stage = Score(document_of(model), shared, keep_apart=True)
    engine.map("answered", "SELECT * FROM asked", stage)
    yield from engine.stream("SELECT * FROM answered")
    engine.drop("asked", "answered")


def _candidates_with_features(engine: Engine) -> Iterator[str]:
    """Yield the queries of all candidates, some at a time, in the order of their names.

    A process unpacks a record once for all of its pairs that come together.
    """
    for part in parts_of(engine, "candidate"):
        yield f"""
            SELECT c.left_number, c.right_number,
                   l.features AS left_features, r.features AS right_features
            FROM (SELECT * FROM candidate WHERE {part.holds("number")}) AS c
            JOIN record l ON l.number = c.left_number
            JOIN record r ON r.number = c.right_number
            ORDER BY c.number
        """


def _numbered(engine: Engine, judgements: Judgements[str]) -> dict[Pair, str]:
    """Return the judgements by the numbers of their records; of others nothing is to be kept."""
    said = [("match", pair) for pair in judgements.must_link]
    said += [("no_match", pair) for pair in judgements.cannot_link]
    if not said:
        return {}
    schema = pa.schema([(name, pa.string()) for name in ("left_key", "right_key", "verdict")])
    rows = [(*sorted(pair), verdict) for verdict, pair in said]
    columns = [pa.array(values, pa.string()) for values in zip(*rows, strict=True)]
    engine.load("judged", [pa.RecordBatch.from_arrays(columns, schema=schema)], schema)
    found = engine.rows(
        "SELECT l.number, r.number, j.verdict FROM judged j "
        "JOIN record l ON l.key = j.left_key JOIN record r ON r.key = j.right_key"
    )
    engine.drop("judged")
    return {(min(_int(a), _int(b)), max(_int(a), _int(b))): str(verdict) for a, b, verdict in found}


def tie_together(engine: Engine, judged_matches: Iterable[Pair]) -> int:
    """Make the table `tied` (number, label) of the components; return how many there are."""
    schema = pa.schema([("left_number", pa.int64()), ("right_number", pa.int64())])
    pairs = list(judged_matches)
    columns = [pa.array([pair[side] for pair in pairs], pa.int64()) for side in (0, 1)]
    engine.load("judged_match", [pa.RecordBatch.from_arrays(columns, schema=schema)], schema)
    label_components(
        engine,
        "tied",
        "SELECT left_number AS one, right_number AS other FROM pair WHERE decision = 'link' "
        "UNION ALL SELECT left_number, right_number FROM judged_match",
    )
    engine.drop("judged_match")
    [(components,)] = engine.rows("SELECT count(DISTINCT label) FROM tied")
    return _int(components)


def label_components(engine: Engine, table: str, edges: str) -> None:
    """Make a table (number, label) of what a query of edges (one, other) ties together.

    The label of a component is its lowest number. Each takes the lowest label around it, then
    that of the one so labelled, until nothing changes: a few rounds, since components are families.
    """
    engine.create("edge", edges)
    engine.create(
        "tie",
        "SELECT one AS number, other FROM edge WHERE one <> other "
        "UNION ALL SELECT other, one FROM edge WHERE one <> other",
    )
    engine.create(
        table, "SELECT number, least(number, min(other)) AS label FROM tie GROUP BY number"
    )
    changed: object = True
    while changed:
        engine.create(
            "nearer",
            f"""
            SELECT number, min(label) AS label FROM (
                SELECT t.number, o.label FROM tie t JOIN {table} o ON o.number = t.other
                UNION ALL
                SELECT number, label FROM {table}
            ) AS around GROUP BY number
            """,
        )
        engine.create(
            "jumped",
            "SELECT n.number, f.label FROM nearer n JOIN nearer f ON f.number = n.label",
        )
        [(changed,)] = engine.rows(
            f"SELECT count(*) FROM jumped j JOIN {table} t ON t.number = j.number "
            "WHERE j.label <> t.label"
        )
        engine.create(table, "SELECT number, label FROM jumped")
    engine.drop("edge", "tie", "nearer", "jumped")


def form_clusters(engine: Engine, stage: Partition) -> None:
    """Make the table `placed` of every record with its cluster."""
    told = ("weight", "decision", "levels")
    scores = engine.collect({"other": "p.right_number"} | {name: f"p.{name}" for name in told})
    members = engine.collect({"number": "r.number", "features": "r.features", "told": "w.told"})
    engine.map(
        "formed",
        (
            f"""
            SELECT t.label, {members} AS members
            FROM (SELECT number, label FROM tied WHERE {part.holds("label")}) AS t
            JOIN record r ON r.number = t.number
            LEFT JOIN (
                SELECT p.left_number AS number, {scores} AS told FROM pair p
                WHERE p.left_number IN (SELECT number FROM tied WHERE {part.holds("label")})
                GROUP BY p.left_number
            ) AS w ON w.number = t.number
            GROUP BY t.label
            """
            for part in parts_of(engine, "tied", "label")
        ),
        stage,
    )
    engine.create(
        "placed",
        """
        SELECT number, cluster, match_number, match_weight, match_probability, match_evidence,
               rivals
        FROM formed
        """,
        """
        SELECT r.number, r.number AS cluster, NULL AS match_number, NULL AS match_weight,
               NULL AS match_probability, NULL AS match_evidence, NULL AS rivals
        FROM record r WHERE NOT EXISTS (SELECT 1 FROM tied t WHERE t.number = r.number)
        """,
    )
    engine.drop("tied", "formed")


def _int(value: object) -> int:
    return int(str(value))
