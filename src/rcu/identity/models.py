"""Tables of the partition: source records, what finds them, and what was decided of them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import DateTime, Uuid

from rcu.db.metadata import Base

Timestamp = DateTime(timezone=True)


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


def one_of(column: str, values: type[StrEnum]) -> str:
    """Return the check that a text column holds a member of an enumeration.

    Text with a check rather than a PostgreSQL enum: a new member is a new constraint,
    which the previous release survives, not an ALTER TYPE.
    """
    members = ", ".join(f"'{value}'" for value in values)
    return f"{column} IN ({members})"


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
        ForeignKey("decision.id"), comment="the steward's decision that caused it, if one did"
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
