"""What processes hold in memory, and how long they had a processor, read from Linux's /proc."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

_PROC = Path("/proc")
_BETWEEN_LOOKS_SECONDS = 0.5
_KIB_PER_MIB = 1024


@dataclass(frozen=True, slots=True)
class Spent:
    """What a command took."""

    seconds: float
    processor_seconds: float
    """Of the command and its children, without a server that was running before."""
    peak_mib: float
    """Of all its processes together at one instant, and of the server beside its shared buffers.

    Proportional set sizes: a page that several processes share counts once.
    """


def run_watched(
    command: Sequence[str], environment: Mapping[str, str], *, server: Path | None = None
) -> Spent:
    """Run a command to its end; `server` is the `postmaster.pid` of the database that it uses."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603 - our own commands
    watch = _Watch(process.pid, server)
    watch.start()
    status = process.wait()
    seconds = time.perf_counter() - started
    peak = watch.stop()
    if status:
        raise subprocess.CalledProcessError(status, command)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(seconds, processor, peak / _KIB_PER_MIB)


@dataclass(frozen=True, slots=True)
class Processor:
    """Seconds that processes have had of a processor until now, user's and system's."""

    ours: float
    """This process's children that still run, and theirs, without the database's."""
    database: float
    """Of the server's processes, those that have ended as well."""

    def __sub__(self, before: Processor) -> Processor:
        """Return the seconds since `before`."""
        return Processor(self.ours - before.ours, self.database - before.database)


def processor(server: Path) -> Processor:
    """Return what was used so far; `server` is the `postmaster.pid` of the database."""
    children = _children()
    postmaster = int(server.read_text(encoding="ascii").split("\n", 1)[0])
    serving = set(_descendants(postmaster, children))
    ours = set(_descendants(os.getpid(), children)) - serving - {os.getpid()}
    return Processor(sum(map(_processor_seconds, ours)), sum(map(_processor_seconds, serving)))


def _processor_seconds(pid: int) -> float:
    """Return what a process has had, with those of its children that have ended."""
    with suppress(OSError):
        said = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return sum(map(int, said[11:15])) / os.sysconf("SC_CLK_TCK")
    return 0.0


class _Watch(Thread):
    """Looks at the memory of a tree of processes, twice a second, and remembers the most."""

    def __init__(self, root: int, server: Path | None) -> None:
        super().__init__(daemon=True)
        self._root, self._server = root, server
        self._ended = Event()
        self._peak_kib = 0

    def run(self) -> None:
        while not self._ended.wait(_BETWEEN_LOOKS_SECONDS):
            self._peak_kib = max(self._peak_kib, self._look())

    def stop(self) -> int:
        """Return the most that was held at one look, in KiB."""
        self._ended.set()
        self.join()
        return self._peak_kib

    def _look(self) -> int:
        children = _children()
        serving = set[int]()
        with suppress(OSError, ValueError):
            if self._server is not None:
                postmaster = int(self._server.read_text().split("\n", 1)[0])
                serving = set(_descendants(postmaster, children))
        ours = set(_descendants(self._root, children)) - serving
        return sum(map(_held_kib, ours)) + sum(_held_kib(pid, shared=False) for pid in serving)


def _children() -> Mapping[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for path in _PROC.glob("[0-9]*"):
        with suppress(OSError):
            said = (path / "stat").read_text()
            found[int(said.rpartition(")")[2].split()[1])].append(int(path.name))
    return found


def _descendants(root: int, children: Mapping[int, list[int]]) -> Iterator[int]:
    yield root
    for child in children.get(root, ()):
        yield from _descendants(child, children)


def _held_kib(pid: int, *, shared: bool = True) -> int:
    """Return what a process holds, with or without its part of shared memory."""
    sizes = {}
    with suppress(OSError):
        for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()[1:]:
            name, _, size = line.partition(":")
            sizes[name] = int(size.split()[0])
    return sizes.get("Pss", 0) - (0 if shared else sizes.get("Pss_Shmem", 0))
