"""Tables of referrals (parrainage): codes that clients hand on, and who was brought by whom."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from rcu.db.columns import Timestamp, one_of
from rcu.db.metadata import Base
from rcu.loyalty.referrals import ReferralRefusal, ReferralStatus


class ReferralCode(Base):
    """The code that a client hands on to whom it brings."""

    __tablename__ = "referral_code"

    code: Mapped[str] = mapped_column(primary_key=True)
    record_id: Mapped[UUID] = mapped_column(ForeignKey("source_record.id"))
    created_at: Mapped[datetime] = mapped_column(Timestamp)

    __table_args__ = (Index("uq_referral_code_record_id", "record_id", unique=True),)


class Referral(Base):
    """That one record was brought by another, as a source said; one for each, for ever."""

    __tablename__ = "referral"

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="derived from the caller's own id")
    referred_id: Mapped[UUID] = mapped_column(ForeignKey("points_account.record_id"))
    referrer_id: Mapped[UUID] = mapped_column(ForeignKey("points_account.record_id"))
    code: Mapped[str] = mapped_column(ForeignKey("referral_code.code"))
    source: Mapped[str]
    stated_at: Mapped[datetime] = mapped_column(Timestamp)
    stated_on: Mapped[date] = mapped_column(comment="its business day")
    status: Mapped[str]
    refusal: Mapped[str | None]
    posting_id: Mapped[UUID | None] = mapped_column(ForeignKey("points_posting.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)
    paid_on: Mapped[date | None] = mapped_column(comment="business day of the purchase")
    withdrawn_by: Mapped[UUID | None] = mapped_column(
        ForeignKey("points_posting.id"),
        comment="the posting that took it back, while the two are one client",
    )
    request_digest: Mapped[bytes] = mapped_column(LargeBinary)
    answer: Mapped[dict[str, Any]] = mapped_column(JSONB)

    __table_args__ = (
        CheckConstraint(one_of("status", ReferralStatus), name="status"),
        CheckConstraint(one_of("refusal", ReferralRefusal), name="refusal"),
        CheckConstraint("(status = 'paid') = (posting_id IS NOT NULL)", name="paid_by_posting"),
        CheckConstraint("(status = 'refused') = (refusal IS NOT NULL)", name="refused_for"),
        CheckConstraint("referrer_id <> referred_id", name="two_records"),
        Index("uq_referral_referred_id", "referred_id", unique=True),
        Index("ix_referral_referrer_id", "referrer_id"),
    )
