"""Queries on the inbox and on parked messages; set-wise."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Text, bindparam, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.access.models import Source
from rcu.db.errors import StaleReadError
from rcu.db.statements import fetch
from rcu.db.writes import Write, Writes
from rcu.ingestion.intake import Intake
from rcu.ingestion.models import InboxPayload, ParkedMessage
from rcu.sales.facts import Waiting

MessageKey = tuple[str, str]
"""`(source, message id)`."""


@dataclass(frozen=True, slots=True)
class StoredReceipt:
    """What the first sending of a message was answered."""

    digest: bytes
    status: int
    answer: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the sender of some messages, and of the stores that these name."""

    kind: str
    """Of the source."""
    receipts: Mapping[MessageKey, StoredReceipt]
    timezones: Mapping[str, str]
    """Of the stores that there are."""
    is_assumed: bool = False
    """Whether all of it has to be verified yet."""


_KNOWN = "SELECT * FROM read_receipts($1, $2, $3)"


async def find_known(
    session: AsyncSession, source: str, message_ids: Collection[str], stores: Collection[str]
) -> Known | None:
    """Return what was received of some messages of a source; None if there is no such source."""
    rows = await fetch(session, _KNOWN, source, list(message_ids), list(stores))
    if not rows:
        return None
    kind, receipts, timezones = "", {}, {}
    for what, name, told, *receipt in rows:
        if what == "message":
            receipts[source, name] = StoredReceipt(*receipt)
        elif what == "store":
            timezones[name] = told
        else:
            kind = told
    return Known(kind, receipts, timezones)


async def find_source_kinds(session: AsyncSession, codes: Collection[str]) -> dict[str, str]:
    """Return the kind of each source that exists among `codes`."""
    rows = await session.execute(
        select(Source.code, Source.kind).where(
            Source.code == bindparam(None, sorted(codes), type_=ARRAY(Text)).any_()
        )
    )
    return {row.code: row.kind for row in rows}


class KeptMessage(NamedTuple):
    """An accepted message, with what it was answered. `answer` and `payload` are JSON text."""

    source: str
    message_id: str
    type: str
    digest: bytes
    status: int
    answer: str
    record_id: UUID | None
    payload: str


_KEEP = Write(
    """
    kept AS (
        SELECT * FROM unnest($1::new_message[])
    ), receipt AS (
        INSERT INTO inbox_message
            (source, message_id, type, digest, status, answer, record_id, received_at)
        SELECT source, message_id, type, digest, status, answer, record_id, $2 FROM kept
        ON CONFLICT DO NOTHING RETURNING 1
    ), payload AS (
        INSERT INTO inbox_payload (source, message_id, payload, received_at)
        SELECT source, message_id, payload, $2 FROM kept
    )
    """,
    told=(
        "(SELECT count(*) FROM receipt)",
        """EXISTS (
            SELECT FROM parked_message p
            WHERE p.waits_for = ANY ($3::text[]) AND p.applied_at IS NULL
        )""",
    ),
)


async def keep(
    writes: Writes, messages: Sequence[KeptMessage], *, arrived: Collection[str], at: datetime
) -> bool:
    """Store receipts and payloads, with all else that `writes` holds: one round trip.

    Return whether any other message waits for what has arrived: nearly always none does, and it
    costs nothing to ask here. Raises `StaleReadError`, upon which the edge runs the work again,
    when another transaction has received one of the messages meanwhile.
    """
    if not messages:
        await writes.send()
        return True
    told: list[Any] = []
    await writes.add(_KEEP, messages, at, list(arrived), check=told.extend)
    await writes.send()
    kept, is_awaited = told
    if kept != len(messages):
        raise StaleReadError
    return bool(is_awaited)


async def park(
    session: AsyncSession, waiting: Collection[tuple[Intake, Waiting]], *, at: datetime
) -> None:
    """Remember messages that wait, or that wait for something else now."""
    if not waiting:
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
        [
            {
                "source": intake.source,
                "message_id": intake.message_id,
                "type": intake.type,
                "reason": outcome.reason,
                "waits_for": outcome.waits_for,
                "parked_at": at,
                "attempts": 0,
            }
            for intake, outcome in waiting
        ],
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


_WAITING = """
    SELECT p.source, p.message_id, p.type, i.payload, p.parked_at
    FROM parked_message p
    JOIN inbox_payload i ON (i.source, i.message_id, i.received_at)
        = (p.source, p.message_id, p.parked_at)
    WHERE p.waits_for = ANY ($1::text[]) AND p.applied_at IS NULL
    ORDER BY p.parked_at, p.source, p.message_id
    LIMIT $2
    FOR UPDATE OF p
"""


async def take_waiting(
    session: AsyncSession, waits_for: Collection[str], *, limit: int
) -> list[StoredMessage]:
    """Return, locked, the oldest messages that wait for any of the keys."""
    if not waits_for:
        return []
    rows = await fetch(session, _WAITING, list(waits_for), limit)
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
