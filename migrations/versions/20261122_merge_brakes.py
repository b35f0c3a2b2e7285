"""Keep what merges rest on, and the brakes that stop what merges too much.

What is kept of a merge is a hash of each identifier or source that it rests on: enough to count by,
and nothing personal. No brake is on before the first one trips.

Revision ID: 20261122_merge_brakes
Revises: 20261122_model_trials
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261122_merge_brakes"
down_revision = "20261122_model_trials"
branch_labels = None
depends_on = None

_KINDS_BEFORE = "'merge', 'split', 'judgement', 'declaration', 'undo'"
_KINDS = "'merge', 'split', 'judgement', 'declaration', 'release', 'revert', 'undo'"


def upgrade() -> None:
    """Make the tables, and admit the decisions on brakes."""
    _allow_decisions(_KINDS)
    op.create_table(
        "merge_basis",
        sa.Column(
            "basis",
            sa.BigInteger(),
            nullable=False,
            comment="hash of the identifier or the source: no personal data",
        ),
        sa.Column("change_id", sa.Uuid(), nullable=False),
        sa.Column(
            "client_id", sa.Uuid(), nullable=False, comment="the client that went over to another"
        ),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["change_id"],
            ["identity_change.id"],
            name=op.f("fk_merge_basis_change_id_identity_change"),
        ),
        sa.PrimaryKeyConstraint("basis", "change_id", name=op.f("pk_merge_basis")),
    )
    op.create_index("ix_merge_basis_basis_made_at", "merge_basis", ["basis", "made_at"])
    op.create_table(
        "merge_brake",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column(
            "kind", sa.String(), nullable=False, comment="of the identifier; empty for a source"
        ),
        sa.Column(
            "value",
            sa.String(),
            nullable=False,
            comment="the identifier, or the code of the source",
        ),
        sa.Column("basis", sa.BigInteger(), nullable=False),
        sa.Column(
            "merges",
            sa.Integer(),
            nullable=False,
            comment="clients it had brought into others by then",
        ),
        sa.Column("counted_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tripped_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("scope IN ('identifier', 'source')", name=op.f("ck_merge_brake_scope")),
        sa.ForeignKeyConstraint(
            ["released_by"], ["decision.id"], name=op.f("fk_merge_brake_released_by_decision")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merge_brake")),
    )
    op.create_index("ix_merge_brake_basis", "merge_brake", ["basis"])
    op.create_index(
        "uq_merge_brake_active",
        "merge_brake",
        ["basis"],
        unique=True,
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_index(
        "ix_record_pair_held",
        "record_pair",
        ["left_id", "right_id"],
        postgresql_where=sa.text("contradiction = 'brake'"),
    )


def _allow_decisions(kinds: str) -> None:
    op.drop_constraint(op.f("ck_decision_kind"), "decision", type_="check")
    op.create_check_constraint(op.f("ck_decision_kind"), "decision", f"kind IN ({kinds})")


def downgrade() -> None:
    """Forget the brakes; what a revert parted stays parted, by what is then a split."""
    op.drop_index("ix_record_pair_held", "record_pair")
    op.drop_table("merge_brake")
    op.drop_table("merge_basis")
    op.execute("UPDATE decision SET kind = 'split' WHERE kind IN ('release', 'revert')")
    _allow_decisions(_KINDS_BEFORE)
