"""Tables of the inbox: every accepted message as received, and those that wait."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, PrimaryKeyConstraint, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from rcu.db.columns import Timestamp
from rcu.db.metadata import Base


class InboxMessage(Base):
    """The receipt of a message, for ever: what it was, and what it was answered.

    The payload stands in `inbox_payload`, partitioned by month, so that retention can
    drop old payloads while a replay is recognised for ever.
    """

    __tablename__ = "inbox_message"

    source: Mapped[str] = mapped_column(ForeignKey("source.code"))
    message_id: Mapped[str]
    type: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary, comment="SHA-256 of the canonical payload")
    received_at: Mapped[datetime] = mapped_column(Timestamp)
    status: Mapped[int] = mapped_column(SmallInteger, comment="HTTP status first answered")
    answer: Mapped[dict[str, Any]] = mapped_column(JSONB)
    record_id: Mapped[UUID | None] = mapped_column(comment="the record of a profile message")

    __table_args__ = (
        PrimaryKeyConstraint("source", "message_id"),
        Index(
            "ix_inbox_message_record_id",
            "record_id",
            "received_at",
            postgresql_where=text("record_id IS NOT NULL"),
        ),
    )


class InboxPayload(Base):
    """The payload of an accepted message, as received."""

    __tablename__ = "inbox_payload"

    source: Mapped[str]
    message_id: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(Timestamp)
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)

    __table_args__ = (
        PrimaryKeyConstraint("source", "message_id", "received_at"),
        {"postgresql_partition_by": "RANGE (received_at)"},
    )


class ParkedMessage(Base):
    """A well-formed message that cannot be applied yet, and what it waits for."""

    __tablename__ = "parked_message"

    source: Mapped[str]
    message_id: Mapped[str]
    type: Mapped[str]
    reason: Mapped[str]
    waits_for: Mapped[str] = mapped_column(comment="such as store:S001 or ticket:S001-01-...")
    parked_at: Mapped[datetime] = mapped_column(Timestamp)
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    applied_at: Mapped[datetime | None] = mapped_column(Timestamp)

    __table_args__ = (
        PrimaryKeyConstraint("source", "message_id"),
        Index(
            "ix_parked_message_waits_for",
            "waits_for",
            postgresql_where=text("applied_at IS NULL"),
        ),
        Index(
            "ix_parked_message_parked_at",
            "parked_at",
            "source",
            "message_id",
            postgresql_where=text("applied_at IS NULL"),
        ),
    )
