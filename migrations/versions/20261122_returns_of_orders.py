"""Index returns that name an order and no ticket, for the sale of the order that comes after them.

Few tickets are such returns. The index is built concurrently: writes go on meanwhile, and so does
the previous release.

Revision ID: 20261122_returns_of_orders
Revises: 20261122_settlements_taken_back
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261122_returns_of_orders"
down_revision = "20261122_settlements_taken_back"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_ticket_without_sale",
            "ticket",
            ["order_id"],
            postgresql_where=sa.text("kind = 'return' AND original_id IS NULL"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_ticket_without_sale", "ticket")
