"""Tables of the rules of the points programme: their versions, and which holds since when."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ForeignKey,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from rcu.db.columns import Timestamp
from rcu.db.metadata import Base


class ProgrammeVersion(Base):
    """One version of the rules of the programme, as validated. Never changed."""

    __tablename__ = "programme_version"

    version: Mapped[str] = mapped_column(primary_key=True)
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    created_by: Mapped[str]


class ProgrammeActivation(Base):
    """From which business day on a version of the programme is in force. Append-only."""

    __tablename__ = "programme_activation"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(ForeignKey("programme_version.version"))
    effective_on: Mapped[date]
    activated_at: Mapped[datetime] = mapped_column(Timestamp)
    activated_by: Mapped[str]
