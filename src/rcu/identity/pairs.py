"""Pairs of records as they are stored: weights, judgements, and the components that they tie.

Each query is one statement, set-wise: one record or a thousand alike.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import columns, fetch, to_json
from rcu.identity.repository import Pair, StoredRecord
from rcu.identity.scoring import Decision, Evidence, PairScore


@dataclass(frozen=True, slots=True)
class StoredPair:
    """A stored match weight between two records."""

    left_id: UUID
    right_id: UUID
    weight: float
    decision: str


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """A binding judgement on two records."""

    left_id: UUID
    right_id: UUID
    verdict: str


@dataclass(frozen=True, slots=True)
class Component:
    """Records tied by links and judgements, directly or through others."""

    records: list[StoredRecord]
    links: list[Pair]
    """The stored links between them."""
    judged: list[JudgedPair]


class ScoredPair(NamedTuple):
    """A match weight to store: a row of the type `new_pair`. `evidence` is JSON text."""

    left_id: UUID
    right_id: UUID
    weight: float
    decision: str
    evidence: str
    contradiction: str | None


# Joins with the members would be planned for thousands of them, and read whole tables: as an
# array they are looked up one by one.
_COMPONENT = """
    WITH RECURSIVE member(id) AS (
        SELECT unnest($1::uuid[])
        UNION
        SELECT tie.id
        FROM member
        CROSS JOIN LATERAL (
            SELECT right_id AS id FROM record_pair
            WHERE left_id = member.id AND decision = 'link'
            UNION ALL
            SELECT left_id FROM record_pair WHERE right_id = member.id AND decision = 'link'
            UNION ALL
            SELECT right_id FROM judgement
            WHERE left_id = member.id AND verdict = 'match' AND revoked_at IS NULL
            UNION ALL
            SELECT left_id FROM judgement
            WHERE right_id = member.id AND verdict = 'match' AND revoked_at IS NULL
        ) AS tie
    )
    SELECT id, source, external_id, kind, client_id, placement, features, version,
           ARRAY (
               SELECT right_id FROM record_pair WHERE left_id = r.id AND decision = 'link'
           ) AS linked,
           ARRAY (
               SELECT right_id FROM judgement
               WHERE left_id = r.id AND verdict = 'match' AND revoked_at IS NULL
           ) AS judged_one,
           ARRAY (
               SELECT right_id FROM judgement
               WHERE left_id = r.id AND verdict = 'no_match' AND revoked_at IS NULL
           ) AS judged_two
    FROM source_record r WHERE id = ANY (ARRAY (SELECT id FROM member))
"""
_PAIRS_WITHIN = """
    SELECT left_id, right_id, weight, decision FROM record_pair
    WHERE left_id = ANY ($1::uuid[]) AND right_id = ANY ($1)
