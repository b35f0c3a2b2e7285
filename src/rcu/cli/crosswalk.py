"""`rcu crosswalk`: which client each source record is, as a CSV file."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer

from rcu.cli.running import ExitCode, fail, run_with_database, stderr
from rcu.db.engine import Database
from rcu.errors import RcuError

COLUMNS = ("source", "record_id", "client_id")


class CannotWriteError(RcuError):
    """The file cannot be written."""

    code = "cannot_write"


def crosswalk(
    to: Annotated[
        Path, typer.Option("--to", metavar="FILE.csv", help="Where to write; - for the screen.")
    ],
    *,
    every: Annotated[
        bool,
        typer.Option("--all", help="Also records that only gather the tickets of an identifier."),
    ] = False,
) -> None:
    """Write which client each source record is: source, record_id, client_id.

    Sorted by source and record id, as of one instant. The file appears whole or not at all, so
    that nobody reads half of it.
    """
    try:
        with _whole_file(to) as stream:
            count = run_with_database(lambda database: _write(database, stream, every=every))
    except OSError as error:
        fail(CannotWriteError(f"{to} cannot be written: {error.strerror}."))
        raise typer.Exit(ExitCode.USAGE) from None
    stderr.print(f"{count:,} records written to {'standard output' if _is_screen(to) else to}.")


async def _write(database: Database, stream: IO[str], *, every: bool) -> int:
    from rcu.identity.crosswalk import stream_crosswalk

    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    async for row in stream_crosswalk(database, with_identifiers=every):
        writer.writerow(row)
        count += 1
    return count


def _is_screen(path: Path) -> bool:
    return str(path) == "-"


@contextmanager
def _whole_file(path: Path) -> Iterator[IO[str]]:
    """Open a file that takes its name only when it is complete."""
    if _is_screen(path):
        yield sys.stdout
        return
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
