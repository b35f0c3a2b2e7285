"""Measures the attach rate over a month of tickets: `python -m bench.analytics`."""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
from rich.console import Console
from sqlalchemy import text

from bench.analytics.month import DAYS, FIRST_DAY, STORES, make_month
from bench.analytics.posting import compare
from bench.report import describe_machine
from bench.servers import empty_database, scratch_settings
from rcu.analytics.attach_rate_dimensions import Dimension
from rcu.analytics.attach_rate_errors import FiguresTooCostlyError
from rcu.analytics.attach_rate_figures import Question, find_attach_rate
from rcu.analytics.attach_rate_rollups import complete_periods, fold
from rcu.analytics.attach_rate_tickets import Which, list_tickets
from rcu.db.engine import Database
from rcu.db.migrations import migrate
from rcu.db.opening import open_database
from rcu.db.readers import administered

ROUNDS = 7
FIRST = date.fromisoformat(FIRST_DAY)
LAST = FIRST + timedelta(days=DAYS - 1)
END = datetime(LAST.year, LAST.month, LAST.day, 23, tzinfo=UTC)
BACK = (
    ("an hour before its end", timedelta(hours=1)),
    ("a day before its end", timedelta(days=1)),
    ("a week before its end", timedelta(days=7)),
    ("a week before, in the middle of the day", timedelta(days=7, hours=8)),
    ("two weeks before its end", timedelta(days=14)),
    ("at its beginning", timedelta(days=DAYS)),
)
GROUPINGS: tuple[tuple[str, tuple[Dimension, ...]], ...] = (
    ("the month", ()),
    ("by store", (Dimension.STORE,)),
    ("by day", (Dimension.DAY,)),
    ("by reason at the sale", (Dimension.SALE_REASON,)),
    ("by hour", (Dimension.HOUR,)),
    ("by cashier", (Dimension.CASHIER,)),
    ("by store and cashier", (Dimension.STORE, Dimension.CASHIER)),
    ("by till and hour", (Dimension.TILL, Dimension.HOUR)),
)

screen = Console(highlight=False, soft_wrap=True)


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m bench.analytics", description=__doc__)
    parser.add_argument("--tickets", type=int, default=5_000_000)
    parser.add_argument("--posting", action="store_true", help="What it costs a ticket instead.")
    parser.add_argument("--base", type=Path, help="A folder that keeps the month for later runs.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rcu-bench-") as scratch:
        if options.posting:
            asyncio.run(_compare(Path(scratch)))
        else:
            asyncio.run(_run(options.base or Path(scratch), options.tickets))


async def _compare(folder: Path) -> None:
    async with empty_database(scratch_settings(folder)) as database:
        screen.print(await describe_machine(database), "")
        singles, batches = await compare(database)
    screen.print("A ticket with what the attach rate writes, over one without, medians of ratios:")
    screen.print(f"one by one {singles:.3f}, in batches of 500 {batches:.3f}")


async def _run(folder: Path, tickets: int) -> None:
    async with open_database(scratch_settings(folder)) as database:
        await migrate(database)
        screen.print(await describe_machine(database), "")
        screen.print("| | |", "| --- | ---: |", sep="\n")
        async with database.read() as connection:
            is_there = await connection.scalar(text("SELECT EXISTS (SELECT FROM ticket)"))
        if not is_there:
            await _make(database, tickets)
        await _complete(database)
        await _measure(database)


async def _make(database: Database, tickets: int) -> None:
    superuser = administered(database)
    async with superuser.driver_connection() as connection:
        await _line(f"{tickets:,} tickets made", lambda: make_month(connection, tickets))
    await superuser.close()
    await _line("first fold", lambda: fold(database, timezone="Europe/Paris"))
    await _vacuum(database)


async def _complete(database: Database) -> None:
    """Count the month in periods; what was broken off is gone on with."""
    started, periods = time.perf_counter(), 0
    while await complete_periods(database, timezone="Europe/Paris"):
        periods += 1
    if periods:
        seconds = time.perf_counter() - started
        screen.print(f"| its past, cut into {periods} periods | {seconds:,.1f} s |")
        await _vacuum(database)


