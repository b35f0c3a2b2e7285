"""Sending the demo retailer's messages through the real path, once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import Final, Protocol

from sqlalchemy import bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.access import service as access
from rcu.db.engine import Database
from rcu.demo.generator import Sample
from rcu.errors import RcuError
from rcu.ingestion.messages import Message
from rcu.ingestion.models import InboxMessage
from rcu.loyalty import programmes
from rcu.loyalty.programme import Programme
from rcu.sales import stores

PROGRAMME_FROM: Final = date(2000, 1, 1)
"""The points programme of the demo is older than its first ticket."""

FIRST_REFUSAL: Final = 400
"""HTTP statuses from here on say that a message was not accepted."""


class ForeignDataError(RcuError):
    """The database holds data that are not the demo's."""

    status = 409
    code = "demo_foreign_data"


class DemoRefusedError(RcuError):
    """The service refused messages of the demo."""

    status = 500
    code = "demo_refused"


class _Receipt(Protocol):
    """What the demo needs of `rcu.ingestion.service.Receipt`."""

    @property
    def status(self) -> int:
        """HTTP status."""


class Receive(Protocol):
    """`rcu.ingestion.service.receive_all`: takes messages of one source, returns receipts."""

    def __call__(
        self,
        database: Database,
        *,
        source: str,
        messages: Sequence[Message],
        on_done: Callable[[int], None] | None = None,
    ) -> Awaitable[Sequence[_Receipt]]:
        """Receive the messages in order."""


async def load(
    database: Database,
    sample: Sample,
    *,
    receive: Receive,
    on_start: Callable[[int], None] | None = None,
    on_done: Callable[[int], None] | None = None,
) -> int:
    """Send what the database has not received yet, and return how many messages that was.

    Safe to run again, also after it was stopped half-way: a message is received once.
    `on_start` is told how many there are to send, `on_done` how many more have been.
    """
    waiting = await _not_received(database, sample)
    if not waiting:
        return 0
    if len(waiting) == len(sample.messages):
        await _refuse_foreign_data(database, sample)
    await database.run(lambda session: _open_shop(session, sample))
    if on_start:
        on_start(len(waiting))
    for source, messages in sample.deliveries():
        batch = [sent for sent in messages if (source, sent.message_id) in waiting]
        if batch:
            receipts = await receive(database, source=source, messages=batch, on_done=on_done)
            _ensure_accepted(source, receipts)
    return len(waiting)


async def _not_received(database: Database, sample: Sample) -> set[tuple[str, str]]:
    """Return (source, message id) of what the inbox does not hold."""
    sent: dict[str, list[str]] = defaultdict(list)
    for source, message in sample.messages:
        sent[source].append(message.message_id)
    waiting: set[tuple[str, str]] = set()
    received = select(InboxMessage.message_id).where(
        InboxMessage.source == bindparam("source"),
        InboxMessage.message_id.in_(bindparam("ids", expanding=True)),
    )
    async with database.read() as connection:
        for source, ids in sent.items():
            found = await connection.scalars(received, {"source": source, "ids": ids})
            waiting |= {(source, missing) for missing in set(ids) - set(found)}
    return waiting


async def _refuse_foreign_data(database: Database, sample: Sample) -> None:
    """Raise before the first message of the demo would mix with a retailer's own data."""
    async with database.read() as connection:
        used = await connection.scalar(text("SELECT EXISTS (SELECT FROM inbox_message)"))
    if used:
        raise ForeignDataError(
            f"This database already holds other data; {sample.retailer} would mix with them. "
            "Give the demo a folder of its own: RCU_DATA_DIR=./demo rcu demo."
        )


async def _open_shop(session: AsyncSession, sample: Sample) -> None:
    for source in sample.sources:
        await access.add_source(session, code=source.code, name=source.name, kind=source.kind)
    for details in sample.stores:
        await stores.add_store(session, details)
    await programmes.activate(
        session, Programme.shipped(), effective_on=PROGRAMME_FROM, actor="demo"
    )


def _ensure_accepted(source: str, receipts: Sequence[_Receipt]) -> None:
    refused = sum(receipt.status >= FIRST_REFUSAL for receipt in receipts)
    if refused:
        raise DemoRefusedError(
            f"{refused} messages of the source {source} were refused. If the demo of another "
            "release was loaded here before, start over: rcu demo --reset."
        )
