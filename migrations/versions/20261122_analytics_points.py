"""Show data teams the points ledger: entries, balances and lots.

Revision ID: 20261122_analytics_points
Revises: 20261122_analytics_attachments
"""

from __future__ import annotations

from alembic import op

from rcu.db.views import Column, View

revision = "20261122_analytics_points"
down_revision = "20261122_analytics_attachments"
branch_labels = None
depends_on = None

_POINTS_ENTRIES = View(
    "analytics.points_entries",
    "The points ledger. One row an entry: the entries of a posting sum to zero, and those of a "
    "record to its balance.",
    {
        "posting_id": Column("e.posting_id", "Id of the posting, which groups its entries."),
        "number": Column("e.number::integer", "Place in the posting."),
        "posted_at": Column("e.posted_at", "When it was posted."),
        "business_date": Column("p.business_date", "Business day of the posting."),
        "kind": Column(
            "p.kind",
            "accrual, return, void, redemption, restoration, expiry, adjustment, transfer, "
            "settlement, or another one of docs/loyalty.md.",
        ),
        "points": Column("e.points", "Points that the side gains; below zero that it loses."),
        "record_id": Column(
            "e.account_id",
            "The source record whose points they are; null for the side of the programme.",
        ),
        "counterpart": Column(
            "e.counterpart",
            "The side of the programme: issued, redeemed, expired, adjusted or borne; null for the "
            "side of a record.",
        ),
        "lot_id": Column("e.lot_id", "The lot of the record; null for its debt."),
        "ticket_id": Column("p.ticket_id", "The ticket that earned or took the points."),
        "corrects_posting_id": Column(
            "p.corrects_id", "The posting that this one takes back, or part."
        ),
        "spender_record_id": Column("p.spender_id", "The record under which they were spent."),
        "paid_source": Column("p.paid_source", "With paid_external_id: the ticket that they paid."),
        "paid_external_id": Column("p.paid_ticket", "Id of that ticket in its source."),
        "programme_version": Column(
            "p.programme_version", "Version of the rules that were applied."
        ),
        "amount_cents": Column(
            "p.amount_cents",
            "Of the ticket, as far as it earns, in cents; said again in each entry of the posting.",
        ),
        "inferred_points": Column(
            "p.inferred_points",
            "Of the posting, spent over links that nobody has verified.",
        ),
        "actor": Column("p.actor", "The service, or the key of who asked."),
    },
    "FROM points_entry e JOIN points_posting p ON p.id = e.posting_id",
)

_POINTS_BALANCES = View(
    "analytics.points_balances",
    "Points of every source record that has ever had any. The balance of a client is the sum over "
    "its records. One row a record.",
    {
        "record_id": Column("a.record_id", "The source record."),
        "client_id": Column("r.client_id", "The client that it is with now."),
        "balance_points": Column("a.balance", "Sum of its entries."),
        "debt_points": Column(
            "a.debt",
            "Points that goods brought back had earned and that were spent already; by as much the "
            "balance may be below zero.",
        ),
        "opened_at": Column("a.opened_at", "When it first had points."),
    },
    "FROM points_account a JOIN source_record r ON r.id = a.record_id",
)

_POINTS_LOTS = View(
    "analytics.points_lots",
    "Points that one posting gave to one record, with their dates: what is due, and when it "
    "lapses. One row a lot.",
    {
        "lot_id": Column("l.id", "Id of the lot."),
        "record_id": Column("l.account_id", "The source record whose points they are."),
        "posting_id": Column("l.posting_id", "The posting that gave them."),
        "earned_at": Column("l.earned_at", "When they were earned."),
        "earned_on": Column(
            "(l.earned_at AT TIME ZONE l.timezone)::date", "Day they were earned there."
        ),
        "active_from": Column("l.active_from", "First business day they can be spent on."),
        "expires_on": Column(
            "l.expires_on", "First business day they no longer can; null for never."
        ),
        "granted_points": Column("l.granted", "Points given."),
        "remaining_points": Column("l.remaining", "Points left."),
        "held_points": Column("l.held", "Of those left, reserved for a till or a basket."),
    },
    "FROM points_lot l",
)

_VIEWS = (_POINTS_ENTRIES, _POINTS_BALANCES, _POINTS_LOTS)


def upgrade() -> None:
    """Make the views."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    for view in _VIEWS:
        for statement in view.creation():
            op.execute(statement)


def downgrade() -> None:
    """Drop the views."""
    for view in reversed(_VIEWS):
        op.execute(f"DROP VIEW {view.name}")
