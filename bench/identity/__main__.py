"""Measures identity resolution beside its peers: `make bench-identity`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import cast

from rich.console import Console
from rich.table import Table

from bench.identity.parts import Options, Part, Row

PARTS = tuple(
    name
    for name in ("quality", "elsewhere", "online", "bulk")
    if find_spec(f"bench.identity.{name}")
)

screen = Console(stderr=True)


def main() -> None:
    """Measure what the command line asks for, and print one table a part."""
    parser = argparse.ArgumentParser(prog="python -m bench.identity", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"Of {', '.join(PARTS)}; all by default.")
    parser.add_argument("--quick", action="store_true", help="The same rows over less data.")
    parser.add_argument("--markdown", action="store_true", help="Print Markdown.")
    parser.add_argument(
        "--data",
        type=Path,
        nargs="*",
        default=[],
        metavar="FOLDER",
        help="Folders of yours, each with records.csv and truth.csv, for the part quality.",
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.parts).difference(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    options = Options(quick=arguments.quick, data=tuple(arguments.data))
    for name in arguments.parts or PARTS:
        part = cast("Part", import_module(f"bench.identity.{name}"))
        rows = _told(name, part.run(options))
        Console(highlight=False, soft_wrap=True).print(
            _markdown(part, rows) if arguments.markdown else _table(part, rows), ""
        )


def _told(name: str, rows: Iterable[Row]) -> list[Row]:
    """Collect the rows, saying each as it comes: a run takes minutes."""
    found = []
    for row in rows:
        screen.print(f"{name}: {' | '.join(row)}", highlight=False, soft_wrap=True)
        found.append(row)
    return found


def _table(part: Part, rows: Iterable[Row]) -> Table:
    table = Table(title=part.TITLE, title_justify="left")
    for position, heading in enumerate(part.HEADINGS):
        table.add_column(heading, justify="right" if position > 1 else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _markdown(part: Part, rows: Iterable[Row]) -> str:
    lines = [part.HEADINGS, ["---", "---", *["---:"] * (len(part.HEADINGS) - 2)], *rows]
    return "\n".join([f"**{part.TITLE}**", "", *(f"| {' | '.join(line)} |" for line in lines)])


if __name__ == "__main__":
    main()
