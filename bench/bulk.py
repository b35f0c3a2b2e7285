"""Measure the bulk engine: what a resolution costs per record, and how fast a first load is.

    python -m bench.bulk --records 10000 100000            # the cost model, on DuckDB
    python -m bench.bulk --records 10000 --engine spark
    python -m bench.bulk --load 300000                      # CSV to served clients

The people are those of `bench/people.py`: four sources know each. The figures of a resolution are
those that grow with the base: keys and pairs per record, bytes on disk, seconds.
"""

from __future__ import annotations

import argparse
import csv
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from os import environ
from pathlib import Path

import orjson
import pyarrow as pa

from bench.people import profile
from rcu.bulk.duckdb_engine import DuckDBEngine
from rcu.bulk.engine import Engine
from rcu.bulk.resolution import resolve
from rcu.bulk.spark_engine import SparkEngine
from rcu.bulk.stages import FEATURES_SCHEMA
from rcu.identity.features import describe
from rcu.identity.registers import person_of

SOURCES = {"pos": "pos", "eshop": "ecommerce", "app": "app", "loyalty": "loyalty"}
BATCH_ROWS = 4096
_WIRE = frozenset({"message_id", "external_id", "occurred_at"})


def features_of_people(records: int) -> Iterator[pa.RecordBatch]:
    """Yield `records` records as the engines are given them."""
    rows: list[tuple[str, str]] = []
    for number in range(records // len(SOURCES)):
        for source in SOURCES:
            message = profile(number, source=source)
            said = {name: {"value": held} for name, held in message.items() if name not in _WIRE}
            features = describe(person_of(said)).to_json()
            rows.append((f"{source}\x1f{message['external_id']}", orjson.dumps(features).decode()))
        if len(rows) >= BATCH_ROWS:
            yield _batch(rows)
            rows = []
    if rows:
        yield _batch(rows)


def _batch(rows: list[tuple[str, str]]) -> pa.RecordBatch:
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=FEATURES_SCHEMA)


def measure_resolution(engine: Engine, records: int) -> None:
    """Resolve so many records, and print a row of the cost model."""
    started = time.perf_counter()
    figures = resolve(features_of_people(records), engine=engine).figures
    seconds = time.perf_counter() - started
    on_disk = (
        sum(path.stat().st_size for path in engine.folder.rglob("*") if path.is_file())
        if isinstance(engine, DuckDBEngine)
        else 0
    )
    per = 1 / figures.records
    print(
        f"| {figures.records:,} | {figures.blocking_keys * per:.1f} | {figures.generic_keys:,} "
        f"| {figures.pairs * per:.2f} | {figures.kept_pairs * per:.2f} | {figures.clients:,} "
        f"| {on_disk * per:,.0f} | {seconds:.0f} | {seconds * per * 1e6:,.0f} |",
        flush=True,
    )


def write_csv(path: Path, records: int) -> None:
    """Write so many records as a file of four sources."""
    columns = ("title", "given_name", "family_name", "birth_date")
    lists = {"email": "emails", "phone": "phones", "card_number": "cards"}
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(
            ["source", "record_id", "occurred_at", *columns, *lists, "address", "postcode", "city"]
        )
        for number in range(records // len(SOURCES)):
            for source in SOURCES:
                said = profile(number, source=source)
                home = (said.get("addresses") or [{}])[0]
                row = [source, said["external_id"], said["occurred_at"]]
                row += [said.get(name, "") for name in columns]
                row += [(said.get(name) or [{}])[0].get("value", "") for name in lists.values()]
                row += [" ".join(home.get("lines", ())), home.get("postcode"), home.get("city")]
                writer.writerow(row)


def measure_load(records: int) -> None:
    """Load so many records from a file into a database of its own, and print time and memory."""
    with tempfile.TemporaryDirectory(prefix="rcu-bench-") as folder:
        path = Path(folder, "people.csv")
        write_csv(path, records)
        rcu, settings = [sys.executable, "-m", "rcu"], environ | {"RCU_DATA_DIR": f"{folder}/var"}
        prepare = [["migrate"]]
        prepare += [
            ["sources", "add", code, "--name", code, "--kind", kind]
            for code, kind in SOURCES.items()
        ]
        for arguments in prepare:
            subprocess.run([*rcu, *arguments], env=settings, check=True, capture_output=True)  # noqa: S603
        started = time.perf_counter()
        subprocess.run([*rcu, "import", str(path), "--bulk"], env=settings, check=True)  # noqa: S603
        seconds = time.perf_counter() - started
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{records:,} records in {seconds:.0f} s; largest process {largest:,.0f} MB")


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench.bulk", description=__doc__)
    parser.add_argument("--records", type=int, nargs="*", default=[])
    parser.add_argument("--engine", choices=["duckdb", "spark"], default="duckdb")
    parser.add_argument("--load", type=int, help="Records of a first load.")
    options = parser.parse_args()
    if options.records:
        print(
            "| records | keys per record | generic keys | pairs per record | kept | clients "
            "| bytes per record | seconds | µs per record |"
        )
        print("| --- " * 9 + "|")
    for records in options.records:
        with DuckDBEngine() if options.engine == "duckdb" else SparkEngine() as engine:
            measure_resolution(engine, records)
    if options.load:
        measure_load(options.load)


if __name__ == "__main__":
    main()
