"""Resolving a whole database anew, and adopting what comes out as identity changes.

The engine finds and weighs the pairs of all records at once, as of one instant. Where that differs
from what is stored, the stored pairs are replaced and the clusters around them formed anew by the
code, and under the locks, that every message and every steward goes through. So ingestion goes
on meanwhile, and a record that somebody changed after the instant is left to who changed it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pyarrow as pa
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.bulk.engine import Engine
from rcu.bulk.resolution import Figures, label_components, resolve
from rcu.bulk.scratch import ScratchFolder
from rcu.bulk.snapshot import KEY_MARK, PAIR_SCHEMA, RECORD_SCHEMA, read_batches, take_snapshot
from rcu.clients import service as clients
from rcu.db.engine import Database
from rcu.db.locks import lock_key, lock_until_commit
from rcu.db.statements import fetch
from rcu.identity import identifier_statuses
from rcu.identity.active_model import refuse_replaced
from rcu.identity.adoption import Cause
from rcu.identity.blocking import identifier_key
from rcu.identity.controls import read_controls
from rcu.identity.declarations import remember_statuses
from rcu.identity.model import Model
from rcu.identity.pairs import ScoredPair, replace_pairs
from rcu.identity.placing import IdentifierKey
from rcu.identity.presented import place_presented
from rcu.identity.repository import Pair
from rcu.identity.rescoring import rescore
from rcu.identity.resolution import form_again
from rcu.identity.turns import take_turn

BATCH_RECORDS = 150
"""Records a transaction, about: each takes some locks, as in `ingestion.service`."""
BATCH_IDENTIFIERS = 100
"""Identifiers a transaction, whose status is remembered: each takes a lock."""

OnProgress = Callable[[int, int], None]
"""Told how many records were looked at, of how many that have to be."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What a resolution of everything would change, or was about to."""

    figures: Figures
    moved_records: int
    retired_clients: int
    """Clients that would be nobody's any more: merged into others."""
    new_clients: int
    """Client ids that would stand for a client, and do not now: split off."""
    changed_pairs: int
    """Stored pairs that come out different, or new, or are gone."""
    records: int
    """Records around all this, whose clusters are formed anew."""
    brakes: int = 0
    """Merge brakes that are on: they hold back some of what a dry run foretells."""
    adopted_records: int = 0
    """Records whose clusters were formed anew."""
    overtaken_records: int = 0
    """Of these, how many somebody changed meanwhile: their pairs stayed as they made them."""

    def is_held_back_since(self, before: Difference | None) -> bool:
        """Tell whether brakes hold back all that differs: the adoption `before` left it as it is.

        The engine knows nothing of brakes; the adoption obeys them, and so the same differs again.
        """
        return bool(self.brakes) and not self.overtaken_records and self == before


async def resolve_database(  # noqa: PLR0913 - a word for each way to run it
    database: Database,
    engine: Engine,
    *,
    model: Model,
    region: str,
    dry_run: bool = False,
    only_while_active: bool = False,
    on_progress: OnProgress = lambda _done, _all: None,
) -> Difference:
    """Resolve every profile record of a database anew, and adopt the difference.

    Sound to stop at any time and to give again: each transaction leaves a partition in order, and
    what it did is no difference any more. With `only_while_active`, as soon as another model is
    activated no transaction changes anything any more, and `ModelReplacedError` is raised.
    """
    with ScratchFolder(prefix="rcu-snapshot-") as folder:
        snapshot = await take_snapshot(database, Path(folder))
        engine.load("stored", read_batches(snapshot.records), RECORD_SCHEMA)
        engine.load("stored_pair", read_batches(snapshot.pairs), PAIR_SCHEMA)
    kept = pa.schema([field for field in RECORD_SCHEMA if field.name in {"key", "features"}])
    resolved = resolve(
        (batch.cast(kept) for batch in engine.stream("SELECT key, features FROM stored")),
        engine=engine,
        model=model,
        judgements=snapshot.judgements,
        declared=snapshot.declared,
        region=region,
    )
    difference = _compare(engine, resolved.figures, model)
    brakes = (await database.run(read_controls)).brakes
    difference = replace(difference, brakes=len(brakes.identifiers) + len(brakes.sources))
    if dry_run:
        return difference
    adoption = _Adoption(database, model, region, only_while_active)
    if difference.records:
        on_progress(0, difference.records)
        for batch in _in_batches(_units(engine)):
            await adoption.adopt(batch)
            on_progress(adoption.adopted, difference.records)
    await adoption.remember_statuses(resolved.shared)
    return replace(
        difference, adopted_records=adoption.adopted, overtaken_records=adoption.overtaken
    )


# --- what differs -------------------------------------------------------------------------------


