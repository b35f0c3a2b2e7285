"""Tables of what stewards decide: their acts, and what these say of pairs of records."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from rcu.db.columns import Timestamp, one_of
from rcu.db.metadata import Base


class DecisionKind(StrEnum):
    """What a steward decides."""

    MERGE = "merge"
    SPLIT = "split"
    JUDGEMENT = "judgement"
    """On one pair of records, from the review queue."""
    DECLARATION = "declaration"
    """Of an identifier: shared by many people, or one person's."""
    RELEASE = "release"
    """Of a merge brake: merging goes on."""
    REVERT = "revert"
    """Of all that a braked identifier or source had merged."""
    UNDO = "undo"
    """Of another decision, or of a change that the service made by itself."""


class Verdict(StrEnum):
    """What a judgement says of two records."""

    MATCH = "match"
    NO_MATCH = "no_match"
    UNSURE = "unsure"
    """The steward cannot tell: it binds nobody, and what was said before stands."""
    WITHDRAWN = "withdrawn"
    """What was said before does not stand any more: a merge or a split says so of its pairs."""


class StewardDecision(Base):
    """One act of a steward. Append-only but for `undone_by`, which later acts set and clear.

    Decisions are made one after another (`decisions.take_turn`), so that their times order them.
    """

    __tablename__ = "decision"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    actor: Mapped[str]
    reason: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(Timestamp)
    undoes_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("decision.id"), comment="the decision that this one undoes"
    )
    undoes_change_id: Mapped[UUID | None] = mapped_column(
        comment="the identity change, made by the service itself, that this one undoes"
    )
    undone_by: Mapped[UUID | None] = mapped_column(
        ForeignKey("decision.id"), comment="the decision by which this one is undone now"
    )
    message_id: Mapped[str | None] = mapped_column(
        comment="the caller's own id of the request: sent again, it is answered the same"
    )
    request_digest: Mapped[bytes | None] = mapped_column(
        LargeBinary, comment="SHA-256 of the request that had the message id"
    )
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSONB)

    __table_args__ = (
        CheckConstraint(one_of("kind", DecisionKind), name="kind"),
        CheckConstraint(
            "(kind = 'undo') = (num_nonnulls(undoes_id, undoes_change_id) = 1)",
            name="undo_names_one",
        ),
        Index("ix_decision_made_at", "made_at"),
        Index("ix_decision_undoes_id", "undoes_id", postgresql_where=text("undoes_id IS NOT NULL")),
        Index(
            "ix_decision_undoes_change_id",
            "undoes_change_id",
            postgresql_where=text("undoes_change_id IS NOT NULL"),
        ),
        Index(
            "uq_decision_message",
            "actor",
            "message_id",
            unique=True,
            postgresql_where=text("message_id IS NOT NULL"),
        ),
    )


class Judgement(Base):
    """What a person said of a pair. Append-only but for the revocation, which is derived.

    Of all that was said of a pair, by decisions that are not undone, the last match, no match
    or withdrawal holds. It binds, if it is a match or a no match, and then `revoked_at` is null.
    """

    __tablename__ = "judgement"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    left_id: Mapped[UUID] = mapped_column(ForeignKey("source_record.id", ondelete="CASCADE"))
    right_id: Mapped[UUID] = mapped_column(ForeignKey("source_record.id", ondelete="CASCADE"))
    verdict: Mapped[str]
    reason: Mapped[str]
    author: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(Timestamp)
    revoked_at: Mapped[datetime | None] = mapped_column(
        Timestamp, comment="since when it binds nobody; null while it binds"
    )
    revoked_by: Mapped[str | None]
    decision_id: Mapped[UUID | None] = mapped_column(ForeignKey("decision.id"))
    values_digest: Mapped[bytes | None] = mapped_column(
        LargeBinary, comment="SHA-256 of the features of both records when it was made"
    )
    weight: Mapped[float | None] = mapped_column(
        comment="the match weight that the steward saw; null when none was shown"
    )
    was_together: Mapped[bool | None] = mapped_column(
        comment="whether the records were of one client when the steward was asked"
    )
    model_version: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("left_id < right_id", name="ordered"),
        CheckConstraint(one_of("verdict", Verdict), name="verdict"),
        Index(
            "uq_judgement_binding_pair",
            "left_id",
            "right_id",
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
        ),
        Index("ix_judgement_left_id", "left_id", "right_id"),
        Index("ix_judgement_right_id", "right_id"),
        Index("ix_judgement_decision_id", "decision_id"),
    )
