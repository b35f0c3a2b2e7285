"""Tables of consents: purposes, and what people said of them. Both are append-only."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, SmallInteger, Text, func
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import DateTime

from rcu.db.metadata import Base

Timestamp = DateTime(timezone=True)


class Purpose(Base):
    """What personal data are used for, on which ground, and by which channels.

    Never changed: who agreed, agreed to that. Another ground or channel is another purpose.
    """

    __tablename__ = "purpose"

    code: Mapped[str] = mapped_column(primary_key=True)
    name_fr: Mapped[str]
    name_en: Mapped[str]
    legal_basis: Mapped[str] = mapped_column(comment="ground of GDPR article 6(1)")
    channels: Mapped[list[str]] = mapped_column(
        ARRAY(Text), comment="by which it may reach the person; none for what reaches nobody"
    )
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())

    __table_args__ = (
        CheckConstraint(
            "legal_basis IN ('consent', 'contract', 'legal_obligation', 'vital_interests', "
            "'public_task', 'legitimate_interests')",
            name="legal_basis",
        ),
        CheckConstraint(
            "channels <@ ARRAY['email', 'sms', 'phone', 'post', 'push']", name="channels"
        ),
    )


class ConsentRecord(Base):
    """What one person said of one purpose at one time: the proof. Never changed."""

    __tablename__ = "consent_record"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(ForeignKey("source.code"))
    message_id: Mapped[str]
    number: Mapped[int] = mapped_column(SmallInteger, comment="place in its message, from 0")
    record_id: Mapped[UUID] = mapped_column(ForeignKey("source_record.id"))
    purpose: Mapped[str] = mapped_column(ForeignKey("purpose.code"))
    channel: Mapped[str | None] = mapped_column(comment="as stated; null: the whole purpose")
    channels: Mapped[list[str]] = mapped_column(
        ARRAY(Text), comment="that the statement is about: the one stated, or all of the purpose"
    )
    status: Mapped[str]
    occurred_at: Mapped[datetime] = mapped_column(
        Timestamp, comment="when the person said so, by the source"
    )
    received_at: Mapped[datetime] = mapped_column(Timestamp)
    how: Mapped[str] = mapped_column(comment="by what means the person said so")
    wording: Mapped[str | None] = mapped_column(comment="reference of the text that was shown")
    store: Mapped[str | None]
    actor: Mapped[str | None] = mapped_column(comment="member of staff who took it down")

    __table_args__ = (
        CheckConstraint("status IN ('granted', 'denied', 'withdrawn')", name="status"),
        CheckConstraint("channel IS NULL OR channels = ARRAY[channel::text]", name="channels"),
        Index("uq_consent_record_source_message_id", "source", "message_id", "number", unique=True),
        Index("ix_consent_record_record_id", "record_id", "occurred_at", "id"),
    )
