"""Count the attach rate: cells, what is not in them yet, and the triggers that tell of it.

Any statement that adds or moves a ticket, or moves a record, says so in a row of its own: nobody
waits for anybody. The fold counts those rows into the cells; a figure is the sum of both.

The view `attach_rate_pending` says what the cells do not know. Tickets that are there already wait
for the first fold, and are read from the tickets themselves until then.

Revision ID: 20261122_attach_rate
Revises: 20261122_analytics_points
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from rcu.db.views import Column, View

revision = "20261122_attach_rate"
down_revision = "20261122_analytics_points"
branch_labels = None
depends_on = None

_SCOPES_BEFORE = (
    "scopes <@ ARRAY['ingest', 'clients:read', 'clients:search', 'clients:steward', "
    "'loyalty:spend', 'loyalty:manage', 'metrics:read', 'admin']"
)
_SCOPES = _SCOPES_BEFORE.replace("'metrics:read'", "'analytics:read', 'metrics:read'")

# An account is opened with the first sale of its own record when the profile, of a source that is a
# network of tills, came in the 24 hours before it.
_TICKETS_ARRIVED = """
CREATE FUNCTION note_tickets_arrived() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO attach_rate_opening (record_id, ticket_id)
  SELECT DISTINCT ON (r.id) r.id, t.id
  FROM arrived t
  JOIN source_record r ON r.id = t.record_id AND r.kind = 'profile'
  JOIN source s ON s.code = r.source AND s.kind = 'pos'
  WHERE t.kind = 'sale' AND t.link = 'identifiers'
    AND t.received_at < interval '24 hours' + coalesce(
      (SELECT max(x.made_at) FROM attach_rate_record_change x
       WHERE x.record_id = r.id AND x.was_kind <> 'profile'),
      r.created_at
    )
  ORDER BY r.id, t.sold_at, t.id
  ON CONFLICT DO NOTHING;
  INSERT INTO attach_rate_arrival (ticket_id) SELECT t.id FROM arrived t WHERE t.kind <> 'void';
  RETURN NULL;
END $$
"""

_TICKET_CHANGED = """
CREATE FUNCTION note_ticket_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO attach_rate_ticket_change (ticket_id, was_link, was_record_id, was_voided)
  VALUES (OLD.id, OLD.link, OLD.record_id, OLD.voided_by IS NOT NULL);
  RETURN NULL;
END $$
"""

# A record that never had a ticket and is no profile is nobody's concern: so are most, when made.
# A profile that comes in the 24 hours after the first sale of its record opened it as well.
_RECORD_CHANGED = """
CREATE FUNCTION note_record_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.kind <> 'profile' AND NEW.kind <> 'profile'
     AND NOT EXISTS (SELECT FROM ticket t WHERE t.record_id = OLD.id)
     AND NOT EXISTS (
       SELECT FROM attach_rate_ticket_change x WHERE x.was_record_id = OLD.id
     ) THEN
    RETURN NULL;
  END IF;
  INSERT INTO attach_rate_record_change (record_id, was_client_id, was_kind, was_placement)
  VALUES (OLD.id, OLD.client_id, OLD.kind, OLD.placement);
  IF OLD.kind <> 'profile' AND NEW.kind = 'profile' THEN
    INSERT INTO attach_rate_opening (record_id, ticket_id)
    SELECT NEW.id, t.id
    FROM ticket t JOIN source s ON s.code = NEW.source AND s.kind = 'pos'
    WHERE t.record_id = NEW.id AND t.kind = 'sale' AND t.link = 'identifiers'
      AND t.voided_by IS NULL AND t.received_at > now() - interval '24 hours'
    ORDER BY t.sold_at, t.id LIMIT 1
    ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END $$
