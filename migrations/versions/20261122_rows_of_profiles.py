"""Give the rows that a profile is written in types of their own, as those of a ticket have.

An array for each column costs the driver a look at each value. A write that gets another column
gets another type, under another name: the previous release goes on with those that it knows.

Revision ID: 20261122_rows_of_profiles
Revises: 20261122_crosswalk_on_one_clock
"""

from __future__ import annotations

from alembic import op

revision = "20261122_rows_of_profiles"
down_revision = "20261122_crosswalk_on_one_clock"
branch_labels = None
depends_on = None

_TYPES = {
    "new_record": """
        id uuid, source text, external_id text, kind text, client_id uuid, placement text,
        profile jsonb, features jsonb
    """,
    "new_key": "key bigint, record_id uuid, face text",
    "new_identifier": """
        kind text, value text, record_id uuid, origin text, verified_at timestamptz,
        stated_since timestamptz
    """,
    "new_pair": """
        left_id uuid, right_id uuid, weight double precision, decision text, evidence jsonb,
        contradiction text
    """,
}


def upgrade() -> None:
    """Make the types."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    for name, columns in _TYPES.items():
        op.execute(f"CREATE TYPE {name} AS ({columns})")


def downgrade() -> None:
    """Drop them: the previous release does not know them."""
    for name in _TYPES:
        op.execute(f"DROP TYPE {name}")
