"""The statement that tells what changes in the attach rate, ticket by ticket.

One row for what a ticket counted as in the cells, signed -1, and one for what it counts as now, or
counted as at a time, signed +1. Only tickets that a change may concern are looked at: those that
arrived, were hung elsewhere or voided, whose record moved, and all tickets of a client that won or
lost a profile. What they were is told from the images that the triggers keep of each change: the
first one after a point in time (or the first that the cells do not know) is the state at it. A new
profile has no image, but makes nobody known that was not: a client is named after its oldest
profile, and is known while that one is with it.

The view `attach_rate_pending` is this statement as of now; a test holds the two together.
"""

from __future__ import annotations

from typing import Final

from rcu.sales.attachments import METHOD_SQL
from rcu.sales.stories import REASON_SQL

PROFILE_SINCE_SQL: Final = """coalesce(
            (SELECT x.profile_at FROM attach_rate_record_change x
             WHERE x.record_id = m.id AND x.profile_at IS NOT NULL),
            m.created_at
        )"""
"""Since when a record `m` is a profile: since it was made, or became one."""

HOUR_SQL: Final = """
           extract(hour FROM sold.sold_at AT TIME ZONE coalesce(
               (SELECT z.timezone FROM attach_rate_zone z
                WHERE z.store = coalesce(sold.store, '') AND z.until > sold.received_at
                ORDER BY z.until LIMIT 1),
               s.timezone, 'UTC'
           ))::smallint"""
"""The hour of the day at which a ticket `sold` was sold, in the zone of its store `s` then."""

SALE_REASON_SQL: Final = """
    CASE WHEN sold.sale_client_id IS NULL THEN coalesce(sold.sale_reason, 'unknown') END
"""
"""Why a ticket `sold` was attached to nobody at the sale; null when it was attached."""

IS_MISSED_SQL: Final = """
    sold.sale_client_id IS NULL AND coalesce(
        sold.sale_reason IN ('mistyped', 'ambiguous', 'shared') OR k.since <= sold.received_at,
        false
    )
"""
"""Whether a ticket `sold` is a missed recognition; its client is known since `k.since`."""

IS_OPENING_SQL: Final = """
    p.link = 'identifiers' AND p.record_kind = 'profile' AND EXISTS (
        SELECT FROM attach_rate_opening o
        WHERE o.ticket_id = sold.id AND o.record_id = p.record_id
    )
"""
"""Whether an account was opened with a ticket `sold`, which hangs as `p` says."""

STATE_SQL: Final = """
    CROSS JOIN LATERAL (SELECT sold.kind, sold.sale_reason, p.link) AS t
    CROSS JOIN LATERAL (SELECT p.record_kind AS kind, p.placement) AS r
    CROSS JOIN LATERAL (SELECT k.since IS NOT NULL AS known) AS c
"""
"""Ticket, record and client at a time, by the names that the sales domain's rules call them."""

_SAID: Final = {
    "profile_since": PROFILE_SINCE_SQL,
    "hour": HOUR_SQL,
    "sale_reason": SALE_REASON_SQL,
    "method": METHOD_SQL,
    "reason": REASON_SQL,
    "is_missed": IS_MISSED_SQL,
    "is_opening": IS_OPENING_SQL,
    "state": STATE_SQL,
}
# Ids are UUIDv7, made when their ticket is received or just after: the primary key finds those that
# came after a time, give or take a minute.
_FIRST_ID: Final = """(lpad(to_hex(greatest(
        extract(epoch FROM $1::timestamptz - interval '1 minute') * 1000, 0
    )::bigint), 12, '0') || repeat('0', 20))::uuid"""

