"""Accuracy elsewhere: invented files of other countries, other fields, other noise (`worlds`)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.identity import quality, worlds
from bench.identity.labelled import read_folder
from bench.identity.parts import Options, Row

TITLE = "Accuracy elsewhere: invented files, at default thresholds"
HEADINGS = quality.HEADINGS
PEOPLE, QUICK_PEOPLE = 1000, 200


def run(options: Options) -> Iterator[Row]:
    """Measure each world with each engine."""
    number = QUICK_PEOPLE if options.quick else PEOPLE
    with tempfile.TemporaryDirectory(prefix="rcu-bench-") as folder:
        for name, world in worlds.WORLDS.items():
            files = worlds.write(name, Path(folder), number=number)
            yield from quality.measure(read_folder(files, region=world.country))
