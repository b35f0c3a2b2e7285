"""A standalone Spark cluster on this machine: a master and two workers of one core each."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyspark

WORKERS = 2
_STARTED_AT = re.compile(r"Starting Spark master at (spark://\S+)")
_PATIENCE_SECONDS = 60


@contextmanager
def standalone_cluster(folder: Path) -> Iterator[str]:
    """Start a cluster, give its address, and end it."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        master_log = folder / "master.log"
        started.append(
            _launch(
                "org.apache.spark.deploy.master.Master",
                *("--host", "127.0.0.1", "--port", "0", "--webui-port", "0"),
                log=master_log,
            )
        )
        url = _wait_for(master_log, _STARTED_AT)
        for number in range(WORKERS):
            log = folder / f"worker-{number}.log"
            started.append(
                _launch(
                    "org.apache.spark.deploy.worker.Worker",
                    *("--host", "127.0.0.1", "--cores", "1", "--memory", "1g"),
                    *("--webui-port", "0", "--work-dir", str(folder / f"work-{number}"), url),
                    log=log,
                )
            )
            _wait_for(log, re.compile("(Successfully registered with master)"))
        yield url
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait(timeout=30)


def _launch(*command: str, log: Path) -> subprocess.Popen[bytes]:
    spark_class = Path(pyspark.__file__).parent / "bin" / "spark-class"
    with log.open("wb") as output:
        return subprocess.Popen([spark_class, *command], stdout=output, stderr=subprocess.STDOUT)


def _wait_for(log: Path, said: re.Pattern[str]) -> str:
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        if found := said.search(log.read_text()):
            return found[1]
        time.sleep(0.1)
    raise AssertionError(f"Not said in time: {said.pattern}. The log: {log.read_text()[-2000:]}")
