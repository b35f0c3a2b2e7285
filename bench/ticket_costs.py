"""Where the time of a ticket goes: `python -m bench.ticket_costs`.

Receives tickets as the service does, in this process, one by one and in batches, and tells the
time of each statement as the driver saw it, and what is left for Python and the commit.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median

import uvloop
from asyncpg import Connection
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from bench import people, servers
from bench.servers import POSTING, PRELOADED
from rcu.db.engine import Database
from rcu.ingestion.context import Context
from rcu.ingestion.messages import ProfileMessage, TicketMessage
from rcu.ingestion.service import receive_all, receive_together
from rcu.logs import configure_logs

BATCH = 500
LONGEST_NAME = 90


class Watch:
    """Adds up the time of each statement while it watches."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.is_on = False

    def start(self) -> None:
        """Begin anew."""
        self.seconds.clear()
        self.calls.clear()
        self.is_on = True

    def add(self, statement: str, seconds: float) -> None:
        """Count one call."""
        if self.is_on:
            name = " ".join(statement.split())[:LONGEST_NAME]
            self.seconds[name] += seconds
            self.calls[name] += 1


def watch_driver() -> Watch:
    """Have every statement of the driver timed."""
    watch = Watch()
    plain = Connection._execute  # noqa: SLF001 - what fetch, fetchrow and fetchval all end in

    async def timed(self: Connection, query: str, *args: object, **options: object) -> object:  # type: ignore[type-arg]
        started = time.perf_counter()
        try:
            return await plain(self, query, *args, **options)  # type: ignore[arg-type]
        finally:
            watch.add(query, time.perf_counter() - started)

    Connection._execute = timed  # type: ignore[method-assign,assignment] # noqa: SLF001
    return watch


async def fill(database: Database, clients: int) -> None:
    """Make the clients who buy."""
    for start in range(0, clients, 1000):
        messages = [
            ProfileMessage.model_validate(people.profile(number, source=PRELOADED))
            for number in range(start, min(start + 1000, clients))
        ]
        await receive_all(database, source=PRELOADED, messages=messages)
    await servers.settle(database)


async def tell(number: int, clients: int) -> None:
    """Measure, and print."""
    watch = watch_driver()
    with tempfile.TemporaryDirectory(prefix="rcu-bench-") as folder:
        settings = servers.scratch_settings(Path(folder) / "var")
        # As the endpoints have it: made for each ticket it would take longer than a ticket.
        context = Context.from_settings(settings)
        async with servers.empty_database(settings) as database:
            await database.run(activate)
            await fill(database, clients)
            tickets = [
                TicketMessage.model_validate(people.ticket(n, people=clients, source=POSTING))
                for n in range(3 * number)
            ]
            await receive_all(database, source=POSTING, messages=tickets[:number])
            await servers.settle(database)
            watch.start()
            singles = []
            for ticket in tickets[number : 2 * number : max(number // 300, 1)]:
                started = time.perf_counter()
                await receive_together(database, source=POSTING, messages=[ticket], context=context)
                singles.append(time.perf_counter() - started)
            show(
                watch,
                f"one by one, median {median(singles) * 1000:.2f} ms",
                sum(singles),
                len(singles),
            )
            watch.start()
            started = time.perf_counter()
            for n in range(2 * number, 3 * number, BATCH):
                await receive_all(
                    database,
                    source=POSTING,
                    messages=tickets[n : n + BATCH],
                    context=context,
                )
            show(watch, "in batches of 500", time.perf_counter() - started, number)


async def activate(session: AsyncSession) -> None:
    """Put the shipped programme in force."""
    await servers.put_programme_in_force(session)


def show(watch: Watch, title: str, seconds: float, tickets: int) -> None:
    """Print where the time went."""
    watch.is_on = False
    table = Table("statement", "a ticket, ms", "calls a ticket", title=title)
    for name, spent in watch.seconds.most_common(30):
        table.add_row(name, f"{spent / tickets * 1000:.3f}", f"{watch.calls[name] / tickets:.2f}")
    inside = sum(watch.seconds.values())
    calls = sum(watch.calls.values())
    table.add_row("all statements", f"{inside / tickets * 1000:.3f}", f"{calls / tickets:.2f}")
    table.add_row("all", f"{seconds / tickets * 1000:.3f}", f"{tickets / seconds:,.0f} a second")
    Console(width=160).print(table)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench.ticket_costs", description=__doc__)
    parser.add_argument("--tickets", type=int, default=3000)
    parser.add_argument("--clients", type=int, default=5000)
    options = parser.parse_args()
    configure_logs(level="warning", log_format="console")
    uvloop.run(tell(options.tickets, options.clients))


if __name__ == "__main__":
    main()
