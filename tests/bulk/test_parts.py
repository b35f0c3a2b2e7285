"""A large table is worked on in parts that leave nothing out and take nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists

from rcu.bulk.duckdb_engine import (
    BATCH_BYTES,
    LEAST_MEMORY_MB,
    MOST_MEMORY_MB,
    DuckDBEngine,
    default_memory_limit_mb,
)
from rcu.bulk.parts import parts_of, whole_groups


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDBEngine]:
    with DuckDBEngine(part_rows=10, processes=1) as running:
        yield running


@pytest.mark.parametrize("numbers", [range(1, 2), range(1, 11), range(1, 12), range(5, 48)])
def test_each_number_lies_in_one_part(engine: DuckDBEngine, numbers: range) -> None:
    engine.create("numbered", f"SELECT range AS number FROM range({numbers.start}, {numbers.stop})")

    parts = parts_of(engine, "numbered")

    held = [
        number
        for part in parts
        for (number,) in engine.rows(f"SELECT number FROM numbered WHERE {part.holds('number')}")
    ]
    assert sorted(held) == list(numbers)


def test_an_empty_table_has_one_part(engine: DuckDBEngine) -> None:
    engine.create("nothing", "SELECT 1 AS number WHERE false")

    assert len(parts_of(engine, "nothing")) == 1


@given(lists(lists(integers(0, 4), max_size=6), max_size=8))
def test_no_two_batches_share_a_group(cut: list[list[int]]) -> None:
    values = sorted(value for batch in cut for value in batch)
    rest = iter(values)
    batches = [
        pa.record_batch({"group": pa.array([next(rest) for _ in batch], pa.int64())})
        for batch in cut
    ]

    found = [batch.column("group").to_pylist() for batch in whole_groups(batches, "group")]

    assert [value for batch in found for value in batch] == values
    for one, other in pairwise(found):
        assert set(one).isdisjoint(other)


def test_what_the_engine_holds_by_default_depends_on_the_machine_within_limits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits = {}
    for machine_gb in (2, 5, 64):
        machine = partial(int, machine_gb * 1_000_000_000)
        monkeypatch.setattr("rcu.bulk.duckdb_engine.memory_bytes", machine)
        limits[machine_gb] = default_memory_limit_mb()

    assert limits == {2: LEAST_MEMORY_MB, 5: 625, 64: MOST_MEMORY_MB}


def test_wide_rows_are_worked_on_fewer_at_a_time(engine: DuckDBEngine) -> None:
    wide = "SELECT range AS number, repeat('x', 100000) AS said FROM range(100)"

    found = list(engine.batches_of([wide, "SELECT 100 AS number, 'x' AS said"]))

    assert sorted(n for batch in found for n in batch.column("number").to_pylist()) == [*range(101)]
    assert max(batch.nbytes for batch in found) <= BATCH_BYTES
    assert max(batch.num_rows for batch in found) > 1
