"""Carry the face of a record in the index of its blocking keys.

Who shares a key of names or places and is plainly somebody else is then told apart by an index-only
scan. A row that was there before has no face: its record is read, as it was until now, and gets its
face when it is written again.

Revision ID: 20261122_blocking_key_faces
Revises: 20261122_identifier_statuses
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261122_blocking_key_faces"
down_revision = "20261122_identifier_statuses"
branch_labels = None
depends_on = None

_WITH_FACE = """
    ALTER TABLE blocking_key
        DROP CONSTRAINT pk_blocking_key,
        ADD CONSTRAINT pk_blocking_key PRIMARY KEY (key, record_id) INCLUDE (face)
"""
_WITHOUT_FACE = """
    ALTER TABLE blocking_key
        DROP CONSTRAINT pk_blocking_key,
        ADD CONSTRAINT pk_blocking_key PRIMARY KEY (key, record_id)
"""


def upgrade() -> None:
    """Add the column, and put it into the index of the primary key."""
    op.add_column(
        "blocking_key",
        sa.Column(
            "face",
            sa.String(),
            nullable=True,
            comment="names, gender and birth date of the record; null on a key of an identifier",
        ),
    )
    op.execute(_WITH_FACE)


def downgrade() -> None:
    """Take the column away, and the index that carries it."""
    op.execute(_WITHOUT_FACE)
    op.drop_column("blocking_key", "face")
