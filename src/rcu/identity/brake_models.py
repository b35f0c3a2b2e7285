"""Tables of the merge brake: what merges rest on, and the brakes that tripped."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from rcu.db.columns import Timestamp, one_of
from rcu.db.metadata import Base
from rcu.identity.decision_models import StewardDecision


class BrakeScope(StrEnum):
    """What a brake stops."""

    IDENTIFIER = "identifier"
    SOURCE = "source"


class MergeBasis(Base):
    """An identifier or a source that a merge of two clients rests on. Append-only."""

    __tablename__ = "merge_basis"

    basis: Mapped[int] = mapped_column(
        BigInteger, comment="hash of the identifier or the source: no personal data"
    )
    change_id: Mapped[UUID] = mapped_column(ForeignKey("identity_change.id"))
    client_id: Mapped[UUID] = mapped_column(comment="the client that went over to another")
    made_at: Mapped[datetime] = mapped_column(Timestamp)

    __table_args__ = (
        PrimaryKeyConstraint("basis", "change_id"),
        Index("ix_merge_basis_basis_made_at", "basis", "made_at"),
    )


class MergeBrake(Base):
    """A brake that tripped. Append-only but for its release, which a decision makes and unmakes."""

    __tablename__ = "merge_brake"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    scope: Mapped[str]
    kind: Mapped[str] = mapped_column(comment="of the identifier; empty for a source")
    value: Mapped[str] = mapped_column(comment="the identifier, or the code of the source")
    basis: Mapped[int] = mapped_column(BigInteger)
    merges: Mapped[int] = mapped_column(comment="clients it had brought into others by then")
    counted_from: Mapped[datetime] = mapped_column(Timestamp)
    tripped_at: Mapped[datetime] = mapped_column(Timestamp)
    released_at: Mapped[datetime | None] = mapped_column(Timestamp)
    released_by: Mapped[UUID | None] = mapped_column(ForeignKey(StewardDecision.id))

    __table_args__ = (
        CheckConstraint(one_of("scope", BrakeScope), name="scope"),
        Index(
            "uq_merge_brake_active",
            "basis",
            unique=True,
            postgresql_where=text("released_at IS NULL"),
        ),
        Index("ix_merge_brake_basis", "basis"),
    )
