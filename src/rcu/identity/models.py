"""Tables of the partition: clients, their source records, and what finds these."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from rcu.db.columns import Timestamp, one_of
from rcu.db.metadata import Base


class RecordKind(StrEnum):
    """How a source record came to be, which decides how it finds its client.

    Only a profile makes a client *known*.
    """

    PROFILE = "profile"
    """A profile message: placed by match weights against other profiles."""

    REFERENCE = "reference"
    """A fact named a record of the source whose profile has not arrived yet."""

    IDENTIFIERS = "identifiers"
    """A fact carried identifiers only: placed with the one client who holds them."""


class Origin(StrEnum):
    """How a record has come to hold an identifier."""

    PROFILE = "profile"
    """Its profile states it."""

    WITHDRAWN = "withdrawn"
    """Its profile has stated it and states it no more: a claim to what was found by it."""

    TICKET = "ticket"
    """A sale showed it."""


class Placement(StrEnum):
    """What ties a record to its client."""

    MATCHING = "matching"
    OWN_RECORD = "own_record"
    CARD = "card"
    APP_SCAN = "app_scan"
    EMAIL = "email"
    PHONE = "phone"
    PAYMENT_TOKEN = "payment_token"  # noqa: S105 -- the name of a method, not a secret
    DEVICE = "device"
    NONE = "none"
    """No known client holds what was presented."""
    AMBIGUOUS = "ambiguous"
    """Several known clients hold it."""
    SHARED = "shared"
    """Nothing but a token or a device was presented, and several known clients use it."""


class Client(Base):
    """A lasting client id. The id is that of its oldest source record, see ADR 3."""

    __tablename__ = "client"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    known: Mapped[bool]
    version: Mapped[int] = mapped_column(server_default=text("1"))
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    changed_at: Mapped[datetime] = mapped_column(Timestamp)
    retired_at: Mapped[datetime | None] = mapped_column(Timestamp)


class SourceRecord(Base):
    """One person as one source knows them; every fact hangs on one."""

    __tablename__ = "source_record"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(ForeignKey("source.code"))
    external_id: Mapped[str]
    kind: Mapped[str]
    client_id: Mapped[UUID]
    placement: Mapped[str]
    profile: Mapped[dict[str, Any]] = mapped_column(
        JSONB,
        comment="attribute -> {value, occurred_at, message_id}: last writer wins, each; of"
        " identifiers also `earlier`, what was stated once and is not now, and since when",
    )
    features: Mapped[dict[str, Any]] = mapped_column(JSONB, comment="normalised, for comparing")
    version: Mapped[int] = mapped_column(server_default=text("1"))
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    changed_at: Mapped[datetime] = mapped_column(Timestamp)
    recorded_at: Mapped[datetime | None] = mapped_column(
        Timestamp,
        server_default=text("clock_timestamp()"),
        comment="when it was written, by the clock that orders the changes of the partition; null"
        " for records older than this column",
    )

    __table_args__ = (
        CheckConstraint(one_of("kind", RecordKind), name="kind"),
        CheckConstraint(one_of("placement", Placement), name="placement"),
        Index("uq_source_record_source_external_id", "source", "external_id", unique=True),
        Index("ix_source_record_client_id", "client_id"),
    )


class Identifier(Base):
    """A normalised identifier and a record that holds it."""

    __tablename__ = "identifier"

    kind: Mapped[str]
    value: Mapped[str]
    record_id: Mapped[UUID] = mapped_column(ForeignKey("source_record.id", ondelete="CASCADE"))
    origin: Mapped[str] = mapped_column(
        comment="profile; withdrawn when its profile states it no more; ticket when sales showed it"
    )
    verified_at: Mapped[datetime | None] = mapped_column(Timestamp)
    stated_since: Mapped[datetime | None] = mapped_column(
        Timestamp,
        comment="by what its messages say: since when its profile states it without a break; of one"
        " that was withdrawn, when it was stated first; null when that is not known",
    )
    first_seen_at: Mapped[datetime] = mapped_column(Timestamp)

    __table_args__ = (
        PrimaryKeyConstraint("kind", "value", "origin", "record_id"),
        CheckConstraint(one_of("origin", Origin), name="origin"),
        Index("ix_identifier_record_id", "record_id"),
    )


class BlockingKey(Base):
    """A key two records must share to become a candidate pair, hashed to 64 bits.

    The index carries the face of the record, so that those who share a key of names or places and
    are plainly two people are told apart without reading the records, see ADR 8.
    """

    __tablename__ = "blocking_key"

    key: Mapped[int] = mapped_column(BigInteger)
    record_id: Mapped[UUID]
    face: Mapped[str | None] = mapped_column(
        comment="names, gender and birth date of the record; null on a key of an identifier"
    )

    __table_args__ = (
        PrimaryKeyConstraint("key", "record_id", postgresql_include=["face"]),
        Index("ix_blocking_key_record_id", "record_id"),
    )


class RecordPair(Base):
    """A pair of records whose match weight reached the review line, with its evidence.

    Derived from records that whoever writes it writes or has read: no foreign keys, see ADR 21.
    """

    __tablename__ = "record_pair"

    left_id: Mapped[UUID]
    right_id: Mapped[UUID]
    weight: Mapped[float]
    decision: Mapped[str]
    evidence: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    contradiction: Mapped[str | None]
    model_version: Mapped[str]
    scored_at: Mapped[datetime] = mapped_column(Timestamp)

    __table_args__ = (
        PrimaryKeyConstraint("left_id", "right_id"),
        CheckConstraint("left_id < right_id", name="ordered"),
        CheckConstraint("decision IN ('link', 'review')", name="decision"),
        Index("ix_record_pair_right_id", "right_id"),
        Index(
            "ix_record_pair_held",
            "left_id",
            "right_id",
            postgresql_where=text("contradiction = 'brake'"),
        ),
    )
