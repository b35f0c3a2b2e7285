"""Measures the service on this machine: `make bench`, or `python -m bench --quick`."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import uvloop
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn
from sqlalchemy import URL

from bench import measures, servers
from bench.measures import Figure, Plan, Poster, in_batches, one_by_one
from bench.report import Report, describe_machine, growth
from rcu.db.engine import Database
from rcu.db.opening import hold_database
from rcu.logs import configure_logs
from rcu.settings import Settings

PARTS = ("write", "read", "import")
PROFILE, PROFILES_8 = "New profile, one by one", "New profiles, 8 at a time"
PROFILE_BATCH = "New profiles, batches of 500"
TICKET, TICKETS_8 = "Ticket, one by one", "Tickets, 8 at a time"
TICKET_BATCH = "Tickets, batches of 500"

screen = Console(stderr=True)


def main() -> None:
    """Measure what the command line asks for, and print it."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="A small run of about a minute.")
    parser.add_argument(
        "--parts", nargs="+", choices=PARTS, default=PARTS, help="What to measure; all of it."
    )
    parser.add_argument("--markdown", action="store_true", help="Print Markdown.")
    options = parser.parse_args()
    plan = measures.QUICK if options.quick else measures.FULL
    configure_logs(level="warning", log_format="console")
    with tempfile.TemporaryDirectory(prefix="rcu-bench-") as folder:
        report = uvloop.run(_measure(Path(folder), plan, set(options.parts)))
        report.show(markdown=options.markdown)


async def _measure(folder: Path, plan: Plan, parts: set[str]) -> Report:
    settings = servers.scratch_settings(folder / "var")
    log = folder / "servers.log"
    async with servers.empty_database(settings) as database:
        report = Report(await describe_machine(database))
        posts, reads = await servers.make_keys(database)
        with servers.service(settings.data_dir, log) as port, hold_database(settings) as url:
            poster = Poster(port, posts, database)
            sizes = plan.sizes if "write" in parts else plan.sizes[-1:]
            await _write(poster, plan, sizes, report, measuring="write" in parts)
            if "read" in parts:
                await _read(plan, report, database, url, ours=(port, reads), log=log)
    if "import" in parts:
        screen.print(f"Importing a file of {plan.imported:,} records...")
        report.figures.append(_import(folder / "import", plan.imported))
    return report


async def _write(
    poster: Poster, plan: Plan, sizes: tuple[int, ...], report: Report, *, measuring: bool
) -> None:
    for size in sizes:
        await _fill(poster, size)
        if not measuring:
            poster.ticket_batches(plan.batches)
            continue
        screen.print(f"Posting profiles beside {size:,} clients...")
        # Beside nobody there is little to post before there is somebody.
        singles, batches = (plan.singles, plan.batches) if size else (100, 1)
        poster.profiles_one_by_one(20)
        report.figures += [
            one_by_one(PROFILE, size, poster.profiles_one_by_one(singles)),
            in_batches(PROFILE_BATCH, size, poster.profile_batches(batches)),
        ]
    if measuring:
        _write_more(poster, plan, sizes[-1], report)


def _write_more(poster: Poster, plan: Plan, size: int, report: Report) -> None:
    screen.print(f"Posting tickets, and several at a time, beside {size:,} clients...")
    poster.tickets_one_by_one(20)
    report.figures += [
        one_by_one(PROFILES_8, size, poster.profiles_one_by_one(plan.singles * 2, connections=8)),
        one_by_one(TICKET, size, poster.tickets_one_by_one(plan.singles)),
        one_by_one(TICKETS_8, size, poster.tickets_one_by_one(plan.singles * 2, connections=8)),
        in_batches(TICKET_BATCH, size, poster.ticket_batches(plan.batches)),
    ]
    grown = (growth(report.figures, what) for what in (PROFILE, PROFILE_BATCH))
    report.sentences += [sentence for sentence in grown if sentence is not None]


async def _fill(poster: Poster, size: int) -> None:
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True) as progress:
        task = progress.add_task(f"Filling up to {size:,} clients", total=size)
        await poster.fill(size, lambda done: progress.advance(task, done))


async def _read(
    plan: Plan, report: Report, database: Database, url: URL, *, ours: tuple[int, str], log: Path
) -> None:
    await servers.settle(database)
    ids = await measures.some_client_ids(database, limit=1000)
    pool_size = Settings(_env_file=None).pool_size
    screen.print("Reading clients...")
    with servers.bare_server(url, pool_size=pool_size, a_path=f"/{ids[0]}", log=log) as bare_port:
        report.reads = measures.compare_reads(plan, ids, ours=ours, bare_port=bare_port)


def _import(folder: Path, records: int) -> Figure:
    seconds = measures.import_file(folder, records)
    return Figure("Import of a CSV file", 0, seconds / records * 1000, None, records / seconds)


if __name__ == "__main__":
    main()
