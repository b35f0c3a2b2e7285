"""Make the first tables: sources and keys, the inbox, the partition, sales, golden records.

Revision ID: 20261121_first_tables
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261121_first_tables"
down_revision = None
branch_labels = None
depends_on = None

# Who caches keys hears of a change when it is committed, whoever makes it and by whatever means.
NOTIFY_FUNCTION = """
CREATE FUNCTION notify_api_key_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('rcu_api_key_changed', coalesce(NEW.public_id, OLD.public_id));
  RETURN NULL;
END $$
"""
NOTIFY_TRIGGER = """
CREATE TRIGGER api_key_changed AFTER INSERT OR UPDATE OR DELETE ON api_key
FOR EACH ROW EXECUTE FUNCTION notify_api_key_changed()
"""


def upgrade() -> None:
    """Make every table of the first release."""
    op.create_table(
        "client",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("known", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client")),
    )
    op.create_table(
        "golden_record",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("golden", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "search_terms",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="normalised words, sounds and ends of numbers that find the client",
        ),
        sa.Column("rebuilt_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_golden_record")),
    )
    op.create_index(
        "ix_golden_record_search_terms",
        "golden_record",
        ["search_terms"],
        unique=False,
        postgresql_using="gin",
    )
    op.create_table(
        "identity_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column(
            "client_id",
            sa.Uuid(),
            nullable=False,
            comment="the client that the records are with now",
        ),
        sa.Column(
            "other_client_id", sa.Uuid(), nullable=True, comment="the client they were with before"
        ),
        sa.Column("record_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("cause", sa.String(), nullable=False, comment="message, judgement or resolution"),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('merge', 'split', 'move')", name=op.f("ck_identity_change_kind")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_change")),
    )
    op.create_index(
        "ix_identity_change_client_id", "identity_change", ["client_id", "made_at"], unique=False
    )
    op.create_index(
        "ix_identity_change_other_client_id",
        "identity_change",
        ["other_client_id", "made_at"],
        unique=False,
    )
    op.create_table(
        "inbox_payload",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint(
            "source", "message_id", "received_at", name=op.f("pk_inbox_payload")
        ),
        postgresql_partition_by="RANGE (received_at)",
    )
    op.create_table(
        "parked_message",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column(
            "waits_for",
            sa.String(),
            nullable=False,
            comment="such as store:S001 or ticket:S001-01-...",
        ),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("source", "message_id", name=op.f("pk_parked_message")),
    )
    op.create_index(
        "ix_parked_message_parked_at",
        "parked_message",
        ["parked_at", "source", "message_id"],
        unique=False,
        postgresql_where=sa.text("applied_at IS NULL"),
    )
    op.create_index(
        "ix_parked_message_waits_for",
        "parked_message",
        ["waits_for"],
        unique=False,
        postgresql_where=sa.text("applied_at IS NULL"),
    )
    op.create_table(
        "source",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "code ~ '^[a-z][a-z0-9_]{0,31}$'", name=op.f("ck_source_code_is_a_slug")
        ),
        sa.CheckConstraint(
            "kind IN ('pos', 'ecommerce', 'app', 'loyalty', 'call_centre', 'other')",
            name=op.f("ck_source_kind_is_known"),
        ),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 200", name=op.f("ck_source_name_is_short")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_source")),
    )
    op.create_table(
        "store",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("postcode", sa.String(), nullable=True),
        sa.Column("city", sa.String(), nullable=True),
        sa.Column("country", sa.String(), server_default=sa.text("'FR'"), nullable=False),
        sa.Column(
            "timezone", sa.String(), server_default=sa.text("'Europe/Paris'"), nullable=False
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_store")),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("reader", sa.Text(), nullable=True),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "scopes <@ ARRAY['ingest', 'clients:read', 'clients:search', 'clients:steward', "
            "'metrics:read', 'admin']",
            name=op.f("ck_api_key_scopes_are_known"),
        ),
        sa.CheckConstraint(
            "source IS NOT NULL OR NOT 'ingest' = ANY (scopes)",
            name=op.f("ck_api_key_only_sources_ingest"),
        ),
        sa.CheckConstraint(
            "(source IS NULL) <> (reader IS NULL)", name=op.f("ck_api_key_source_xor_reader")
        ),
        sa.CheckConstraint("cardinality(scopes) > 0", name=op.f("ck_api_key_scopes_are_given")),
        sa.CheckConstraint(
            "octet_length(secret_hash) = 32", name=op.f("ck_api_key_secret_hash_is_sha256")
        ),
        sa.ForeignKeyConstraint(["source"], ["source.code"], name=op.f("fk_api_key_source_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("public_id", name=op.f("uq_api_key_public_id")),
    )
    op.create_index("ix_api_key_source", "api_key", ["source"], unique=False)
    op.create_table(
        "inbox_message",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column(
            "digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the canonical payload"
        ),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "status", sa.SmallInteger(), nullable=False, comment="HTTP status first answered"
        ),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=True, comment="the record of a profile message"),
        sa.ForeignKeyConstraint(
            ["source"], ["source.code"], name=op.f("fk_inbox_message_source_source")
        ),
        sa.PrimaryKeyConstraint("source", "message_id", name=op.f("pk_inbox_message")),
    )
    op.create_index(
        "ix_inbox_message_record_id",
        "inbox_message",
        ["record_id", "received_at"],
        unique=False,
        postgresql_where=sa.text("record_id IS NOT NULL"),
    )
    op.create_table(
        "source_record",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("placement", sa.String(), nullable=False),
        sa.Column(
            "profile",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="attribute -> {value, occurred_at, message_id}: last writer wins, each",
        ),
        sa.Column(
            "features",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="normalised, for comparing",
        ),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('profile', 'reference', 'identifiers')", name=op.f("ck_source_record_kind")
        ),
        sa.CheckConstraint(
            "placement IN ('matching', 'own_record', 'card', 'app_scan', 'email', 'phone', "
            "'payment_token', 'device', 'none')",
            name=op.f("ck_source_record_placement"),
        ),
        sa.ForeignKeyConstraint(
            ["source"], ["source.code"], name=op.f("fk_source_record_source_source")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source_record")),
    )
    op.create_index("ix_source_record_client_id", "source_record", ["client_id"], unique=False)
    op.create_index(
        "uq_source_record_source_external_id",
        "source_record",
        ["source", "external_id"],
        unique=True,
    )
    op.create_table(
        "blocking_key",
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["record_id"],
            ["source_record.id"],
            name=op.f("fk_blocking_key_record_id_source_record"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("key", "record_id", name=op.f("pk_blocking_key")),
    )
    op.create_index("ix_blocking_key_record_id", "blocking_key", ["record_id"], unique=False)
    op.create_table(
        "event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("properties", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["record_id"], ["source_record.id"], name=op.f("fk_event_record_id_source_record")
        ),
        sa.ForeignKeyConstraint(["source"], ["source.code"], name=op.f("fk_event_source_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    op.create_index("ix_event_record_id", "event", ["record_id", "occurred_at"], unique=False)
    op.create_table(
        "identifier",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column(
            "origin",
            sa.String(),
            nullable=False,
            comment="profile, or ticket when a sale showed it",
        ),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("origin IN ('profile', 'ticket')", name=op.f("ck_identifier_origin")),
        sa.ForeignKeyConstraint(
            ["record_id"],
            ["source_record.id"],
            name=op.f("fk_identifier_record_id_source_record"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("kind", "value", "record_id", "origin", name=op.f("pk_identifier")),
    )
    op.create_index("ix_identifier_record_id", "identifier", ["record_id"], unique=False)
    op.create_table(
        "judgement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("left_id", sa.Uuid(), nullable=False),
        sa.Column("right_id", sa.Uuid(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.String(), nullable=True),
        sa.CheckConstraint("verdict IN ('match', 'no_match')", name=op.f("ck_judgement_verdict")),
        sa.CheckConstraint("left_id < right_id", name=op.f("ck_judgement_ordered")),
        sa.ForeignKeyConstraint(
            ["left_id"],
            ["source_record.id"],
            name=op.f("fk_judgement_left_id_source_record"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["right_id"],
            ["source_record.id"],
            name=op.f("fk_judgement_right_id_source_record"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_judgement")),
    )
    op.create_index("ix_judgement_right_id", "judgement", ["right_id"], unique=False)
    op.create_index(
        "uq_judgement_binding_pair",
        "judgement",
        ["left_id", "right_id"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_table(
        "purchase_total",
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("sales", sa.Integer(), nullable=False),
        sa.Column("returns", sa.Integer(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False, comment="returns deducted"),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["record_id"],
            ["source_record.id"],
            name=op.f("fk_purchase_total_record_id_source_record"),
        ),
        sa.PrimaryKeyConstraint(
            "record_id", "channel", "store", "currency", name=op.f("pk_purchase_total")
        ),
    )
    op.create_table(
        "record_pair",
        sa.Column("left_id", sa.Uuid(), nullable=False),
        sa.Column("right_id", sa.Uuid(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("contradiction", sa.String(), nullable=True),
        sa.Column("model_version", sa.String(), nullable=False),
        sa.Column("scored_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("decision IN ('link', 'review')", name=op.f("ck_record_pair_decision")),
        sa.CheckConstraint("left_id < right_id", name=op.f("ck_record_pair_ordered")),
        sa.ForeignKeyConstraint(
            ["left_id"],
            ["source_record.id"],
            name=op.f("fk_record_pair_left_id_source_record"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["right_id"],
            ["source_record.id"],
            name=op.f("fk_record_pair_right_id_source_record"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("left_id", "right_id", name=op.f("pk_record_pair")),
    )
    op.create_index("ix_record_pair_right_id", "record_pair", ["right_id"], unique=False)
    op.create_table(
        "sales_order",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="occurred_at of the newest step",
        ),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("payments", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("store", sa.String(), nullable=True),
        sa.Column("fulfilment", sa.String(), nullable=True),
        sa.Column("record_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["record_id"], ["source_record.id"], name=op.f("fk_sales_order_record_id_source_record")
        ),
        sa.ForeignKeyConstraint(
            ["source"], ["source.code"], name=op.f("fk_sales_order_source_source")
        ),
        sa.ForeignKeyConstraint(["store"], ["store.code"], name=op.f("fk_sales_order_store_store")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_order")),
    )
    op.create_index("ix_sales_order_order_id", "sales_order", ["order_id"], unique=False)
    op.create_index(
        "ix_sales_order_record_id", "sales_order", ["record_id", "changed_at"], unique=False
    )
    op.create_index(
        "uq_sales_order_source_order_id", "sales_order", ["source", "order_id"], unique=True
    )
    op.create_table(
        "ticket",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("ticket_id", sa.String(), nullable=False, comment="the id given by the source"),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column(
            "content_digest",
            sa.LargeBinary(),
            nullable=False,
            comment="SHA-256 of the content without the message id",
        ),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("store", sa.String(), nullable=True),
        sa.Column("till", sa.String(), nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("sold_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("payments", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("cashier", sa.String(), nullable=True),
        sa.Column("order_id", sa.String(), nullable=True),
        sa.Column("fulfilment", sa.String(), nullable=True),
        sa.Column(
            "original_id",
            sa.Uuid(),
            nullable=True,
            comment="the ticket that this one returns or voids",
        ),
        sa.Column(
            "voided_by", sa.Uuid(), nullable=True, comment="the ticket that cancelled this one"
        ),
        sa.Column(
            "presented",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="the identifiers that the sale carried, as received",
        ),
        sa.Column("record_id", sa.Uuid(), nullable=True),
        sa.Column(
            "link",
            sa.String(),
            nullable=False,
            comment="how it came to its record: identifiers, original, order, or none",
        ),
        sa.Column(
            "sale_client_id",
            sa.Uuid(),
            nullable=True,
            comment="the known client it was attached to when it was received",
        ),
        sa.Column("sale_method", sa.String(), nullable=True),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_ticket_currency")),
        sa.CheckConstraint("kind IN ('sale', 'return', 'void')", name=op.f("ck_ticket_kind")),
        sa.CheckConstraint(
            "link IN ('identifiers', 'original', 'order', 'none')", name=op.f("ck_ticket_link")
        ),
        sa.ForeignKeyConstraint(
            ["original_id"], ["ticket.id"], name=op.f("fk_ticket_original_id_ticket")
        ),
        sa.ForeignKeyConstraint(
            ["record_id"], ["source_record.id"], name=op.f("fk_ticket_record_id_source_record")
        ),
        sa.ForeignKeyConstraint(["source"], ["source.code"], name=op.f("fk_ticket_source_source")),
        sa.ForeignKeyConstraint(["store"], ["store.code"], name=op.f("fk_ticket_store_store")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket")),
    )
    op.create_index(
        "ix_ticket_order_id",
        "ticket",
        ["order_id"],
        unique=False,
        postgresql_where=sa.text("order_id IS NOT NULL"),
    )
    op.create_index(
        "ix_ticket_original_id",
        "ticket",
        ["original_id"],
        unique=False,
        postgresql_where=sa.text("original_id IS NOT NULL"),
    )
    op.create_index("ix_ticket_record_id", "ticket", ["record_id", "sold_at"], unique=False)
    op.create_index(
        "uq_ticket_printed",
        "ticket",
        ["source", "store", "till", "business_date", "number"],
        unique=True,
    )
    op.create_index("uq_ticket_source_ticket_id", "ticket", ["source", "ticket_id"], unique=True)
    op.create_table(
        "order_step",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column(
            "stated",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="what the step says of the order itself",
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["sales_order.id"], name=op.f("fk_order_step_order_id_sales_order")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_step")),
    )
    op.create_index(
        "ix_order_step_order_id", "order_step", ["order_id", "occurred_at"], unique=False
    )
    # Nothing is refused for want of a month: `rcu migrate` makes the months ahead.
    op.execute("CREATE TABLE inbox_payload_default PARTITION OF inbox_payload DEFAULT")
    op.execute(NOTIFY_FUNCTION)
    op.execute(NOTIFY_TRIGGER)


def downgrade() -> None:
    """Drop every table."""
    op.drop_index("ix_order_step_order_id", table_name="order_step")
    op.drop_table("order_step")
    op.drop_index("uq_ticket_source_ticket_id", table_name="ticket")
    op.drop_index("uq_ticket_printed", table_name="ticket")
    op.drop_index("ix_ticket_record_id", table_name="ticket")
    op.drop_index(
        "ix_ticket_original_id",
        table_name="ticket",
        postgresql_where=sa.text("original_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_ticket_order_id", table_name="ticket", postgresql_where=sa.text("order_id IS NOT NULL")
    )
    op.drop_table("ticket")
    op.drop_index("uq_sales_order_source_order_id", table_name="sales_order")
    op.drop_index("ix_sales_order_record_id", table_name="sales_order")
    op.drop_index("ix_sales_order_order_id", table_name="sales_order")
    op.drop_table("sales_order")
    op.drop_index("ix_record_pair_right_id", table_name="record_pair")
    op.drop_table("record_pair")
    op.drop_table("purchase_total")
    op.drop_index(
        "uq_judgement_binding_pair",
        table_name="judgement",
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.drop_index("ix_judgement_right_id", table_name="judgement")
    op.drop_table("judgement")
    op.drop_index("ix_identifier_record_id", table_name="identifier")
    op.drop_table("identifier")
    op.drop_index("ix_event_record_id", table_name="event")
    op.drop_table("event")
    op.drop_index("ix_blocking_key_record_id", table_name="blocking_key")
    op.drop_table("blocking_key")
    op.drop_index("uq_source_record_source_external_id", table_name="source_record")
    op.drop_index("ix_source_record_client_id", table_name="source_record")
    op.drop_table("source_record")
    op.drop_index(
        "ix_inbox_message_record_id",
        table_name="inbox_message",
        postgresql_where=sa.text("record_id IS NOT NULL"),
    )
    op.drop_table("inbox_message")
    op.drop_index("ix_api_key_source", table_name="api_key")
    op.drop_table("api_key")
    op.drop_table("store")
    op.drop_table("source")
    op.drop_index(
        "ix_parked_message_waits_for",
        table_name="parked_message",
        postgresql_where=sa.text("applied_at IS NULL"),
    )
    op.drop_index(
        "ix_parked_message_parked_at",
        table_name="parked_message",
        postgresql_where=sa.text("applied_at IS NULL"),
    )
    op.drop_table("parked_message")
    op.drop_table("inbox_payload")
    op.drop_index("ix_identity_change_other_client_id", table_name="identity_change")
    op.drop_index("ix_identity_change_client_id", table_name="identity_change")
    op.drop_table("identity_change")
    op.drop_index(
        "ix_golden_record_search_terms", table_name="golden_record", postgresql_using="gin"
    )
    op.drop_table("golden_record")
    op.drop_table("client")
    op.execute("DROP FUNCTION notify_api_key_changed")
