"""Let tickets find their client after the sale: by claim, steward, or an order that comes later.

A ticket says why it was left without a client when it was received, and which staff are credited
with it. Tickets that are there keep null and nobody: what was known then is not made up afterwards.

Revision ID: 20261122_later_attachment
Revises: 20261122_placement_changes
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261122_later_attachment"
down_revision = "20261122_placement_changes"
branch_labels = None
depends_on = None

_LINKS_BEFORE = "link IN ('identifiers', 'original', 'order', 'none')"
_LINKS = "link IN ('identifiers', 'original', 'order', 'claim', 'steward', 'detached', 'none')"
_LINK_COMMENT_BEFORE = "how it came to its record: identifiers, original, order, or none"
_LINK_COMMENT = (
    "how it came to its record: identifiers, original, order, claim, steward, none; or detached, "
    "by a steward, so that nothing it carries attaches it"
)
_REASONS = (
    "sale_reason IN ('not_asked', 'unknown', 'mistyped', 'unreadable', 'ambiguous', 'shared')"
)


def upgrade() -> None:
    """Add what tickets say, then the tables of what comes later."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    _upgrade_tickets()
    op.add_column(
        "sales_order",
        sa.Column(
            "sellers",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
            comment="staff who made the order with the client: {staff, percent}, which sum to 100",
        ),
    )
    _create_changes()
    _create_claims()
    _create_suggestions()


def _upgrade_tickets() -> None:
    op.add_column(
        "ticket",
        sa.Column(
            "sale_reason",
            sa.String(),
            nullable=True,
            comment="why it was attached to nobody when it was received: not_asked, unknown, "
            "mistyped, unreadable, ambiguous, shared",
        ),
    )
    op.add_column(
        "ticket",
        sa.Column(
            "credits",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
            comment="staff credited with it: {staff, percent, rule}, which sum to 100; a return "
            "takes back from those of the ticket it returns",
        ),
    )
    op.create_check_constraint(op.f("ck_ticket_sale_reason"), "ticket", _REASONS)
    op.create_index(
        "ix_ticket_missed",
        "ticket",
        ["id"],
        postgresql_where=sa.text("sale_reason IN ('unknown', 'mistyped')"),
    )
    op.drop_constraint(op.f("ck_ticket_link"), "ticket", type_="check")
    op.create_check_constraint(op.f("ck_ticket_link"), "ticket", _LINKS)
    op.alter_column(
        "ticket", "link", existing_type=sa.String(), existing_nullable=False, comment=_LINK_COMMENT
    )


def _create_changes() -> None:
    op.create_table(
        "ticket_link_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("old_link", sa.String(), nullable=False),
        sa.Column("old_record_id", sa.Uuid(), nullable=True),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=True),
        sa.Column(
            "actor",
            sa.String(),
            nullable=False,
            comment="service, or the key of who asked for it",
        ),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column(
            "evidence",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="what it rests on, by ids: claim_id, suggestion_id, order_id, original_id",
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_link_change_ticket_id_ticket")
        ),
        sa.ForeignKeyConstraint(
            ["old_record_id"],
            ["source_record.id"],
            name=op.f("fk_ticket_link_change_old_record_id_source_record"),
        ),
        sa.ForeignKeyConstraint(
            ["record_id"],
            ["source_record.id"],
            name=op.f("fk_ticket_link_change_record_id_source_record"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_link_change")),
    )
    op.create_index(
        "ix_ticket_link_change_ticket_id", "ticket_link_change", ["ticket_id", "made_at"]
    )


def _create_claims() -> None:
    op.create_table(
        "ticket_claim",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column(
            "record_id",
            sa.Uuid(),
            nullable=False,
            comment="the record of the person who claims",
        ),
        sa.Column(
            "client_id",
            sa.Uuid(),
            nullable=False,
            comment="the client of the record at that time",
        ),
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("till", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column(
            "ticket_id",
            sa.Uuid(),
            nullable=True,
            comment="the ticket, when the claim was accepted",
        ),
        sa.CheckConstraint(
            "outcome IN ('accepted', 'refused')", name=op.f("ck_ticket_claim_outcome")
        ),
        sa.CheckConstraint(
            "(outcome = 'accepted') = (ticket_id IS NOT NULL)", name=op.f("ck_ticket_claim_ticket")
        ),
        sa.ForeignKeyConstraint(
            ["record_id"],
            ["source_record.id"],
            name=op.f("fk_ticket_claim_record_id_source_record"),
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_claim_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_claim")),
    )
    op.create_index("ix_ticket_claim_client_id", "ticket_claim", ["client_id", "made_at"])
    op.create_index("ix_ticket_claim_till", "ticket_claim", ["store", "till", "made_at"])
    op.create_index(
        "uq_ticket_claim_accepted",
        "ticket_claim",
        ["ticket_id"],
        unique=True,
        postgresql_where=sa.text("ticket_id IS NOT NULL"),
    )


def _create_suggestions() -> None:
    op.create_table(
        "ticket_suggestion",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column(
            "record_id",
            sa.Uuid(),
            nullable=False,
            comment="the profile that states the neighbour",
        ),
        sa.Column("kind", sa.String(), nullable=False, comment="card or email: what was mistyped"),
        sa.Column(
            "fits",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="what else points to the client: payment_token, store",
        ),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "verdict",
            sa.String(),
            nullable=True,
            comment="accepted or rejected; null while open",
        ),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("actor", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.CheckConstraint(
            "verdict IN ('accepted', 'rejected')", name=op.f("ck_ticket_suggestion_verdict")
        ),
        sa.CheckConstraint("kind IN ('card', 'email')", name=op.f("ck_ticket_suggestion_kind")),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_suggestion_ticket_id_ticket")
        ),
        sa.ForeignKeyConstraint(
            ["record_id"],
            ["source_record.id"],
            name=op.f("fk_ticket_suggestion_record_id_source_record"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_suggestion")),
    )
    op.create_index(
        "uq_ticket_suggestion_ticket_record",
        "ticket_suggestion",
        ["ticket_id", "record_id"],
        unique=True,
    )
    op.create_index(
        "ix_ticket_suggestion_open",
        "ticket_suggestion",
        ["made_at", "id"],
        postgresql_where=sa.text("verdict IS NULL"),
    )


def downgrade() -> None:
    """Forget what came later; tickets that hung on something by it hang on it no more."""
    for table in ("ticket_suggestion", "ticket_claim", "ticket_link_change"):
        op.drop_table(table)
    op.drop_column("sales_order", "sellers")
    op.drop_index("ix_ticket_missed", table_name="ticket")
    op.drop_column("ticket", "credits")
    op.drop_column("ticket", "sale_reason")
    op.execute(
        "UPDATE ticket SET link = CASE WHEN record_id IS NULL THEN 'none' ELSE 'identifiers' END "
        "WHERE link IN ('claim', 'steward', 'detached')"
    )
    op.drop_constraint(op.f("ck_ticket_link"), "ticket", type_="check")
    op.create_check_constraint(op.f("ck_ticket_link"), "ticket", _LINKS_BEFORE)
    op.alter_column(
        "ticket",
        "link",
        existing_type=sa.String(),
        existing_nullable=False,
        comment=_LINK_COMMENT_BEFORE,
    )
