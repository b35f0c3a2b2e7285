"""Tables of trials: what a model would change, found on a copy and written down to be browsed."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, PrimaryKeyConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from rcu.db.columns import Timestamp, one_of
from rcu.db.metadata import Base
from rcu.identity.model_version_models import JobState


class ModelTrial(Base):
    """A trial of a model against the one that was active. It changes no client."""

    __tablename__ = "model_trial"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(ForeignKey("model_version.version"))
    against_version: Mapped[str | None] = mapped_column(
        comment="the model that was active; null while the trial waits"
    )
    actor: Mapped[str]
    asked_at: Mapped[datetime] = mapped_column(Timestamp)
    state: Mapped[str]
    started_at: Mapped[datetime | None] = mapped_column(Timestamp)
    finished_at: Mapped[datetime | None] = mapped_column(Timestamp)
    failure: Mapped[str | None] = mapped_column(comment="the code of the error that stopped it")
    figures: Mapped[dict[str, Any] | None] = mapped_column(JSONB)

    __table_args__ = (CheckConstraint(one_of("state", JobState), name="state"),)


class ModelTrialLine(Base):
    """One merge gained or lost by a trial, with what decides it. Ids, levels and weights only."""

    __tablename__ = "model_trial_line"

    trial_id: Mapped[UUID] = mapped_column(ForeignKey("model_trial.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(comment="most tickets first")
    kind: Mapped[str]
    client_id: Mapped[UUID]
    other_client_id: Mapped[UUID] = mapped_column(
        comment="of a merge lost, the client that would be split off"
    )
    tickets: Mapped[int] = mapped_column(comment="of the clients concerned, as they were")
    left_id: Mapped[UUID] = mapped_column(comment="the record of one side that ties best")
    right_id: Mapped[UUID]
    left_record_ids: Mapped[list[str]] = mapped_column(JSONB)
    right_record_ids: Mapped[list[str]] = mapped_column(JSONB)
    before: Mapped[dict[str, Any]] = mapped_column(
        JSONB, comment="the score of the pair under the model that was active"
    )
    after: Mapped[dict[str, Any]] = mapped_column(
        JSONB, comment="the score of the pair under the model that was tried"
    )

    __table_args__ = (
        PrimaryKeyConstraint("trial_id", "position"),
        CheckConstraint("kind IN ('gained', 'lost')", name="kind"),
    )