_AS_OF_NOW: Final = {
    "or_later": "",
    "later_tickets": "",
    "ticket_then": "",
    "record_then": "",
    "is_there": "true",
    "in_range": "",
    "of_then": "",
}
_AS_OF: Final = {
    "or_later": "OR x.made_at > $1",
    "later_tickets": f"""
    UNION
    SELECT t.id FROM ticket t
    WHERE t.id >= {_FIRST_ID} AND t.received_at > $1 AND t.business_date BETWEEN $2 AND $3""",  # noqa: S608 - a constant
    "ticket_then": """
    UNION ALL
    (SELECT DISTINCT ON (x.ticket_id)
            1, x.ticket_id, x.was_link, x.was_record_id, x.was_voided
     FROM recent_ticket x WHERE x.made_at > $1 ORDER BY x.ticket_id, x.id)""",
    "record_then": """
    UNION ALL
    (SELECT DISTINCT ON (x.record_id)
            1, x.record_id, x.was_client_id, x.was_kind, x.was_placement
     FROM recent_record x WHERE x.made_at > $1 ORDER BY x.record_id, x.id)""",
    "is_there": "t.received_at <= $1",
    "in_range": "AND t.business_date BETWEEN $2 AND $3",
    "of_then": "WHERE m.sign = -1 OR m.created_at <= $1",
}

_CHANGES: Final = """
    WITH recent_ticket AS (
        SELECT x.* FROM attach_rate_ticket_change x WHERE NOT x.counted {or_later}
    ), recent_record AS (
        SELECT x.* FROM attach_rate_record_change x WHERE NOT x.counted {or_later}
    ), regrouped AS (
        SELECT x.was_client_id AS client_id, r.client_id AS new_client_id
        FROM recent_record x JOIN source_record r ON r.id = x.record_id
        WHERE x.was_kind = 'profile' OR r.kind = 'profile'
    ), affected AS (
        SELECT a.ticket_id FROM attach_rate_arrival a{later_tickets}
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
         FROM recent_ticket x WHERE NOT x.counted ORDER BY x.ticket_id, x.id){ticket_then}
    ), record_before AS (
        (SELECT DISTINCT ON (x.record_id) -1 AS sign, x.record_id, x.was_client_id AS client_id,
                x.was_kind AS kind, x.was_placement AS placement
         FROM recent_record x WHERE NOT x.counted ORDER BY x.record_id, x.id){record_then}
    ), hung AS (
        SELECT side.sign, t.id,
               CASE WHEN b.ticket_id IS NULL THEN t.link ELSE b.link END AS link,
               CASE WHEN b.ticket_id IS NULL THEN t.record_id ELSE b.record_id END AS record_id
        FROM affected a
        JOIN ticket t ON t.id = a.ticket_id
        CROSS JOIN (VALUES (-1), (1)) AS side (sign)
        LEFT JOIN ticket_before b ON b.sign = side.sign AND b.ticket_id = t.id
        WHERE t.kind <> 'void' {in_range}
          AND NOT coalesce(b.is_voided, t.voided_by IS NOT NULL)
          AND CASE WHEN side.sign > 0 THEN {is_there} ELSE NOT EXISTS (
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
        SELECT m.sign, m.client_id, min({profile_since}) AS since
        FROM member m {of_then}
        GROUP BY m.sign, m.client_id HAVING bool_or(m.id = m.client_id)
    )
    SELECT p.sign, sold.id AS ticket_id, sold.business_date, sold.kind, sold.store, sold.channel,
           sold.currency, sold.till, sold.cashier, {hour} AS hour,
           sold.sale_method, {sale_reason} AS sale_reason, {method} AS method, {reason} AS reason,
           {is_missed} AS is_missed, sold.total_cents AS amount_cents,
           ({is_opening})::int AS accounts_opened
    FROM placed p
    JOIN ticket sold ON sold.id = p.id
    LEFT JOIN store s ON s.code = sold.store
    LEFT JOIN known k ON k.sign = p.sign AND k.client_id = p.client_id
    {state}
"""

PENDING: Final = _CHANGES.format(**_AS_OF_NOW, **_SAID)
"""What the cells do not know yet: the text of the view `attach_rate_pending`."""

CHANGES_SINCE: Final = _CHANGES.format(**_AS_OF, **_SAID)
"""The same as of the time $1, of the tickets of the business days from $2 to $3."""
