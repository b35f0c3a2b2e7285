"""Say of a record without an owner why it has none: ambiguous identifiers, or a shared token.

Records that are there keep `none` until they are placed again.

Revision ID: 20261122_why_unplaced
Revises: 20261122_model_versions
"""

from __future__ import annotations

from alembic import op

revision = "20261122_why_unplaced"
down_revision = "20261122_model_versions"
branch_labels = None
depends_on = None

_BEFORE = (
    "placement IN ('matching', 'own_record', 'card', 'app_scan', 'email', 'phone', "
    "'payment_token', 'device', 'none')"
)
_NOW = _BEFORE.replace("'none'", "'none', 'ambiguous', 'shared'")


def upgrade() -> None:
    """Let a placement say why there is no owner."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_constraint(op.f("ck_source_record_placement"), "source_record", type_="check")
    op.create_check_constraint(op.f("ck_source_record_placement"), "source_record", _NOW)


def downgrade() -> None:
    """Forget why."""
    op.execute(
        "UPDATE source_record SET placement = 'none' WHERE placement IN ('ambiguous', 'shared')"
    )
    op.drop_constraint(op.f("ck_source_record_placement"), "source_record", type_="check")
    op.create_check_constraint(op.f("ck_source_record_placement"), "source_record", _BEFORE)
