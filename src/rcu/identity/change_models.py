"""Tables of what became of the partition: who became whom, when, and by what."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Uuid

from rcu.db.columns import Timestamp, one_of
from rcu.db.metadata import Base
from rcu.identity.decision_models import StewardDecision
from rcu.identity.models import Placement


class ChangeKind(StrEnum):
    """What happened between two clients."""

    MERGE = "merge"
    """The whole of the other client went over."""
    SPLIT = "split"
    """Profile records left the other client."""
    MOVE = "move"
    """Only records known by identifiers left the other client."""
    FOLLOW = "follow"
    """Records known by identifiers followed a client that has gone over."""


class IdentityChange(Base):
    """A change of the partition: who became whom, when, and by what. Append-only."""

    __tablename__ = "identity_change"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    client_id: Mapped[UUID] = mapped_column(comment="the client that the records are with now")
    other_client_id: Mapped[UUID | None] = mapped_column(comment="the client they were with before")
    record_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    cause: Mapped[str] = mapped_column(comment="message, judgement or resolution")
    actor: Mapped[str]
    reason: Mapped[str | None]
    made_at: Mapped[datetime] = mapped_column(Timestamp)
    recorded_at: Mapped[datetime] = mapped_column(
        Timestamp,
        server_default=text("clock_timestamp()"),
        comment="of the database's clock while the clients were locked: it orders the changes",
    )
    decision_id: Mapped[UUID | None] = mapped_column(
        ForeignKey(StewardDecision.id), comment="the steward's decision that caused it, if one did"
    )

    __table_args__ = (
        CheckConstraint(one_of("kind", ChangeKind), name="kind"),
        Index("ix_identity_change_client_id", "client_id", "made_at"),
        Index("ix_identity_change_other_client_id", "other_client_id", "made_at"),
        Index("ix_identity_change_record_ids", "record_ids", postgresql_using="gin"),
        Index(
            "ix_identity_change_decision_id",
            "decision_id",
            postgresql_where=text("decision_id IS NOT NULL"),
        ),
    )


class PlacementChange(Base):
    """A record known by identifiers that found another owner, or another reason. Append-only.

    What it was placed by when it was made is told by the facts that hang on it.
    """

    __tablename__ = "placement_change"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    record_id: Mapped[UUID] = mapped_column(ForeignKey("source_record.id", ondelete="CASCADE"))
    made_at: Mapped[datetime] = mapped_column(Timestamp)
    client_id: Mapped[UUID] = mapped_column(comment="the client that it is with since")
    placement: Mapped[str] = mapped_column(comment="by what, or why it has no owner")
    cause: Mapped[str] = mapped_column(comment="message, judgement or resolution")
    actor: Mapped[str]

    __table_args__ = (
        CheckConstraint(one_of("placement", Placement), name="placement"),
        Index("ix_placement_change_record_id", "record_id", "made_at"),
    )
