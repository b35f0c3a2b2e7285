"""What the parts of this benchmark share: their options, and the form of what they measure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Row = Sequence[str]
"""One line of a part's table, a cell for each of its headings."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    quick: bool = False
    """A small run: the same rows over less data."""
    data: tuple[Path, ...] = ()
    """Folders of the caller's own, each with `records.csv` and `truth.csv`."""


class Part(Protocol):
    """A module that measures one thing. Rows come as they are measured."""

    TITLE: str
    HEADINGS: Sequence[str]

    def run(self, options: Options) -> Iterable[Row]:
        """Measure, row by row."""
