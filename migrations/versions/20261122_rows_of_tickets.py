"""Give the rows that a ticket is written in types of their own, so that they travel as rows.

An array for each column costs the driver a look at each value, and the server a set to begin for
each array: for one ticket there were eighty. A write that gets another column gets another type,
under another name: the previous release goes on with those that it knows.

Revision ID: 20261122_rows_of_tickets
Revises: 20261122_attach_rate_periods
"""

from __future__ import annotations

from alembic import op

revision = "20261122_rows_of_tickets"
down_revision = "20261122_attach_rate_periods"
branch_labels = None
depends_on = None

_TYPES = {
    "new_ticket": """
        id uuid, source text, ticket_id text, message_id text, content_digest bytea, kind text,
        store text, till text, number bigint, business_date date, sold_at timestamptz, channel text,
        currency text, total_cents bigint, lines jsonb, payments jsonb, cashier text, order_id text,
        fulfilment text, original_id uuid, presented jsonb, record_id uuid, link text,
        sale_client_id uuid, sale_method text, sale_reason text, credits jsonb
    """,
    "new_purchase": """
        record_id uuid, channel text, store text, currency text, sales integer, returns integer,
        amount_cents bigint, first_at timestamptz, last_at timestamptz
    """,
    "new_message": """
        source text, message_id text, type text, digest bytea, status smallint, answer jsonb,
        record_id uuid, payload jsonb
    """,
    "new_posting": """
        id uuid, kind text, business_date date, actor text, programme_version text, ticket_id uuid,
        corrects_id uuid, spender_id uuid, paid_source text, paid_ticket text,
        inferred_points bigint, amount_cents bigint, exact_points numeric, rules jsonb, reason text,
        request_digest bytea, answer jsonb
    """,
    "new_lot": """
        id uuid, account_id uuid, posting_id uuid, earned_at timestamptz, active_from date,
        expires_on date, timezone text, granted bigint
    """,
    "new_entry": """
        posting_id uuid, number smallint, account_id uuid, lot_id uuid, counterpart text,
        points bigint
    """,
    "new_month": "record_id uuid, month date, points bigint, amount_cents bigint",
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
