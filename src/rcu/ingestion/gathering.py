"""Messages that one source sends at the same time, received in one transaction.

Most of what the processor does for a message by itself is for its transaction: it costs about what
eight more messages in it would. So while a message of a source is being received, what else this
source sends to this process waits, and then goes together. Nobody waits for company: a message that
comes when nothing of its source is under way is received at once.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from rcu.db.engine import Database
from rcu.ingestion.context import Context
from rcu.ingestion.messages import Message
from rcu.ingestion.service import Receipt, fitting, receive_together
from rcu.logs import get_logger
from rcu.settings import Settings

PATIENCE_SECONDS: Final = 0.2
"""How long a source's next messages wait for those under way: whoever waits for a lock that is held
long stops those at most that go with it."""

Receive = Callable[[str, Sequence[Message]], Awaitable[list[Receipt]]]
"""Receives messages of a source in one transaction: all of them, or it raises and none is kept."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A message whose sender waits for the answer."""

    message: Message
    receipt: asyncio.Future[Receipt]
    context: contextvars.Context
    """Of the request: its id stands in the lines of the log."""


@dataclass(eq=False, slots=True)
class _Turn:
    """Messages that are being received."""

    patience: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class _Line:
    """What one source has sent."""

    waiting: list[_Waiting] = field(default_factory=list)
    under_way: _Turn | None = None
    """What the others wait for."""


class Gatherer:
    """Receives single messages, those of a source that come at the same time together."""

    def __init__(self, receive: Receive, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Receive by `receive`."""
        self._receive = receive
        self._patience_seconds = patience_seconds
        self._lines: dict[str, _Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def receive(self, *, source: str, message: Message) -> Receipt:
        """Receive one message; raise what would be raised if it came alone."""
        line = self._lines.setdefault(source, _Line())
        if line.under_way is not None:
            future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
            line.waiting.append(_Waiting(message, future, contextvars.copy_context()))
            return await future
        turn = self._begin_turn(source, line)
        try:
            [receipt] = await self._receive(source, [message])
        finally:
            self._end_turn(source, line, turn)
        return receipt

    def _begin_turn(self, source: str, line: _Line) -> _Turn:
        """Have the others of a source wait, for a while."""
        turn = line.under_way = _Turn()
        turn.patience = asyncio.get_running_loop().call_later(
            self._patience_seconds, self._end_turn, source, line, turn
        )
        return turn

    def _end_turn(self, source: str, line: _Line, turn: _Turn) -> None:
        """Receive what has come meanwhile, unless others have begun with it already."""
        if turn.patience is not None:
            turn.patience.cancel()
        if line.under_way is not turn:
            return
        line.under_way = None
        most = fitting([one.message for one in line.waiting])
        group, line.waiting = line.waiting[:most], line.waiting[most:]
        if not group:
            return
        context = group[0].context if len(group) == 1 else contextvars.Context()
        task = asyncio.get_running_loop().create_task(
            self._take_turn(source, line, group, self._begin_turn(source, line)), context=context
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take_turn(
        self, source: str, line: _Line, group: Sequence[_Waiting], turn: _Turn
    ) -> None:
        try:
            await self._answer(source, group)
        finally:
            self._end_turn(source, line, turn)
            for one in group:
                one.receipt.cancel()

    async def _answer(self, source: str, group: Sequence[_Waiting]) -> None:
        """Receive messages together; if they cannot be, each by itself: none harms another."""
        try:
            receipts = await self._receive(source, [one.message for one in group])
        except Exception as error:  # noqa: BLE001 - it is raised again where it belongs
            if len(group) == 1:
                _tell(group[0].receipt, error)
                return
            log.info("ingestion.received_apart", messages=len(group))
            apart = (one.context.run(self._apart, source, one) for one in group)
            await asyncio.gather(*apart)
        else:
            for one, receipt in zip(group, receipts, strict=True):
                _tell(one.receipt, receipt)

    def _apart(self, source: str, one: _Waiting) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(self._answer(source, [one]))


def gatherer_for(database: Database, settings: Settings) -> Gatherer:
    """Return what receives the single messages that come to a process."""
    context = Context.from_settings(settings)

    async def receive(source: str, messages: Sequence[Message]) -> list[Receipt]:
        return await receive_together(database, source=source, messages=messages, context=context)

    return Gatherer(receive)


def _tell(future: asyncio.Future[Receipt], told: Receipt | Exception) -> None:
    """Answer a sender, unless it has gone."""
    if future.done():
        return
    if isinstance(told, Exception):
        future.set_exception(told)
    else:
        future.set_result(told)
