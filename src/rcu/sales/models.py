"""Tables of facts: stores, tickets, orders, events, and totals per source record."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from rcu.db.columns import Timestamp
from rcu.db.metadata import Base


class Store(Base):
    """A shop; its time zone says which business day a sale belongs to."""

    __tablename__ = "store"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    postcode: Mapped[str | None]
    city: Mapped[str | None]
    country: Mapped[str] = mapped_column(server_default=text("'FR'"))
    timezone: Mapped[str] = mapped_column(server_default=text("'Europe/Paris'"))
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=text("now()"))


class Ticket(Base):
    """A sale, a return or a void. It hangs on the source record its identifiers named."""

    __tablename__ = "ticket"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(ForeignKey("source.code"))
    ticket_id: Mapped[str] = mapped_column(comment="the id given by the source")
    message_id: Mapped[str]
    content_digest: Mapped[bytes] = mapped_column(
        LargeBinary, comment="SHA-256 of the content without the message id"
    )
    kind: Mapped[str]
    store: Mapped[str | None] = mapped_column(ForeignKey("store.code"))
    till: Mapped[str | None]
    number: Mapped[int | None] = mapped_column(BigInteger)
    business_date: Mapped[date]
    sold_at: Mapped[datetime] = mapped_column(Timestamp)
    received_at: Mapped[datetime] = mapped_column(Timestamp)
    channel: Mapped[str]
    currency: Mapped[str]
    total_cents: Mapped[int] = mapped_column(BigInteger)
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    payments: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    cashier: Mapped[str | None]
    order_id: Mapped[str | None]
    fulfilment: Mapped[str | None]
    original_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("ticket.id"), comment="the ticket that this one returns or voids"
    )
    voided_by: Mapped[UUID | None] = mapped_column(comment="the ticket that cancelled this one")
    presented: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB, comment="the identifiers that the sale carried, as received"
    )
    record_id: Mapped[UUID | None] = mapped_column(ForeignKey("source_record.id"))
    link: Mapped[str] = mapped_column(
        comment="how it came to its record: identifiers, original, order, claim, steward, none; or "
        "detached, by a steward, so that nothing it carries attaches it"
    )
    sale_client_id: Mapped[UUID | None] = mapped_column(
        comment="the known client it was attached to when it was received"
    )
    sale_method: Mapped[str | None]
    sale_reason: Mapped[str | None] = mapped_column(
        comment="why it was attached to nobody when it was received: not_asked, unknown, mistyped, "
        "unreadable, ambiguous, shared"
    )
    credits: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB,
        server_default=text("'[]'"),
        comment="staff credited with it: {staff, percent, rule}, which sum to 100; a return takes "
        "back from those of the ticket it returns",
    )

    __table_args__ = (
        CheckConstraint("kind IN ('sale', 'return', 'void')", name="kind"),
        CheckConstraint(
            "link IN ('identifiers', 'original', 'order', 'claim', 'steward', 'detached', 'none')",
            name="link",
        ),
        CheckConstraint(
            "sale_reason IN ('not_asked', 'unknown', 'mistyped', 'unreadable', 'ambiguous', "
            "'shared')",
            name="sale_reason",
        ),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        Index("uq_ticket_source_ticket_id", "source", "ticket_id", unique=True),
        Index(
            "uq_ticket_printed", "source", "store", "till", "business_date", "number", unique=True
        ),
        Index("ix_ticket_record_id", "record_id", "sold_at"),
        Index("ix_ticket_business_date", "business_date", "id"),
        Index("ix_ticket_received_at", "received_at"),
        Index(
            "ix_ticket_original_id", "original_id", postgresql_where=text("original_id IS NOT NULL")
        ),
        Index("ix_ticket_order_id", "order_id", postgresql_where=text("order_id IS NOT NULL")),
        Index(
            "ix_ticket_without_sale",
            "order_id",
            postgresql_where=text("kind = 'return' AND original_id IS NULL"),
        ),
        Index(
            "ix_ticket_missed",
            "id",
            postgresql_where=text("sale_reason IN ('unknown', 'mistyped')"),
        ),
    )


class TicketLinkChange(Base):
    """What a ticket hung on before and after something that came later than its sale. Append-only.

    The ticket itself says what it hangs on now; `sale_client_id` and `sale_method` what it was
    attached by when it was received.
    """

    __tablename__ = "ticket_link_change"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    made_at: Mapped[datetime] = mapped_column(Timestamp)
    old_link: Mapped[str]
    old_record_id: Mapped[UUID | None] = mapped_column(ForeignKey("source_record.id"))
    link: Mapped[str]
    record_id: Mapped[UUID | None] = mapped_column(ForeignKey("source_record.id"))
    actor: Mapped[str] = mapped_column(comment="service, or the key of who asked for it")
    reason: Mapped[str | None]
    evidence: Mapped[dict[str, Any]] = mapped_column(
        JSONB, comment="what it rests on, by ids: claim_id, suggestion_id, order_id, original_id"
    )

    __table_args__ = (Index("ix_ticket_link_change_ticket_id", "ticket_id", "made_at"),)


class ClaimOutcome(StrEnum):
    """What became of a claim."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


