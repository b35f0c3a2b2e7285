"""Make the points ledger, and let the database itself keep its balances.

A statement that adds entries is checked and applied as a whole: each posting comes complete and
sums to zero, a debt is made only by goods that come back, and balances, debts and lots move with
the entries. Postings and entries cannot be changed or deleted.

Revision ID: 20261122_points_ledger
Revises: 20261122_why_unplaced
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261122_points_ledger"
down_revision = "20261122_why_unplaced"
branch_labels = None
depends_on = None

_APPLY_ENTRIES = """
CREATE FUNCTION apply_points_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT FROM (
      SELECT posting_id, sum(points) AS total, count(*) AS added FROM added_entry GROUP BY 1
    ) posting
    WHERE total <> 0
       OR added <> (SELECT count(*) FROM points_entry e WHERE e.posting_id = posting.posting_id)
  ) THEN
    RAISE EXCEPTION 'a posting does not sum to zero, or comes in parts'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'points_posting_sums_to_zero';
  END IF;
  IF EXISTS (
    SELECT FROM added_entry e JOIN points_posting p ON p.id = e.posting_id
    WHERE e.account_id IS NOT NULL AND e.lot_id IS NULL AND e.points < 0
      AND p.kind NOT IN ('return', 'void')
  ) THEN
    RAISE EXCEPTION 'only goods that come back can take an account below zero'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'points_debt_is_of_a_return';
  END IF;
  IF EXISTS (
    SELECT FROM added_entry e JOIN points_lot l ON l.id = e.lot_id
    WHERE l.account_id <> e.account_id
  ) THEN
    RAISE EXCEPTION 'the lot is of another account'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'points_entry_lot_of_account';
  END IF;
  UPDATE points_account a
  SET balance = a.balance + moved.points, debt = a.debt - moved.without_lot
  FROM (
    SELECT account_id, sum(points) AS points,
           coalesce(sum(points) FILTER (WHERE lot_id IS NULL), 0) AS without_lot
    FROM added_entry WHERE account_id IS NOT NULL GROUP BY 1
  ) moved
  WHERE a.record_id = moved.account_id;
  UPDATE points_lot l SET remaining = l.remaining + moved.points
  FROM (
    SELECT lot_id, sum(points) AS points FROM added_entry WHERE lot_id IS NOT NULL GROUP BY 1
  ) moved
  WHERE l.id = moved.lot_id;
  RETURN NULL;
END $$
"""
_APPLY_TRIGGER = """
CREATE TRIGGER apply_points_entries AFTER INSERT ON points_entry
REFERENCING NEW TABLE AS added_entry
FOR EACH STATEMENT EXECUTE FUNCTION apply_points_entries()
"""
_REFUSE_CHANGES = """
CREATE FUNCTION refuse_points_history_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the ledger is append-only: correct by adding a posting'
    USING ERRCODE = 'restrict_violation';
