"""What a thread yields, taken one by one by the event loop, while the thread goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import closing
from threading import Event
from typing import Final, TypeVar

T = TypeVar("T")
_END: Final = object()


async def in_thread(items: Generator[T, None, None]) -> AsyncGenerator[T, None]:
    """Yield what a generator yields, which runs in a thread and never waits for who takes it.

    Closed before the end, it ends the generator at its next item, and waits for that.
    """
    ready: asyncio.Queue[object] = asyncio.Queue()
    loop, stopped = asyncio.get_running_loop(), Event()

    def run() -> None:
        try:
            with closing(items):
                for item in items:
                    loop.call_soon_threadsafe(ready.put_nowait, item)
                    if stopped.is_set():
                        return
        finally:
            loop.call_soon_threadsafe(ready.put_nowait, _END)

    running = asyncio.create_task(asyncio.to_thread(run))
    try:
        while (item := await ready.get()) is not _END:
            yield item  # type: ignore[misc] # only items and the end are put
    finally:
        stopped.set()
        await running
