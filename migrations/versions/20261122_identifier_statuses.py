"""Remember when identifiers became shared, and what stewards declare them to be.

A status that no row tells is what it was before: personal, or worked out from the holders.

Revision ID: 20261122_identifier_statuses
Revises: 20261122_points_ledger
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261122_identifier_statuses"
down_revision = "20261122_points_ledger"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and admit the decision that declares."""
    _allow_decisions("'merge', 'split', 'judgement', 'declaration', 'undo'")
    op.create_table(
        "identifier_declaration",
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column(
            "revoked_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="since when it binds nobody; null while it binds",
        ),
        sa.CheckConstraint(
            "status IN ('personal', 'shared', 'automatic')",
            name=op.f("ck_identifier_declaration_status"),
        ),
        sa.ForeignKeyConstraint(
            ["decision_id"],
            ["decision.id"],
            name=op.f("fk_identifier_declaration_decision_id_decision"),
        ),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_identifier_declaration")),
    )
    op.create_index(
        "ix_identifier_declaration_kind_value", "identifier_declaration", ["kind", "value"]
    )
    op.create_index(
        "uq_identifier_declaration_binding",
        "identifier_declaration",
        ["kind", "value"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_table(
        "identifier_status_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column(
            "holders", sa.Integer(), nullable=False, comment="profile records that held it then"
        ),
        sa.Column(
            "people",
            sa.Integer(),
            nullable=False,
            comment="plainly different people among the holders, counted up to 100",
        ),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "status IN ('personal', 'shared')", name=op.f("ck_identifier_status_change_status")
        ),
        sa.CheckConstraint(
            "cause IN ('message', 'steward', 'resolution')",
            name=op.f("ck_identifier_status_change_cause"),
        ),
        sa.ForeignKeyConstraint(
            ["decision_id"],
            ["decision.id"],
            name=op.f("fk_identifier_status_change_decision_id_decision"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identifier_status_change")),
    )
    op.create_index(
        "ix_identifier_status_change_kind_value",
        "identifier_status_change",
        ["kind", "value", "id"],
    )


def _allow_decisions(kinds: str) -> None:
    op.drop_constraint(op.f("ck_decision_kind"), "decision", type_="check")
    op.create_check_constraint(op.f("ck_decision_kind"), "decision", f"kind IN ({kinds})")


def downgrade() -> None:
    """Forget what was declared and remembered; the holders alone tell again."""
    op.drop_table("identifier_status_change")
    op.drop_table("identifier_declaration")
    undone = """
        WITH RECURSIVE gone AS (
            SELECT id FROM decision WHERE kind = 'declaration'
            UNION ALL
            SELECT d.id FROM decision d JOIN gone ON d.undoes_id = gone.id
        )
    """
    op.execute(
        f"{undone} UPDATE identity_change SET decision_id = NULL "  # noqa: S608 - constants
        "WHERE decision_id IN (SELECT id FROM gone)"
    )
    op.execute(f"{undone} DELETE FROM decision WHERE id IN (SELECT id FROM gone)")  # noqa: S608
    _allow_decisions("'merge', 'split', 'judgement', 'undo'")