"""

_ZONE_CHANGED = """
CREATE FUNCTION note_store_zone_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO attach_rate_zone (store, until, timezone) VALUES (OLD.code, now(), OLD.timezone)
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$
"""

_TRIGGERS = """
CREATE TRIGGER tickets_arrived AFTER INSERT ON ticket REFERENCING NEW TABLE AS arrived
FOR EACH STATEMENT EXECUTE FUNCTION note_tickets_arrived();
CREATE TRIGGER ticket_changed AFTER UPDATE OF link, record_id, voided_by ON ticket
FOR EACH ROW WHEN (
  OLD.kind <> 'void' AND (OLD.link, OLD.record_id, OLD.voided_by)
  IS DISTINCT FROM (NEW.link, NEW.record_id, NEW.voided_by)
) EXECUTE FUNCTION note_ticket_changed();
CREATE TRIGGER record_changed AFTER UPDATE OF client_id, kind, placement ON source_record
FOR EACH ROW WHEN (
  (OLD.client_id, OLD.kind, OLD.placement)
  IS DISTINCT FROM (NEW.client_id, NEW.kind, NEW.placement)
) EXECUTE FUNCTION note_record_changed();
CREATE TRIGGER store_zone_changed AFTER UPDATE OF timezone ON store
FOR EACH ROW WHEN (OLD.timezone <> NEW.timezone) EXECUTE FUNCTION note_store_zone_changed();
"""

_PENDING = """
CREATE VIEW attach_rate_pending AS
    WITH recent_ticket AS (
        SELECT x.* FROM attach_rate_ticket_change x WHERE NOT x.counted
    ), recent_record AS (
        SELECT x.* FROM attach_rate_record_change x WHERE NOT x.counted
    ), regrouped AS (
        SELECT x.was_client_id AS client_id, r.client_id AS new_client_id
        FROM recent_record x JOIN source_record r ON r.id = x.record_id
        WHERE x.was_kind = 'profile' OR r.kind = 'profile'
    ), affected AS (
        SELECT a.ticket_id FROM attach_rate_arrival a
        UNION
        SELECT x.ticket_id FROM recent_ticket x
        UNION
        SELECT t.id FROM recent_record x JOIN ticket t ON t.record_id = x.record_id
        UNION
        SELECT t.id
        FROM (
            SELECT g.client_id FROM regrouped g UNION SELECT g.new_client_id FROM regrouped g
        ) c
        JOIN source_record r ON r.client_id = c.client_id JOIN ticket t ON t.record_id = r.id
    ), ticket_before AS (
        (SELECT DISTINCT ON (x.ticket_id) -1 AS sign, x.ticket_id,
                x.was_link AS link, x.was_record_id AS record_id, x.was_voided AS is_voided
         FROM recent_ticket x WHERE NOT x.counted ORDER BY x.ticket_id, x.id)
    ), record_before AS (
        (SELECT DISTINCT ON (x.record_id) -1 AS sign, x.record_id, x.was_client_id AS client_id,
                x.was_kind AS kind, x.was_placement AS placement
         FROM recent_record x WHERE NOT x.counted ORDER BY x.record_id, x.id)
    ), hung AS (
        SELECT side.sign, t.id,
               CASE WHEN b.ticket_id IS NULL THEN t.link ELSE b.link END AS link,
               CASE WHEN b.ticket_id IS NULL THEN t.record_id ELSE b.record_id END AS record_id
        FROM affected a
        JOIN ticket t ON t.id = a.ticket_id
        CROSS JOIN (VALUES (-1), (1)) AS side (sign)
        LEFT JOIN ticket_before b ON b.sign = side.sign AND b.ticket_id = t.id
        WHERE t.kind <> 'void'
          AND NOT coalesce(b.is_voided, t.voided_by IS NOT NULL)
          AND CASE WHEN side.sign > 0 THEN true ELSE NOT EXISTS (
                  SELECT FROM attach_rate_arrival w WHERE w.ticket_id = t.id
              ) END
    ), placed AS MATERIALIZED (
        SELECT h.sign, h.id, h.link, h.record_id, coalesce(b.client_id, r.client_id) AS client_id,
               coalesce(b.kind, r.kind) AS record_kind,
               coalesce(b.placement, r.placement) AS placement
        FROM hung h
        LEFT JOIN source_record r ON r.id = h.record_id
        LEFT JOIN record_before b ON b.sign = h.sign AND b.record_id = h.record_id
    ), member AS (
        SELECT c.sign, c.client_id, r.id, r.created_at
        FROM (SELECT DISTINCT p.sign, p.client_id FROM placed p) c
        JOIN source_record r ON r.client_id = c.client_id AND r.kind = 'profile'
        LEFT JOIN record_before b ON b.sign = c.sign AND b.record_id = r.id
        WHERE b.record_id IS NULL
        UNION ALL
        SELECT b.sign, b.client_id, r.id, r.created_at
        FROM record_before b JOIN source_record r ON r.id = b.record_id
        WHERE b.kind = 'profile'
    ), known AS (
        SELECT m.sign, m.client_id, min(coalesce(
            (SELECT max(x.made_at) FROM attach_rate_record_change x
             WHERE x.record_id = m.id AND x.was_kind <> 'profile'),
            m.created_at
        )) AS since
        FROM member m
        GROUP BY m.sign, m.client_id HAVING bool_or(m.id = m.client_id)
    )
    SELECT p.sign, sold.id AS ticket_id, sold.business_date, sold.kind, sold.store, sold.channel,
           sold.currency, sold.till, sold.cashier,
           extract(hour FROM sold.sold_at AT TIME ZONE coalesce(
               (SELECT z.timezone FROM attach_rate_zone z
                WHERE z.store = coalesce(sold.store, '') AND z.until > sold.received_at
                ORDER BY z.until LIMIT 1),
               s.timezone, 'UTC'
           ))::smallint AS hour,
           sold.sale_method,
    CASE WHEN sold.sale_client_id IS NULL THEN coalesce(sold.sale_reason, 'unknown') END
 AS sale_reason,
    CASE WHEN NOT c.known THEN NULL
         WHEN t.link = 'original' THEN 'return_link'
         WHEN t.link = 'order' THEN 'order_reference'
         WHEN t.link IN ('claim', 'steward') THEN t.link
         WHEN r.kind = 'profile' THEN 'own_record'
         ELSE r.placement END
 AS method,
    CASE WHEN c.known THEN NULL
         WHEN t.kind = 'void' THEN NULL
         WHEN t.link = 'detached' THEN 'detached'
         WHEN t.sale_reason IN ('mistyped', 'unreadable') THEN t.sale_reason
         WHEN r.placement IN ('ambiguous', 'shared') THEN r.placement
         WHEN t.sale_reason IN ('ambiguous', 'shared') THEN 'unknown'
         ELSE coalesce(t.sale_reason, 'unknown') END
 AS reason,
    sold.sale_client_id IS NULL AND coalesce(
        sold.sale_reason IN ('mistyped', 'ambiguous', 'shared') OR k.since <= sold.received_at,
        false
    )
 AS is_missed, sold.total_cents AS amount_cents,
           (
    p.link = 'identifiers' AND p.record_kind = 'profile' AND EXISTS (
        SELECT FROM attach_rate_opening o
        WHERE o.ticket_id = sold.id AND o.record_id = p.record_id
    )
)::int AS accounts_opened
    FROM placed p
    JOIN ticket sold ON sold.id = p.id
    LEFT JOIN store s ON s.code = sold.store
    LEFT JOIN known k ON k.sign = p.sign AND k.client_id = p.client_id
    CROSS JOIN LATERAL (SELECT sold.kind, sold.sale_reason, p.link) AS t
    CROSS JOIN LATERAL (SELECT p.record_kind AS kind, p.placement) AS r
    CROSS JOIN LATERAL (SELECT k.since IS NOT NULL AS known) AS c
