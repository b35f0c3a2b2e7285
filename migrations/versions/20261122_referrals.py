"""Keep who was brought by whom, and let points given twice to one client be taken back.

A referral is paid by a posting of its own kind. A bonus or a referral says which posting has taken
it back, while two records that were given one each are one client.

Revision ID: 20261122_referrals
Revises: 20261122_resolution_functions
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261122_referrals"
down_revision = "20261122_resolution_functions"
branch_labels = None
depends_on = None

_KINDS = (
    "kind IN ('accrual', 'return', 'void', 'redemption', 'restoration', 'expiry', 'adjustment', "
    "'transfer', 'referral', 'settlement')"
)
_REFUSALS = (
    "refusal IN ('same_client', 'shared_identifiers', 'already_referred', 'bought_before', "
    "'cycle', 'limit_reached')"
)
# Whatever is given once to a client is decided by one transaction at a time. Taken in one order.
_LOCK_TURN = """
CREATE FUNCTION lock_points_turn(clients uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  turn bigint;
BEGIN
  FOR turn IN
    SELECT DISTINCT hashtextextended(client::text, 1) FROM unnest(clients) AS client ORDER BY 1
  LOOP
    PERFORM pg_advisory_xact_lock(turn);
  END LOOP;
END $$
"""


def upgrade() -> None:
    """Add the kind and the column, then the tables."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_constraint("ck_points_posting_kind", "points_posting")
    op.create_check_constraint(op.f("ck_points_posting_kind"), "points_posting", _KINDS)
    op.add_column(
        "points_bonus",
        sa.Column(
            "withdrawn_by",
            sa.Uuid(),
            nullable=True,
            comment="the posting that took it back, while an older record of the client has one "
            "too",
        ),
    )
    op.create_foreign_key(
        op.f("fk_points_bonus_withdrawn_by_points_posting"),
        "points_bonus",
        "points_posting",
        ["withdrawn_by"],
        ["id"],
    )
    op.create_table(
        "referral_code",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["record_id"],
            ["source_record.id"],
            name=op.f("fk_referral_code_record_id_source_record"),
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_referral_code")),
    )
    op.create_index("uq_referral_code_record_id", "referral_code", ["record_id"], unique=True)
    _create_referrals()
    op.execute(_LOCK_TURN)


def _create_referrals() -> None:
    op.create_table(
        "referral",
        sa.Column("id", sa.Uuid(), nullable=False, comment="derived from the caller's own id"),
        sa.Column("referred_id", sa.Uuid(), nullable=False),
        sa.Column("referrer_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("stated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stated_on", sa.Date(), nullable=False, comment="its business day"),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("refusal", sa.String(), nullable=True),
        sa.Column("posting_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_on", sa.Date(), nullable=True, comment="business day of the purchase"),
        sa.Column(
            "withdrawn_by",
            sa.Uuid(),
            nullable=True,
            comment="the posting that took it back, while the two are one client",
        ),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'paid', 'refused')", name=op.f("ck_referral_status")
        ),
        sa.CheckConstraint(_REFUSALS, name=op.f("ck_referral_refusal")),
        sa.CheckConstraint(
            "(status = 'paid') = (posting_id IS NOT NULL)",
            name=op.f("ck_referral_paid_by_posting"),
        ),
        sa.CheckConstraint(
            "(status = 'refused') = (refusal IS NOT NULL)", name=op.f("ck_referral_refused_for")
        ),
        sa.CheckConstraint("referrer_id <> referred_id", name=op.f("ck_referral_two_records")),
        sa.ForeignKeyConstraint(
            ["referred_id"],
            ["points_account.record_id"],
            name=op.f("fk_referral_referred_id_points_account"),
        ),
        sa.ForeignKeyConstraint(
            ["referrer_id"],
            ["points_account.record_id"],
            name=op.f("fk_referral_referrer_id_points_account"),
        ),
        sa.ForeignKeyConstraint(
            ["code"], ["referral_code.code"], name=op.f("fk_referral_code_referral_code")
        ),
        sa.ForeignKeyConstraint(
            ["posting_id"],
            ["points_posting.id"],
            name=op.f("fk_referral_posting_id_points_posting"),
        ),
        sa.ForeignKeyConstraint(
            ["withdrawn_by"],
            ["points_posting.id"],
            name=op.f("fk_referral_withdrawn_by_points_posting"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referral")),
    )
    op.create_index("uq_referral_referred_id", "referral", ["referred_id"], unique=True)
    op.create_index("ix_referral_referrer_id", "referral", ["referrer_id"])
