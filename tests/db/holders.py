"""Other processes that hold an embedded server, for the tests of how it is shared."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_PROGRAM = """
import sys
from pathlib import Path
from rcu.db.embedded import EmbeddedServer

server = EmbeddedServer(Path(sys.argv[1]))
server.acquire()
print(server.server_process_id, flush=True)
sys.stdin.read()
server.release()
"""

NOBODY = 65534


class Holder:
    """A process that holds the server of a data folder until it is told to let go."""

    def __init__(self, data_dir: Path, *, prefix: tuple[str, ...] = ()) -> None:
        """Start the process; `prefix` is a command that runs it as somebody else."""
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-c", _PROGRAM, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_until_held(self) -> int:
        """Return the process id of the server, once this process holds it."""
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())

    def let_go(self) -> None:
        """Let the server go and end."""
        self.process.communicate(timeout=60)
        assert self.process.returncode == 0

    def kill(self) -> None:
        """End at once, without letting go of anything (kill -9)."""
        self.process.kill()
        self.process.communicate(timeout=60)


@contextmanager
def holding(data_dir: Path, *, prefix: tuple[str, ...] = ()) -> Iterator[Holder]:
    """Run a holder, and end it whatever happens."""
    holder = Holder(data_dir, prefix=prefix)
    try:
        yield holder
    finally:
        if holder.process.returncode is None:
            holder.kill()


def guardian_id(data_dir: Path) -> int:
    """Return the process id of the guardian of a data folder."""
    return int((data_dir / "run" / "guardian.lock").read_text())


def kill_9(process_id: int) -> None:
    """End a process without a chance to tidy up."""
    os.kill(process_id, signal.SIGKILL)


def lives(process_id: int) -> bool:
    """Say whether a process runs; one that is dead but not waited for does not."""
    try:
        status = Path(f"/proc/{process_id}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def eventually(condition: Callable[[], bool], *, within_seconds: float = 20.0) -> bool:
    """Say whether a condition comes true in time."""
    deadline = time.monotonic() + within_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def as_normal_user() -> tuple[str, ...]:
    """Return a command that runs another as a user that is not root; nothing when we are none.

    The user keeps the right to enter any folder, since Python may be installed in root's home.
    """
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    assert setpriv is not None, "setpriv (util-linux) is needed to run these tests as root"
    return (
        *(setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
        *("--inh-caps=+dac_override", "--ambient-caps=+dac_override"),
        "--securebits=+no_setuid_fixup",
    )
