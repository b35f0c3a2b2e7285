"""Keep what a trial of a model would change, so that it can be browsed before it is activated.

Revision ID: 20261122_model_trials
Revises: 20261122_later_attachment
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261122_model_trials"
down_revision = "20261122_later_attachment"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "model_trial",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column(
            "against_version",
            sa.String(),
            nullable=True,
            comment="the model that was active; null while the trial waits",
        ),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "failure", sa.String(), nullable=True, comment="the code of the error that stopped it"
        ),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'running', 'done', 'failed', 'superseded')",
            name=op.f("ck_model_trial_state"),
        ),
        sa.ForeignKeyConstraint(
            ["version"],
            ["model_version.version"],
            name=op.f("fk_model_trial_version_model_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_trial")),
    )
    op.create_table(
        "model_trial_line",
        sa.Column("trial_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, comment="most tickets first"),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column(
            "other_client_id",
            sa.Uuid(),
            nullable=False,
            comment="of a merge lost, the client that would be split off",
        ),
        sa.Column(
            "tickets",
            sa.Integer(),
            nullable=False,
            comment="of the clients concerned, as they were",
        ),
        sa.Column(
            "left_id", sa.Uuid(), nullable=False, comment="the record of one side that ties best"
        ),
        sa.Column("right_id", sa.Uuid(), nullable=False),
        sa.Column("left_record_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("right_record_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "before",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the score of the pair under the model that was active",
        ),
        sa.Column(
            "after",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the score of the pair under the model that was tried",
        ),
        sa.CheckConstraint("kind IN ('gained', 'lost')", name=op.f("ck_model_trial_line_kind")),
        sa.ForeignKeyConstraint(
            ["trial_id"],
            ["model_trial.id"],
            name=op.f("fk_model_trial_line_trial_id_model_trial"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("trial_id", "position", name=op.f("pk_model_trial_line")),
    )


def downgrade() -> None:
    """Forget the trials."""
    op.drop_table("model_trial_line")
    op.drop_table("model_trial")
