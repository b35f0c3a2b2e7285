"""The stages of a bulk resolution: the identity engine, over batches of rows.

Each takes and gives Arrow batches and is a function of each row, so that it may run in any
process of any machine that has this package.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations
from operator import itemgetter
from typing import Any, ClassVar

import orjson
import pyarrow as pa

from rcu.bulk.batches import batch_of, model_of, rows_of
from rcu.bulk.candidates import PARTING_FIELDS, parting_values
from rcu.identity.blocking import blocking_keys
from rcu.identity.features import Features, describe
from rcu.identity.model import Model
from rcu.identity.partition import Judgements, partition
from rcu.identity.person import Person, PostalAddress
from rcu.identity.scoring import (
    Decision,
    Evidence,
    PairScore,
    score_pair,
    score_unless_apart,
)
from rcu.identity.sharing import is_shared, is_shared_by_number

IdentifierKey = tuple[str, str]
Pair = tuple[int, int]
"""The numbers of two records, the lower one first."""

IDENTIFIER_MARK = "\x1f"
"""Stands between the kind and the value of an identifier in one text."""


# --- describing ---------------------------------------------------------------------------------

PERSON_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        *((name, pa.string()) for name in ("title", "given_name", "family_name", "birth_name")),
        ("birth_date", pa.string()),
        *((name, pa.list_(pa.string())) for name in ("emails", "phones", "cards")),
        ("address_lines", pa.list_(pa.string())),
        *((name, pa.string()) for name in ("postcode", "city", "country")),
    ]
)
"""One person a row, not yet normalised; any column but `key` may be missing or null."""

FEATURES_SCHEMA = pa.schema([("key", pa.string()), ("features", pa.string())])
"""One record a row: its stable key, by which ties are broken, and `Features.to_json` as text."""

_DESCRIBED_SCHEMA = pa.schema(
    [
        ("number", pa.int64()),
        ("key", pa.string()),
        ("features", pa.string()),
        ("keys", pa.list_(pa.int64())),
        ("identifiers", pa.list_(pa.string())),
        *PARTING_FIELDS,
    ]
)


@dataclass(frozen=True)
class Describe:
    """From a person, or the features of one, to features, blocking keys and identifiers."""

    region: str
    schema: ClassVar[pa.Schema] = _DESCRIBED_SCHEMA

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield each record described."""
        for batch in batches:
            yield batch_of(self.schema, [self._described(row) for row in batch.to_pylist()])

    def _described(self, row: dict[str, Any]) -> tuple[Any, ...]:
        packed = row.get("features")
        if packed is None:
            features = describe(_person(row), region=self.region)
            packed = orjson.dumps(features.to_json()).decode()
        else:
            features = Features.from_json(orjson.loads(packed))
        return (
            row["number"],
            row["key"],
            packed,
            sorted(blocking_keys(features)),
            [IDENTIFIER_MARK.join(identifier) for identifier in features.identifiers],
            *parting_values(features),
        )


def _person(row: dict[str, Any]) -> Person:
    get = row.get
    place = PostalAddress(
        tuple(get("address_lines") or ()), get("postcode"), get("city"), get("country")
    )
    return Person(
        title=get("title"),
        given_name=get("given_name"),
        family_name=get("family_name"),
        birth_name=get("birth_name"),
        birth_date=get("birth_date"),
        emails=tuple(get("emails") or ()),
        phones=tuple(get("phones") or ()),
        cards=tuple(get("cards") or ()),
        addresses=(place,) if place != PostalAddress() else (),
    )


