"""A first load: a file of four sources to served clients, beside Splink over the same file.

Ours is `rcu import FILE --bulk` into an empty database, from the start of the command to its end:
read, validate, normalise, resolve, and write records, weighed pairs, clients, golden records and
receipts to PostgreSQL. Splink's is reading and cleaning the file in SQL, training, predicting and
clustering, all in memory. Each runs in processes of its own, one after the other.
"""

from __future__ import annotations

import asyncio
import csv
import os
import subprocess
import sys
import tempfile
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import orjson
from sqlalchemy import text

from bench.identity.crowd import SOURCES
from bench.identity.files import truth, write_csv
from bench.identity.parts import Options, Row
from bench.identity.splink_bulk import THRESHOLDS
from bench.processes import Spent, run_watched
from bench.servers import scratch_environment, scratch_settings
from rcu.db.opening import hold_database, open_database
from rcu.evaluation import evaluate
from rcu.identity.repository import RecordKey
from rcu.settings import Settings

TITLE = "A file of four sources to clients, in bulk"
HEADINGS = (
    "engine", "what", "records", "seconds", "over Splink's", "processor, s", "peak, MB",
    "precision", "recall", "F1",
)  # fmt: skip
_RECORDS, _FEW_RECORDS = 300_000, 20_000
Assigned = Mapping[RecordKey, Hashable]


def run(options: Options) -> Iterator[Row]:
    """Measure Splink, then ours."""
    records = _FEW_RECORDS if options.quick else _RECORDS
    with tempfile.TemporaryDirectory(prefix="rcu-bench-") as folder:
        file = Path(folder, "people.csv")
        write_csv(file, records)
        spent, steps, by_threshold = _splink(file)
        said = ", ".join(f"{step} {seconds:.0f}" for step, seconds in steps.items())
        whole = sum(steps.values())
        tutorial, best = THRESHOLDS[0], _best(by_threshold, truth(records))
        for threshold, what in ((tutorial, said), (best, "as the truth would choose")):
            engine = f"Splink 5, trained, at {threshold}"
            assigned = by_threshold[threshold]
            yield _row(engine, what, records, spent, whole, whole, assigned)
        spent, assigned = _ours(file)
        yield _row(
            "rcu import --bulk", "to PostgreSQL", records, spent, spent.seconds, whole, assigned
        )


def _row(  # noqa: PLR0913, PLR0917 - a row's cells
    engine: str,
    what: str,
    records: int,
    spent: Spent,
    seconds: float,
    splink_seconds: float,
    assigned: Assigned,
) -> Row:
    found = evaluate(assigned, truth(records))
    return (
        engine,
        what,
        f"{records:,}",
        f"{seconds:.0f}",
        f"{seconds / splink_seconds:.2f}",
        f"{spent.processor_seconds:.0f}",
        f"{spent.peak_mib:,.0f}",
        *(f"{share:.4f}" for share in (found.precision, found.recall, found.f1)),
    )


def _best(by_threshold: Mapping[float, Assigned], persons: Mapping[RecordKey, int]) -> float:
    return max(by_threshold, key=lambda one: evaluate(by_threshold[one], persons).f1)


def _splink(file: Path) -> tuple[Spent, Mapping[str, float], Mapping[float, Assigned]]:
    clusters, told = file.with_name("clusters.csv"), file.with_name("spent.json")
    command = [
        sys.executable,
        "-m",
        "bench.identity.splink_bulk",
        *map(str, (file, clusters, told)),
    ]
    spent = run_watched(command, os.environ)
    with clusters.open(encoding="utf-8", newline="") as stream:
        rows = [((source, name), found) for source, name, *found in csv.reader(stream)]
    by_threshold = {
        threshold: {key: found[place] for key, found in rows}
        for place, threshold in enumerate(THRESHOLDS)
    }
    said = orjson.loads(told.read_bytes())
    spent = replace(spent, processor_seconds=said["processor_seconds"])
    return spent, said["steps"], by_threshold


def _ours(file: Path) -> tuple[Spent, Assigned]:
    settings = scratch_settings(file.parent / "var")
    environment = scratch_environment(settings.data_dir)
    rcu = [sys.executable, "-m", "rcu"]
    prepared = [["migrate"]]
    prepared += [
        ["sources", "add", code, "--name", code, "--kind", kind] for code, kind in SOURCES.items()
    ]
    for arguments in prepared:
        subprocess.run([*rcu, *arguments], env=environment, check=True, capture_output=True)  # noqa: S603 - our own command
    with hold_database(settings):
        spent = run_watched(
            [*rcu, "import", str(file), "--bulk"],
            environment,
            server=settings.data_dir / "postgres" / "postmaster.pid",
        )
        return spent, asyncio.run(_clients(settings))


async def _clients(settings: Settings) -> Assigned:
    async with open_database(settings) as database, database.read() as connection:
        rows = await connection.execute(
            text("SELECT source, external_id, client_id FROM source_record")
        )
        return {(source, external_id): client_id for source, external_id, client_id in rows}
