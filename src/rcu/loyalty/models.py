"""Tables of the points ledger: accounts, lots, postings and entries, and holds.

A posting is never changed, nor are its entries. Balances, debts and what is left of a lot are kept
by the database itself, from the entries (see the migration): they equal the replay at all times.
"""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from rcu.db.columns import Timestamp, one_of
from rcu.db.metadata import Base


class PostingKind(StrEnum):
    """Why points moved."""

    ACCRUAL = "accrual"
    """Points earned on a sale, with its bonuses."""
    RETURN = "return"
    """Goods came back, and what they had earned with them."""
    VOID = "void"
    """A ticket was cancelled, with all it had moved."""
    REDEMPTION = "redemption"
    """Points spent, at once or by the capture of a hold."""
    RESTORATION = "restoration"
    """Spent points given back to the lots that they came from."""
    EXPIRY = "expiry"
    ADJUSTMENT = "adjustment"
    TRANSFER = "transfer"
    REFERRAL = "referral"
    """Points for who brought somebody, and for who was brought, on the first purchase of these."""
    SETTLEMENT = "settlement"
    """After clients were parted or merged: what one had spent of the other's is given back, or that
    is taken back, and what was given once to each of two who turn out to be one."""


class Counterpart(StrEnum):
    """The other side of what a record's account gains or loses: the accounts of the programme.

    They keep no balance: every sale of every till would queue for that one row. It is the sum of
    their entries.
    """

    ISSUED = "issued"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    ADJUSTED = "adjusted"
    BORNE = "borne"
    """What the retailer pays for: a wrong merge, a debt that the programme forbids."""


class HoldStatus(StrEnum):
    """The life of a hold."""

    OPEN = "open"
    CAPTURED = "captured"
    VOIDED = "voided"
    EXPIRED = "expired"


