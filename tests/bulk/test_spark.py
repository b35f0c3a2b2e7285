"""The distributed engine: on one machine, and on a cluster of two workers.

They need Java 17. Where there is none they fail and say so: a parity that was not looked at is no
parity.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from rcu.bulk.duckdb_engine import DuckDBEngine
from rcu.bulk.engine import Engine
from rcu.bulk.errors import JavaMissingError
from rcu.bulk.resolution import resolve, score_pairs
from rcu.bulk.spark_engine import SparkEngine, require_java
from rcu.identity.in_memory import resolve_in_full
from rcu.identity.model import Model
from rcu.identity.scoring import score_pair
from tests.bulk.crowd import SHOP_EMAIL, SHOP_PHONE, as_table, crowd, described, hard_pairs, packed
from tests.bulk.oracle import answer_of, expected

PAIRS = 50_000
SHARED = frozenset({("email", SHOP_EMAIL), ("phone", f"+33{SHOP_PHONE[1:]}")})


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkEngine]:
    with SparkEngine(master="local[2]", options={"spark.sql.shuffle.partitions": "2"}) as running:
        yield running


def test_fifty_thousand_random_and_hard_pairs_weigh_the_same_on_the_three_engines(
    spark: SparkEngine,
) -> None:
    model = Model.shipped()
    pairs = list(hard_pairs(PAIRS, seed=11))
    online = [score_pair(a, b, model, shared=SHARED) for a, b in pairs]
    table = pa.table(
        {
            "left_number": range(0, 2 * PAIRS, 2),
            "right_number": range(1, 2 * PAIRS, 2),
            "left_features": [packed(a) for a, _ in pairs],
            "right_features": [packed(b) for _, b in pairs],
        }
    )

    with DuckDBEngine() as duckdb:
        bulk = {"duckdb": _scores(duckdb, table), "spark": _scores(spark, table)}

    assert len({score.decision for score in online}) == 3
    for engine, scores in bulk.items():
        for number, score in enumerate(online):
            weight, decision, contradiction = scores[2 * number]
            assert weight == pytest.approx(score.weight, abs=1e-6), engine
            assert (decision, contradiction) == (score.decision, score.contradiction), engine


def _scores(engine: Engine, pairs: pa.Table) -> dict[int, tuple[float, str, str | None]]:
    return {
        row["left_number"]: (row["weight"], row["decision"], row["contradiction"])
        for batch in score_pairs(engine, pairs, model=Model.shipped(), shared=SHARED)
        for row in batch.to_pylist()
    }


def test_a_noisy_crowd_has_the_partition_and_the_pairs_of_the_engine_in_memory(
    spark: SparkEngine,
) -> None:
    records = described(crowd(400, seed=5))

    found = resolve(as_table(records), engine=spark)

    alone = resolve_in_full(records)
    assert found.shared == alone.shared
    assert answer_of(found) == expected(alone)


def test_without_java_the_engine_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    with pytest.raises(JavaMissingError, match="openjdk-17-jre-headless"):
        require_java()


def test_an_old_java_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    with pytest.raises(JavaMissingError, match="says 11"):
        require_java()
