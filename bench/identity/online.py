"""One new record resolved against a base that is there: how long the engine itself takes.

    python -m bench.identity online                             # with the other parts
    python -m bench.identity.online --bases FOLDER --sizes 10000 1000000 --splink

The time is that of the engine in its process: from what the sender says to the decision and the
written partition, inside the transaction, with the database on the same machine. The commit is
apart. "Found and scored" is the path of `POST /v1/clients/match`: the same decision, with nothing
written, which is what Splink does (`splink_single`). Every other newcomer is in the base four times
already; the others nobody knows.
How many of a retailer's newcomers are known, and how often, differs: the two are told apart too.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final
from uuid import UUID

import asyncpg
import uvloop
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from bench.identity.base import NEWCOMER, ensure_base
from bench.identity.crowd import SOURCES, WIRE, message, messages
from bench.identity.parts import Options, Row
from bench.servers import scratch_settings, settle
from rcu.cli.running import collect_garbage_rarely
from rcu.db.engine import Database
from rcu.db.opening import open_database
from rcu.identity.adoption import Cause
from rcu.identity.entering import enter
from rcu.identity.matching import find_matches
from rcu.identity.model import Model
from rcu.identity.registers import ProfileStatement
from rcu.identity.resolution import Placements, place

TITLE: Final = "One new record against a base"
HEADINGS: Final = (
    "records", "engine", "median ms", "p90 ms", "p99 ms", "nobody's ms", "somebody's ms",
    "computing ms", "reading ms", "writing ms", "commit ms", "statements", "times ours",
)  # fmt: skip
SIZES: Final = (10_000, 100_000, 1_000_000)
QUICK_SIZES: Final = (2_000, 10_000)
NEWCOMERS: Final = 600
WARMING: Final = 1_000
"""Records that come before: a service that runs has met the names that many bear."""
KEPT: Final = 100
"""Records of strangers that are committed, for the time that this takes; the others are undone."""
IN_TURN: Final = 20
"""Newcomers that are entered, and then as many that are matched, in turns."""
SPLINK_NEWCOMERS: Final = 22
FIRST_STRANGER: Final = 10_000_000
"""People from this number on are in no base."""
_LOOKED_UP: Final = (
    f"SELECT count(evidence) FROM record_pair WHERE left_id >= '{UUID(int=0)}'",
    f"SELECT count(verified_at) FROM identifier WHERE record_id >= '{UUID(int=0)}'",
    f"SELECT count(known) FROM client WHERE id >= '{UUID(int=0)}'",
    f"SELECT count(features) FROM source_record WHERE id >= '{UUID(int=0)}'",
    f"SELECT count(face) FROM blocking_key WHERE key >= {-(2**63)}",
)  # fmt: skip
"""What a write looks up, read by index: a scan of a large table passes the shared buffers by."""
_WRITING = ("INSERT", "UPDATE", "DELETE")


@dataclass(slots=True)
class Spent:
    """Where the time of one record went, in seconds."""

    whole: float = 0.0
    reading: float = 0.0
    writing: float = 0.0
    commit: float | None = None
    statements: int = 0
    is_known: bool = False
    """Whether the person is in the base already."""

    @property
    def computing(self) -> float:
        """The time outside the database's answers."""
        return self.whole - self.reading - self.writing


@dataclass(slots=True)
class Watch:
    """Times every statement of the driver while it is open."""

    spent: Spent = field(default_factory=Spent)
    by_statement: dict[str, list[float]] = field(default_factory=dict)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Stand between the engine and the driver."""
        plain = asyncpg.Connection.fetch

        async def timed(connection: Any, statement: str, *values: Any, **options: Any) -> Any:
            started = time.perf_counter()
            try:
                return await plain(connection, statement, *values, **options)
            finally:
                self._note(statement, time.perf_counter() - started)

        asyncpg.Connection.fetch = timed
        try:
            yield
        finally:
            asyncpg.Connection.fetch = plain

    def _note(self, statement: str, seconds: float) -> None:
        self.spent.statements += 1
        if any(word in statement for word in _WRITING):
            self.spent.writing += seconds
        else:
            self.spent.reading += seconds
        self.by_statement.setdefault(statement, []).append(seconds)


def statement_of(number: int, run: str) -> ProfileStatement:
    """Return what the newcomers' source says of person `number`."""
    said = message(number, source=NEWCOMER)
    return ProfileStatement(
        source=NEWCOMER,
        external_id=f"{run}-{number}",
        values={name: value for name, value in said.items() if name not in WIRE},
        occurred_at=datetime.fromisoformat(said["occurred_at"]),
        message_id=f"{run}-{number}",
    )


