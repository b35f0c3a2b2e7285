"""A first load: a file of profiles into a database that knows nobody yet, set-wise.

Ends where the same messages end when they are received in one transaction: the same records,
pairs, clients, golden records, and receipts, so that the file sent again is recognised. What a
message meets on its way is done here once for all of them: rows are read and profiles normalised
by processes beside the engine, the partition comes from the bulk engine, and the rows of each
table go into PostgreSQL by COPY, in one transaction.
"""

from __future__ import annotations

import asyncio
import pickle
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

import pyarrow as pa
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.bulk.ahead import in_thread
from rcu.bulk.copying import TableFile, fill
from rcu.bulk.duckdb_engine import DuckDBEngine
from rcu.bulk.known import Known, load_known, read_known, refuse_overtaken, refuse_profiles
from rcu.bulk.load_queries import (
    ACCEPTED,
    IDENTITY,
    KNOWN_REFERENCES,
    PROFILES_OF_CLIENTS,
    RECORD_ID,
    STATED_ONCE,
    STATED_RECORDS,
    STATEMENTS,
    UNREAD,
)
from rcu.bulk.load_stages import (
    GOLDEN_COLUMNS,
    INBOX_COLUMNS,
    Answer,
    Assemble,
    Merge,
    Reading,
    Understand,
    pack_rows,
)
from rcu.bulk.parts import parts_of, whole_groups
from rcu.bulk.resolution import Figures, Resolved, Weighed, place, weigh
from rcu.bulk.tables import (
    BARE,
    OF_CLIENTS,
    OF_PAIRS,
    OF_RECORDS,
    OUTCOMES,
    Source,
    export,
    files_of_lines,
    placed_messages,
)
from rcu.db.engine import Database
from rcu.db.statements import driver_connection, fetch
from rcu.identity.active_model import hold_active
from rcu.identity.adoption import Cause, Move, adopt
from rcu.identity.declarations import remember_statuses
from rcu.identity.model import Model
from rcu.identity.models import Placement
from rcu.identity.placing import IdentifierKey
from rcu.identity.presented import place_presented
from rcu.identity.turns import wait_for_turn
from rcu.ids import uuid7_texts
from rcu.ingestion.errors import MessageIdReusedError
from rcu.ingestion.files.importer import ImportSummary
from rcu.ingestion.files.reading import Row
from rcu.ingestion.files.rejects import RejectsFile

PACKED_ROWS = 250
"""Rows of the file that a process reads at a time: what is made of them fits its caches."""
PLACED_IDENTIFIERS = 200
"""Identifiers whose sales are placed again by one statement, when there were sales before."""

OnStep = Callable[[str], None]
"""Told what is being done."""