class AdjustmentStatus(StrEnum):
    """The life of an adjustment that needs four eyes."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"


class PointsAccount(Base):
    """The points of one source record. It is opened by the first posting to it.

    `balance` may be below zero by `debt`, which only goods that come back can make.
    """

    __tablename__ = "points_account"

    record_id: Mapped[UUID] = mapped_column(ForeignKey("source_record.id"), primary_key=True)
    balance: Mapped[int] = mapped_column(
        BigInteger, server_default=text("0"), comment="sum of the entries; kept by the database"
    )
    debt: Mapped[int] = mapped_column(
        BigInteger,
        server_default=text("0"),
        comment="points that goods brought back had earned, and that were spent already",
    )
    opened_at: Mapped[datetime] = mapped_column(Timestamp)

    __table_args__ = (
        CheckConstraint("debt >= 0", name="debt_is_not_negative"),
        CheckConstraint("balance + debt >= 0", name="below_zero_only_by_debt"),
    )


class PointsPosting(Base):
    """One movement of points, whose entries sum to zero. Append-only."""

    __tablename__ = "points_posting"

    id: Mapped[UUID] = mapped_column(
        primary_key=True, comment="derived from what it is for: the same is never posted twice"
    )
    kind: Mapped[str]
    posted_at: Mapped[datetime] = mapped_column(Timestamp)
    business_date: Mapped[date]
    programme_version: Mapped[str | None] = mapped_column(ForeignKey("programme_version.version"))
    ticket_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("ticket.id"), comment="the ticket that earned or took the points"
    )
    corrects_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("points_posting.id"), comment="the posting that this one takes back, or a part"
    )
    spender_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("source_record.id"), comment="the record under which the points were spent"
    )
    paid_source: Mapped[str | None] = mapped_column(comment="with paid_ticket: what was paid for")
    paid_ticket: Mapped[str | None]
    inferred_points: Mapped[int] = mapped_column(
        BigInteger,
        server_default=text("0"),
        comment="of these, spent over links that nobody has verified",
    )
    amount_cents: Mapped[int | None] = mapped_column(
        BigInteger, comment="of the ticket, as far as it earns"
    )
    exact_points: Mapped[Decimal | None] = mapped_column(
        Numeric(24, 8), comment="before rounding, without bonuses"
    )
    rules: Mapped[dict[str, Any]] = mapped_column(
        JSONB, server_default=text("'{}'"), comment="the rules that made the points, step by step"
    )
    actor: Mapped[str]
    reason: Mapped[str | None]
    request_digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSONB)

    __table_args__ = (
        CheckConstraint(one_of("kind", PostingKind), name="kind"),
        CheckConstraint("inferred_points >= 0", name="inferred_points"),
        Index(
            "ix_points_posting_ticket_id",
            "ticket_id",
            postgresql_where=text("ticket_id IS NOT NULL"),
        ),
        Index(
            "ix_points_posting_corrects_id",
            "corrects_id",
            postgresql_where=text("corrects_id IS NOT NULL"),
        ),
        Index(
            "ix_points_posting_paid",
            "paid_source",
            "paid_ticket",
            postgresql_where=text("paid_ticket IS NOT NULL"),
        ),
    )


class PointsLot(Base):
    """Points that one posting gave to one account, with their dates.

    `remaining` and `held` are kept by the database.
    """

    __tablename__ = "points_lot"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("points_account.record_id"))
    posting_id: Mapped[UUID] = mapped_column(ForeignKey("points_posting.id"))
    earned_at: Mapped[datetime] = mapped_column(Timestamp)
    active_from: Mapped[date] = mapped_column(comment="first business day they can be spent on")
    expires_on: Mapped[date | None] = mapped_column(comment="first business day they no longer can")
    timezone: Mapped[str] = mapped_column(
        comment="of the store that gave them: whose days these are"
    )
    granted: Mapped[int] = mapped_column(BigInteger)
    remaining: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    held: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))

    __table_args__ = (
        CheckConstraint("granted > 0", name="granted"),
        CheckConstraint("remaining BETWEEN 0 AND granted", name="remaining"),
        CheckConstraint("held BETWEEN 0 AND remaining", name="held"),
        Index("ix_points_lot_account_id", "account_id", postgresql_where=text("remaining > 0")),
        Index("ix_points_lot_posting_id", "posting_id"),
        Index("ix_points_lot_expires_on", "expires_on", postgresql_where=text("remaining > 0")),
    )


class PointsEntry(Base):
    """Points that one posting adds to one side, or takes from it. Append-only.

    A side is a lot of an account, the debt of an account (without a lot), or a counterpart. What an
    entry refers to is there, for ever: the trigger `apply_points_entries` makes sure of it for a
    whole statement, where foreign keys would for each row.
    """

    __tablename__ = "points_entry"

    posting_id: Mapped[UUID]
    number: Mapped[int] = mapped_column(SmallInteger)
    account_id: Mapped[UUID | None]
    lot_id: Mapped[UUID | None]
    counterpart: Mapped[str | None]
    points: Mapped[int] = mapped_column(BigInteger)
    posted_at: Mapped[datetime] = mapped_column(Timestamp)

    __table_args__ = (
        PrimaryKeyConstraint("posting_id", "number"),
        CheckConstraint("points <> 0", name="points"),
        CheckConstraint("num_nonnulls(account_id, counterpart) = 1", name="one_side"),
        CheckConstraint("lot_id IS NULL OR account_id IS NOT NULL", name="lot_has_account"),
        CheckConstraint(one_of("counterpart", Counterpart), name="counterpart"),
        Index(
            "ix_points_entry_account_id",
            "account_id",
            "posted_at",
            postgresql_where=text("account_id IS NOT NULL"),
        ),
    )


class PointsHold(Base):
    """Points reserved for a till or a basket until they are captured, voided, or time is up."""

    __tablename__ = "points_hold"

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="derived from the caller's own id")
    status: Mapped[str]
    points: Mapped[int] = mapped_column(BigInteger)
    spender_id: Mapped[UUID] = mapped_column(ForeignKey("source_record.id"))
    owner: Mapped[str] = mapped_column(comment="source that asked: the only one that may end it")
    inferred_points: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    programme_version: Mapped[str] = mapped_column(ForeignKey("programme_version.version"))
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    expires_at: Mapped[datetime] = mapped_column(Timestamp)
    closed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    request_digest: Mapped[bytes] = mapped_column(LargeBinary)
    close_digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    answer: Mapped[dict[str, Any]] = mapped_column(JSONB)
    close_answer: Mapped[dict[str, Any] | None] = mapped_column(JSONB)

    __table_args__ = (
        CheckConstraint(one_of("status", HoldStatus), name="status"),
        CheckConstraint("points > 0", name="points"),
        Index("ix_points_hold_expires_at", "expires_at", postgresql_where=text("status = 'open'")),
    )


class PointsHoldPart(Base):
    """What a hold reserves of one lot."""

    __tablename__ = "points_hold_part"

    hold_id: Mapped[UUID] = mapped_column(ForeignKey("points_hold.id"))
    lot_id: Mapped[UUID] = mapped_column(ForeignKey("points_lot.id"))
    points: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        PrimaryKeyConstraint("hold_id", "lot_id"),
        CheckConstraint("points > 0", name="points"),
        Index("ix_points_hold_part_lot_id", "lot_id"),
    )


class PointsMonth(Base):
    """What counts for tiers, by record and month: points earned and cents spent, returns off."""

    __tablename__ = "points_month"

    record_id: Mapped[UUID] = mapped_column(ForeignKey("points_account.record_id"))
    month: Mapped[date]
    points: Mapped[int] = mapped_column(BigInteger)
    amount_cents: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (PrimaryKeyConstraint("record_id", "month"),)


class PointsBonus(Base):
    """Bonuses given to a record that are given once: for ever, or once a year."""

    __tablename__ = "points_bonus"

    record_id: Mapped[UUID] = mapped_column(ForeignKey("points_account.record_id"))
    bonus: Mapped[str]
    period: Mapped[str] = mapped_column(comment="the year of a yearly bonus, else empty")
    posting_id: Mapped[UUID] = mapped_column(ForeignKey("points_posting.id"))
    withdrawn_by: Mapped[UUID | None] = mapped_column(
        ForeignKey("points_posting.id"),
        comment="the posting that took it back, while an older record of the client has one too",
    )

    __table_args__ = (PrimaryKeyConstraint("record_id", "bonus", "period"),)


class PointsCrossing(Base):
    """Points of one record that were spent under another, and how many are settled since.

    Or that paid when what was spent of a third one's was settled: so much is lent as well. While
    lender and spender are two clients `settled` grows; while they are one, what settlements gave is
    taken back, and what cannot be is still `borne`.
    """

    __tablename__ = "points_crossing"

    posting_id: Mapped[UUID] = mapped_column(ForeignKey("points_posting.id"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey("points_account.record_id"))
    spender_id: Mapped[UUID] = mapped_column(ForeignKey("source_record.id"))
    points: Mapped[int] = mapped_column(BigInteger)
    settled: Mapped[int] = mapped_column(
        BigInteger, server_default=text("0"), comment="given back to the account by now"
    )
    given: Mapped[int] = mapped_column(
        BigInteger,
        server_default=text("0"),
        comment="of the settled, points that settlements gave: to be taken back once both are one",
    )
    borne: Mapped[int] = mapped_column(
        BigInteger,
        server_default=text("0"),
        comment="of the given, points that nobody has paid for: the client spends nothing before",
    )

    __table_args__ = (
        PrimaryKeyConstraint("posting_id", "account_id"),
        CheckConstraint("settled BETWEEN 0 AND points", name="settled"),
        CheckConstraint("given BETWEEN borne AND points", name="given"),
        CheckConstraint("borne >= 0", name="borne"),
        Index("ix_points_crossing_account_id", "account_id"),
        Index("ix_points_crossing_spender_id", "spender_id"),
        Index("ix_points_crossing_borne", "account_id", postgresql_where=text("borne > 0")),
    )


class PointsAdjustment(Base):
    """An adjustment by an operator that somebody else has to approve."""

    __tablename__ = "points_adjustment"

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="derived from the caller's own id")
    status: Mapped[str]
    record_id: Mapped[UUID] = mapped_column(ForeignKey("source_record.id"))
    points: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str]
    proposed_by: Mapped[str]
    proposed_at: Mapped[datetime] = mapped_column(Timestamp)
    request_digest: Mapped[bytes] = mapped_column(LargeBinary)
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)
    posting_id: Mapped[UUID | None] = mapped_column(ForeignKey("points_posting.id"))

    __table_args__ = (
        CheckConstraint(one_of("status", AdjustmentStatus), name="status"),
        CheckConstraint("points <> 0", name="points"),
        CheckConstraint("decided_by IS NULL OR decided_by <> proposed_by", name="four_eyes"),
        Index("ix_points_adjustment_record_id", "record_id", "proposed_at"),
        Index(
            "ix_points_adjustment_proposed_at",
            "proposed_at",
            postgresql_where=text("status = 'proposed'"),
        ),
    )
