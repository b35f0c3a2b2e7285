"""The small process that keeps the embedded PostgreSQL running while anybody uses it.

It is started by the first user of a data folder (see `rcu.db.embedded`) and imports the standard
library only, so that it starts in a few hundredths of a second and stays small. It

- starts PostgreSQL as its own child, and starts it again when it dies (`kill -9` included);
- holds `guardian.lock` while it lives: whoever finds that lock free knows there is no guardian;
- tries to lock `users.lock` exclusively, which every user holds shared: it succeeds when the last
  of them has gone, however they went, since the kernel drops the locks of a dead process. Then it
  stops the server and ends.

No process id is ever trusted for being written in a file.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

POLL_SECONDS = 0.1
PROBES_PASS_SECONDS = 1.0
ORPHANS_LEAVE_SECONDS = 5.0
FAST_STOP_SECONDS = 60.0
RESTARTS_ALLOWED = 5
RESTARTS_WITHIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What the guardian runs and where. Paths are absolute."""

    command: tuple[str, ...]
    """The command line of the server."""
    user_id: int | None
    group_id: int | None
    """The account the server runs as, or None for the guardian's own."""
    cluster: str
    """The folder of the database cluster (PGDATA)."""
    sockets: str
    """The folder of the server's socket."""
    run_dir: str
    """The folder of the lock files and of the start-up log."""

    def to_json(self) -> str:
        """Return the plan as one command-line argument."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """Read what `to_json` wrote."""
        values = json.loads(text)
        return cls(**{**values, "command": tuple(values["command"])})


def processes_in(folder: str) -> list[int]:
    """Return the ids of the live processes that work in a folder, as every PostgreSQL one does."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if str((process / "cwd").readlink()) == folder:
                found.append(int(process.name))
    return found


def postmaster_id(cluster: str) -> int | None:
    """Return the process id of the cluster's living server, or None.

    A recycled process id, or a dead server that nobody has waited for, does not count.
    """
    try:
        first_line = Path(cluster, "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0]
        process_id = int(first_line)
    except (OSError, ValueError):
        return None
    return process_id if process_id in processes_in(cluster) else None


def clear_remains(cluster: str, sockets: str) -> None:
    """Remove what a killed server left, so that the next one starts: its children, its lock files.

    PostgreSQL takes its lock files for those of a living server when their process id has been
    given to another process, or is that of a dead server nobody has waited for.

    The children of a killed postmaster end by themselves as soon as they notice. PostgreSQL
    refuses to start beside them, rightly; those that do not notice are told to quit.
    """
    deadline = time.monotonic() + ORPHANS_LEAVE_SECONDS
    while (orphans := processes_in(cluster)) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS / 2)
    for number in (signal.SIGQUIT, signal.SIGKILL):
        for orphan in orphans:
            with suppress(ProcessLookupError):
                os.kill(orphan, number)
        if orphans:
            time.sleep(1)
            orphans = processes_in(cluster)
    Path(cluster, "postmaster.pid").unlink(missing_ok=True)
    for remains in Path(sockets).glob(".s.PGSQL.*"):
        remains.unlink(missing_ok=True)


class Guardian:
    """One guardian at its work; `run` returns when the server has been stopped."""

    def __init__(self, plan: Plan, users_lock: int) -> None:
        """Keep `plan`, for as long as others hold the lock behind the descriptor `users_lock`."""
        self._plan = plan
        self._users_lock = users_lock
        self._child: subprocess.Popen[bytes] | None = None
        self._starts: list[float] = []
        self._told_to_stop = False

    def run(self) -> int:
        """Keep the server running until its last user has gone; return an exit code."""
        signal.signal(signal.SIGTERM, self._stop_soon)
        signal.signal(signal.SIGINT, self._stop_soon)
        while not (self._told_to_stop or self._last_user_gone()):
            if not self._server_alive() and not self._start():
                return 1
            time.sleep(POLL_SECONDS)
        self._stop()
        return 0

    def _stop_soon(self, _number: int, _frame: FrameType | None) -> None:
        self._told_to_stop = True

    def _last_user_gone(self) -> bool:
        """Say whether nobody uses the server. From then on a new user waits for its end."""
        path = Path(self._plan.run_dir, "users.lock")
        try:
            if path.stat().st_ino != os.fstat(self._users_lock).st_ino:
                return True  # The data folder was removed and made again by others.
            fcntl.flock(self._users_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return True
        except BlockingIOError:
            return False
        return True

    def _server_alive(self) -> bool:
        if self._child is not None:
            if self._child.poll() is None:
                return True
            self._child = None
        # A guardian that replaces a killed one finds the server running: it adopts it.
        return postmaster_id(self._plan.cluster) is not None

    def _start(self) -> bool:
        now = time.monotonic()
        self._starts = [at for at in self._starts if at > now - RESTARTS_WITHIN_SECONDS] + [now]
        if len(self._starts) > RESTARTS_ALLOWED:
            sys.stderr.write("guardian: the server does not stay up; giving up\n")
            return False
        clear_remains(self._plan.cluster, self._plan.sockets)
        self._child = subprocess.Popen(  # noqa: S603 - our own binary, no shell
            self._plan.command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            user=self._plan.user_id,
            group=self._plan.group_id,
            extra_groups=None if self._plan.user_id is None else [],
            umask=0o077,
        )
        return True

    def _stop(self) -> None:
        """Stop the server: a fast shutdown, then an immediate one, which recovers at next start."""
        for number in (signal.SIGINT, signal.SIGQUIT):
            process_id = self._child.pid if self._child else postmaster_id(self._plan.cluster)
            if process_id is None:
                return
            with suppress(ProcessLookupError):
                os.kill(process_id, number)
            deadline = time.monotonic() + FAST_STOP_SECONDS
            while self._server_alive():
                if time.monotonic() > deadline:
                    break
                time.sleep(POLL_SECONDS / 5)
            else:
                return


def _lock_within(descriptor: int, seconds: float) -> bool:
    """Lock a file alone, letting pass those who only probe the lock; say whether it succeeded."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        else:
            return True


def main(arguments: list[str]) -> int:
    """Become the guardian of a plan, in the background; end at once when there is one already."""
    plan = Plan.from_json(arguments[0])
    flags = os.O_RDWR | os.O_CLOEXEC
    guardian_lock = os.open(Path(plan.run_dir, "guardian.lock"), flags)
    users_lock = os.open(Path(plan.run_dir, "users.lock"), flags)
    if not _lock_within(guardian_lock, PROBES_PASS_SECONDS):
        return 0
    if child := os.fork():
        # The caller goes on when this process ends; the lock stays with the child.
        os.ftruncate(guardian_lock, 0)
        os.pwrite(guardian_lock, b"%d\n" % child, 0)
        return 0
    os.setsid()
    os.chdir("/")
    return Guardian(plan, users_lock).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
