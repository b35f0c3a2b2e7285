"""How the figures are shown: on a screen, or as Markdown for the README."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from bench.measures import Comparison, Figure
from rcu.db.engine import Database

HEADINGS = ("", "clients there", "median, ms a record", "p95, ms", "records a second")


@dataclass(slots=True)
class Report:
    """Everything that one run measured."""

    machine: str
    figures: list[Figure] = field(default_factory=list)
    reads: Comparison | None = None
    sentences: list[str] = field(default_factory=list)

    def show(self, *, markdown: bool) -> None:
        """Print it."""
        console = Console(highlight=False, soft_wrap=markdown)
        console.print(self.machine, "")
        if self.figures:
            console.print(_markdown(self.figures) if markdown else _table(self.figures), "")
        if self.reads is not None:
            self.sentences.append(_reads(self.reads))
        for sentence in self.sentences:
            console.print(f"- {sentence}" if markdown else sentence)


async def describe_machine(database: Database) -> str:
    """Return the processor, its cores, the memory, and the versions of what runs on it."""
    async with database.read() as connection:
        server = await connection.scalar(text("SHOW server_version"))
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    busy = os.getloadavg()[0]
    return (
        f"{_processor()}, {os.cpu_count()} cores, {pages * size / 2**30:.0f} GiB; "
        f"PostgreSQL {server}, Python {platform.python_version()}, {platform.system()}; "
        f"load {busy:.1f} before the run. The service, the database and the load generator share "
        "the machine; every acknowledged write is on disk (fsync)."
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())


def growth(figures: Sequence[Figure], what: str) -> str | None:
    """Say how the time of a record grew from 1,000 clients to the most; None if not measured."""
    of_kind = {figure.clients: figure.median_ms for figure in figures if figure.what == what}
    base, top = of_kind.get(1000), max(of_kind, default=0)
    if base is None or top <= 1000:  # noqa: PLR2004 - the size that growth is counted from
        return None
    return f"{what}: {of_kind[top] / base:.2f} times the time at {top:,} clients as at 1,000."


def _cells(figure: Figure) -> tuple[str, ...]:
    return (
        figure.what,
        f"{figure.clients:,}",
        f"{figure.median_ms:.2f}",
        "" if figure.p95_ms is None else f"{figure.p95_ms:.2f}",
        f"{figure.per_second:,.0f}",
    )


def _table(figures: Sequence[Figure]) -> Table:
    table = Table(*HEADINGS)
    for column in table.columns[1:]:
        column.justify = "right"
    for figure in figures:
        table.add_row(*_cells(figure))
    return table


def _markdown(figures: Sequence[Figure]) -> str:
    rows = [HEADINGS, ("---", *["---:"] * (len(HEADINGS) - 1)), *map(_cells, figures)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _reads(reads: Comparison) -> str:
    return (
        f"Reading a client (360 view, API key): {reads.ours:,.0f} requests a second; bare "
        "Starlette and asyncpg reading one row of the same database by its key: "
        f"{reads.bare:,.0f}. Ratio {reads.ratio:.2f} (median of the rounds, in turns)."
    )