@dataclass(frozen=True, slots=True)
class Load:
    """What to load, and how it is understood."""

    reading: Reading
    rows: Callable[[], Iterator[Row]]
    """Reads the file, from its beginning."""
    rejects: RejectsFile
    model: Model
    region: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of the rows, and what the resolution cost."""

    summary: ImportSummary
    figures: Figures


async def load_first(
    database: Database,
    load: Load,
    *,
    open_engine: Callable[[], DuckDBEngine] = DuckDBEngine,
    on_step: OnStep = lambda _: None,
) -> Loaded:
    """Load a file of profiles into a database without profiles.

    Raises `NotAFirstLoadError` when there are profiles, before or once the file was read,
    `LoadOvertakenError` when something came meanwhile that is about rows of the file, and
    `ModelReplacedError` when another model was activated. While the records are resolved and the
    tables written, other writers wait and nobody reads clients.
    """
    await database.run(refuse_profiles)
    with open_engine() as engine:
        known = await database.run(read_known)
        work = _Load(engine, load, on_step)
        await asyncio.to_thread(work.read, known)
        figures = await database.run(work.write)
        on_step("Counting")
        summary = await asyncio.to_thread(work.summarise)
    return Loaded(summary, figures)


# --- the load -----------------------------------------------------------------------------------


class _Load:
    """One first load, in the tables of its engine."""

    def __init__(self, engine: DuckDBEngine, load: Load, on_step: OnStep) -> None:
        self._engine = engine
        self._load = load
        self._on_step = on_step
        self._at = datetime.now(UTC)
        self._unread: Counter[str] = Counter()
        self._known = Known([], [], {})
        self._weighed: Weighed | None = None
        self._resolved: Resolved | None = None

    def read(self, known: Known) -> None:
        """Read the file into records, with their ids."""
        engine = self._engine
        self._on_step("Reading")
        packed = (pack_rows(rows) for rows in _chunks(self._load.rows()))
        understand = Understand(pickle.dumps(self._load.reading), self._load.region)
        engine.map_batches("understood", packed, understand)
        self._unread = Counter(dict(engine.rows(UNREAD)))
        self._known = known
        load_known(engine, known)
        engine.run(ACCEPTED)
        self._on_step("Merging")
        engine.number("stated_record", STATED_RECORDS, by="key")
        restated = (
            STATEMENTS.format(of_number=part.holds("s.number"))
            for part in parts_of(engine, "stated_record")
        )
        engine.map("restated", restated, Merge(self._load.region))
        engine.create("record", STATED_ONCE, "SELECT * FROM restated")
        engine.drop("stated_record", "restated", "understood")
        self._give_ids()

    def _give_ids(self) -> None:
        """Make the table `record_id`: as old as their order in the file."""
        schema = pa.schema([("number", pa.int64()), ("new_id", pa.string())])

        def batches() -> Iterator[pa.RecordBatch]:
            numbers = [
                n for (n,) in self._engine.rows("SELECT number FROM record ORDER BY arrival")
            ]
            ids = uuid7_texts(len(numbers))
            yield pa.RecordBatch.from_arrays(
                [pa.array(numbers, pa.int64()), pa.array(ids, pa.string())], schema=schema
            )

        self._engine.load("given_id", batches(), schema)
        self._engine.create("record_id", RECORD_ID)
        self._engine.drop("given_id")

    # --- resolving and writing ------------------------------------------------------------------

    async def write(self, session: AsyncSession) -> Figures:
        """Resolve the records and write every table, in the transaction of `session`."""
        for setting in _PATIENT:
            await session.execute(text(setting))
        # Whoever would decide, or write a record or a message, waits from here on; who did before
        # is seen.
        await wait_for_turn(session)
        await session.execute(
            text("LOCK TABLE source_record, inbox_message IN SHARE ROW EXCLUSIVE MODE")
        )
        await hold_active(session, self._load.model)
        await refuse_profiles(session)
        now = await read_known(session)
        await asyncio.to_thread(refuse_overtaken, self._engine, self._known, now)
        connection = await driver_connection(session)
        async with aclosing(in_thread(self._files())) as files:
            await fill(connection, files, bare=BARE)
        resolved = self._resolve()
        await self._follow_up(session, resolved.shared - self._known.declared.keys())
        return resolved.figures

    def _files(self) -> Generator[TableFile, None, None]:
        """Yield the rows of every table: PostgreSQL has work while the next ones are made."""
        engine, at, region = self._engine, self._at.isoformat(), self._load.region
        self._on_step("Resolving")
        yield from self._export(OF_RECORDS)
        self._weigh()
        yield from self._export(OF_PAIRS)
        self._resolve()
        self._on_step("Writing")
        yield from self._export(OF_CLIENTS)
        answers = engine.made_of(engine.batches_of(placed_messages(engine)), Answer(at))
        yield from files_of_lines(engine.folder, "inbox_message", INBOX_COLUMNS, answers)
        # The last: to index them takes PostgreSQL most memory, which the processes have given back.
        golden = engine.made_of(self._profiles(), Assemble(region, at))
        yield from files_of_lines(engine.folder, "golden_record", GOLDEN_COLUMNS, golden)
        engine.end_processes()

    def _weigh(self) -> Weighed:
        """Weigh the pairs: what a transaction that is tried again finds done, as is all below."""
        if self._weighed is None:
            declared = self._known.declared
            self._weighed = weigh(self._engine, model=self._load.model, declared=declared)
        return self._weighed

    def _resolve(self) -> Resolved:
        """Give each record its client."""
        if self._resolved is None:
            resolved = place(self._engine, self._weigh())
            self._engine.create("identity", IDENTITY)
            self._resolved = resolved
        return self._resolved

    def _export(self, sources: Mapping[str, Source]) -> Iterator[TableFile]:
        version = self._load.model.version
        return export(self._engine, sources, at=self._at.isoformat(), model_version=version)

    def _profiles(self) -> Iterator[pa.RecordBatch]:
        """Yield the profiles of all clients, those of one in one batch."""
        for part in parts_of(self._engine, "record"):
            query = PROFILES_OF_CLIENTS.format(of_cluster=part.holds("i.cluster"))
            yield from whole_groups(self._engine.stream(query), "client_id")

    async def _follow_up(self, session: AsyncSession, turned: frozenset[IdentifierKey]) -> None:
        """Bring in line what facts had left: records that were named, and identifiers."""
        cause = Cause("message", f"model:{self._load.model.version}")
        references = await asyncio.to_thread(self._engine.rows, KNOWN_REFERENCES)
        if references:
            await self._become_profiles(session, references, cause)
        await remember_statuses(session, turned, model=self._load.model, cause=cause, at=self._at)
        touched = await fetch(session, _SHOWN_AND_STATED)
        [(stating,)] = await asyncio.to_thread(self._engine.rows, "SELECT count(*) FROM record")
        for start in range(0, len(touched), PLACED_IDENTIFIERS):
            some = {(kind, value) for kind, value in touched[start : start + PLACED_IDENTIFIERS]}
            await place_presented(
                session,
                [],
                model=self._load.model,
                at=self._at,
                cause=cause,
                touched=some,
                stating=int(str(stating)),
            )

    async def _become_profiles(
        self, session: AsyncSession, references: Iterable[tuple[object, ...]], cause: Cause
    ) -> None:
        rows = [tuple(map(str, row)) for row in references]
        ids, profiles, features, before, after = (
            list(column) for column in zip(*rows, strict=True)
        )
        await fetch(session, _BECOME_PROFILES, [UUID(i) for i in ids], profiles, features, self._at)
        moves = [
            Move(UUID(id_), UUID(to), Placement.MATCHING, UUID(came_from))
            for id_, came_from, to in zip(ids, before, after, strict=True)
            if came_from != to
        ]
        await adopt(session, moves, refresh=[UUID(to) for to in after], cause=cause, at=self._at)

    # --- counting -------------------------------------------------------------------------------

    def summarise(self) -> ImportSummary:
        """Count what became of the rows, and write those that were refused to their file."""
        engine, summary = self._engine, ImportSummary(unread=self._unread)
        [(summary.rows, summary.left_out)] = engine.rows("SELECT rows, left_out FROM row_count")
        for outcome, count in engine.rows(OUTCOMES):
            summary.outcomes[str(outcome)] += int(count)
        refused = dict(self._conflicts())
        summary.conflicts = len(refused)
        for batch in engine.stream("SELECT line, refused FROM refused_row"):
            for row in batch.to_pylist():
                refused[row["line"]] = pickle.loads(row["refused"])  # noqa: S301 - our own
        summary.refused = len(refused) - summary.conflicts
        for _, (row, reasons) in sorted(refused.items()):
            self._load.rejects.write(row, reasons)
        return summary

    def _conflicts(self) -> Iterator[tuple[int, tuple[Row, Sequence[str]]]]:
        """Yield the rows whose message id was used for something else, read once more."""
        wanted = dict(self._engine.rows("SELECT line, message_id FROM again WHERE NOT is_same"))
        for row in self._load.rows() if wanted else ():
            if row.line in wanted:
                yield row.line, (row, [str(MessageIdReusedError(wanted[row.line]))])


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(islice(rows, PACKED_ROWS)):
        yield chunk


_PATIENT = (
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL lock_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
    "SET LOCAL maintenance_work_mem = '256MB'",
)
"""It waits for other writers, and for what its processes make."""

_BECOME_PROFILES = """
    UPDATE source_record r
    SET kind = 'profile', placement = 'matching', profile = said.profile,
        features = said.features, changed_at = $4, version = r.version + 1
    FROM unnest($1::uuid[], $2::jsonb[], $3::jsonb[]) AS said (id, profile, features)
    WHERE r.id = said.id
"""
_SHOWN_AND_STATED = """
    SELECT kind, value FROM identifier WHERE origin = 'ticket'
    INTERSECT
    SELECT kind, value FROM identifier WHERE origin <> 'ticket'
"""