def _compare(engine: Engine, figures: Figures, model: Model) -> Difference:
    """Make the tables `moved`, `changed_pair` and `unit`, and say how large they are."""
    engine.create(
        "known",
        "SELECT r.number, r.key, s.id, s.client_id, s.version, p.cluster FROM record r "
        "JOIN stored s ON s.key = r.key JOIN placed p ON p.number = r.number",
    )
    engine.create("founded", "SELECT cluster, min(id) AS client_id FROM known GROUP BY cluster")
    engine.create(
        "moved",
        "SELECT k.number, k.client_id AS from_id, f.client_id AS to_id FROM known k "
        "JOIN founded f ON f.cluster = k.cluster WHERE k.client_id <> f.client_id",
    )
    version = model.version.replace("'", "''")
    engine.create("changed_pair", _CHANGED_PAIRS.format(version=version))
    _make_units(engine)
    [counts] = engine.rows(
        """
        SELECT (SELECT count(*) FROM moved),
               (SELECT count(DISTINCT from_id) FROM moved
                WHERE from_id NOT IN (SELECT client_id FROM founded)),
               (SELECT count(DISTINCT to_id) FROM moved
                WHERE to_id NOT IN (SELECT client_id FROM known)),
               (SELECT count(*) FROM changed_pair),
               (SELECT count(*) FROM unit)
        """
    )
    moved, retired, new, pairs, records = (int(str(count)) for count in counts)
    return Difference(figures, moved, retired, new, pairs, records)


_CHANGED_PAIRS = """
    WITH now AS (
        SELECT least(l.id, r.id) AS left_id, greatest(l.id, r.id) AS right_id,
               p.weight, p.decision, p.contradiction, p.evidence
        FROM pair p
        JOIN known l ON l.number = p.left_number JOIN known r ON r.number = p.right_number
    )
    SELECT coalesce(n.left_id, s.left_id) AS left_id, coalesce(n.right_id, s.right_id) AS right_id,
           n.weight, n.decision, n.contradiction, n.evidence, s.decision AS old_decision
    FROM now n FULL OUTER JOIN stored_pair s ON s.left_id = n.left_id AND s.right_id = n.right_id
    WHERE n.left_id IS NULL OR s.left_id IS NULL OR abs(n.weight - s.weight) > 1e-9
       OR n.decision <> s.decision OR s.model_version <> '{version}'
       OR coalesce(n.contradiction, '') <> coalesce(s.contradiction, '')
"""


def _make_units(engine: Engine) -> None:
    """Make the table `unit` (number, label) of the records that must be formed anew together.

    What was one client, is one now, or is tied by a link now or before, belongs together; a unit
    in which nothing differs is left out.
    """
    label_components(
        engine,
        "together",
        """
        SELECT l.number AS one, r.number AS other FROM (
            SELECT left_id, right_id FROM stored_pair WHERE decision = 'link'
            UNION ALL
            SELECT left_id, right_id FROM changed_pair WHERE decision = 'link'
        ) AS linked
        JOIN known l ON l.id = linked.left_id JOIN known r ON r.id = linked.right_id
        UNION ALL
        SELECT k.number, k.cluster FROM known k
        UNION ALL
        SELECT k.number, f.first FROM known k JOIN (
            SELECT client_id, min(number) AS first FROM known GROUP BY client_id
        ) AS f ON f.client_id = k.client_id
        """,
    )
    engine.create(
        "labelled",
        "SELECT k.number, coalesce(t.label, k.number) AS label FROM known k "
        "LEFT JOIN together t ON t.number = k.number",
    )
    engine.create(
        "pair_unit",
        "SELECT c.*, u.label AS left_label, v.label AS right_label, l.key AS left_key, "
        "l.version AS left_version, r.key AS right_key, r.version AS right_version "
        "FROM changed_pair c "
        "JOIN known l ON l.id = c.left_id JOIN labelled u ON u.number = l.number "
        "JOIN known r ON r.id = c.right_id JOIN labelled v ON v.number = r.number",
    )
    engine.create(
        "unit",
        """
        SELECT number, label FROM labelled WHERE label IN (
            SELECT u.label FROM moved m JOIN labelled u ON u.number = m.number
            UNION SELECT left_label FROM pair_unit
            UNION SELECT right_label FROM pair_unit
        )
        """,
    )
    engine.drop("together", "labelled")


class ReadRecord(NamedTuple):
    """A record as it was when it was read."""

    key: str
    version: int


@dataclass(slots=True)
class Unit:
    """Records that are formed anew in one transaction, and the pairs to replace before."""

    members: set[UUID] = field(default_factory=set)
    read: dict[UUID, ReadRecord] = field(default_factory=dict)
    """The members, and records of other units that a pair to be reviewed leads to."""
    saved: list[ScoredPair] = field(default_factory=list)
    forgotten: list[Pair] = field(default_factory=list)

    def add(self, row: dict[str, Any]) -> None:
        """Take in a row of `_WORK`: a member, or a pair."""
        left_id = UUID(row["left_id"])
        self.read[left_id] = ReadRecord(row["left_key"], row["left_version"])
        if row["right_id"] is None:
            self.members.add(left_id)
            return
        right_id = UUID(row["right_id"])
        self.read[right_id] = ReadRecord(row["right_key"], row["right_version"])
        if row["decision"] is None:
            self.forgotten.append((left_id, right_id))
        else:
            scored = (row[name] for name in ("weight", "decision", "evidence", "contradiction"))
            self.saved.append(ScoredPair(left_id, right_id, *scored))


