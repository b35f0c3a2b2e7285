"""Waits for what happens soon, in another task or process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

SOON_SECONDS = 3.0


async def eventually(
    condition: Callable[[], Awaitable[bool]], *, within_seconds: float = SOON_SECONDS
) -> None:
    """Return once `condition` holds; fail with `TimeoutError` when it does not soon."""
    async with asyncio.timeout(within_seconds):
        while not await condition():  # noqa: ASYNC110 - the condition may lie in another process
            await asyncio.sleep(0.001)
