"""Processes that run the stages of a bulk resolution on the cores of one machine."""

from __future__ import annotations

import gc
import os
import pickle
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from functools import lru_cache
from importlib.abc import MetaPathFinder
from itertools import count
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa

from rcu.bulk.engine import Stage

_AHEAD = 3
"""Batches that wait for each process, so that none is idle while results are written."""


_BATCHES_BETWEEN_COLLECTIONS = 100
_batches = count()


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Workers:
    """A pool of processes, started when the first batch comes and kept for all stages.

    They are spawned, not forked: a copy of a process that runs threads of a database may hang.
    """

    def __init__(self, folder: Path, *, processes: int | None = None) -> None:
        self._folder = folder
        self._processes = processes or available_cores()
        self._pool: ProcessPoolExecutor | None = None
        self._numbers = count()

    def run(self, stage: Stage, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield what a stage makes of batches, in their order, with few of them in memory."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._processes, mp_context=get_context("spawn"), initializer=_do_without_pandas
            )
        path = self._folder / f"stage-{next(self._numbers)}"
        path.write_bytes(pickle.dumps(stage))
        waiting: deque[Future[bytes]] = deque()
        try:
            for batch in batches:
                waiting.append(self._pool.submit(_work, str(path), to_ipc(batch)))
                if len(waiting) >= self._processes * _AHEAD:
                    yield from from_ipc(waiting.popleft().result())
            while waiting:
                yield from from_ipc(waiting.popleft().result())
        finally:
            for left in waiting:
                left.cancel()
            path.unlink()

    def close(self, *, wait: bool = True) -> None:
        """End the processes; they give back their memory while others work, unless we `wait`."""
        if self._pool is not None:
            self._pool.shutdown(wait=wait, cancel_futures=True)
            self._pool = None


def to_ipc(*batches: pa.RecordBatch) -> bytes:
    """Return batches of one schema, one at least, as bytes."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return] # pyarrow has no types


def from_ipc(data: bytes) -> list[pa.RecordBatch]:
    """Return the batches of `to_ipc`."""
    return list(pa.ipc.open_stream(data))


def _do_without_pandas() -> None:
    """Have pyarrow not import pandas, if it is there, to see whether a list is something of its.

    It would cost each process a third of a second and some 40 MB.
    """
    sys.meta_path.insert(0, _NoPandas())


class _NoPandas(MetaPathFinder):
    """Says of pandas that it is not there."""

    def find_spec(self, fullname: str, *_: object) -> None:
        """Refuse pandas, and leave the others to who comes next."""
        if fullname == "pandas":
            raise ModuleNotFoundError(name=fullname)


@lru_cache(maxsize=1)
def _stage(path: str) -> Stage:
    stage: Stage = pickle.loads(Path(path).read_bytes())  # noqa: S301 - written by our parent
    return stage


def _work(path: str, data: bytes) -> bytes:
    if next(_batches) % _BATCHES_BETWEEN_COLLECTIONS == 0:
        gc.collect()
        gc.freeze()  # modules and what is remembered: not to be looked through every time
    # What a batch makes is hardly ever a cycle: looking for them all the time costs a tenth of it.
    gc.disable()
    done = list(_stage(path)(iter(from_ipc(data))))
    return to_ipc(*done)
