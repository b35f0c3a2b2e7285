"""What the triggers and the index of the attach rate cost a ticket, on its whole path."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from itertools import count
from typing import Final

from bench import people, servers
from bench.servers import POSTING, PRELOADED
from rcu.db.engine import Database
from rcu.ingestion.messages import ProfileMessage, TicketMessage
from rcu.ingestion.service import receive_all

CLIENTS: Final = 2_000
SINGLES, BATCH, ROUNDS = 150, 500, 9

_TRIGGERS: Final = (
    ("ticket", "tickets_arrived"),
    ("ticket", "ticket_changed"),
    ("source_record", "record_changed"),
)


async def compare(database: Database) -> tuple[float, float]:
    """Return the times with over those without, of tickets one by one and of batches of 500.

    The medians of the ratios of rounds, in which both are measured in turn.
    """
    messages = [
        ProfileMessage.model_validate(people.profile(number, source=PRELOADED))
        for number in range(CLIENTS)
    ]
    await receive_all(database, source=PRELOADED, messages=messages)
    await servers.settle(database)
    tickets = _tickets()
    ratios: list[tuple[float, float]] = []
    for number in range(ROUNDS):
        found = {}
        for kept in (True, False) if number % 2 else (False, True):
            await _keep(database, kept=kept)
            found[kept] = await _post(database, tickets)
        ratios.append((found[True][0] / found[False][0], found[True][1] / found[False][1]))
    await _keep(database, kept=True)
    singles, batches = zip(*ratios, strict=True)
    return statistics.median(singles), statistics.median(batches)


def _tickets() -> Iterator[TicketMessage]:
    for number in count():
        said = people.ticket(number, people=CLIENTS, source=POSTING)
        yield TicketMessage.model_validate(said)


async def _keep(database: Database, *, kept: bool) -> None:
    deed = "ENABLE" if kept else "DISABLE"
    async with database.driver_connection() as connection:
        for table, trigger in _TRIGGERS:
            await connection.execute(f"ALTER TABLE {table} {deed} TRIGGER {trigger}")
        await connection.execute("DROP INDEX IF EXISTS ix_ticket_business_date")
        if kept:
            await connection.execute(
                "CREATE INDEX ix_ticket_business_date ON ticket (business_date, id)"
            )


async def _post(database: Database, tickets: Iterator[TicketMessage]) -> tuple[float, float]:
    """Return the seconds that single tickets and a batch took."""
    one_by_one = [next(tickets) for _ in range(SINGLES)]
    together = [next(tickets) for _ in range(BATCH)]
    started = time.perf_counter()
    for message in one_by_one:
        await receive_all(database, source=POSTING, messages=[message])
    between = time.perf_counter()
    await receive_all(database, source=POSTING, messages=together)
    return between - started, time.perf_counter() - between
