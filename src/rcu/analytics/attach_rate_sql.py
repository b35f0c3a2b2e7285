"""The statements that tell what changes in the attach rate, ticket by ticket.

One row for what a ticket counted as before, signed -1, and one for what it counts as after, signed
+1. Only tickets that a change may concern are looked at: those that arrived, were hung elsewhere or
voided, whose record moved, and all tickets of a client that won or lost a profile. What they were
is told from the images that the triggers keep of each change: the first one after a point in time
(or the first that the cells do not know) is the state at it. A new profile has no image, but makes
nobody known that was not: a client is named after its oldest profile, and is known while that one
is with it.

`PENDING` tells what came since the cells were counted: the view `attach_rate_pending` is this
statement, and a test holds the two together. `changes_between` tells what differs between two
times, and costs what happened between them, however long ago that was.
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

_COUNTED_AS: Final = f"""
    SELECT p.sign, sold.id AS ticket_id, sold.business_date, sold.kind, sold.store, sold.channel,
           sold.currency, sold.till, sold.cashier, {HOUR_SQL} AS hour,
           sold.sale_method, {SALE_REASON_SQL} AS sale_reason, {METHOD_SQL} AS method,
           {REASON_SQL} AS reason,
           {IS_MISSED_SQL} AS is_missed, sold.total_cents AS amount_cents,
           ({IS_OPENING_SQL})::int AS accounts_opened
    FROM placed p
    JOIN ticket sold ON sold.id = p.id
    LEFT JOIN store s ON s.code = sold.store
    LEFT JOIN known k ON k.sign = p.sign AND k.client_id = p.client_id
    {STATE_SQL}
"""  # noqa: S608 - constants
"""What tickets `placed` count as, whose clients are `known` since some time."""

PENDING: Final = f"""
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
        SELECT m.sign, m.client_id, min({PROFILE_SINCE_SQL}) AS since
        FROM member m
        GROUP BY m.sign, m.client_id HAVING bool_or(m.id = m.client_id)
    )
    {_COUNTED_AS}
"""  # noqa: S608 - constants
"""What the cells do not know yet: the text of the view `attach_rate_pending`."""

# A record that moved may have left the tickets, and the client, that it had: who was there then is
# asked of the images. Each is found by an index, whatever has happened since.
_BETWEEN: Final = """
    WITH side (sign, at) AS (
        VALUES (-1, {origin}), (1, {time})
    ), moved AS (
        SELECT DISTINCT x.record_id FROM attach_rate_record_change x
        WHERE x.made_at > {low} AND x.made_at <= {high}
    ), regrouped AS (
        SELECT DISTINCT coalesce(b.was_client_id, r.client_id) AS client_id
        FROM moved m
        JOIN source_record r ON r.id = m.record_id
        CROSS JOIN side
        {record_then}
        WHERE coalesce(b.was_kind, r.kind) = 'profile'
    ), concerned AS (
        SELECT m.record_id FROM moved m
        UNION
        SELECT r.id FROM regrouped g JOIN source_record r ON r.client_id = g.client_id
        UNION
        SELECT x.record_id
        FROM regrouped g JOIN attach_rate_record_change x ON x.was_client_id = g.client_id
        WHERE x.made_at > {low}
    ), affected AS (
        SELECT t.id FROM ticket t WHERE t.received_at > {low} AND t.received_at <= {high}
        UNION
        SELECT x.ticket_id FROM attach_rate_ticket_change x
        WHERE x.made_at > {low} AND x.made_at <= {high}
        UNION
        SELECT t.id FROM concerned c JOIN ticket t ON t.record_id = c.record_id
        UNION
        SELECT x.ticket_id
        FROM concerned c JOIN attach_rate_ticket_change x ON x.was_record_id = c.record_id
        WHERE x.made_at > {low}
    ), hung AS (
        SELECT side.sign, side.at, t.id,
               CASE WHEN b.id IS NULL THEN t.link ELSE b.was_link END AS link,
               CASE WHEN b.id IS NULL THEN t.record_id ELSE b.was_record_id END AS record_id
        FROM affected a
        JOIN ticket t ON t.id = a.id
        CROSS JOIN side
        LEFT JOIN LATERAL (
            SELECT x.* FROM attach_rate_ticket_change x
            WHERE x.ticket_id = t.id AND x.made_at > side.at ORDER BY x.id LIMIT 1
        ) AS b ON true
        WHERE t.kind <> 'void' AND t.business_date BETWEEN {first} AND {last}
          AND t.received_at <= side.at AND NOT coalesce(b.was_voided, t.voided_by IS NOT NULL)
    ), placed AS MATERIALIZED (
        SELECT side.sign, side.at, side.id, side.link, side.record_id,
               coalesce(b.was_client_id, r.client_id) AS client_id,
               coalesce(b.was_kind, r.kind) AS record_kind,
               coalesce(b.was_placement, r.placement) AS placement
        FROM hung side
        LEFT JOIN source_record r ON r.id = side.record_id
        {record_then}
    ), known AS (
        SELECT side.sign, side.client_id, k.since
        FROM (SELECT DISTINCT p.sign, p.at, p.client_id FROM placed p) side
        CROSS JOIN LATERAL (
            SELECT min({profile_since}) AS since
            FROM (
                SELECT r.id, r.created_at
                FROM source_record r {record_then}
                WHERE r.client_id = side.client_id AND r.kind = 'profile' AND b.id IS NULL
                UNION ALL
                SELECT r.id, r.created_at
                FROM source_record r {record_then}
                WHERE b.was_client_id = side.client_id AND b.was_kind = 'profile'
                  AND r.id IN (
                    SELECT x.record_id FROM attach_rate_record_change x
                    WHERE x.was_client_id = side.client_id AND x.made_at > side.at
                )
            ) AS m
            HAVING bool_or(m.id = side.client_id)
        ) AS k
    )
    {counted_as}
"""
_RECORD_THEN: Final = """
        LEFT JOIN LATERAL (
            SELECT x.* FROM attach_rate_record_change x
            WHERE x.record_id = r.id AND x.made_at > side.at ORDER BY x.id LIMIT 1
        ) AS b ON true"""


def changes_between(
    origin: str, time: str, *, first: str = "'-infinity'", last: str = "'infinity'"
) -> str:
    """Return the statement of what tickets count as at a time, and at another one, signed -1.

    The times are expressions of SQL, values or constants; infinity stands for now. Only tickets of
    the business days from `first` to `last` are told.
    """
    return _BETWEEN.format(
        origin=origin,
        time=time,
        low=f"least({origin}, {time})",
        high=f"greatest({origin}, {time})",
        first=first,
        last=last,
        record_then=_RECORD_THEN,
        profile_since=PROFILE_SINCE_SQL,
        counted_as=_COUNTED_AS,
    )
