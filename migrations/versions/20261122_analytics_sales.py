"""Open the schema `analytics`: what data teams read of stores, tickets and orders.

Its views are a public contract: names and meanings stay, columns are added at the end. They run
with the rights of their owner, so that a reader needs none on the tables (see ADR 14). Nobody may
read them until `rcu analytics grant` says so.

Revision ID: 20261122_analytics_sales
Revises: 20261122_merge_brakes
"""

from __future__ import annotations

from alembic import op

from rcu.db.views import Column, View

revision = "20261122_analytics_sales"
down_revision = "20261122_merge_brakes"
branch_labels = None
depends_on = None

# A schema that an administrator has made already may be one that we may not make.
_OPEN = """
DO $$ BEGIN
    IF to_regnamespace('analytics') IS NULL THEN CREATE SCHEMA analytics; END IF;
END $$
"""
_WHAT_IT_IS = """
COMMENT ON SCHEMA analytics IS
'What data teams read: a public contract, described in docs/analytics.md. Amounts are cents beside '
'their currency, times are timestamptz, days are business days in the time zone of the store.'
"""

# What anybody may call, a reader of the views may call: of our functions, only their owner may.
_CLOSE_FUNCTIONS = """
DO $$
DECLARE ours regprocedure;
BEGIN
    FOR ours IN
        SELECT p.oid FROM pg_proc p
        WHERE p.pronamespace = current_schema()::regnamespace
          AND p.proowner = current_user::regrole
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', ours);
    END LOOP;
END $$
"""
_CLOSE_LATER_FUNCTIONS = "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC"

_ZONE = "coalesce(s.timezone, 'Europe/Paris')"
_GIVEN = "coalesce(t.presented ->> '{}', '') <> ''"

_STORES = View(
    "analytics.stores",
    "Shops. One row a store.",
    {
        "store": Column("s.code", "Code of the store, as on its tickets."),
        "name": Column("s.name", "Name of the store."),
        "postcode": Column("s.postcode", "Postcode of the store."),
        "city": Column("s.city", "Town of the store."),
        "country": Column("s.country", "Country of the store, ISO 3166 alpha-2."),
        "timezone": Column("s.timezone", "IANA time zone, which decides on its business days."),
        "created_at": Column("s.created_at", "When the store was added."),
    },
    "FROM store s",
)

_TICKETS = View(
    "analytics.tickets",
    "Sales, returns and voids. One row a ticket. Whose it is: analytics.attachments.",
    {
        "ticket_id": Column("t.id", "Id of the ticket, given by the service."),
        "source": Column("t.source", "Source that sent it."),
        "external_id": Column("t.ticket_id", "Id that the source gave to the ticket."),
        "kind": Column("t.kind", "sale, return, or void: a ticket that cancels another one."),
        "store": Column("t.store", "Store; null when it was sold in none, as on the web."),
        "till": Column("t.till", "Till of the store."),
        "cashier": Column("t.cashier", "Who worked at the till, as the source names them."),
        "number": Column("t.number", "Number printed on the ticket."),
        "channel": Column("t.channel", "store, web, app, phone, loyalty or other."),
        "business_date": Column("t.business_date", "Business day, in the time zone of the store."),
        "sold_hour": Column(
            f"extract(hour FROM t.sold_at AT TIME ZONE {_ZONE})::smallint",
            "Hour of the sale, 0 to 23, on the clock of the store (Europe/Paris without one).",
        ),
        "sold_at": Column("t.sold_at", "When it was sold, by the clock of the till."),
        "received_at": Column("t.received_at", "When the service received it."),
        "currency": Column("t.currency", "Currency of all its amounts, ISO 4217."),
        "total_cents": Column(
            "t.total_cents", "What was paid, in cents; zero or below for a return."
        ),
        "is_voided": Column("t.voided_by IS NOT NULL", "Whether it was cancelled afterwards."),
        "voided_by_ticket_id": Column("t.voided_by", "The void that cancelled it."),
        "original_ticket_id": Column("t.original_id", "The ticket that this one returns or voids."),
        "order_external_id": Column(
            "t.order_id", "Id of the order that it names, as its source knows."
        ),
        "fulfilment": Column("t.fulfilment", "delivery, click_and_collect or ship_from_store."),
        "record_id": Column(
            "t.record_id", "The source record that it hangs on now; null for none."
        ),
        "link": Column(
            "t.link",
            "How it came to its record: identifiers, original, order, claim, steward, none; or "
            "detached by a steward.",
        ),
        "gave_external_id": Column(
            _GIVEN.format("external_id"), "Whether it named a person by id."
        ),
        "gave_card": Column(
            _GIVEN.format("card"), "Whether a loyalty card was given, valid or not."
        ),
        "gave_email": Column(_GIVEN.format("email"), "Whether an e-mail was given, valid or not."),
        "gave_phone": Column(
            _GIVEN.format("phone"), "Whether a phone number was given, valid or not."
        ),
        "gave_app_scan": Column(_GIVEN.format("app_user"), "Whether the app was scanned."),
        "gave_payment_token": Column(
            "jsonb_path_exists(t.payments, '$[*] ? (@.payment_token != null)')",
            "Whether a means of payment came with a token of its account.",
        ),
    },
    "FROM ticket t LEFT JOIN store s ON s.code = t.store",
)

