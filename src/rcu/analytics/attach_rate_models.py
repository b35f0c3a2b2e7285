"""Tables of the attach rate: its rollups, and what is not in them yet.

Database triggers write what changes (migration `20261122_attach_rate`), whoever changes it; the
fold counts it into the cells, and keeps apart what it added in each period. See ADR 13 and 19.
"""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from rcu.db.columns import Timestamp
from rcu.db.metadata import Base


class Grain(StrEnum):
    """How fine a cell is, beside day, store, channel, currency and what became of its tickets."""

    DAY = "day"
    HOUR = "hour"
    STAFF = "staff"
    """By till and cashier."""
    ALL = "all"
    """By hour, till and cashier."""


class AttachRateCell(Base):
    """Tickets of one day and place of which the same is true, counted. Each is in every grain.

    What is pending (`attach_rate_pending`) is not in it yet: figures are the sum of both.
    """

    __tablename__ = "attach_rate_cell"

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="MD5 of all that tells cells apart")
    grain: Mapped[str]
    business_date: Mapped[date]
    kind: Mapped[str] = mapped_column(comment="sale or return")
    store: Mapped[str | None]
    channel: Mapped[str]
    currency: Mapped[str]
    till: Mapped[str | None]
    cashier: Mapped[str | None]
    hour: Mapped[int | None] = mapped_column(
        SmallInteger, comment="of the day, in the store's time zone"
    )
    sale_method: Mapped[str | None]
    sale_reason: Mapped[str | None]
    method: Mapped[str | None]
    reason: Mapped[str | None]
    is_missed: Mapped[bool]
    tickets: Mapped[int] = mapped_column(BigInteger)
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    accounts_opened: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        CheckConstraint("grain IN ('day', 'hour', 'staff', 'all')", name="grain"),
        CheckConstraint("tickets > 0", name="tickets"),
        CheckConstraint("accounts_opened BETWEEN 0 AND tickets", name="accounts_opened"),
        Index("ix_attach_rate_cell_grain", "grain", "business_date"),
    )


class AttachRateBoundary(Base):
    """A time at which it is known what the cells knew, or would have known."""

    __tablename__ = "attach_rate_boundary"

    at: Mapped[datetime] = mapped_column(
        Timestamp, primary_key=True, comment="what was made known then belongs before it"
    )


class AttachRateCellChange(Base):
    """What was added to a cell, or taken, since a boundary and up to the next one.

    The cells less all that changed since a boundary are what was known at it.
    """

    __tablename__ = "attach_rate_cell_change"

    since: Mapped[datetime] = mapped_column(Timestamp, comment="the boundary before the changes")
    id: Mapped[UUID] = mapped_column(comment="of the cell, which may be gone")
    grain: Mapped[str]
    business_date: Mapped[date]
    kind: Mapped[str]
    store: Mapped[str | None]
    channel: Mapped[str]
    currency: Mapped[str]
    till: Mapped[str | None]
    cashier: Mapped[str | None]
    hour: Mapped[int | None] = mapped_column(SmallInteger)
    sale_method: Mapped[str | None]
    sale_reason: Mapped[str | None]
    method: Mapped[str | None]
    reason: Mapped[str | None]
    is_missed: Mapped[bool]
    tickets: Mapped[int] = mapped_column(BigInteger, comment="more of them, or fewer")
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    accounts_opened: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        PrimaryKeyConstraint("since", "id"),
        Index("ix_attach_rate_cell_change_grain", "grain", "business_date", "since"),
    )


class AttachRateArrival(Base):
    """A ticket that is in no cell yet."""

    __tablename__ = "attach_rate_arrival"

    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)


class AttachRateTicketChange(Base):
    """What a ticket hung on before a change. Append-only but for `counted`."""

    __tablename__ = "attach_rate_ticket_change"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[UUID]
    made_at: Mapped[datetime] = mapped_column(
        Timestamp, server_default=text("now()"), comment="when the transaction began"
    )
    was_link: Mapped[str]
    was_record_id: Mapped[UUID | None]
    was_voided: Mapped[bool]
    counted: Mapped[bool] = mapped_column(
        server_default=text("false"), comment="whether the cells know of it"
    )

    __table_args__ = (
        Index("ix_attach_rate_ticket_change_ticket_id", "ticket_id", "id"),
        Index("ix_attach_rate_ticket_change_was_record_id", "was_record_id"),
        Index("ix_attach_rate_ticket_change_made_at", "made_at"),
        Index("ix_attach_rate_ticket_change_pending", "id", postgresql_where=text("NOT counted")),
    )


class AttachRateRecordChange(Base):
    """Whose a source record was before a change, and by what. Append-only but for `counted`.

    Of records that tickets hang on or hung on, and of profiles: no other change moves a figure.
    """

    __tablename__ = "attach_rate_record_change"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    record_id: Mapped[UUID]
    made_at: Mapped[datetime] = mapped_column(
        Timestamp, server_default=text("now()"), comment="when the transaction began"
    )
    was_client_id: Mapped[UUID]
    was_kind: Mapped[str]
    was_placement: Mapped[str]
    profile_at: Mapped[datetime | None] = mapped_column(
        Timestamp, comment="when its first profile was received, if that is the change"
    )
    counted: Mapped[bool] = mapped_column(
        server_default=text("false"), comment="whether the cells know of it"
    )

    __table_args__ = (
        Index("ix_attach_rate_record_change_record_id", "record_id", "id"),
        Index("ix_attach_rate_record_change_was_client_id", "was_client_id", "made_at"),
        Index("ix_attach_rate_record_change_made_at", "made_at"),
        Index("ix_attach_rate_record_change_pending", "id", postgresql_where=text("NOT counted")),
    )


class AttachRateOpening(Base):
    """The sale with which an account was opened at the till: once for each, for ever."""

    __tablename__ = "attach_rate_opening"

    record_id: Mapped[UUID] = mapped_column(
        ForeignKey("source_record.id", ondelete="CASCADE"), primary_key=True
    )
    ticket_id: Mapped[UUID] = mapped_column(unique=True)


class AttachRateZone(Base):
    """The time zone that the tickets of a store were sold in until some time.

    A store that is not here was always in the zone that it is in now. The empty store stands for
    sales without one.
    """

    __tablename__ = "attach_rate_zone"

    store: Mapped[str]
    until: Mapped[datetime] = mapped_column(Timestamp)
    timezone: Mapped[str]

    __table_args__ = (PrimaryKeyConstraint("store", "until"),)