def newcomers(records: int) -> Iterator[int]:
    """Yield people: every other one is in the base, the others nobody knows."""
    people = records // len(SOURCES)
    for n in count():
        # A prime apart, so that they are spread over the whole base.
        yield (n * 7_919) % people if n % 2 else FIRST_STRANGER + n


@asynccontextmanager
async def opened(base: Path) -> AsyncIterator[Database]:
    """Give the database of a base, as autovacuum and running have left that of a service."""
    _warm(base)
    async with open_database(scratch_settings(base)) as database:
        await settle(database)
        await _fill_buffers(database)
        yield database


async def _fill_buffers(database: Database) -> None:
    """Have the server hold what it is asked for as one that has run for a while does.

    One that has just started fetches nearly every page of the first thousands of records from
    the system, and clears the memory for it: a third of its time, measured.
    """
    settings = ("statement_timeout", "enable_seqscan", "enable_bitmapscan")
    async with database.read() as connection:
        for setting in settings:
            await connection.execute(text(f"SET {setting} = 0"))
        try:
            for statement in _LOOKED_UP:
                await connection.execute(text(statement))
        finally:
            for setting in settings:
                await connection.execute(text(f"RESET {setting}"))


def _warm(base: Path) -> None:
    """Read every file of the base once: a service that runs has its data in the system's memory.

    Else what is timed is the disk. A newcomer reads records all over the base, each for the first
    time.
    """
    for file in base.glob("postgres/base/**/*"):
        if file.is_file():
            with file.open("rb") as held:
                while held.read(1 << 20):
                    pass


