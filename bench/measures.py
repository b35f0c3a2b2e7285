"""What is measured, one function each, and the figures that come of it."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Final

from sqlalchemy import text

from bench import people, servers
from bench.load import Job, Request, Seen, run
from bench.servers import POSTING, PRELOADED
from rcu.db.engine import Database
from rcu.ingestion.messages import ProfileMessage
from rcu.ingestion.service import receive_all

BATCH = 500
KNOWN_EVERY = 5
"""One posted profile in five is of somebody whom another source knows already."""
READ_CONNECTIONS = 8
PRELOAD_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    sizes: tuple[int, ...]
    """Clients already there, smallest first."""
    singles: int
    batches: int
    rounds: int
    round_seconds: float
    imported: int


FULL: Final = Plan((0, 1_000, 10_000, 100_000), 300, 8, 9, 3.0, 100_000)
QUICK: Final = Plan((0, 1_000, 5_000), 100, 2, 3, 1.0, 2_000)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table; times are of one record, in milliseconds."""

    what: str
    clients: int
    median_ms: float
    p95_ms: float | None
    per_second: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Reads of a client against the bare reader, in requests a second."""

    ours: float
    bare: float
    ratio: float
    """The median of the ratios of the rounds, in which both were measured in turn."""


class Poster:
    """Posts profiles and tickets to the service; every message is a new one."""

    def __init__(self, port: int, key: str, database: Database) -> None:
        """Remember whom to post to; `database` is filled in the same way, without HTTP."""
        self._port = port
        self._key = key
        self._database = database
        self._people = 0
        self._posted = 0
        self._tickets = count()

    async def fill(self, clients: int, told: Callable[[int], None]) -> None:
        """Bring the number of people there up to `clients`, through `receive_all`."""
        while self._people < clients:
            numbers = range(self._people, min(self._people + PRELOAD_CHUNK, clients))
            messages = [
                ProfileMessage.model_validate(people.profile(number, source=PRELOADED))
                for number in numbers
            ]
            await receive_all(self._database, source=PRELOADED, messages=messages)
            self._people = numbers.stop
            told(len(numbers))
        await servers.settle(self._database)

    def profiles_one_by_one(self, number: int, *, connections: int = 1) -> Seen:
        """Post profiles, each in a request of its own."""
        return self._post("/v1/profiles", [self._profile() for _ in range(number)], connections)

    def tickets_one_by_one(self, number: int, *, connections: int = 1) -> Seen:
        """Post tickets, each in a request of its own."""
        return self._post("/v1/tickets", [self._ticket() for _ in range(number)], connections)

    def profile_batches(self, number: int) -> Seen:
        """Post batches of 500 profiles."""
        return self._batches("profile", self._profile, number)

    def ticket_batches(self, number: int) -> Seen:
        """Post batches of 500 tickets."""
        return self._batches("ticket", self._ticket, number)

    def _profile(self) -> dict[str, Any]:
        self._posted += 1
        if self._posted % KNOWN_EVERY == 0 and self._people > self._posted:
            return people.profile(self._posted, source=POSTING)
        number = self._people
        self._people += 1
        return people.profile(number, source=POSTING)

    def _ticket(self) -> dict[str, Any]:
        return people.ticket(next(self._tickets), people=self._people, source=POSTING)

    def _batches(self, kind: str, message: Callable[[], dict[str, Any]], number: int) -> Seen:
        bodies = [
            {"messages": [{"type": kind, **message()} for _ in range(BATCH)]} for _ in range(number)
        ]
        return self._post("/v1/batch", bodies, 1)

    def _post(self, path: str, bodies: Sequence[dict[str, Any]], connections: int) -> Seen:
        requests = [Request("POST", path, json.dumps(body)) for body in bodies]
        return run(Job(self._port, self._key, connections, None, requests))


def one_by_one(what: str, clients: int, seen: Seen) -> Figure:
    """Return the figure of requests of one record each."""
    return Figure(what, clients, seen.median_ms, seen.p95_ms, seen.per_second)


def in_batches(what: str, clients: int, seen: Seen) -> Figure:
    """Return the figure of requests of 500 records each, for one record."""
    return Figure(what, clients, seen.median_ms / BATCH, None, seen.per_second * BATCH)


async def some_client_ids(database: Database, *, limit: int) -> list[str]:
    """Return ids of known clients, spread over all of them."""
    async with database.read() as connection:
        ids = await connection.scalars(text("SELECT client_id FROM golden_record ORDER BY 1"))
        return [str(client_id) for client_id in Random(1).sample(sorted(ids), k=limit)]


def compare_reads(
    plan: Plan, ids: Sequence[str], *, ours: tuple[int, str], bare_port: int
) -> Comparison:
    """Read the same clients from the service and from the bare reader, in turns."""
    port, key = ours
    full = [Request("GET", f"/v1/clients/{client_id}") for client_id in ids]
    rows = [Request("GET", f"/{client_id}") for client_id in ids]
    rounds: list[tuple[float, float]] = []
    for number in range(plan.rounds + 1):
        seconds = plan.round_seconds
        a = Job(port, key, READ_CONNECTIONS, seconds, full)
        b = Job(bare_port, "", READ_CONNECTIONS, seconds, rows)
        # Whoever is first in one round is second in the next.
        if number % 2:
            ours_seen, bare_seen = run(a), run(b)
        else:
            bare_seen, ours_seen = run(b), run(a)
        rounds.append((ours_seen.per_second, bare_seen.per_second))
    warm = rounds[1:]
    return Comparison(
        ours=median(o for o, _ in warm),
        bare=median(b for _, b in warm),
        ratio=median(o / b for o, b in warm),
    )


def import_file(folder: Path, records: int) -> float:
    """Import a CSV file of new records into an empty database; return the seconds it took."""
    folder.mkdir(parents=True)
    file = folder / "records.csv"
    _write_records(file, records)
    rcu = [sys.executable, "-m", "rcu"]
    environment = servers.scratch_environment(folder / "var")

    def call(*arguments: str) -> None:
        subprocess.run(  # noqa: S603 - our own command
            [*rcu, *arguments], env=environment, check=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip

    call("migrate")
    call("sources", "add", PRELOADED, "--name", "Till", "--kind", "pos")
    started = time.perf_counter()
    call("import", str(file), "--source", PRELOADED, "--type", "profiles")
    return time.perf_counter() - started


def _write_records(file: Path, records: int) -> None:
    columns = (
        "external_id", "occurred_at", "title", "given_name", "family_name", "birth_date", "email",
        "phone", "card_number", "address", "postcode", "city",
    )  # fmt: skip
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        for number in islice(count(), records):
            profile = people.profile(number, source=PRELOADED)
            address = profile.get("addresses", [{}])[0]
            row = {name: profile.get(name, "") for name in columns[:6]}
            row |= {
                "email": profile.get("emails", [{}])[0].get("value", ""),
                "phone": profile.get("phones", [{}])[0].get("value", ""),
                "card_number": profile.get("cards", [{}])[0].get("value", ""),
                "address": address.get("lines", [""])[0],
                "postcode": address.get("postcode", ""),
                "city": address.get("city", ""),
            }
            writer.writerow(row)
