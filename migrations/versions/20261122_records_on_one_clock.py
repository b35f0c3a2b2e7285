"""Keep when a record was written on the clock that orders the changes of the partition.

`created_at` is of the machine that served the message, from before it waited for its locks.
Beside the changes, which are on the database's clock, a record could seem to be younger than a
change that it was there for. Records that are there have no such time, and get none: they are as
old as `created_at` says. The previous release names the columns that it writes, and goes on.

Revision ID: 20261122_records_on_one_clock
Revises: 20261122_stated_since
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261122_records_on_one_clock"
down_revision = "20261122_stated_since"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column empty, then give it to what is written from now on: no row is rewritten."""
    op.add_column(
        "source_record",
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when it was written, by the clock that orders the changes of the partition;"
            " null for records older than this column",
        ),
    )
    op.alter_column("source_record", "recorded_at", server_default=sa.text("clock_timestamp()"))


def downgrade() -> None:
    """Forget when records were written; `created_at` stands for it again."""
    op.drop_column("source_record", "recorded_at")
