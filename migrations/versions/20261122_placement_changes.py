"""Keep when a record known by identifiers found its owner, or lost it, and by what.

Revision ID: 20261122_placement_changes
Revises: 20261122_blocking_key_faces
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261122_placement_changes"
down_revision = "20261122_blocking_key_faces"
branch_labels = None
depends_on = None

_PLACEMENTS = (
    "placement IN ('matching', 'own_record', 'card', 'app_scan', 'email', 'phone', "
    "'payment_token', 'device', 'none', 'ambiguous', 'shared')"
)


def upgrade() -> None:
    """Make the table of placement changes."""
    op.create_table(
        "placement_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "client_id", sa.Uuid(), nullable=False, comment="the client that it is with since"
        ),
        sa.Column(
            "placement",
            sa.String(),
            nullable=False,
            comment="by what, or why it has no owner",
        ),
        sa.Column("cause", sa.String(), nullable=False, comment="message, judgement or resolution"),
        sa.Column("actor", sa.String(), nullable=False),
        sa.CheckConstraint(_PLACEMENTS, name=op.f("ck_placement_change_placement")),
        sa.ForeignKeyConstraint(
            ["record_id"],
            ["source_record.id"],
            name=op.f("fk_placement_change_record_id_source_record"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_placement_change")),
    )
    op.create_index("ix_placement_change_record_id", "placement_change", ["record_id", "made_at"])


def downgrade() -> None:
    """Forget when."""
    op.drop_table("placement_change")