async def _vacuum(database: Database) -> None:
    async with database.driver_connection() as connection:
        await connection.execute("SET statement_timeout = 0")
        await connection.execute("VACUUM ANALYZE")


async def _measure(database: Database) -> None:
    await _sizes(database)
    for name, groups in GROUPINGS:
        await _median(name, database, Question(FIRST, LAST, group_by=groups))
    for name, back in BACK:
        question = Question(FIRST, LAST, as_of=END - back)
        await _median(f"the month, as known {name}", database, question)
    for name, groups in GROUPINGS[1:]:
        question = Question(FIRST, LAST, as_of=END - timedelta(days=7), group_by=groups)
        await _median(f"{name}, as known a week before its end", database, question)
    for which in (Which.MISSED, Which.ACCOUNTS_OPENED):
        await _pages(database, which)
    await _pending(database)


async def _sizes(database: Database) -> None:
    async with database.driver_connection() as connection:
        for name, table in (
            ("cells, of all grains", "attach_rate_cell"),
            ("changes of cells, by period", "attach_rate_cell_change"),
        ):
            rows, size = await connection.fetchrow(
                f"SELECT count(*), pg_size_pretty(pg_total_relation_size('{table}')) FROM {table}"
            )
            screen.print(f"| {name} | {rows:,} ({size}) |")


async def _pages(database: Database, which: Which) -> None:
    for name, only in (("chain", {}), ("store", {Dimension.STORE: [f"S{STORES}"]})):
        question = Question(FIRST, LAST, only=only)
        await _times(
            f"first 100 of {which}, of a {name}",
            lambda question=question: list_tickets(database, question, which, limit=100),
        )


async def _pending(database: Database) -> None:
    """Measure what waits for the fold, and the fold: each change is kept, the next adds to it."""
    for name, statement in _CHANGES.items():
        async with database.driver_connection() as connection:
            await connection.execute(statement)
        await _median(f"the month, beside {name}", database, Question(FIRST, LAST))
        await _line(f"fold of {name}", lambda: fold(database, timezone="Europe/Paris"))


_CHANGES = {
    "1,000 tickets posted since the fold": """
        INSERT INTO ticket (id, source, ticket_id, message_id, content_digest, kind, store, till,
            number, business_date, sold_at, received_at, channel, currency, total_cents, lines,
            payments, record_id, link, sale_client_id, sale_method, sale_reason)
        SELECT uuidv7(), source, gen_random_uuid(), message_id, '', kind, store, 'X', number,
               business_date, sold_at, now(), channel, currency, total_cents, '[]', '[]',
               record_id, link, sale_client_id, sale_method, sale_reason
        FROM (SELECT * FROM ticket ORDER BY business_date DESC, id LIMIT 1000) t
    """,
    "10,000 tickets hung elsewhere one by one": """
        UPDATE ticket SET record_id = (
            SELECT id FROM source_record WHERE placement = 'none' ORDER BY id LIMIT 1
        )
        WHERE id IN (SELECT id FROM ticket ORDER BY business_date, id LIMIT 10000)
    """,
    "10,000 tickets attached by one token": """
        UPDATE source_record SET placement = 'payment_token', client_id = (
            SELECT id FROM source_record WHERE kind = 'profile' ORDER BY id LIMIT 1
        )
        WHERE id = (SELECT id FROM source_record WHERE placement = 'none' ORDER BY id LIMIT 1)
    """,
}


async def _median(name: str, database: Database, question: Question) -> None:
    await _times(name, lambda: find_attach_rate(database, question))


async def _times(name: str, work: Callable[[], Awaitable[Any]]) -> None:
    try:
        seconds = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            await work()
            seconds.append(time.perf_counter() - started)
    except FiguresTooCostlyError:
        screen.print(f"| {name} | refused: too costly |")
        return
    screen.print(f"| {name} | {statistics.median(seconds) * 1000:,.0f} ms |")


async def _line(name: str, work: Callable[[], Awaitable[Any]]) -> None:
    started = time.perf_counter()
    try:
        await work()
    except asyncpg.PostgresError as error:
        screen.print(f"| {name} | failed: {type(error).__name__} |")
        raise
    screen.print(f"| {name} | {time.perf_counter() - started:,.1f} s |")


if __name__ == "__main__":
    main()