class TicketClaim(Base):
    """A try to claim a ticket by what is printed on it, whatever came of it. Append-only."""

    __tablename__ = "ticket_claim"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    made_at: Mapped[datetime] = mapped_column(Timestamp)
    actor: Mapped[str]
    record_id: Mapped[UUID] = mapped_column(
        ForeignKey("source_record.id"), comment="the record of the person who claims"
    )
    client_id: Mapped[UUID] = mapped_column(comment="the client of the record at that time")
    store: Mapped[str]
    till: Mapped[str]
    number: Mapped[int] = mapped_column(BigInteger)
    business_date: Mapped[date]
    total_cents: Mapped[int] = mapped_column(BigInteger)
    outcome: Mapped[str]
    ticket_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("ticket.id"), comment="the ticket, when the claim was accepted"
    )

    __table_args__ = (
        CheckConstraint("outcome IN ('accepted', 'refused')", name="outcome"),
        CheckConstraint("(outcome = 'accepted') = (ticket_id IS NOT NULL)", name="ticket"),
        Index("ix_ticket_claim_client_id", "client_id", "made_at"),
        Index("ix_ticket_claim_till", "store", "till", "made_at"),
        Index(
            "uq_ticket_claim_accepted",
            "ticket_id",
            unique=True,
            postgresql_where=text("ticket_id IS NOT NULL"),
        ),
    )


class TicketSuggestion(Base):
    """A client to whom a ticket may belong: what it carried is one slip away from theirs."""

    __tablename__ = "ticket_suggestion"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    record_id: Mapped[UUID] = mapped_column(
        ForeignKey("source_record.id"), comment="the profile that states the neighbour"
    )
    kind: Mapped[str] = mapped_column(comment="card or email: what was mistyped")
    fits: Mapped[list[str]] = mapped_column(
        ARRAY(Text), comment="what else points to the client: payment_token, store"
    )
    made_at: Mapped[datetime] = mapped_column(Timestamp)
    verdict: Mapped[str | None] = mapped_column(comment="accepted or rejected; null while open")
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)
    actor: Mapped[str | None]
    reason: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("verdict IN ('accepted', 'rejected')", name="verdict"),
        CheckConstraint("kind IN ('card', 'email')", name="kind"),
        Index("uq_ticket_suggestion_ticket_record", "ticket_id", "record_id", unique=True),
        Index(
            "ix_ticket_suggestion_open",
            "made_at",
            "id",
            postgresql_where=text("verdict IS NULL"),
        ),
    )


class SalesOrder(Base):
    """A web order: its newest known state. The steps are kept beside it."""

    __tablename__ = "sales_order"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(ForeignKey("source.code"))
    order_id: Mapped[str]
    status: Mapped[str]
    placed_at: Mapped[datetime] = mapped_column(Timestamp)
    changed_at: Mapped[datetime] = mapped_column(
        Timestamp, comment="occurred_at of the newest step"
    )
    received_at: Mapped[datetime] = mapped_column(Timestamp)
    channel: Mapped[str]
    currency: Mapped[str]
    total_cents: Mapped[int] = mapped_column(BigInteger)
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    payments: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    store: Mapped[str | None] = mapped_column(ForeignKey("store.code"))
    fulfilment: Mapped[str | None]
    record_id: Mapped[UUID | None] = mapped_column(ForeignKey("source_record.id"))
    sellers: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB,
        server_default=text("'[]'"),
        comment="staff who made the order with the client: {staff, percent}, which sum to 100",
    )

    __table_args__ = (
        Index("uq_sales_order_source_order_id", "source", "order_id", unique=True),
        Index("ix_sales_order_record_id", "record_id", "changed_at"),
        Index("ix_sales_order_order_id", "order_id"),
    )


class OrderStep(Base):
    """One step in the life of an order. Append-only."""

    __tablename__ = "order_step"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("sales_order.id"))
    status: Mapped[str]
    occurred_at: Mapped[datetime] = mapped_column(Timestamp)
    message_id: Mapped[str]
    stated: Mapped[dict[str, Any]] = mapped_column(
        JSONB, comment="what the step says of the order itself"
    )
    record_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("source_record.id"), comment="of whom the step says that the order is"
    )
    names_a_person: Mapped[bool] = mapped_column(
        server_default=text("false"), comment="else the record is of a payment account or a device"
    )

    __table_args__ = (Index("ix_order_step_order_id", "order_id", "occurred_at"),)


class Event(Base):
    """Something a person did that is no sale."""

    __tablename__ = "event"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(ForeignKey("source.code"))
    message_id: Mapped[str]
    name: Mapped[str]
    occurred_at: Mapped[datetime] = mapped_column(Timestamp)
    received_at: Mapped[datetime] = mapped_column(Timestamp)
    channel: Mapped[str]
    properties: Mapped[dict[str, Any]] = mapped_column(JSONB)
    record_id: Mapped[UUID | None] = mapped_column(ForeignKey("source_record.id"))

    __table_args__ = (Index("ix_event_record_id", "record_id", "occurred_at"),)


class PurchaseTotal(Base):
    """What was bought under one source record, per channel, store and currency.

    Kept with each ticket, so that the totals of a client are a sum over a few rows;
    `store` is empty for sales without one.
    """

    __tablename__ = "purchase_total"

    record_id: Mapped[UUID] = mapped_column(ForeignKey("source_record.id"))
    channel: Mapped[str]
    store: Mapped[str]
    currency: Mapped[str]
    sales: Mapped[int]
    returns: Mapped[int]
    amount_cents: Mapped[int] = mapped_column(BigInteger, comment="returns deducted")
    first_at: Mapped[datetime | None] = mapped_column(Timestamp)
    last_at: Mapped[datetime | None] = mapped_column(Timestamp)

    __table_args__ = (PrimaryKeyConstraint("record_id", "channel", "store", "currency"),)