END $$
"""


def upgrade() -> None:
    """Make the tables and what guards them."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "programme_version",
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_programme_version")),
    )
    op.create_table(
        "programme_activation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("activated_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version"],
            ["programme_version.version"],
            name=op.f("fk_programme_activation_version_programme_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_programme_activation")),
    )
    op.create_table(
        "points_account",
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column(
            "balance",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="sum of the entries; kept by the database",
        ),
        sa.Column(
            "debt",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="points that goods brought back had earned, and that were spent already",
        ),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "balance + debt >= 0", name=op.f("ck_points_account_below_zero_only_by_debt")
        ),
        sa.CheckConstraint("debt >= 0", name=op.f("ck_points_account_debt_is_not_negative")),
        sa.ForeignKeyConstraint(
            ["record_id"],
            ["source_record.id"],
            name=op.f("fk_points_account_record_id_source_record"),
        ),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_points_account")),
    )
    op.create_table(
        "points_hold",
        sa.Column("id", sa.Uuid(), nullable=False, comment="derived from the caller's own id"),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("spender_id", sa.Uuid(), nullable=False),
        sa.Column(
            "owner",
            sa.String(),
            nullable=False,
            comment="source that asked: the only one that may end it",
        ),
        sa.Column("inferred_points", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("programme_version", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False),
        sa.Column("close_digest", sa.LargeBinary(), nullable=True),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("close_answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "status IN ('open', 'captured', 'voided', 'expired')",
            name=op.f("ck_points_hold_status"),
        ),
        sa.CheckConstraint("points > 0", name=op.f("ck_points_hold_points")),
        sa.ForeignKeyConstraint(
            ["programme_version"],
            ["programme_version.version"],
            name=op.f("fk_points_hold_programme_version_programme_version"),
        ),
        sa.ForeignKeyConstraint(
            ["spender_id"],
            ["source_record.id"],
            name=op.f("fk_points_hold_spender_id_source_record"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_hold")),
    )
    op.create_index(
        "ix_points_hold_expires_at",
        "points_hold",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_table(
        "points_month",
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["record_id"],
            ["points_account.record_id"],
            name=op.f("fk_points_month_record_id_points_account"),
        ),
        sa.PrimaryKeyConstraint("record_id", "month", name=op.f("pk_points_month")),
    )
    op.create_table(
        "points_posting",
        sa.Column(
            "id",
            sa.Uuid(),
            nullable=False,
            comment="derived from what it is for: the same is never posted twice",
        ),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("programme_version", sa.String(), nullable=True),
        sa.Column(
            "ticket_id",
            sa.Uuid(),
            nullable=True,
            comment="the ticket that earned or took the points",
        ),
        sa.Column(
            "corrects_id",
            sa.Uuid(),
            nullable=True,
            comment="the posting that this one takes back, or a part",
        ),
        sa.Column(
            "spender_id",
            sa.Uuid(),
            nullable=True,
            comment="the record under which the points were spent",
        ),
        sa.Column(
            "paid_source", sa.String(), nullable=True, comment="with paid_ticket: what was paid for"
        ),
        sa.Column("paid_ticket", sa.String(), nullable=True),
        sa.Column(
            "inferred_points",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="of these, spent over links that nobody has verified",
        ),
        sa.Column(
            "amount_cents",
            sa.BigInteger(),
            nullable=True,
            comment="of the ticket, as far as it earns",
        ),
        sa.Column(
            "exact_points",
            sa.Numeric(precision=24, scale=8),
            nullable=True,
            comment="before rounding, without bonuses",
        ),
        sa.Column(
            "rules",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="the rules that made the points, step by step",
        ),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("request_digest", sa.LargeBinary(), nullable=True),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "kind IN ('accrual', 'return', 'void', 'redemption', 'restoration', 'expiry', "
            "'adjustment', 'transfer', 'settlement')",
            name=op.f("ck_points_posting_kind"),
        ),
        sa.CheckConstraint("inferred_points >= 0", name=op.f("ck_points_posting_inferred_points")),
        sa.ForeignKeyConstraint(
            ["corrects_id"],
            ["points_posting.id"],
            name=op.f("fk_points_posting_corrects_id_points_posting"),
        ),
        sa.ForeignKeyConstraint(
            ["programme_version"],
            ["programme_version.version"],
            name=op.f("fk_points_posting_programme_version_programme_version"),
        ),
        sa.ForeignKeyConstraint(
            ["spender_id"],
            ["source_record.id"],
            name=op.f("fk_points_posting_spender_id_source_record"),
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_points_posting_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_posting")),
    )
    op.create_index(
        "ix_points_posting_corrects_id",
        "points_posting",
        ["corrects_id"],
        unique=False,
        postgresql_where=sa.text("corrects_id IS NOT NULL"),
    )
    op.create_index(
        "ix_points_posting_paid",
        "points_posting",
        ["paid_source", "paid_ticket"],
        unique=False,
        postgresql_where=sa.text("paid_ticket IS NOT NULL"),
    )
    op.create_index(
        "ix_points_posting_ticket_id",
        "points_posting",
        ["ticket_id"],
        unique=False,
        postgresql_where=sa.text("ticket_id IS NOT NULL"),
    )
    op.create_table(
        "points_adjustment",
        sa.Column("id", sa.Uuid(), nullable=False, comment="derived from the caller's own id"),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("posting_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "status IN ('proposed', 'approved', 'refused')",
            name=op.f("ck_points_adjustment_status"),
        ),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> proposed_by",
            name=op.f("ck_points_adjustment_four_eyes"),
        ),
        sa.CheckConstraint("points <> 0", name=op.f("ck_points_adjustment_points")),
        sa.ForeignKeyConstraint(
            ["posting_id"],
            ["points_posting.id"],
            name=op.f("fk_points_adjustment_posting_id_points_posting"),
        ),
        sa.ForeignKeyConstraint(
            ["record_id"],
            ["source_record.id"],
            name=op.f("fk_points_adjustment_record_id_source_record"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_adjustment")),
    )
    op.create_index(
        "ix_points_adjustment_proposed_at",
        "points_adjustment",
        ["proposed_at"],
        unique=False,
        postgresql_where=sa.text("status = 'proposed'"),
    )
    op.create_table(
        "points_bonus",
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("bonus", sa.String(), nullable=False),
        sa.Column(
            "period", sa.String(), nullable=False, comment="the year of a yearly bonus, else empty"
        ),
        sa.Column("posting_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["posting_id"],
            ["points_posting.id"],
            name=op.f("fk_points_bonus_posting_id_points_posting"),
        ),
        sa.ForeignKeyConstraint(
            ["record_id"],
            ["points_account.record_id"],
            name=op.f("fk_points_bonus_record_id_points_account"),
        ),
        sa.PrimaryKeyConstraint("record_id", "bonus", "period", name=op.f("pk_points_bonus")),
    )
    op.create_table(
        "points_crossing",
        sa.Column("posting_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("spender_id", sa.Uuid(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column(
            "settled",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="given back to the account by now",
        ),
        sa.CheckConstraint("settled BETWEEN 0 AND points", name=op.f("ck_points_crossing_settled")),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["points_account.record_id"],
            name=op.f("fk_points_crossing_account_id_points_account"),
        ),
        sa.ForeignKeyConstraint(
            ["posting_id"],
            ["points_posting.id"],
            name=op.f("fk_points_crossing_posting_id_points_posting"),
        ),
        sa.ForeignKeyConstraint(
            ["spender_id"],
            ["source_record.id"],
            name=op.f("fk_points_crossing_spender_id_source_record"),
        ),
        sa.PrimaryKeyConstraint("posting_id", "account_id", name=op.f("pk_points_crossing")),
    )
    op.create_index(
        "ix_points_crossing_account_id", "points_crossing", ["account_id"], unique=False
    )
    op.create_index(
        "ix_points_crossing_spender_id", "points_crossing", ["spender_id"], unique=False
    )
    op.create_table(
        "points_lot",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("posting_id", sa.Uuid(), nullable=False),
        sa.Column("earned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "active_from",
            sa.Date(),
            nullable=False,
            comment="first business day they can be spent on",
        ),
        sa.Column(
            "expires_on", sa.Date(), nullable=True, comment="first business day they no longer can"
        ),
        sa.Column(
            "timezone",
            sa.String(),
            nullable=False,
            comment="of the store that gave them: whose days these are",
        ),
        sa.Column("granted", sa.BigInteger(), nullable=False),
        sa.Column("remaining", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("held", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("granted > 0", name=op.f("ck_points_lot_granted")),
        sa.CheckConstraint("held BETWEEN 0 AND remaining", name=op.f("ck_points_lot_held")),
        sa.CheckConstraint("remaining BETWEEN 0 AND granted", name=op.f("ck_points_lot_remaining")),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["points_account.record_id"],
            name=op.f("fk_points_lot_account_id_points_account"),
        ),
        sa.ForeignKeyConstraint(
            ["posting_id"],
            ["points_posting.id"],
            name=op.f("fk_points_lot_posting_id_points_posting"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_lot")),
    )
    op.create_index(
        "ix_points_lot_account_id",
        "points_lot",
        ["account_id"],
        unique=False,
        postgresql_where=sa.text("remaining > 0"),
    )
    op.create_index(
        "ix_points_lot_expires_on",
        "points_lot",
        ["expires_on"],
        unique=False,
        postgresql_where=sa.text("remaining > 0"),
    )
    op.create_index("ix_points_lot_posting_id", "points_lot", ["posting_id"], unique=False)
    op.create_table(
        "points_entry",
        sa.Column("posting_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("lot_id", sa.Uuid(), nullable=True),
        sa.Column("counterpart", sa.String(), nullable=True),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "counterpart IN ('issued', 'redeemed', 'expired', 'adjusted', 'borne')",
            name=op.f("ck_points_entry_counterpart"),
        ),
        sa.CheckConstraint(
            "lot_id IS NULL OR account_id IS NOT NULL", name=op.f("ck_points_entry_lot_has_account")
        ),
        sa.CheckConstraint(
            "num_nonnulls(account_id, counterpart) = 1", name=op.f("ck_points_entry_one_side")
        ),
        sa.CheckConstraint("points <> 0", name=op.f("ck_points_entry_points")),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["points_account.record_id"],
            name=op.f("fk_points_entry_account_id_points_account"),
        ),
        sa.ForeignKeyConstraint(
            ["lot_id"], ["points_lot.id"], name=op.f("fk_points_entry_lot_id_points_lot")
        ),
        sa.ForeignKeyConstraint(
            ["posting_id"],
            ["points_posting.id"],
            name=op.f("fk_points_entry_posting_id_points_posting"),
        ),
        sa.PrimaryKeyConstraint("posting_id", "number", name=op.f("pk_points_entry")),
    )
    op.create_index(
        "ix_points_entry_account_id",
        "points_entry",
        ["account_id", "posted_at"],
        unique=False,
        postgresql_where=sa.text("account_id IS NOT NULL"),
    )
    op.create_table(
        "points_hold_part",
        sa.Column("hold_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("points > 0", name=op.f("ck_points_hold_part_points")),
        sa.ForeignKeyConstraint(
            ["hold_id"], ["points_hold.id"], name=op.f("fk_points_hold_part_hold_id_points_hold")
        ),
        sa.ForeignKeyConstraint(
            ["lot_id"], ["points_lot.id"], name=op.f("fk_points_hold_part_lot_id_points_lot")
        ),
        sa.PrimaryKeyConstraint("hold_id", "lot_id", name=op.f("pk_points_hold_part")),
    )
    op.create_index("ix_points_hold_part_lot_id", "points_hold_part", ["lot_id"], unique=False)
    op.execute(_APPLY_ENTRIES)
    op.execute(_APPLY_TRIGGER)
    op.execute(_REFUSE_CHANGES)
    for table in ("points_posting", "points_entry"):
        op.execute(
            f"CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_points_history_change()"
        )
    op.drop_constraint("ck_api_key_scopes_are_known", "api_key")
    op.create_check_constraint(
        op.f("ck_api_key_scopes_are_known"),
        "api_key",
        "scopes <@ ARRAY['ingest', 'clients:read', 'clients:search', 'clients:steward', "
        "'loyalty:spend', 'loyalty:manage', 'metrics:read', 'admin']",
    )
