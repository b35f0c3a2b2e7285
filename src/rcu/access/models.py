"""Tables of access: the systems that send, and the keys that programs present."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    DDL,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    event,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from rcu.db.metadata import Base

SOURCE_CODE_PATTERN = "^[a-z][a-z0-9_]{0,31}$"
KEY_CHANGED_CHANNEL = "rcu_api_key_changed"


class SourceKind(StrEnum):
    """What kind of system a source is."""

    POS = "pos"
    ECOMMERCE = "ecommerce"
    APP = "app"
    LOYALTY = "loyalty"
    CALL_CENTRE = "call_centre"
    OTHER = "other"


class Scope(StrEnum):
    """What a key allows. A key holds one scope or more, and no scope includes another."""

    INGEST = "ingest"
    CLIENTS_READ = "clients:read"
    CLIENTS_SEARCH = "clients:search"
    CLIENTS_STEWARD = "clients:steward"
    LOYALTY_SPEND = "loyalty:spend"
    LOYALTY_MANAGE = "loyalty:manage"
    ANALYTICS_READ = "analytics:read"
    METRICS_READ = "metrics:read"
    ADMIN = "admin"


def _listed(values: type[StrEnum]) -> str:
    return ", ".join(f"'{value}'" for value in values)


class Source(Base):
    """A system that sends: a till network, an e-shop, the app, the loyalty programme."""

    __tablename__ = "source"
    __table_args__ = (
        CheckConstraint(f"code ~ '{SOURCE_CODE_PATTERN}'", name="code_is_a_slug"),
        CheckConstraint(f"kind IN ({_listed(SourceKind)})", name="kind_is_known"),
        CheckConstraint("length(name) BETWEEN 1 AND 200", name="name_is_short"),
    )

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class ApiKey(Base):
    """A key of a program: it writes as one source, or reads under a reader's name.

    The secret itself is never stored. It holds 256 random bits, so that a plain SHA-256 of it
    cannot be searched; a slow hash (bcrypt, argon2) protects secrets that people choose, and
    here would only cost each request milliseconds.
    """

    __tablename__ = "api_key"
    __table_args__ = (
        CheckConstraint("(source IS NULL) <> (reader IS NULL)", name="source_xor_reader"),
        CheckConstraint("octet_length(secret_hash) = 32", name="secret_hash_is_sha256"),
        CheckConstraint("cardinality(scopes) > 0", name="scopes_are_given"),
        CheckConstraint(f"scopes <@ ARRAY[{_listed(Scope)}]", name="scopes_are_known"),
        CheckConstraint(
            "source IS NOT NULL OR NOT 'ingest' = ANY (scopes)", name="only_sources_ingest"
        ),
        Index("ix_api_key_source", "source"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(Text, unique=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    source: Mapped[str | None] = mapped_column(ForeignKey("source.code"))
    reader: Mapped[str | None] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    name: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


NOTIFY_FUNCTION_SQL = f"""
CREATE FUNCTION notify_api_key_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('{KEY_CHANGED_CHANNEL}', coalesce(NEW.public_id, OLD.public_id));
  RETURN NULL;
END $$
"""
"""Announces a changed key to every process that caches keys.

A trigger rather than a `NOTIFY` in the service: whoever revokes a key, be it an operator with
psql in the middle of an incident, is heard. Notifications leave with the commit, so that who
hears one and asks the table sees the change.
"""

NOTIFY_TRIGGER_SQL = """
CREATE TRIGGER api_key_changed AFTER INSERT OR UPDATE OR DELETE ON api_key
FOR EACH ROW EXECUTE FUNCTION notify_api_key_changed()
"""

_table = ApiKey.__table__
assert isinstance(_table, Table)  # noqa: S101 - narrows FromClause for the type checker
for _statement in (NOTIFY_FUNCTION_SQL, NOTIFY_TRIGGER_SQL):
    # A test that builds tables without the migrations gets the trigger as well.
    event.listen(
        _table,
        "after_create",
        DDL(_statement.replace("%", "%%")),  # type: ignore[no-untyped-call]
    )
