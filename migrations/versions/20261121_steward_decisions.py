"""Keep every decision of a steward as one row, so that it can be undone and undone again.

Judgements and identity changes refer to the decision that made them. Judgements that bind already
get a decision each, all that one person made at one instant together. Identity changes get the time
at which they were recorded, which orders them, and an index by record, so that who was whom at any
time can be told.

Revision ID: 20261121_steward_decisions
Revises: 20261121_first_tables
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261121_steward_decisions"
down_revision = "20261121_first_tables"
branch_labels = None
depends_on = None

_DECISIONS_OF_BINDING_JUDGEMENTS = """
    INSERT INTO decision (id, kind, actor, reason, made_at)
    SELECT gen_random_uuid(), CASE WHEN bool_or(verdict = 'no_match') THEN 'split' ELSE 'merge' END,
           author, reason, made_at
    FROM judgement WHERE revoked_at IS NULL
    GROUP BY author, reason, made_at
"""
_REFER = """
    UPDATE judgement j SET decision_id = d.id
    FROM decision d
    WHERE j.revoked_at IS NULL
      AND (d.actor, d.reason, d.made_at) = (j.author, j.reason, j.made_at)
"""


def upgrade() -> None:
    """Make the table of decisions, and what refers to it."""
    op.create_table(
        "decision",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "undoes_id", sa.Uuid(), nullable=True, comment="the decision that this one undoes"
        ),
        sa.Column(
            "undoes_change_id",
            sa.Uuid(),
            nullable=True,
            comment="the identity change, made by the service itself, that this one undoes",
        ),
        sa.Column(
            "undone_by",
            sa.Uuid(),
            nullable=True,
            comment="the decision by which this one is undone now",
        ),
        sa.Column(
            "message_id",
            sa.String(),
            nullable=True,
            comment="the caller's own id of the request: sent again, it is answered the same",
        ),
        sa.Column(
            "request_digest",
            sa.LargeBinary(),
            nullable=True,
            comment="SHA-256 of the request that had the message id",
        ),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "(kind = 'undo') = (num_nonnulls(undoes_id, undoes_change_id) = 1)",
            name=op.f("ck_decision_undo_names_one"),
        ),
        sa.CheckConstraint(
            "kind IN ('merge', 'split', 'judgement', 'undo')", name=op.f("ck_decision_kind")
        ),
        sa.ForeignKeyConstraint(
            ["undoes_id"], ["decision.id"], name=op.f("fk_decision_undoes_id_decision")
        ),
        sa.ForeignKeyConstraint(
            ["undone_by"], ["decision.id"], name=op.f("fk_decision_undone_by_decision")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision")),
    )
    for name, columns, condition in (
        ("ix_decision_undoes_id", ["undoes_id"], "undoes_id IS NOT NULL"),
        ("ix_decision_undoes_change_id", ["undoes_change_id"], "undoes_change_id IS NOT NULL"),
    ):
        op.create_index(name, "decision", columns, postgresql_where=sa.text(condition))
    op.create_index(
        "uq_decision_message",
        "decision",
        ["actor", "message_id"],
        unique=True,
        postgresql_where=sa.text("message_id IS NOT NULL"),
    )
    _upgrade_judgements()
    _upgrade_changes()


def _upgrade_judgements() -> None:
    op.add_column("judgement", sa.Column("decision_id", sa.Uuid(), nullable=True))
    op.add_column(
        "judgement",
        sa.Column(
            "values_digest",
            sa.LargeBinary(),
            nullable=True,
            comment="SHA-256 of the features of both records when it was made",
        ),
    )
    op.add_column(
        "judgement",
        sa.Column(
            "weight",
            sa.Double(),
            nullable=True,
            comment="the match weight that the steward saw; null when none was shown",
        ),
    )
    op.add_column(
        "judgement",
        sa.Column(
            "was_together",
            sa.Boolean(),
            nullable=True,
            comment="whether the records were of one client when the steward was asked",
        ),
    )
    op.add_column("judgement", sa.Column("model_version", sa.String(), nullable=True))
    op.alter_column(
        "judgement",
        "revoked_at",
        existing_type=sa.DateTime(timezone=True),
        comment="since when it binds nobody; null while it binds",
        existing_nullable=True,
    )
    op.drop_constraint(op.f("ck_judgement_verdict"), "judgement", type_="check")
    op.create_check_constraint(
        op.f("ck_judgement_verdict"),
        "judgement",
        "verdict IN ('match', 'no_match', 'unsure', 'withdrawn')",
    )
    op.execute(_DECISIONS_OF_BINDING_JUDGEMENTS)
    op.execute(_REFER)
    op.create_foreign_key(
        op.f("fk_judgement_decision_id_decision"), "judgement", "decision", ["decision_id"], ["id"]
    )
    op.create_index("ix_judgement_left_id", "judgement", ["left_id", "right_id"])
    op.create_index("ix_judgement_decision_id", "judgement", ["decision_id"])


def _upgrade_changes() -> None:
    op.add_column(
        "identity_change",
        sa.Column(
            "decision_id",
            sa.Uuid(),
            nullable=True,
            comment="the steward's decision that caused it, if one did",
        ),
    )
    op.add_column(
        "identity_change",
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="of the database's clock while the clients were locked: it orders the changes",
        ),
    )
    op.execute("UPDATE identity_change SET recorded_at = made_at")
    op.drop_constraint(op.f("ck_identity_change_kind"), "identity_change", type_="check")
    op.create_check_constraint(
        op.f("ck_identity_change_kind"),
        "identity_change",
        "kind IN ('merge', 'split', 'move', 'follow')",
    )
    op.create_foreign_key(
        op.f("fk_identity_change_decision_id_decision"),
        "identity_change",
        "decision",
        ["decision_id"],
        ["id"],
    )
    op.create_index(
        "ix_identity_change_decision_id",
        "identity_change",
        ["decision_id"],
        postgresql_where=sa.text("decision_id IS NOT NULL"),
    )
    op.create_index(
        "ix_identity_change_record_ids", "identity_change", ["record_ids"], postgresql_using="gin"
    )


def downgrade() -> None:
    """Forget decisions, and with them what could be undone; what binds still binds."""
    for name in ("ix_identity_change_record_ids", "ix_identity_change_decision_id"):
        op.drop_index(name, table_name="identity_change")
    op.execute("UPDATE identity_change SET kind = 'move' WHERE kind = 'follow'")
    op.drop_constraint(op.f("ck_identity_change_kind"), "identity_change", type_="check")
    op.create_check_constraint(
        op.f("ck_identity_change_kind"), "identity_change", "kind IN ('merge', 'split', 'move')"
    )
    op.drop_column("identity_change", "recorded_at")
    op.drop_column("identity_change", "decision_id")
    for name in ("ix_judgement_decision_id", "ix_judgement_left_id"):
        op.drop_index(name, table_name="judgement")
    op.execute("DELETE FROM judgement WHERE verdict NOT IN ('match', 'no_match')")
    op.drop_constraint(op.f("ck_judgement_verdict"), "judgement", type_="check")
    op.create_check_constraint(
        op.f("ck_judgement_verdict"), "judgement", "verdict IN ('match', 'no_match')"
    )
    for column in ("model_version", "was_together", "weight", "values_digest", "decision_id"):
        op.drop_column("judgement", column)
    op.drop_table("decision")