class Resolver:
    """Resolves newcomers one by one, as ingestion does."""

    def __init__(self, database: Database, watch: Watch) -> None:
        """Remember the base and the clock."""
        self._database = database
        self._watch = watch
        self._model = Model.shipped()
        self._run = f"{time.time_ns()}"

    async def resolve(self, number: int, *, keep: bool) -> Spent:
        """Resolve one person's record; without `keep` nothing of it stays."""
        statement = statement_of(number, self._run)
        # One session, as the edge makes it; what is timed lies inside its transaction.
        async with AsyncSession(self._database.engine, expire_on_commit=False) as session:
            await session.execute(text("SELECT 1"))
            spent = self._watch.spent = Spent(is_known=number < FIRST_STRANGER)
            started = time.perf_counter()
            await self._place(session, statement)
            spent.whole = time.perf_counter() - started
            if keep:
                started = time.perf_counter()
                await session.commit()
                spent.commit = time.perf_counter() - started
            else:
                await session.rollback()
        return spent

    async def match(self, number: int) -> Spent:
        """Find the client of one person, and write nothing."""
        values = statement_of(number, self._run).values

        async def work(session: AsyncSession) -> Spent:
            await session.execute(text("SELECT 1"))
            spent = self._watch.spent = Spent(is_known=number < FIRST_STRANGER)
            started = time.perf_counter()
            await find_matches(session, values, model=self._model, region="FR")
            spent.whole = time.perf_counter() - started
            return spent

        return await self._database.look(work)

    async def _place(self, session: AsyncSession, statement: ProfileStatement) -> Placements:
        entered = await enter(session, [statement], model=self._model, region="FR")
        return await place(
            session,
            entered,
            model=self._model,
            at=datetime.now(UTC),
            cause=Cause("message", f"model:{self._model.version}"),
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """What the newcomers to one base cost."""

    records: int
    entered: Sequence[Spent]
    """Of those who were entered, decided on and written."""
    matched: Sequence[Spent]
    """Of those who were found and scored only."""
    kept: Sequence[Spent]
    watch: Watch

    def rows(self) -> Iterator[Row]:
        """Yield the lines of the table."""
        commit = milliseconds(median(spent.commit or 0.0 for spent in self.kept))
        yield self._row("RCU", self.entered, commit)
        yield self._row("RCU, found and scored", self.matched, "")

    def _row(self, engine: str, all_spent: Sequence[Spent], commit: str) -> Row:
        whole = [spent.whole for spent in all_spent]
        cuts = quantiles(whole, n=100)
        return (
            f"{self.records:,}",
            engine,
            milliseconds(median(whole)),
            milliseconds(cuts[89]),
            milliseconds(cuts[98]),
            milliseconds(median(spent.whole for spent in all_spent if not spent.is_known)),
            milliseconds(median(spent.whole for spent in all_spent if spent.is_known)),
            milliseconds(median(spent.computing for spent in all_spent)),
            milliseconds(median(spent.reading for spent in all_spent)),
            milliseconds(median(spent.writing for spent in all_spent)),
            commit,
            f"{median(spent.statements for spent in all_spent):.0f}",
            "",
        )


def milliseconds(seconds: float) -> str:
    """Return a time as it stands in the table."""
    return f"{seconds * 1000:.2f}"


async def measure(base: Path, records: int, number: int = NEWCOMERS) -> Measured:
    """Measure so many newcomers to one base."""
    watch = Watch()
    collect_garbage_rarely()
    async with opened(base) as database:
        resolver = Resolver(database, watch)
        people = newcomers(records)
        with watch.open():
            for _ in range(WARMING):
                await resolver.resolve(next(people), keep=False)
            for _ in range(WARMING // 10):
                await resolver.match(next(people))
            watch.by_statement.clear()
            gc.collect()
            entered: list[Spent] = []
            matched: list[Spent] = []
            while len(entered) < number:
                turn = [next(people) for _ in range(2 * IN_TURN)]
                entered += [await resolver.resolve(n, keep=False) for n in turn[:IN_TURN]]
                matched += [await resolver.match(n) for n in turn[IN_TURN:]]
            statements = dict(watch.by_statement)
            # Nobody whom an earlier or a later run may ask for: they stay in the base.
            first = FIRST_STRANGER + time.time_ns() // 1_000_000
            kept = [await resolver.resolve(first + n, keep=True) for n in range(KEPT)]
            watch.by_statement = statements
    return Measured(records, entered, matched, kept, watch)


def run(options: Options) -> Iterable[Row]:
    """Measure bases of growing size, made anew, and Splink over the largest."""
    sizes = QUICK_SIZES if options.quick else SIZES
    with tempfile.TemporaryDirectory(prefix="rcu-bench-") as folder:
        yield from rows(Path(folder), sizes, with_splink=True)


def rows(folder: Path, sizes: Sequence[int], *, with_splink: bool) -> Iterator[Row]:
    """Measure bases that are in a folder, or are made there, and Splink over the last of them."""
    measured = None
    for records in sizes:
        measured = uvloop.run(measure(ensure_base(folder, records), records))
        yield from measured.rows()
    if measured is not None and with_splink:
        yield from splink_rows(measured)


def splink_rows(ours: Measured) -> Iterator[Row]:
    """Measure Splink over as many records, with its base held in each of three ways."""
    from bench.identity.splink_single import measure_splink

    people = newcomers(ours.records)
    asked = [message(next(people), source=NEWCOMER) for _ in range(SPLINK_NEWCOMERS)]
    medians = [median(s.whole for s in spent) for spent in (ours.entered, ours.matched)]
    for engine, seconds in measure_splink(messages(ours.records), asked):
        found = median(seconds)
        yield (
            f"{ours.records:,}",
            engine,
            milliseconds(found),
            milliseconds(quantiles(seconds, n=10)[8]),
            *("",) * (len(HEADINGS) - 5),
            " / ".join(f"{found / one:.0f}" for one in medians),
        )


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench.identity.online", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--bases", type=Path, required=True, help="Folder where bases are kept.")
    parser.add_argument("--splink", action="store_true", help="Ask Splink too, at the last size.")
    options = parser.parse_args()
    print(" | ".join(HEADINGS))
    for row in rows(options.bases, options.sizes, with_splink=options.splink):
        print(" | ".join(row), flush=True)


if __name__ == "__main__":
    main()
