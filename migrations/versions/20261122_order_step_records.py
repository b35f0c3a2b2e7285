"""Keep whom each step of an order names: whose the order is follows from all of them.

Of the steps that are there, only the first `placed` one was looked at: the order is of its record.

Revision ID: 20261122_order_step_records
Revises: 20261122_entries_set_by_set
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261122_order_step_records"
down_revision = "20261122_entries_set_by_set"
branch_labels = None
depends_on = None

_KNOWN = """
    UPDATE order_step s SET record_id = o.record_id, names_a_person = true
    FROM sales_order o
    WHERE o.id = s.order_id AND o.record_id IS NOT NULL AND s.id = (
        SELECT first.id FROM order_step first
        WHERE first.order_id = o.id AND first.status = 'placed' ORDER BY first.id LIMIT 1
    )
"""


def upgrade() -> None:
    """Add the record that a step names."""
    op.add_column(
        "order_step",
        sa.Column(
            "record_id", sa.Uuid(), nullable=True, comment="of whom the step says that the order is"
        ),
    )
    op.add_column(
        "order_step",
        sa.Column(
            "names_a_person",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="else the record is of a payment account or a device",
        ),
    )
    op.create_foreign_key(
        op.f("fk_order_step_record_id_source_record"),
        "order_step",
        "source_record",
        ["record_id"],
        ["id"],
    )
    op.execute(_KNOWN)


def downgrade() -> None:
    """Forget it."""
    op.drop_column("order_step", "names_a_person")
    op.drop_column("order_step", "record_id")