"""


_DAILY_BEFORE = View(
    "analytics.attach_rate_daily",
    "The attach rate: how many tickets, and how many of them are attached, by number and amount. "
    "Voids and what they cancel are left out. One row a day, store, channel, kind and currency.",
    {
        "business_date": Column("t.business_date", "Business day, in the time zone of the store."),
        "store": Column("t.store", "Store; null for sales in none, as on the web."),
        "channel": Column("t.channel", "store, web, app, phone, loyalty or other."),
        "kind": Column("t.kind", "sale or return."),
        "currency": Column("t.currency", "Currency of the amounts, ISO 4217."),
        "tickets": Column("count(*)", "Tickets."),
        "tickets_attached_at_sale": Column(
            "count(*) FILTER (WHERE a.attached_at_sale)",
            "Of these, attached to a known client when they were received.",
        ),
        "tickets_attached_now": Column(
            "count(*) FILTER (WHERE a.attached_now)",
            "Of these, attached to a known client by all that is known now.",
        ),
        "amount_cents": Column(
            "sum(t.total_cents)::bigint", "Amount of the tickets; of returns, zero or below."
        ),
        "amount_attached_at_sale_cents": Column(
            "coalesce(sum(t.total_cents) FILTER (WHERE a.attached_at_sale), 0)::bigint",
            "Amount of those attached when they were received.",
        ),
        "amount_attached_now_cents": Column(
            "coalesce(sum(t.total_cents) FILTER (WHERE a.attached_now), 0)::bigint",
            "Amount of those attached now.",
        ),
    },
    """
    FROM analytics.tickets t JOIN analytics.attachments a USING (ticket_id)
    WHERE NOT t.is_voided
    GROUP BY t.business_date, t.store, t.channel, t.kind, t.currency
    """,
)

_DAILY = View(
    "analytics.attach_rate_daily",
    "The attach rate: how many tickets, and how many of them are attached, by number and amount. "
    "Voids and what they cancel are left out. One row a day, store, channel, kind and currency.",
    {
        "business_date": Column("business_date", "Business day, in the time zone of the store."),
        "store": Column("store", "Store; null for sales in none, as on the web."),
        "channel": Column("channel", "store, web, app, phone, loyalty or other."),
        "kind": Column("kind", "sale or return."),
        "currency": Column("currency", "Currency of the amounts, ISO 4217."),
        "tickets": Column("sum(tickets)::bigint", "Tickets."),
        "tickets_attached_at_sale": Column(
            "coalesce(sum(tickets) FILTER (WHERE sale_reason IS NULL), 0)::bigint",
            "Of these, attached to a known client when they were received.",
        ),
        "tickets_attached_now": Column(
            "coalesce(sum(tickets) FILTER (WHERE reason IS NULL), 0)::bigint",
            "Of these, attached to a known client by all that is known now.",
        ),
        "amount_cents": Column(
            "sum(amount_cents)::bigint", "Amount of the tickets; of returns, zero or below."
        ),
        "amount_attached_at_sale_cents": Column(
            "coalesce(sum(amount_cents) FILTER (WHERE sale_reason IS NULL), 0)::bigint",
            "Amount of those attached when they were received.",
        ),
        "amount_attached_now_cents": Column(
            "coalesce(sum(amount_cents) FILTER (WHERE reason IS NULL), 0)::bigint",
            "Amount of those attached now.",
        ),
        "tickets_missed": Column(
            "coalesce(sum(tickets) FILTER (WHERE is_missed), 0)::bigint",
            "Missed recognitions: attached to nobody when they were received although what was "
            "shown was a client's, or although they are now a client's who was known then.",
        ),
        "amount_missed_cents": Column(
            "coalesce(sum(amount_cents) FILTER (WHERE is_missed), 0)::bigint",
            "Amount of missed recognitions.",
        ),
        "accounts_opened": Column(
            "sum(accounts_opened)::bigint", "Accounts that were opened at the till with a sale."
        ),
    },
    """
    FROM (
        SELECT business_date, store, channel, kind, currency, sale_reason, reason, is_missed,
               tickets, amount_cents, accounts_opened
        FROM attach_rate_cell WHERE grain = 'day'
        UNION ALL
        SELECT business_date, store, channel, kind, currency, sale_reason, reason, is_missed,
               sign, sign * amount_cents, sign * accounts_opened
        FROM attach_rate_pending
    ) AS told
    GROUP BY business_date, store, channel, kind, currency
    HAVING sum(tickets) <> 0
    """,
)


def upgrade() -> None:
    """Make the tables, say that every ticket waits, then let the triggers go on."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    _create_cells()
    _create_changes()
    op.create_index("ix_ticket_business_date", "ticket", ["business_date", "id"])
    for statement in (_TICKETS_ARRIVED, _TICKET_CHANGED, _RECORD_CHANGED, _ZONE_CHANGED):
        op.execute(statement)
    for statement in filter(str.strip, _TRIGGERS.split(";")):
        op.execute(statement)
    op.execute("INSERT INTO attach_rate_arrival SELECT id FROM ticket WHERE kind <> 'void'")
    op.execute(_PENDING)
    op.execute("DROP VIEW analytics.attach_rate_daily")
    for statement in _DAILY.creation():
        op.execute(statement)
    _scopes(_SCOPES)