"""


async def find_pairs_within(session: AsyncSession, ids: Collection[UUID]) -> list[StoredPair]:
    """Return the stored pairs between any two of the records."""
    return [StoredPair(*row) for row in await fetch(session, _PAIRS_WITHIN, list(ids))]


async def load_component(session: AsyncSession, seeds: Collection[UUID]) -> Component:
    """Return everything that links and match judgements tie to `seeds`, with the ties."""
    rows = await fetch(session, _COMPONENT, list(seeds))
    return _component(rows, [StoredRecord._make(row[:8]) for row in rows])


def _component(rows: Collection[Any], records: Collection[StoredRecord]) -> Component:
    ids = {record.id for record in records}
    return Component(
        list(records),
        [(row["id"], other) for row in rows for other in row["linked"] if other in ids],
        [
            JudgedPair(row["id"], other, verdict)
            for row in rows
            for verdict, others in (("match", row["judged_one"]), ("no_match", row["judged_two"]))
            for other in others
            if other in ids
        ],
    )


@dataclass(frozen=True, slots=True)
class Around:
    """Records that were read at once: some with their components, which hold still."""

    records: Mapping[UUID, StoredRecord]
    asked: frozenset[UUID]
    """Those that were asked for with their components, be they stored or not."""
    component: Component
    """All that these are tied to. The clients of its records are locked."""
    stating: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """How many profiles state each identifier that several records of the component have."""

    def component_of(self, seeds: Collection[UUID]) -> Component | None:
        """Return what ties hold to `seeds`; None where that was not read."""
        if not self.asked.union(r.id for r in self.component.records).issuperset(seeds):
            return None
        members = _tied_to(seeds, self.component)
        return Component(
            [record for record in self.component.records if record.id in members],
            [link for link in self.component.links if link[0] in members],
            [j for j in self.component.judged if j.left_id in members and j.right_id in members],
        )

    def and_others(self, others: Iterable[StoredRecord]) -> "Around":
        """Return this with other records, which were read without their components."""
        records = {**self.records, **{record.id: record for record in others}}
        return Around(records, self.asked, self.component, self.stating)


NOTHING_READ = Around({}, frozenset(), Component([], [], []))


def _tied_to(seeds: Collection[UUID], component: Component) -> set[UUID]:
    tied: dict[UUID, list[UUID]] = defaultdict(list)
    matches = ((j.left_id, j.right_id) for j in component.judged if j.verdict == "match")
    for a, b in chain(component.links, matches):
        tied[a].append(b)
        tied[b].append(a)
    members: set[UUID] = set()
    found = set(seeds)
    while found:
        members |= found
        found = {other for one in found for other in tied[one]} - members
    return members


_AROUND = "SELECT * FROM read_around_ties($1, $2, $3)"


async def read_around(
    session: AsyncSession,
    seeds: Collection[UUID],
    others: Collection[UUID] = (),
    *,
    most: int = 1,
) -> Around:
    """Lock the clients of all that is tied to `seeds`, and read it; read the `others` as well.

    Those who state an identifier are counted up to `most`.

    The clients of the seeds are locked first, in the order of their ids; those that turn out to
    be tied to them after that. A deadlock that these late locks make is resolved by the edge, which
    tries again.
    """
    if not seeds and not others:
        return NOTHING_READ
    rows = await fetch(session, _AROUND, list(seeds), list(others), most)
    return around_of(rows, asked=seeds)


def around_of(rows: Collection[Any], *, asked: Iterable[UUID], first: int = 0) -> Around:
    """Return what rows of `read_ties` say, whose columns begin at `first`."""
    records: dict[UUID, StoredRecord] = {}
    tied: list[Any] = []
    stating: dict[tuple[str, str], int] = {}
    for row in rows:
        record_id = row[first]
        if record_id is None:
            stating[row["kind"], row["identifier"]] = row["stating"]
            continue
        records[record_id] = StoredRecord._make(row[first : first + 8])
        if row["is_tied"]:
            tied.append(row)
    component = _component(tied, [records[row[first]] for row in tied])
    return Around(records, frozenset(asked), component, stating)


def forgetting_pairs(first: int) -> str:
    """Return the statement that drops pairs.

    Its values, from number `first` on: the ids on the left and those on the right, as arrays.
    """
    return f"""
        DELETE FROM record_pair p
        USING unnest(${first}::uuid[], ${first + 1}::uuid[]) AS gone (left_id, right_id)
        WHERE p.left_id = gone.left_id AND p.right_id = gone.right_id
    """  # noqa: S608 - of numbers


_WEIGHED_BEFORE = """
    ON CONFLICT (left_id, right_id) DO UPDATE
    SET weight = excluded.weight, decision = excluded.decision, evidence = excluded.evidence,
        contradiction = excluded.contradiction, model_version = excluded.model_version,
        scored_at = excluded.scored_at
"""


def saving_pairs(first: int, *, are_new: bool = False) -> str:
    """Return the statement that stores scored pairs; where they are new, none is stored yet.

    Its values, from number `first` on: a set of `ScoredPair`, the version of the model, the time.
    """
    return f"""
        INSERT INTO record_pair
            (left_id, right_id, weight, decision, evidence, contradiction, model_version, scored_at)
        SELECT scored.*, ${first + 1}, ${first + 2} FROM unnest(${first}::new_pair[]) AS scored
        {"" if are_new else _WEIGHED_BEFORE}
    """  # noqa: S608 - of constants and numbers


_SAVE_PAIRS = saving_pairs(1)


_FORGET_PAIRS = forgetting_pairs(1)


@lru_cache(maxsize=512)
def _evidence_json(evidence: tuple[Evidence, ...]) -> str:
    return to_json([dict(zip(Evidence._fields, item, strict=True)) for item in evidence])


def worth_storing(scores: Mapping[Pair, PairScore]) -> list[ScoredPair]:
    """Return the scored pairs that reach the review line, as they are stored."""
    return [
        ScoredPair(
            left_id=a,
            right_id=b,
            weight=score.weight,
            decision=score.decision,
            evidence=_evidence_json(score.evidence),
            contradiction=score.contradiction,
        )
        for (a, b), score in sorted(
            [item for item in scores.items() if item[1].decision is not Decision.APART]
        )
    ]


async def replace_pairs(
    session: AsyncSession,
    scored: Collection[ScoredPair],
    *,
    forget: Collection[Pair],
    model_version: str,
    at: datetime,
) -> None:
    """Drop some pairs, then store `scored`."""
    if forget:
        await fetch(session, _FORGET_PAIRS, *columns(forget))
    if scored:
        await fetch(session, _SAVE_PAIRS, list(scored), model_version, at)


async def save_scores(
    session: AsyncSession, scores: Mapping[Pair, PairScore], *, model_version: str, at: datetime
) -> None:
    """Store the scored pairs that reach the review line, in place of what was stored of them."""
    await replace_pairs(
        session,
        worth_storing(scores),
        forget=[pair for pair, score in scores.items() if score.decision is Decision.APART],
        model_version=model_version,
        at=at,
    )
