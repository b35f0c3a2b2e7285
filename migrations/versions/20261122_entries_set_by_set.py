"""Check what entries refer to set by set, where three foreign keys looked row by row.

An entry has a posting, and an account with a lot or without, or neither. The trigger that moves
balances and lots with the entries meets all of them anyway: what it does not find there is refused,
as it was by the keys. That nobody takes one of them away afterwards is kept more strictly than by a
key, which lets go what has no entry: postings, accounts and lots cannot be deleted, nor get
another id. The checks were a tenth of the statement that writes tickets.

The previous release goes on: it adds entries as before, and deletes nothing.

Revision ID: 20261122_entries_set_by_set
Revises: 20261122_points_of_buyers
"""

from __future__ import annotations

from alembic import op

revision = "20261122_entries_set_by_set"
down_revision = "20261122_points_of_buyers"
branch_labels = None
depends_on = None

_APPLY_ENTRIES = """
CREATE FUNCTION apply_entries_set_by_set() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  are_unsound boolean;
  are_of_none boolean;
  are_debts boolean;
  found_rows bigint;
BEGIN
  SELECT bool_or(total <> 0 OR added <> kept), bool_or(kind IS NULL),
         bool_or(owes AND kind NOT IN ('return', 'void'))
  INTO are_unsound, are_of_none, are_debts
  FROM (
    SELECT total, added, owes,
           (SELECT count(*) FROM points_entry e WHERE e.posting_id = posting.posting_id) AS kept,
           (SELECT p.kind FROM points_posting p WHERE p.id = posting.posting_id) AS kind
    FROM (
      SELECT posting_id, sum(points) AS total, count(*) AS added,
             bool_or(account_id IS NOT NULL AND lot_id IS NULL AND points < 0) AS owes
      FROM added_entry GROUP BY 1
    ) posting
  ) found;
  IF are_unsound THEN
    RAISE EXCEPTION 'a posting does not sum to zero, or comes in parts'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'points_posting_sums_to_zero';
  ELSIF are_of_none THEN
    RAISE EXCEPTION 'an entry is of no posting'
      USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'points_entry_of_posting';
  ELSIF are_debts THEN
    RAISE EXCEPTION 'only goods that come back can take an account below zero'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'points_debt_is_of_a_return';
  END IF;
  UPDATE points_account a
  SET balance = a.balance + moved.points, debt = a.debt - moved.without_lot
  FROM (
    SELECT account_id, sum(points) AS points,
           coalesce(sum(points) FILTER (WHERE lot_id IS NULL), 0) AS without_lot
    FROM added_entry WHERE account_id IS NOT NULL GROUP BY 1
  ) moved
  WHERE a.record_id = moved.account_id;
  GET DIAGNOSTICS found_rows = ROW_COUNT;
  IF found_rows <> (SELECT count(DISTINCT account_id) FROM added_entry) THEN
    RAISE EXCEPTION 'an entry is of no account'
      USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'points_entry_of_account';
  END IF;
  UPDATE points_lot l SET remaining = l.remaining + moved.points
  FROM (
    SELECT lot_id, account_id, sum(points) AS points
    FROM added_entry WHERE lot_id IS NOT NULL GROUP BY 1, 2
  ) moved
  WHERE l.id = moved.lot_id AND l.account_id = moved.account_id;
  GET DIAGNOSTICS found_rows = ROW_COUNT;
  IF found_rows <> (
    SELECT count(*) FROM (
      SELECT FROM added_entry WHERE lot_id IS NOT NULL GROUP BY lot_id, account_id
    ) named
  ) THEN
    RAISE EXCEPTION 'the lot is of another account, or there is none'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'points_entry_lot_of_account';
  END IF;
  RETURN NULL;
END $$
"""
_TRIGGER = """
CREATE TRIGGER apply_points_entries AFTER INSERT ON points_entry
REFERENCING NEW TABLE AS added_entry
FOR EACH STATEMENT EXECUTE FUNCTION {function}()
"""
_KEPT = {"points_account": "record_id", "points_lot": "id"}
"""Tables that entries refer to, and by what: postings are kept already."""
_KEYS = {
    "account_id": ("points_account", "record_id"),
    "lot_id": ("points_lot", "id"),
    "posting_id": ("points_posting", "id"),
}


def upgrade() -> None:
    """Guard what entries refer to, then check entries by statement, then let the keys go."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table, key in _KEPT.items():
        op.execute(
            f"CREATE TRIGGER refuse_change BEFORE DELETE OR UPDATE OF {key} ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_points_history_change()"
        )
    op.execute(_APPLY_ENTRIES)
    op.execute("DROP TRIGGER apply_points_entries ON points_entry")
    op.execute(_TRIGGER.format(function="apply_entries_set_by_set"))
    for column, (table, _) in _KEYS.items():
        op.drop_constraint(
            op.f(f"fk_points_entry_{column}_{table}"), "points_entry", type_="foreignkey"
        )


def downgrade() -> None:
    """Check entries row by row again."""
    for column, (table, key) in _KEYS.items():
        op.create_foreign_key(
            op.f(f"fk_points_entry_{column}_{table}"), "points_entry", table, [column], [key]
        )
    op.execute("DROP TRIGGER apply_points_entries ON points_entry")
    op.execute(_TRIGGER.format(function="apply_points_entries"))
    op.execute("DROP FUNCTION apply_entries_set_by_set")
    for table in _KEPT:
        op.execute(f"DROP TRIGGER refuse_change ON {table}")
