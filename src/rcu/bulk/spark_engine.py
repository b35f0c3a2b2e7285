"""The bulk engine of a cluster: Spark for the sets, and our stages on its executors.

Spark's own string distances differ from ours on some pairs, so they are never asked: stages run in
the Python processes of the executors, on Arrow batches, with this package. Executors must have
its dependencies (see docs/scaling.md); the package itself is shipped to them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

import rcu
from rcu.bulk.engine import Stage
from rcu.bulk.errors import EngineMissingError, JavaMissingError
from rcu.bulk.scratch import ScratchFolder

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

OLDEST_JAVA = 17
BATCH_ROWS = 4096
"""Rows that a Python process of an executor is given at a time."""
_VERSION = re.compile(r'version "(\d+)')


class SparkEngine:
    """Tables as views of one Spark session, each worked out once and kept by the executors.

    The folder must be seen by the driver and by every executor, when there are several machines:
    rows come in through it.
    """

    explode = "explode"
    overlap = "arrays_overlap"
    part_rows: int | None = None

    def __init__(
        self,
        *,
        master: str = "local[2]",
        options: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        """Start a session on a cluster; `options` are settings of Spark, such as its memory."""
        self._temporary = ScratchFolder(prefix="rcu-spark-", dir=folder)
        self._folder = Path(self._temporary.name)
        try:
            self._session = _start(master, options or {}, self._folder)
        except BaseException:
            self._temporary.cleanup()
            raise
        if not master.startswith("local"):
            self._session.sparkContext.addPyFile(str(_packed_package(self._folder)))
        self._tables: dict[str, DataFrame] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def load(self, table: str, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> None:
        """Make a table of rows from outside, by way of a Parquet file in the folder."""
        path = self._folder / f"{table}.parquet"
        with pq.ParquetWriter(path, schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        self._keep(table, self._session.read.parquet(str(path)))
        path.unlink()

    def load_files(self, table: str, *paths: str) -> None:
        """Make a table of Parquet files that every executor can read, such as an object store's."""
        self._keep(table, self._session.read.parquet(*paths))

    def create(self, table: str, *queries: str) -> None:
        """Make a table of the rows of queries of the same columns."""
        self._keep(table, self._session.sql(" UNION ALL ".join(queries)))

    def number(self, table: str, query: str, *, by: str) -> None:
        """Make a table of the rows of a query with a `number` that rises with the columns `by`.

        The numbers have gaps: partitions are sorted against one another, and number their rows
        by themselves.
        """
        self.create(
            table,
            f"SELECT monotonically_increasing_id() AS number, * "
            f"FROM (SELECT * FROM ({query}) ORDER BY {by})",
        )

    def map(self, table: str, queries: str | Iterable[str], stage: Stage) -> None:
        """Make a table of what a stage makes of the rows of a query, or of several."""
        from pyspark.sql.pandas.types import from_arrow_schema

        queries = [queries] if isinstance(queries, str) else queries
        rows = self._session.sql(" UNION ALL ".join(queries))
        self._keep(table, rows.mapInArrow(stage, from_arrow_schema(stage.schema)))

    def stream(self, query: str) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a query by way of Parquet files: the driver holds one batch."""
        path = self._folder / "streamed.parquet"
        self._session.sql(query).write.mode("overwrite").parquet(str(path))
        try:
            for part in sorted(path.glob("part-*")):
                with pq.ParquetFile(part) as file:
                    yield from file.iter_batches(BATCH_ROWS)
        finally:
            shutil.rmtree(path)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query, which are few."""
        return [tuple(row) for row in self._session.sql(query).collect()]

    def drop(self, *tables: str) -> None:
        """Forget tables."""
        for table in tables:
            if (frame := self._tables.pop(table, None)) is not None:
                frame.unpersist()
                self._session.catalog.dropTempView(table)

    def collect(self, columns: Mapping[str, str]) -> str:
        """Return the SQL that gathers a group's rows as an array of structs."""
        members = ", ".join(f"'{name}', {value}" for name, value in columns.items())
        return f"collect_list(named_struct({members}))"

    def close(self) -> None:
        """End the session."""
        self._tables.clear()
        self._session.stop()
        self._temporary.cleanup()

    def _keep(self, table: str, frame: DataFrame) -> None:
        """Work a table out now: it has no past that would be worked out again."""
        kept = frame.localCheckpoint(eager=True)
        self.drop(table)
        self._tables[table] = kept
        kept.createOrReplaceTempView(table)


def _start(master: str, options: Mapping[str, str], folder: Path) -> SparkSession:
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise EngineMissingError(engine="spark", extra="spark") from None
    require_java()
    # Executors on this machine take this very Python; elsewhere the archive of the cluster's
    # own (spark.archives, spark.pyspark.python) says which.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    settings = {
        "spark.app.name": "rcu",
        "spark.log.level": "ERROR",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "8",
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(BATCH_ROWS),
        "spark.sql.session.timeZone": "UTC",
        # Spark 4.3 loses columns when it infers constraints of a union of checkpointed tables.
        "spark.sql.constraintPropagation.enabled": "false",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.local.dir": str(folder / "local"),
        **options,
    }
    builder = SparkSession.builder.master(master)
    for name, value in settings.items():
        builder = builder.config(name, value)
    session: SparkSession = builder.getOrCreate()
    return session


def require_java() -> None:
    """Raise `JavaMissingError` unless there is a Java that Spark runs on."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else shutil.which("java")
    if java is None or not Path(java).exists():
        raise JavaMissingError(None)
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603 - a path of the operator's
    found = _VERSION.search(said)
    if found is None or int(found[1]) < OLDEST_JAVA:
        raise JavaMissingError(found[1] if found else "nothing")


def _packed_package(folder: Path) -> Path:
    """Return this package as an archive that Python imports from: compiled, and as it is."""
    root = Path(rcu.__file__).parent
    target = folder / "rcu.zip"
    with zipfile.PyZipFile(str(target), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writepy(str(root))
        for path in sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, path.relative_to(root.parent))
    return target