_WORK = """
    SELECT u.label, k.id AS left_id, k.key AS left_key, k.version AS left_version,
           CAST(NULL AS varchar(36)) AS right_id, CAST(NULL AS varchar(1)) AS right_key,
           CAST(NULL AS bigint) AS right_version, CAST(NULL AS double) AS weight,
           CAST(NULL AS varchar(16)) AS decision, CAST(NULL AS varchar(32)) AS contradiction,
           CAST(NULL AS varchar(1)) AS evidence
    FROM unit u JOIN known k ON k.number = u.number
    UNION ALL
    SELECT left_label, left_id, left_key, left_version, right_id, right_key, right_version,
           weight, decision, contradiction, evidence
    FROM pair_unit
    ORDER BY label
"""


def _units(engine: Engine) -> Iterator[Unit]:
    rows = (row for batch in engine.stream(_WORK) for row in batch.to_pylist())
    for _, of_one_unit in groupby(rows, key=lambda row: row["label"]):
        unit = Unit()
        for row in of_one_unit:
            unit.add(row)
        yield unit


def _in_batches(units: Iterator[Unit]) -> Iterator[list[Unit]]:
    """Yield whole units, about as many records a batch as a transaction takes."""
    batch: list[Unit] = []
    records = 0
    for unit in units:
        batch.append(unit)
        records += len(unit.members)
        if records >= BATCH_RECORDS:
            yield batch
            batch, records = [], 0
    if batch:
        yield batch


# --- adopting -----------------------------------------------------------------------------------

_VERSIONS = "SELECT id, version FROM source_record WHERE id = ANY ($1::uuid[])"


@dataclass(slots=True)
class _Adoption:
    """The adoption, transaction by transaction."""

    database: Database
    model: Model
    region: str
    only_while_active: bool
    adopted: int = 0
    overtaken: int = 0

    @property
    def _cause(self) -> Cause:
        return Cause("resolution", f"model:{self.model.version}")

    async def adopt(self, units: Sequence[Unit]) -> None:
        """Replace the pairs of some units and form their clusters anew, in one transaction."""

        async def work(session: AsyncSession) -> int:
            return await self._adopt(session, units)

        self.overtaken += await self.database.run(work)
        self.adopted += sum(len(unit.members) for unit in units)

    async def remember_statuses(self, shared: frozenset[IdentifierKey]) -> None:
        """Remember which identifiers became shared, or one person's again."""
        told = await self.database.run(identifier_statuses.list_told_shared)
        turned = sorted(told ^ shared)
        for start in range(0, len(turned), BATCH_IDENTIFIERS):
            some = turned[start : start + BATCH_IDENTIFIERS]

            async def work(session: AsyncSession, some: Sequence[IdentifierKey] = some) -> None:
                await self._remember_statuses(session, some)

            await self.database.run(work)

    async def _remember_statuses(
        self, session: AsyncSession, identifiers: Sequence[IdentifierKey]
    ) -> None:
        await lock_until_commit(session, {identifier_key(*one) for one in identifiers})
        if self.only_while_active:
            refuse_replaced(session, self.model)
        await remember_statuses(
            session, identifiers, model=self.model, cause=self._cause, at=datetime.now(UTC)
        )

    async def _adopt(self, session: AsyncSession, units: Sequence[Unit]) -> int:
        at, cause = datetime.now(UTC), self._cause
        members = set[UUID]().union(*(unit.members for unit in units))
        read = {id_: record for unit in units for id_, record in unit.read.items()}
        # Nobody writes these records until we are done: their versions say who did before.
        await lock_until_commit(session, {_lock_of(record) for record in read.values()})
        if self.only_while_active:
            refuse_replaced(session, self.model)
        current = dict(await fetch(session, _VERSIONS, sorted(read)))
        await take_turn(session, members & current.keys())
        overtaken = {id_ for id_, record in read.items() if current.get(id_) != record.version}
        await replace_pairs(
            session,
            [p for unit in units for p in unit.saved if overtaken.isdisjoint(p[:2])],
            forget=[p for unit in units for p in unit.forgotten if overtaken.isdisjoint(p)],
            model_version=self.model.version,
            at=at,
        )
        if (await read_controls(session)).brakes:
            saved = {p[:2] for unit in units for p in unit.saved if overtaken.isdisjoint(p[:2])}
            await rescore(session, saved, model=self.model, at=at)
        formed = await form_again(
            session, sorted(members & current.keys()), model=self.model, at=at, cause=cause
        )
        facts = await place_presented(
            session, [], model=self.model, at=at, cause=cause, touched=formed.touched_identifiers
        )
        await clients.rebuild(
            session, formed.touched_client_ids | facts.touched_client_ids, region=self.region
        )
        return len(overtaken & members)


def _lock_of(record: ReadRecord) -> int:
    return lock_key("record", *record.key.split(KEY_MARK, 1))
