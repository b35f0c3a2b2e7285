"""Write keys and pairs of records without looking each of them up by a foreign key.

What is derived from records, their blocking keys and their pairs, is written by the statement that
writes a record, or by work that has just read it. To look for the record again, once for each of
sixteen keys and twice for each pair, and to lock the other record of a pair, was a quarter of that
statement. Records are not deleted; should one be, what is derived of it still goes with it. The
previous release goes on as before.

Revision ID: 20261122_derived_rows
Revises: 20261122_verified_holders
"""

from __future__ import annotations

from alembic import op

revision = "20261122_derived_rows"
down_revision = "20261122_verified_holders"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("blocking_key", "record_id"),
    ("record_pair", "left_id"),
    ("record_pair", "right_id"),
)
_FORGET_DERIVED = """
    CREATE FUNCTION forget_what_derives() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM blocking_key k USING gone WHERE k.record_id = gone.id;
        DELETE FROM record_pair p USING gone WHERE p.left_id = gone.id;
        DELETE FROM record_pair p USING gone WHERE p.right_id = gone.id;
        RETURN NULL;
    END
    $$
"""
_RECORDS_GONE = """
    CREATE TRIGGER records_gone AFTER DELETE ON source_record
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION forget_what_derives()
"""


def upgrade() -> None:
    """Leave the foreign keys out; what they did when a record was deleted, a trigger does."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(_FORGET_DERIVED)
    op.execute(_RECORDS_GONE)
    for table, column in _COLUMNS:
        op.drop_constraint(_name(table, column), table, type_="foreignkey")


def downgrade() -> None:
    """Check every row again, at once and from then on."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table, column in _COLUMNS:
        op.create_foreign_key(
            _name(table, column), table, "source_record", [column], ["id"], ondelete="CASCADE"
        )
    op.execute("DROP TRIGGER records_gone ON source_record")
    op.execute("DROP FUNCTION forget_what_derives()")


def _name(table: str, column: str) -> str:
    return op.f(f"fk_{table}_{column}_source_record")
