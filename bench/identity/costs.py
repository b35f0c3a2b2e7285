"""The cost model of a resolution in bulk: what each record costs, as the base grows.

    python -m bench.identity.costs 10000 100000 1000000
    python -m bench.identity.costs 10000 --engine spark

Keys and pairs per record, bytes of the tables that the engine keeps to the end, and seconds of one
resolution, from the normalised records of a crowd to its clients; golden records and PostgreSQL are
not in it.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator
from itertools import islice

import orjson
import pyarrow as pa
from rich.console import Console

from bench.identity.crowd import WIRE, messages
from rcu.bulk.batches import batch_of
from rcu.bulk.duckdb_engine import DuckDBEngine
from rcu.bulk.engine import Engine
from rcu.bulk.resolution import resolve
from rcu.bulk.spark_engine import SparkEngine
from rcu.bulk.stages import FEATURES_SCHEMA
from rcu.identity.features import describe
from rcu.identity.registers import person_of

_BATCH_ROWS = 4096
_HEADINGS = (
    "records", "keys per record", "generic keys", "pairs per record", "weighed", "kept",
    "clients", "bytes per record", "seconds", "processor, s", "µs per record",
)  # fmt: skip


def features_of_crowd(records: int) -> Iterator[pa.RecordBatch]:
    """Yield `records` records as the engines are given them."""
    rows = (
        (f"{source}\x1f{said['external_id']}", _features(said))
        for source, said in messages(records)
    )
    while batch := list(islice(rows, _BATCH_ROWS)):
        yield batch_of(FEATURES_SCHEMA, batch)


def _features(message: dict[str, object]) -> str:
    said = {name: {"value": held} for name, held in message.items() if name not in WIRE}
    return orjson.dumps(describe(person_of(said)).to_json()).decode()


def measure(engine: Engine, records: int) -> str:
    """Resolve so many records; return a row of the table."""
    batches = list(features_of_crowd(records))
    started, before = time.perf_counter(), _processor_seconds()
    figures = resolve(iter(batches), engine=engine).figures
    seconds = time.perf_counter() - started
    stored = engine.stored_bytes() if isinstance(engine, DuckDBEngine) else 0
    engine.close()
    spent = _processor_seconds() - before
    per = 1 / figures.records
    cells = (
        f"{figures.records:,}",
        f"{figures.blocking_keys * per:.1f}",
        f"{figures.generic_keys:,}",
        *(f"{n * per:.1f}" for n in (figures.pairs, figures.weighed_pairs, figures.kept_pairs)),
        f"{figures.clients:,}",
        f"{stored * per:,.0f}",
        f"{seconds:.0f}",
        f"{spent:.0f}",
        f"{spent * per * 1e6:,.0f}",
    )
    return f"| {' | '.join(cells)} |"


def _processor_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    """Print the table of the sizes that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench.identity.costs", description=__doc__)
    parser.add_argument("records", type=int, nargs="+")
    parser.add_argument("--engine", choices=["duckdb", "spark"], default="duckdb")
    parser.add_argument("--memory", type=int, help="MB of DuckDB.")
    options = parser.parse_args()
    screen = Console(soft_wrap=True, highlight=False)
    screen.print(f"| {' | '.join(_HEADINGS)} |\n{'| --- ' * len(_HEADINGS)}|")
    for records in options.records:
        if options.engine == "duckdb":
            engine: Engine = DuckDBEngine(memory_limit_mb=options.memory)
        else:
            engine = SparkEngine()
        screen.print(measure(engine, records))


if __name__ == "__main__":
    main()
