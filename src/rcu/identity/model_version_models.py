"""Tables of match models: their versions, and which one decided since when."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    text,
)
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from rcu.db.columns import Timestamp, one_of
from rcu.db.metadata import Base


class ModelOrigin(StrEnum):
    """Where a model document came from."""

    SHIPPED = "shipped"
    TRAINED = "trained"
    FILE = "file"


class JobState(StrEnum):
    """How far a piece of work on the whole base is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    """Another activation came before it was done, and does the rest of the work."""


class ModelVersion(Base):
    """A model document, kept under its version for ever. Append-only."""

    __tablename__ = "model_version"

    version: Mapped[str] = mapped_column(primary_key=True)
    document: Mapped[dict[str, Any]] = mapped_column(
        JSON, comment="as exchanged; json, not jsonb: the order of levels means something"
    )
    origin: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    created_by: Mapped[str]

    __table_args__ = (CheckConstraint(one_of("origin", ModelOrigin), name="origin"),)


class ModelActivation(Base):
    """One change of the active model, the last of which decides. Append-only but for its progress.

    Where there is none, the model that comes with the service decides.
    """

    __tablename__ = "model_activation"

    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    version: Mapped[str] = mapped_column(ForeignKey("model_version.version"))
    previous_version: Mapped[str] = mapped_column(ForeignKey("model_version.version"))
    reverts: Mapped[int | None] = mapped_column(
        ForeignKey("model_activation.number"), comment="the activation that this one takes back"
    )
    actor: Mapped[str]
    reason: Mapped[str]
    activated_at: Mapped[datetime] = mapped_column(Timestamp)
    state: Mapped[str] = mapped_column(comment="of the resolution of the whole base that follows")
    done_records: Mapped[int] = mapped_column(server_default=text("0"))
    total_records: Mapped[int | None] = mapped_column(
        comment="records whose clusters are formed anew; null while that is being worked out"
    )
    moved_records: Mapped[int | None]
    started_at: Mapped[datetime | None] = mapped_column(Timestamp)
    finished_at: Mapped[datetime | None] = mapped_column(Timestamp)
    failure: Mapped[str | None] = mapped_column(comment="the code of the error that stopped it")

    __table_args__ = (
        CheckConstraint(one_of("state", JobState), name="state"),
        Index("uq_model_activation_reverts", "reverts", unique=True),
    )
