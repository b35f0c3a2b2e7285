"""Index decisions by their time: each is made later than the last, also when the clock went back.

Decisions are made by people and are few: the index is made in a moment.

Revision ID: 20261122_decisions_in_order
Revises: 20261122_records_on_one_clock
"""

from __future__ import annotations

from alembic import op

revision = "20261122_decisions_in_order"
down_revision = "20261122_records_on_one_clock"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    op.create_index("ix_decision_made_at", "decision", ["made_at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_decision_made_at", table_name="decision")