# --- sharing ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FindShared:
    """From an identifier and all who hold it to whether too many different people do."""

    document: bytes
    schema: ClassVar[pa.Schema] = pa.schema([("identifier", pa.string())])

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the identifiers that are shared."""
        model = model_of(self.document)
        for batch in batches:
            shared = [
                (identifier,)
                for identifier, holders in rows_of(batch, "identifier", "holders")
                if _is_shared(identifier, holders, model)
            ]
            yield batch_of(self.schema, shared)


def _is_shared(identifier: str, holders: list[dict[str, str]], model: Model) -> bool:
    kind = identifier.partition(IDENTIFIER_MARK)[0]
    by_number = is_shared_by_number(kind, len(holders), model)
    if by_number is not None:
        return by_number
    people = [Features.from_json(orjson.loads(holder["features"])) for holder in holders]
    return is_shared(kind, people, model)


# --- scoring ------------------------------------------------------------------------------------

SCORED_SCHEMA = pa.schema(
    [
        ("left_number", pa.int64()),
        ("right_number", pa.int64()),
        ("weight", pa.float64()),
        ("probability", pa.float64()),
        ("decision", pa.string()),
        ("contradiction", pa.string()),
        ("evidence", pa.string()),
        ("levels", pa.string()),
    ]
)
"""A weighed pair a row; `levels` is all of the evidence that clusters depend on."""


@dataclass(frozen=True)
class Score:
    """From a pair with the features of both to its weight, decision and evidence."""

    document: bytes
    shared: frozenset[IdentifierKey]
    keep_apart: bool = False
    """Whether pairs below the review line come out too."""
    schema: ClassVar[pa.Schema] = SCORED_SCHEMA

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the scored pairs."""
        for batch in batches:
            pairs = rows_of(batch, "left_number", "right_number", "left_features", "right_features")
            yield batch_of(self.schema, list(self._scored(pairs)))

    def _scored(self, pairs: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        model, known, told = model_of(self.document), _Unpacked(), _Told()
        weigh = score_pair if self.keep_apart else score_unless_apart
        for left, right, left_features, right_features in pairs:
            ours, theirs = (
                known.features(left, left_features),
                known.features(right, right_features),
            )
            score = weigh(ours, theirs, model, shared=self.shared)
            if score is not None:
                yield left, right, *told.columns(score)


class _Unpacked:
    """Features unpacked once a batch, however many pairs a record is in."""

    def __init__(self) -> None:
        self._known: dict[int, Features] = {}

    def features(self, number: int, packed: str) -> Features:
        """Return the features of a record."""
        found = self._known.get(number)
        if found is None:
            found = self._known[number] = Features.from_json(orjson.loads(packed))
        return found


class _Told:
    """What is told of a score, written once a batch: pairs of the same levels share one."""

    def __init__(self) -> None:
        self._told: dict[int, tuple[PairScore, tuple[Any, ...]]] = {}
        """By the identity of a score, which is kept so that no other takes its place."""

    def columns(self, score: PairScore) -> tuple[Any, ...]:
        """Return the values of `SCORED_SCHEMA` behind the numbers of the pair."""
        found = self._told.get(id(score))
        if found is None:
            found = self._told[id(score)] = score, _columns_of(score)
        return found[1]


def _columns_of(score: PairScore) -> tuple[Any, ...]:
    return (
        score.weight,
        score.probability,
        str(score.decision),
        score.contradiction,
        evidence_json(score),
        _levels_text(score),
    )


def evidence_json(score: PairScore) -> str:
    """Return the evidence of a score as it is stored with the pair."""
    named = [
        {"attribute": attribute, "level": level, "weight": bits, "counted": counted, "note": note}
        for attribute, level, bits, counted, note in score.evidence
    ]
    return orjson.dumps(named).decode()


def evidence_of(packed: str) -> tuple[Evidence, ...]:
    """Return the evidence that `evidence_json` packed."""
    return tuple([Evidence(*item.values()) for item in orjson.loads(packed)])


_LEVEL_MARK = "="


def _levels_text(score: PairScore) -> str:
    return " ".join([f"{item[0]}{_LEVEL_MARK}{item[1]}" for item in score.evidence])


@lru_cache(maxsize=16384)
def _levels_of(text: str) -> tuple[Evidence, ...]:
    """Return evidence as far as `_levels_text` tells it: few combinations, without weights."""
    said = (one.partition(_LEVEL_MARK) for one in text.split())
    return tuple(Evidence(attribute, level, 0.0, 0.0) for attribute, _, level in said)


# --- partition ----------------------------------------------------------------------------------

_RIVAL = pa.struct([("number", pa.int64()), ("weight", pa.float64())])
PLACED_SCHEMA = pa.schema(
    [
        ("number", pa.int64()),
        ("cluster", pa.int64()),
        ("match_number", pa.int64()),
        ("match_weight", pa.float64()),
        ("match_probability", pa.float64()),
        ("match_evidence", pa.string()),
        ("rivals", pa.list_(_RIVAL)),
    ]
)


@dataclass(frozen=True)
class Partition:
    """From a component, the records that links tie together, to its clusters.

    As the online engine does, every pair within the component is scored, candidate or not: what is
    put together must be compared. `members` holds, with each record, what was told already of it
    and a later one. A match by a pair that was told comes out without probability and evidence,
    which are known.
    """

    document: bytes
    shared: frozenset[IdentifierKey]
    judged: dict[Pair, str] = field(default_factory=dict)
    schema: ClassVar[pa.Schema] = PLACED_SCHEMA

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield each record with its cluster, named by the lowest number in it."""
        for batch in batches:
            yield batch_of(
                self.schema,
                [
                    row
                    for members in batch.column("members").to_pylist()
                    for row in self._of(members)
                ],
            )

    def _of(self, members: list[dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
        model = model_of(self.document)
        features = {
            member["number"]: Features.from_json(orjson.loads(member["features"]))
            for member in sorted(members, key=itemgetter("number"))
        }
        told = {
            (member["number"], one["other"]): _told_score(one)
            for member in members
            for one in member["told"] or ()
            if one["other"] in features
        }
        scores = dict(told)
        for a, b in combinations(features, 2):
            if (a, b) not in scores:
                scores[a, b] = score_pair(features[a], features[b], model, shared=self.shared)
        clusters = partition(features, scores, model=model, judgements=self._judgements(features))
        cluster_of = {member: min(cluster) for cluster in clusters for member in cluster}
        return _placed_rows(cluster_of, scores, told)

    def _judgements(self, features: dict[int, Features]) -> Judgements[int] | None:
        if not self.judged:
            return None
        within = [pair for pair in combinations(features, 2) if pair in self.judged]
        return Judgements(
            must_link=frozenset(frozenset(p) for p in within if self.judged[p] == "match"),
            cannot_link=frozenset(frozenset(p) for p in within if self.judged[p] == "no_match"),
        )


def _told_score(told: dict[str, Any]) -> PairScore:
    """Return what of a score clusters depend on."""
    evidence = _levels_of(told["levels"])
    return PairScore(told["weight"], 0.0, evidence, None, _DECISIONS[told["decision"]])


_DECISIONS = {str(decision): decision for decision in Decision}


def _placed_rows(
    cluster_of: dict[int, int], scores: dict[Pair, PairScore], told: Container[Pair]
) -> Iterator[tuple[Any, ...]]:
    """Yield records with their strongest match in the cluster, and who they are kept from."""
    best: dict[int, tuple[float, int, PairScore]] = {}
    rivals: dict[int, list[tuple[int, float]]] = {number: [] for number in cluster_of}
    for (a, b), score in scores.items():
        for one, other in ((a, b), (b, a)):
            if cluster_of[a] == cluster_of[b]:
                found = (score.weight, other, score)
                if score.decision is Decision.LINK and (
                    one not in best or found[:2] > best[one][:2]
                ):
                    best[one] = found
            elif score.decision is not Decision.APART:
                rivals[one].append((other, score.weight))
    for number, cluster in cluster_of.items():
        match: tuple[Any, ...] = (None, None, None, None)
        if number in best:
            weight, other, score = best[number]
            pair = (number, other) if number < other else (other, number)
            match = (
                (other, weight, None, None)
                if pair in told
                else (other, weight, score.probability, evidence_json(score))
            )
        yield (
            number,
            cluster,
            *match,
            [{"number": other, "weight": weight} for other, weight in rivals[number]],
        )
