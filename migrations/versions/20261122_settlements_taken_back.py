"""Take a settlement back once lender and spender are one client again.

A crossing remembers what settlements gave its lender, and how much of it nobody has paid for. While
both are one client that is to be taken back, and `points_owed` finds it beside what is to be
settled. What settlements gave before is reckoned from their entries.

Revision ID: 20261122_settlements_taken_back
Revises: 20261122_adjustments_together
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261122_settlements_taken_back"
down_revision = "20261122_adjustments_together"
branch_labels = None
depends_on = None

_COLUMNS = {
    "given": "of the settled, points that settlements gave: to be taken back once both are one",
    "borne": "of the given, points that nobody has paid for: the client spends nothing before",
}
_RECKON = """
UPDATE points_crossing c
SET given = least(made.given, c.settled), borne = least(made.borne, made.given, c.settled)
FROM (
    SELECT p.corrects_id AS posting_id, lender.account_id, sum(lender.points)::bigint AS given,
           sum(greatest(-borne.points, 0))::bigint AS borne
    FROM points_posting p
    CROSS JOIN LATERAL (
        SELECT e.account_id, sum(e.points) AS points FROM points_entry e
        WHERE e.posting_id = p.id AND e.points > 0 AND e.account_id IS NOT NULL GROUP BY 1
    ) lender
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(e.points), 0) AS points FROM points_entry e
        WHERE e.posting_id = p.id AND e.counterpart = 'borne'
    ) borne
    WHERE p.kind = 'settlement' GROUP BY 1, 2
) made
WHERE (c.posting_id, c.account_id) = (made.posting_id, made.account_id) AND c.settled > 0
"""
_OWED = """
CREATE FUNCTION points_owed(clients uuid[])
RETURNS TABLE (
    posting_id uuid, account_id uuid, spender_id uuid, client_id uuid, points bigint,
    settled bigint{columns}
)
LANGUAGE sql STABLE AS $$
    WITH member AS (
        SELECT id FROM source_record WHERE client_id = ANY (clients)
    ), crossing AS (
        SELECT c.* FROM member JOIN points_crossing c ON c.account_id = member.id
        UNION
        SELECT c.* FROM member JOIN points_crossing c ON c.spender_id = member.id
    )
    SELECT c.posting_id, c.account_id, c.spender_id, spender.client_id, c.points,
           c.settled{values}
    FROM crossing c
    JOIN source_record lender ON lender.id = c.account_id
    JOIN source_record spender ON spender.id = c.spender_id
    WHERE {due}
    ORDER BY c.posting_id, c.account_id
$$
"""
_PARTED = "lender.client_id <> spender.client_id AND c.settled < c.points"


def upgrade() -> None:
    """Remember what settlements gave, and find those to be taken back."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    for name, comment in _COLUMNS.items():
        op.add_column(
            "points_crossing",
            sa.Column(
                name, sa.BigInteger(), server_default=sa.text("0"), nullable=False, comment=comment
            ),
        )
    op.execute(_RECKON)
    op.create_check_constraint("given", "points_crossing", "given BETWEEN borne AND points")
    op.create_check_constraint("borne", "points_crossing", "borne >= 0")
    op.create_index(
        "ix_points_crossing_borne",
        "points_crossing",
        ["account_id"],
        postgresql_where=sa.text("borne > 0"),
    )
    op.execute("DROP FUNCTION points_owed")
    together = "lender.client_id = spender.client_id AND c.given > 0"
    op.execute(
        _OWED.format(
            columns=", given bigint, borne bigint, is_parted boolean",
            values=", c.given, c.borne, lender.client_id <> spender.client_id",
            due=f"({_PARTED}) OR ({together})",
        )
    )


def downgrade() -> None:
    """Forget it: what was settled stays settled."""
    op.execute("DROP FUNCTION points_owed")
    op.execute(_OWED.format(columns="", values="", due=_PARTED))
    op.drop_index("ix_points_crossing_borne", "points_crossing")
    for name in ("borne", "given"):
        op.drop_constraint(name, "points_crossing", type_="check")
    for name in _COLUMNS:
        op.drop_column("points_crossing", name)
