"""Tables of what is said of identifiers: when each became shared, and what stewards declare."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from rcu.db.columns import Timestamp, one_of
from rcu.db.metadata import Base
from rcu.identity.decision_models import StewardDecision


class IdentifierStatus(StrEnum):
    """Whether an identifier designates somebody."""

    PERSONAL = "personal"
    """It counts as evidence."""
    SHARED = "shared"
    """Too many different people hold it: it finds candidates, and links nobody."""


class DeclaredStatus(StrEnum):
    """What a steward says of an identifier."""

    PERSONAL = "personal"
    """It counts, however many people hold it."""
    SHARED = "shared"
    """It links nobody, however few hold it."""
    AUTOMATIC = "automatic"
    """Its holders tell, as they do of every other identifier."""


class StatusCause(StrEnum):
    """What gave an identifier its status."""

    MESSAGE = "message"
    """A write of a source changed who holds it."""
    STEWARD = "steward"
    """A declaration, or the undoing of one."""
    RESOLUTION = "resolution"
    """A first load, or a resolution of everything, which finds it so."""


class IdentifierDeclaration(Base):
    """What a steward said of an identifier. Append-only but for the revocation, which is derived.

    Of all that was said of one identifier by decisions that are not undone, the last holds. It
    binds, unless it says `automatic`, and then `revoked_at` is null.
    """

    __tablename__ = "identifier_declaration"

    decision_id: Mapped[UUID] = mapped_column(ForeignKey(StewardDecision.id), primary_key=True)
    kind: Mapped[str]
    value: Mapped[str]
    status: Mapped[str]
    revoked_at: Mapped[datetime | None] = mapped_column(
        Timestamp, comment="since when it binds nobody; null while it binds"
    )

    __table_args__ = (
        CheckConstraint(one_of("status", DeclaredStatus), name="status"),
        Index("ix_identifier_declaration_kind_value", "kind", "value"),
        Index(
            "uq_identifier_declaration_binding",
            "kind",
            "value",
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
        ),
    )


class IdentifierStatusChange(Base):
    """The status that an identifier had from some time on. Append-only.

    An identifier that is not here was one person's since it was first seen.
    """

    __tablename__ = "identifier_status_change"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    value: Mapped[str]
    status: Mapped[str]
    holders: Mapped[int] = mapped_column(comment="profile records that held it then")
    people: Mapped[int] = mapped_column(
        comment="plainly different people among the holders, counted up to 100"
    )
    cause: Mapped[str]
    actor: Mapped[str]
    reason: Mapped[str | None]
    made_at: Mapped[datetime] = mapped_column(Timestamp)
    decision_id: Mapped[UUID | None] = mapped_column(ForeignKey(StewardDecision.id))

    __table_args__ = (
        CheckConstraint(one_of("status", IdentifierStatus), name="status"),
        CheckConstraint(one_of("cause", StatusCause), name="cause"),
        Index("ix_identifier_status_change_kind_value", "kind", "value", "id"),
    )
