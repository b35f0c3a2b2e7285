"""Tables derived from the source records: golden records and what a seller searches by."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import DateTime, Text

from rcu.db.metadata import Base


class GoldenRecord(Base):
    """What is known of a client, with the provenance of each value; always rebuildable."""

    __tablename__ = "golden_record"

    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    golden: Mapped[dict[str, Any]] = mapped_column(JSONB)
    search_terms: Mapped[list[str]] = mapped_column(
        ARRAY(Text), comment="normalised words, sounds and ends of numbers that find the client"
    )
    rebuilt_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        Index("ix_golden_record_search_terms", "search_terms", postgresql_using="gin"),
    )
