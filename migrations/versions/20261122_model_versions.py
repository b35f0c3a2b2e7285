"""Keep model documents as versions, and which of them is active since when.

The locks of a transaction are taken by a function from now on, which returns the active version
as it is once the locks are held. The previous release goes on without it.

Revision ID: 20261122_model_versions
Revises: 20261121_steward_decisions
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261122_model_versions"
down_revision = "20261121_steward_decisions"
branch_labels = None
depends_on = None

# Each statement of a volatile function sees what is committed when it begins. The sort is a
# barrier: without OFFSET the planner may lock before it sorts.
_LOCK_UNTIL_COMMIT = """
    CREATE FUNCTION lock_until_commit(keys bigint[], activation bigint) RETURNS text
    LANGUAGE plpgsql VOLATILE AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(activation);
        PERFORM count(pg_advisory_xact_lock(key))
        FROM (SELECT key FROM unnest(keys) AS key ORDER BY key OFFSET 0) AS sorted;
        RETURN (SELECT version FROM model_activation ORDER BY number DESC LIMIT 1);
    END
    $$
"""


def upgrade() -> None:
    """Make the tables and the function."""
    op.create_table(
        "model_version",
        sa.Column("version", sa.String(), nullable=False),
        sa.Column(
            "document",
            postgresql.JSON(astext_type=sa.Text()),
            nullable=False,
            comment="as exchanged; json, not jsonb: the order of levels means something",
        ),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.CheckConstraint(
            "origin IN ('shipped', 'trained', 'file')", name=op.f("ck_model_version_origin")
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_model_version")),
    )
    op.create_table(
        "model_activation",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("previous_version", sa.String(), nullable=False),
        sa.Column(
            "reverts",
            sa.BigInteger(),
            nullable=True,
            comment="the activation that this one takes back",
        ),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "state",
            sa.String(),
            nullable=False,
            comment="of the resolution of the whole base that follows",
        ),
        sa.Column("done_records", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "total_records",
            sa.Integer(),
            nullable=True,
            comment="records whose clusters are formed anew; null while that is being worked out",
        ),
        sa.Column("moved_records", sa.Integer(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "failure",
            sa.String(),
            nullable=True,
            comment="the code of the error that stopped it",
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'running', 'done', 'failed', 'superseded')",
            name=op.f("ck_model_activation_state"),
        ),
        sa.ForeignKeyConstraint(
            ["previous_version"],
            ["model_version.version"],
            name=op.f("fk_model_activation_previous_version_model_version"),
        ),
        sa.ForeignKeyConstraint(
            ["reverts"],
            ["model_activation.number"],
            name=op.f("fk_model_activation_reverts_model_activation"),
        ),
        sa.ForeignKeyConstraint(
            ["version"],
            ["model_version.version"],
            name=op.f("fk_model_activation_version_model_version"),
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_model_activation")),
    )
    op.create_index("uq_model_activation_reverts", "model_activation", ["reverts"], unique=True)
    op.execute(_LOCK_UNTIL_COMMIT)


def downgrade() -> None:
    """Forget which model was active: the one that comes with the service decides again."""
    op.execute("DROP FUNCTION lock_until_commit(bigint[], bigint)")
    op.drop_table("model_activation")
    op.drop_table("model_version")
