"""Keep when a record that facts named first became a profile, on the clock that dates tickets.

The time of the change itself is that of the database; a ticket of the same batch was then received
before or after its client was known, by chance.

Revision ID: 20261122_profile_times
Revises: 20261122_referrals
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261122_profile_times"
down_revision = "20261122_referrals"
branch_labels = None
depends_on = None

_BECAME_PROFILE = """
    UPDATE attach_rate_record_change x SET profile_at = x.made_at
    FROM source_record r
    WHERE r.id = x.record_id AND r.kind = 'profile' AND x.was_kind <> 'profile'
      AND NOT EXISTS (
        SELECT FROM attach_rate_record_change later
        WHERE later.record_id = x.record_id AND later.was_kind <> 'profile' AND later.id > x.id
      )
"""

# An account is opened with the first sale of its own record when the profile, of a source that is a
# network of tills, came in the 24 hours before it.
_TICKETS_ARRIVED = """
CREATE OR REPLACE FUNCTION note_tickets_arrived() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO attach_rate_opening (record_id, ticket_id)
  SELECT DISTINCT ON (r.id) r.id, t.id
  FROM arrived t
  JOIN source_record r ON r.id = t.record_id AND r.kind = 'profile'
  JOIN source s ON s.code = r.source AND s.kind = 'pos'
  WHERE t.kind = 'sale' AND t.link = 'identifiers'
    AND t.received_at < interval '24 hours' + coalesce(
      (SELECT {since} FROM attach_rate_record_change x WHERE x.record_id = r.id AND {is_it}),
      r.created_at
    )
  ORDER BY r.id, t.sold_at, t.id
  ON CONFLICT DO NOTHING;
  INSERT INTO attach_rate_arrival (ticket_id) SELECT t.id FROM arrived t WHERE t.kind <> 'void';
  RETURN NULL;
END $$
"""

# A record that never had a ticket and is no profile is nobody's concern: so are most, when made.
# A profile that comes in the 24 hours after the first sale of its record opened it as well.
_RECORD_CHANGED = """
CREATE OR REPLACE FUNCTION note_record_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.kind <> 'profile' AND NEW.kind <> 'profile'
     AND NOT EXISTS (SELECT FROM ticket t WHERE t.record_id = OLD.id)
     AND NOT EXISTS (
       SELECT FROM attach_rate_ticket_change x WHERE x.was_record_id = OLD.id
     ) THEN
    RETURN NULL;
  END IF;
  INSERT INTO attach_rate_record_change (record_id, was_client_id, was_kind, was_placement{column})
  VALUES (OLD.id, OLD.client_id, OLD.kind, OLD.placement{value});
  IF OLD.kind <> 'profile' AND NEW.kind = 'profile' THEN
    INSERT INTO attach_rate_opening (record_id, ticket_id)
    SELECT NEW.id, t.id
    FROM ticket t JOIN source s ON s.code = NEW.source AND s.kind = 'pos'
    WHERE t.record_id = NEW.id AND t.kind = 'sale' AND t.link = 'identifiers'
      AND t.voided_by IS NULL AND t.received_at > {at} - interval '24 hours'
    ORDER BY t.sold_at, t.id LIMIT 1
    ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END $$
"""
_NOW = {
    "since": "x.profile_at",
    "is_it": "x.profile_at IS NOT NULL",
    "column": ", profile_at",
    "value": ",\n          CASE WHEN OLD.kind <> 'profile' AND NEW.kind = 'profile' "
    "THEN NEW.changed_at END",
    "at": "NEW.changed_at",
}
_BEFORE = {
    "since": "max(x.made_at)",
    "is_it": "x.was_kind <> 'profile'",
    "column": "",
    "value": "",
    "at": "now()",
}

_SINCE_NOW = """(SELECT x.profile_at FROM attach_rate_record_change x
             WHERE x.record_id = m.id AND x.profile_at IS NOT NULL)"""
_SINCE_BEFORE = """(SELECT max(x.made_at) FROM attach_rate_record_change x
             WHERE x.record_id = m.id AND x.was_kind <> 'profile')"""

_PENDING = """
CREATE OR REPLACE VIEW attach_rate_pending AS
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
            {since},
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


def upgrade() -> None:
    """Add the time, and let the triggers and the view use it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column(
        "attach_rate_record_change",
        sa.Column(
            "profile_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when its first profile was received, if that is the change",
        ),
    )
    op.execute(_BECAME_PROFILE)
    op.execute(_TICKETS_ARRIVED.format(**_NOW))
    op.execute(_RECORD_CHANGED.format(**_NOW))
    op.execute(_PENDING.format(since=_SINCE_NOW))


def downgrade() -> None:
    """Go by the time of the change again."""
    op.execute(_PENDING.format(since=_SINCE_BEFORE))
    op.execute(_RECORD_CHANGED.format(**_BEFORE))
    op.execute(_TICKETS_ARRIVED.format(**_BEFORE))
    op.drop_column("attach_rate_record_change", "profile_at")
