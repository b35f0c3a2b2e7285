"""The distributed engine on a standalone cluster that the test starts and ends."""

from __future__ import annotations

from pathlib import Path

from rcu.bulk.resolution import resolve
from rcu.bulk.spark_engine import SparkEngine, require_java
from rcu.identity.in_memory import resolve_in_full
from tests.bulk.cluster import WORKERS, standalone_cluster
from tests.bulk.crowd import as_table, crowd, described
from tests.bulk.oracle import answer_of, expected


def test_two_workers_give_the_partition_of_the_engine_in_memory(tmp_path: Path) -> None:
    require_java()
    records = described(crowd(400, seed=8))
    options = {
        "spark.cores.max": str(WORKERS),
        "spark.executor.cores": "1",
        "spark.executor.memory": "512m",
        "spark.sql.shuffle.partitions": "2",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
    }

    with (
        standalone_cluster(tmp_path) as url,
        SparkEngine(master=url, options=options, folder=tmp_path) as engine,
    ):
        found = answer_of(resolve(as_table(records), engine=engine))

    assert found == expected(resolve_in_full(records))
    executors = [
        log for number in range(WORKERS) for log in (tmp_path / f"work-{number}").glob("*/*/stderr")
    ]
    assert len(executors) == WORKERS
