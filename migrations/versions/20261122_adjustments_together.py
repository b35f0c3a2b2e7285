"""Find the adjustments of a record by their time: those of one day count together.

Revision ID: 20261122_adjustments_together
Revises: 20261122_enter_new_profile
"""

from __future__ import annotations

from alembic import op

revision = "20261122_adjustments_together"
down_revision = "20261122_enter_new_profile"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.create_index(
        "ix_points_adjustment_record_id", "points_adjustment", ["record_id", "proposed_at"]
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_points_adjustment_record_id", "points_adjustment")
