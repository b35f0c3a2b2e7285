"""Keep what changes in the attach rate apart by period, so that the past is told from rollups.

A figure as it was known at a time is the cells less what changed since the boundary nearest to it,
and the tickets that changed between the two: those are found by when they were received. That index
is built concurrently: tickets go on coming in. The past of a base that has tickets already is
counted by the service, period by period, the newest first.

Revision ID: 20261122_attach_rate_periods
Revises: 20261122_enter_new_record
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261122_attach_rate_periods"
down_revision = "20261122_enter_new_record"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index, then the tables."""
    with op.get_context().autocommit_block():
        # A build that was broken off leaves an index that is not used.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_ticket_received_at")
        op.create_index(
            "ix_ticket_received_at", "ticket", ["received_at"], postgresql_concurrently=True
        )
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "attach_rate_boundary",
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="what was made known then belongs before it",
        ),
        sa.PrimaryKeyConstraint("at", name=op.f("pk_attach_rate_boundary")),
    )
    _create_cell_changes()


def _create_cell_changes() -> None:
    op.create_table(
        "attach_rate_cell_change",
        sa.Column(
            "since",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="the boundary before the changes",
        ),
        sa.Column("id", sa.Uuid(), nullable=False, comment="of the cell, which may be gone"),
        sa.Column("grain", sa.String(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("store", sa.String(), nullable=True),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("till", sa.String(), nullable=True),
        sa.Column("cashier", sa.String(), nullable=True),
        sa.Column("hour", sa.SmallInteger(), nullable=True),
        sa.Column("sale_method", sa.String(), nullable=True),
        sa.Column("sale_reason", sa.String(), nullable=True),
        sa.Column("method", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("is_missed", sa.Boolean(), nullable=False),
        sa.Column("tickets", sa.BigInteger(), nullable=False, comment="more of them, or fewer"),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("accounts_opened", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("since", "id", name=op.f("pk_attach_rate_cell_change")),
    )
    op.create_index(
        "ix_attach_rate_cell_change_grain",
        "attach_rate_cell_change",
        ["grain", "business_date", "since"],
    )


def downgrade() -> None:
    """Tell the past ticket by ticket again."""
    op.drop_index("ix_ticket_received_at", table_name="ticket")
    op.drop_table("attach_rate_cell_change")
    op.drop_table("attach_rate_boundary")
