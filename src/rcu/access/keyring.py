"""Recognises API keys without a query per request, and forgets a revoked one at once.

Each process keeps the keys it has seen. PostgreSQL tells every process which key changed
(`LISTEN`, fed by a trigger on the table), over a connection of its own. What makes this safe:

- the process subscribes before it fills the cache, and whatever changed while a key was being
  read is not kept (the generation has moved on);
- while the subscription is down nothing is cached: each request asks the database;
- a subscription that is silently dead (a firewall dropped it) is found by a heartbeat, so that a
  revoked key lives on for `HEARTBEAT_SECONDS + HEARTBEAT_TIMEOUT_SECONDS` at the very worst,
  and only on a broken network.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, cast

import asyncpg

from rcu import metrics
from rcu.access.models import KEY_CHANGED_CHANNEL
from rcu.access.repository import StoredKey
from rcu.logs import get_logger

log = get_logger(__name__)

HEARTBEAT_SECONDS: Final = 3.0
HEARTBEAT_TIMEOUT_SECONDS: Final = 2.0
_RECONNECT_SECONDS: Final = 0.2
_MAX_RECONNECT_SECONDS: Final = 2.0
_MAX_ENTRIES: Final = 10_000
"""Unknown keys are remembered too, so that trying keys does not load the database."""


class Keyring:
    """The API keys known to this process."""

    def __init__(
        self,
        *,
        load: Callable[[str], Awaitable[StoredKey | None]],
        connect: Callable[[], Awaitable[asyncpg.Connection[asyncpg.Record]]],
    ) -> None:
        """Read keys with `load`; hear of changes over the connection that `connect` opens."""
        self._load = load
        self._connect = connect
        self._known: dict[str, StoredKey | None] = {}
        self._generation = 0
        self._subscribed = asyncio.Event()

    @property
    def subscribed(self) -> bool:
        """Whether changes are heard of, so that keys may be remembered."""
        return self._subscribed.is_set()

    async def find(self, public_id: str) -> StoredKey | None:
        """Return the live key with this public id, or None."""
        # The cache is empty whenever the subscription is down.
        if public_id in self._known:
            metrics.count_key_lookup(cached=True)
            return self._known[public_id]
        generation = self._generation
        key = await self._load(public_id)
        metrics.count_key_lookup(cached=False)
        if self.subscribed and generation == self._generation:
            if len(self._known) >= _MAX_ENTRIES:
                self._known.clear()
            self._known[public_id] = key
        return key

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Hear of changed keys for as long as the context lasts."""
        listener = asyncio.create_task(self._listen_for_ever(), name="keyring")
        try:
            yield
        finally:
            listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listener
            self._forget_everything()

    async def wait_until_subscribed(self, *, timeout_seconds: float) -> bool:
        """Wait for the subscription, and say whether it stands."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._subscribed.wait()
        except TimeoutError:
            return False
        return True

    async def _listen_for_ever(self) -> None:
        pause = _RECONNECT_SECONDS
        while True:
            try:
                connection = await self._connect()
            except Exception as error:  # noqa: BLE001 - whatever it is, the answer is to try again
                log.warning("keyring.not_subscribed", error=type(error).__name__)
            else:
                pause = _RECONNECT_SECONDS
                await self._listen(connection)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _MAX_RECONNECT_SECONDS)

    async def _listen(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        """Stay subscribed until the connection is lost."""
        lost = asyncio.Event()

        def forget_all_at_once(_connection: object) -> None:
            # Called by asyncpg as the connection closes, before any waiter runs.
            self._forget_everything()
            lost.set()

        connection.add_termination_listener(forget_all_at_once)
        try:
            await connection.add_listener(KEY_CHANGED_CHANNEL, self._on_change)
            if lost.is_set():
                return
            self._generation += 1
            self._subscribed.set()
            log.info("keyring.subscribed")
            await self._watch(connection, lost)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            log.warning("keyring.subscription_lost", error=type(error).__name__)
        finally:
            self._forget_everything()
            connection.terminate()

    @staticmethod
    async def _watch(connection: asyncpg.Connection[asyncpg.Record], lost: asyncio.Event) -> None:
        while not lost.is_set():
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await lost.wait()
            except TimeoutError:
                await connection.execute("SELECT 1", timeout=HEARTBEAT_TIMEOUT_SECONDS)
        log.warning("keyring.subscription_lost", error="ConnectionClosed")

    def _on_change(
        self,
        _connection: object,
        _process_id: int,
        _channel: str,
        payload: object,
    ) -> None:
        self._generation += 1
        self._known.pop(cast("str", payload), None)

    def _forget_everything(self) -> None:
        self._subscribed.clear()
        self._generation += 1
        self._known.clear()
