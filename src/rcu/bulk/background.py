"""The service's hand in work on the whole base: it starts a process for what waits.

A process of its own, since the work takes all of a core for minutes and requests go on. It is
started wherever the work was asked for, also for what a crash left undone.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Final

from rcu.bulk.jobs import is_job_waiting
from rcu.db.engine import Database
from rcu.db.errors import DatabaseUnavailableError
from rcu.logs import get_logger

LOOK_SECONDS: Final = 5.0
"""Between two looks for work; each is one statement."""
FAILED_SECONDS: Final = 60.0
"""Further pause after a process that failed."""
_PATIENCE_SECONDS: Final = 10.0

log = get_logger(__name__)


async def keep_working(
    database: Database,
    *,
    start: Callable[[], Awaitable[int]] | None = None,
    look_seconds: float = LOOK_SECONDS,
) -> None:
    """Look for work again and again, and have it done, until cancelled.

    `start` runs a process to its end and returns its exit code. Several services may look at once:
    the processes agree among themselves on who works.
    """
    start = start or run_worker
    while True:
        try:
            if await is_job_waiting(database):
                code = await start()
                log.info("model.work_ended", exit_code=code)
                if code:
                    await asyncio.sleep(FAILED_SECONDS)
        except DatabaseUnavailableError:
            log.warning("model.work_unknown")
        await asyncio.sleep(look_seconds)


async def run_worker() -> int:
    """Run `rcu model work` to its end; when cancelled, interrupt it and wait."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "rcu", "model", "work"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            # As by Ctrl-C, so that it removes its files; the work is taken on again later.
            process.send_signal(signal.SIGINT)
            try:
                await asyncio.wait_for(process.wait(), _PATIENCE_SECONDS)
            except TimeoutError:
                process.kill()
