"""Queries on the inbox and on parked messages; set-wise."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Text, bindparam, func, insert, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.access.models import Source
from rcu.ingestion.models import InboxMessage, InboxPayload, ParkedMessage

MessageKey = tuple[str, str]
"""`(source, message id)`."""


@dataclass(frozen=True, slots=True)
class StoredReceipt:
    """What the first sending of a message was answered."""

    digest: bytes
    status: int
    answer: dict[str, Any]


_RECEIPTS = text("""
    SELECT m.source, m.message_id, m.digest, m.status, m.answer
    FROM unnest(:sources, :message_ids) AS wanted(source, message_id)
    JOIN inbox_message m USING (source, message_id)
""").bindparams(
    bindparam("sources", type_=ARRAY(Text)), bindparam("message_ids", type_=ARRAY(Text))
)


async def find_receipts(
    session: AsyncSession, keys: Collection[MessageKey]
) -> dict[MessageKey, StoredReceipt]:
    """Return the receipts of the messages that were accepted before."""
    if not keys:
        return {}
    rows = await session.execute(
        _RECEIPTS, {"sources": [s for s, _ in keys], "message_ids": [m for _, m in keys]}
    )
    return {
        (row.source, row.message_id): StoredReceipt(bytes(row.digest), row.status, row.answer)
        for row in rows
    }


async def find_source_kinds(session: AsyncSession, codes: Collection[str]) -> dict[str, str]:
    """Return the kind of each source that exists among `codes`."""
    rows = await session.execute(
        select(Source.code, Source.kind).where(
            Source.code == bindparam(None, sorted(codes), type_=ARRAY(Text)).any_()
        )
    )
    return {row.code: row.kind for row in rows}


async def add_receipts(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert receipts; return how many were not there already."""
    if not rows:
        return 0
    statement = upsert(InboxMessage).on_conflict_do_nothing().returning(InboxMessage.message_id)
    return len((await session.execute(statement, list(rows))).all())


async def add_payloads(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert payloads as received."""
    if rows:
        await session.execute(insert(InboxPayload), list(rows))


async def park(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Remember messages that wait, or that wait for something else now."""
    if not rows:
        return
    statement = upsert(ParkedMessage)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[ParkedMessage.source, ParkedMessage.message_id],
            set_={
                "reason": statement.excluded.reason,
                "waits_for": statement.excluded.waits_for,
                "attempts": ParkedMessage.attempts + 1,
            },
        ),
        list(rows),
    )


async def unpark(session: AsyncSession, keys: Collection[MessageKey], *, at: datetime) -> None:
    """Mark parked messages as applied."""
    if keys:
        await session.execute(
            update(ParkedMessage)
            .where(
                tuple_(ParkedMessage.source, ParkedMessage.message_id).in_(list(keys)),
                ParkedMessage.applied_at.is_(None),
            )
            .values(applied_at=at, attempts=ParkedMessage.attempts + 1)
        )


ParkedPlace = tuple[datetime, str, str]
"""Where a message stands among those that wait: since when, source, message id."""

_PLACE = tuple_(ParkedMessage.parked_at, ParkedMessage.source, ParkedMessage.message_id)


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A parked message with its payload."""

    source: str
    message_id: str
    type: str
    payload: dict[str, Any]
    parked_at: datetime

    @property
    def place(self) -> ParkedPlace:
        """Where it stands among those that wait."""
        return self.parked_at, self.source, self.message_id


_PARKED = (
    select(
        ParkedMessage.source,
        ParkedMessage.message_id,
        ParkedMessage.type,
        InboxPayload.payload,
        ParkedMessage.parked_at,
    )
    .join(
        InboxPayload,
        (InboxPayload.source == ParkedMessage.source)
        & (InboxPayload.message_id == ParkedMessage.message_id)
        & (InboxPayload.received_at == ParkedMessage.parked_at),
    )
    .where(ParkedMessage.applied_at.is_(None))
    .order_by(_PLACE)
    .with_for_update(of=ParkedMessage)
)


async def take_waiting(
    session: AsyncSession, waits_for: Collection[str], *, limit: int
) -> list[StoredMessage]:
    """Return, locked, the oldest messages that wait for any of the keys."""
    if not waits_for:
        return []
    rows = await session.execute(
        _PARKED.where(
            ParkedMessage.waits_for == bindparam(None, sorted(waits_for), type_=ARRAY(Text)).any_()
        ).limit(limit)
    )
    return [StoredMessage(*row) for row in rows]


async def take_parked(
    session: AsyncSession,
    *,
    source: str | None,
    message_ids: Collection[str] | None,
    after: ParkedPlace | None,
    limit: int,
) -> list[StoredMessage]:
    """Return, locked, the oldest messages that wait: of a source, or with some ids, or all."""
    statement = _PARKED.where(after < _PLACE) if after is not None else _PARKED
    if source is not None:
        statement = statement.where(ParkedMessage.source == source)
    if message_ids is not None:
        wanted = bindparam(None, sorted(message_ids), type_=ARRAY(Text))
        statement = statement.where(ParkedMessage.message_id == wanted.any_())
    rows = await session.execute(statement.limit(limit))
    return [StoredMessage(*row) for row in rows]


async def list_parked(
    session: AsyncSession,
    *,
    source: str | None,
    after: ParkedPlace | None,
    limit: int,
) -> Sequence[ParkedMessage]:
    """Return messages that wait, oldest first, of one source or of all."""
    statement = select(ParkedMessage).where(ParkedMessage.applied_at.is_(None))
    if source is not None:
        statement = statement.where(ParkedMessage.source == source)
    if after is not None:
        statement = statement.where(after < _PLACE)
    return (await session.scalars(statement.order_by(_PLACE).limit(limit))).all()


async def count_parked(session: AsyncSession) -> dict[str, int]:
    """Return how many messages wait, by reason."""
    rows = await session.execute(
        select(ParkedMessage.reason, func.count())
        .where(ParkedMessage.applied_at.is_(None))
        .group_by(ParkedMessage.reason)
    )
    return {row[0]: row[1] for row in rows}