_TICKET_LINES = View(
    "analytics.ticket_lines",
    "Products on tickets. One row a line.",
    {
        "ticket_id": Column("t.id", "Ticket of the line."),
        "line_number": Column("l.number::integer", "Place on the ticket, from 1."),
        "business_date": Column("t.business_date", "Business day of the ticket."),
        "sku": Column("l.sku", "Product, as the source names it."),
        "label": Column("l.label", "Label of the product."),
        "category": Column("l.category", "Category of the product."),
        "quantity": Column("coalesce(l.quantity, 1)", "How many; negative when brought back."),
        "currency": Column("t.currency", "Currency of the amounts, ISO 4217."),
        "amount_cents": Column(
            "l.amount_cents", "Paid for the line, in cents, discounts deducted."
        ),
        "discount_cents": Column(
            "coalesce(l.discount_cents, 0)", "Discount on the line, in cents."
        ),
    },
    """
    FROM ticket t CROSS JOIN LATERAL ROWS FROM (
        jsonb_to_recordset(t.lines) AS (
            sku text, label text, category text, quantity double precision, amount_cents bigint,
            discount_cents bigint
        )
    ) WITH ORDINALITY
        AS l (sku, label, category, quantity, amount_cents, discount_cents, number)
    """,
)

_TICKET_PAYMENTS = View(
    "analytics.ticket_payments",
    "Means of payment of tickets. One row a means; tokens are not told.",
    {
        "ticket_id": Column("t.id", "Ticket that was paid."),
        "payment_number": Column("p.number::integer", "Place on the ticket, from 1."),
        "business_date": Column("t.business_date", "Business day of the ticket."),
        "method": Column("coalesce(p.method, 'card')", "Means of payment, as the source names it."),
        "currency": Column("t.currency", "Currency of the amount, ISO 4217."),
        "amount_cents": Column(
            "p.amount_cents", "Paid by this means, in cents; null when not said."
        ),
        "has_payment_token": Column(
            "p.payment_token IS NOT NULL",
            "Whether it came with a token of the payment account.",
        ),
    },
    """
    FROM ticket t CROSS JOIN LATERAL ROWS FROM (
        jsonb_to_recordset(t.payments) AS (method text, amount_cents bigint, payment_token text)
    ) WITH ORDINALITY AS p (method, amount_cents, payment_token, number)
    """,
)

_ORDERS = View(
    "analytics.orders",
    "Web orders, in their newest known state. One row an order.",
    {
        "order_id": Column("o.id", "Id of the order, given by the service."),
        "source": Column("o.source", "Source that sent it."),
        "external_id": Column("o.order_id", "Id that the source gave to the order."),
        "status": Column(
            "o.status",
            "placed, paid, shipped, ready_for_pickup, picked_up, cancelled or returned.",
        ),
        "placed_at": Column("o.placed_at", "When it was placed."),
        "placed_on": Column(
            f"(o.placed_at AT TIME ZONE {_ZONE})::date",
            "Day it was placed, in the time zone of its store (Europe/Paris without one).",
        ),
        "changed_at": Column("o.changed_at", "When its newest step happened."),
        "received_at": Column("o.received_at", "When the service received its first step."),
        "channel": Column("o.channel", "web, app, phone, store, loyalty or other."),
        "store": Column("o.store", "Where it is collected, or shipped from; null for neither."),
        "fulfilment": Column("o.fulfilment", "delivery, click_and_collect or ship_from_store."),
        "currency": Column("o.currency", "Currency of its amount, ISO 4217."),
        "total_cents": Column("o.total_cents", "Total in cents."),
        "record_id": Column("o.record_id", "The source record that it hangs on; null for none."),
    },
    "FROM sales_order o LEFT JOIN store s ON s.code = o.store",
)

_ORDER_STEPS = View(
    "analytics.order_steps",
    "Steps in the life of web orders. One row a step.",
    {
        "step_id": Column("p.id", "Id of the step, given by the service."),
        "order_id": Column("p.order_id", "Order of the step."),
        "status": Column("p.status", "What the order became: see analytics.orders."),
        "occurred_at": Column("p.occurred_at", "When it happened."),
        "occurred_on": Column(
            f"(p.occurred_at AT TIME ZONE {_ZONE})::date",
            "Day it happened, in the time zone of the order's store (Europe/Paris without one).",
        ),
        "store": Column("p.stated ->> 'store'", "Store that the step names."),
    },
    """
    FROM order_step p JOIN sales_order o ON o.id = p.order_id
    LEFT JOIN store s ON s.code = o.store
    """,
)

_VIEWS = (_STORES, _TICKETS, _TICKET_LINES, _TICKET_PAYMENTS, _ORDERS, _ORDER_STEPS)


def upgrade() -> None:
    """Make the schema and its first views."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in (_OPEN, _WHAT_IT_IS, _CLOSE_FUNCTIONS, _CLOSE_LATER_FUNCTIONS):
        op.execute(statement)
    for view in _VIEWS:
        for statement in view.creation():
            op.execute(statement)


def downgrade() -> None:
    """Close the schema; whoever is at an earlier release has no reader to refuse a function to."""
    for view in reversed(_VIEWS):
        op.execute(f"DROP VIEW {view.name}")
    op.execute("DROP SCHEMA analytics")
    op.execute("ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC")