def _scopes(condition: str) -> None:
    op.drop_constraint(op.f("ck_api_key_scopes_are_known"), "api_key", type_="check")
    op.create_check_constraint(op.f("ck_api_key_scopes_are_known"), "api_key", condition)


def _create_cells() -> None:
    op.create_table(
        "attach_rate_cell",
        sa.Column("id", sa.Uuid(), nullable=False, comment="MD5 of all that tells cells apart"),
        sa.Column("grain", sa.String(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False, comment="sale or return"),
        sa.Column("store", sa.String(), nullable=True),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("till", sa.String(), nullable=True),
        sa.Column("cashier", sa.String(), nullable=True),
        sa.Column(
            "hour", sa.SmallInteger(), nullable=True, comment="of the day, in the store's time zone"
        ),
        sa.Column("sale_method", sa.String(), nullable=True),
        sa.Column("sale_reason", sa.String(), nullable=True),
        sa.Column("method", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("is_missed", sa.Boolean(), nullable=False),
        sa.Column("tickets", sa.BigInteger(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("accounts_opened", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "grain IN ('day', 'hour', 'staff', 'all')", name=op.f("ck_attach_rate_cell_grain")
        ),
        sa.CheckConstraint("tickets > 0", name=op.f("ck_attach_rate_cell_tickets")),
        sa.CheckConstraint(
            "accounts_opened BETWEEN 0 AND tickets",
            name=op.f("ck_attach_rate_cell_accounts_opened"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attach_rate_cell")),
    )
    op.create_index("ix_attach_rate_cell_grain", "attach_rate_cell", ["grain", "business_date"])


def _create_changes() -> None:
    op.create_table(
        "attach_rate_arrival",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_attach_rate_arrival")),
    )
    op.create_table(
        "attach_rate_ticket_change",
        *_change_columns(),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("was_link", sa.String(), nullable=False),
        sa.Column("was_record_id", sa.Uuid(), nullable=True),
        sa.Column("was_voided", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attach_rate_ticket_change")),
    )
    op.create_table(
        "attach_rate_record_change",
        *_change_columns(),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("was_client_id", sa.Uuid(), nullable=False),
        sa.Column("was_kind", sa.String(), nullable=False),
        sa.Column("was_placement", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attach_rate_record_change")),
    )
    op.create_index(
        "ix_attach_rate_ticket_change_was_record_id",
        "attach_rate_ticket_change",
        ["was_record_id"],
    )
    op.create_index(
        "ix_attach_rate_record_change_was_client_id",
        "attach_rate_record_change",
        ["was_client_id", "made_at"],
    )
    for subject in ("ticket", "record"):
        table = f"attach_rate_{subject}_change"
        op.create_index(f"ix_{table}_{subject}_id", table, [f"{subject}_id", "id"])
        op.create_index(f"ix_{table}_made_at", table, ["made_at"])
        op.create_index(
            f"ix_{table}_pending", table, ["id"], postgresql_where=sa.text("NOT counted")
        )
    op.create_table(
        "attach_rate_opening",
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["record_id"],
            ["source_record.id"],
            name=op.f("fk_attach_rate_opening_record_id_source_record"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_attach_rate_opening")),
        sa.UniqueConstraint("ticket_id", name=op.f("uq_attach_rate_opening_ticket_id")),
    )
    op.create_table(
        "attach_rate_zone",
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("store", "until", name=op.f("pk_attach_rate_zone")),
    )


def _change_columns() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "made_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the transaction began",
        ),
        sa.Column(
            "counted",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="whether the cells know of it",
        ),
    )


def downgrade() -> None:
    """Count nothing any more; the view by day counts the tickets themselves again."""
    op.execute("DROP VIEW analytics.attach_rate_daily")
    for statement in _DAILY_BEFORE.creation():
        op.execute(statement)
    op.execute("DROP VIEW attach_rate_pending")
    for trigger, table in (
        ("tickets_arrived", "ticket"),
        ("ticket_changed", "ticket"),
        ("record_changed", "source_record"),
        ("store_zone_changed", "store"),
    ):
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
        op.execute(f"DROP FUNCTION note_{trigger}()")
    op.drop_index("ix_ticket_business_date", table_name="ticket")
    for table in (
        "attach_rate_zone",
        "attach_rate_opening",
        "attach_rate_record_change",
        "attach_rate_ticket_change",
        "attach_rate_arrival",
        "attach_rate_cell",
    ):
        op.drop_table(table)
    op.execute("DELETE FROM api_key WHERE scopes = ARRAY['analytics:read']")
    op.execute("UPDATE api_key SET scopes = array_remove(scopes, 'analytics:read')")
    _scopes(_SCOPES_BEFORE)
