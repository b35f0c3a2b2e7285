"""What a client has: balance, pending, expiring next, tier, last entries; one round trip."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from rcu.db.engine import Database
from rcu.db.statements import from_json
from rcu.loyalty.accrual import tier_to_json
from rcu.loyalty.programmes import parsed
from rcu.loyalty.repository import months_of
from rcu.loyalty.tiers import standing

_READ: Final = """
    WITH client AS (
        SELECT client_id FROM source_record WHERE id = $1
    ), account AS MATERIALIZED (
        SELECT a.* FROM client JOIN source_record r USING (client_id)
        JOIN points_account a ON a.record_id = r.id
    ), lot AS MATERIALIZED (
        SELECT l.*, ($2::timestamptz AT TIME ZONE l.timezone)::date AS today,
            l.held - CASE WHEN l.held = 0 THEN 0 ELSE coalesce((
                SELECT sum(part.points) FROM points_hold_part part
                JOIN points_hold h ON h.id = part.hold_id
                WHERE part.lot_id = l.id AND h.status = 'open' AND h.expires_at <= $2
            ), 0) END AS reserved
        FROM account JOIN points_lot l ON l.account_id = account.record_id AND l.remaining > 0
    ), usable AS (
        SELECT * FROM lot
        WHERE active_from <= today AND (expires_on IS NULL OR today < expires_on)
    ), newest AS (
        SELECT e.posting_id, sum(e.points) AS points, max(e.posted_at) AS posted_at
        FROM account CROSS JOIN LATERAL (
            SELECT * FROM points_entry e WHERE e.account_id = account.record_id
            ORDER BY e.posted_at DESC LIMIT $3::int * 4
        ) e
        GROUP BY 1 HAVING sum(e.points) <> 0
        ORDER BY max(e.posted_at) DESC, e.posting_id DESC LIMIT $3
    )
    SELECT client.client_id,
        (SELECT coalesce(sum(balance), 0)::bigint FROM account) AS balance,
        (SELECT coalesce(sum(debt), 0)::bigint FROM account) AS owed,
        (SELECT coalesce(sum(c.borne), 0)::bigint
         FROM account JOIN points_crossing c ON c.account_id = account.record_id AND c.borne > 0
         JOIN source_record s ON s.id = c.spender_id
         WHERE s.client_id = (SELECT client_id FROM client)) AS borne,
        (SELECT coalesce(sum(reserved), 0)::bigint FROM lot) AS held,
        (SELECT coalesce(sum(remaining - reserved), 0)::bigint FROM usable) AS usable,
        (SELECT coalesce(sum(remaining), 0)::bigint FROM lot WHERE active_from > today) AS pending,
        (SELECT jsonb_build_object('points', sum(remaining), 'expires_on', expires_on)
         FROM lot WHERE expires_on > today GROUP BY expires_on ORDER BY expires_on LIMIT 1)
            AS expiring,
        (SELECT jsonb_agg(jsonb_build_array(month, points, amount_cents))
         FROM account JOIN points_month USING (record_id)) AS months,
        (SELECT v.document::text
         FROM programme_activation a JOIN programme_version v USING (version)
         WHERE a.effective_on <= $4 ORDER BY a.effective_on DESC, a.id DESC LIMIT 1) AS programme,
        (SELECT jsonb_agg(jsonb_build_object(
            'posting_id', p.id, 'kind', p.kind, 'points', newest.points,
            'posted_at', p.posted_at, 'business_date', p.business_date,
            'source', coalesce(t.source, p.paid_source),
            'ticket_id', coalesce(t.ticket_id, p.paid_ticket),
            'inferred_points', p.inferred_points, 'reason', p.reason
         ) ORDER BY newest.posted_at DESC, p.id DESC)
         FROM newest JOIN points_posting p ON p.id = newest.posting_id
         LEFT JOIN ticket t ON t.id = p.ticket_id) AS entries
    FROM client
"""

LAST_ENTRIES: Final = 20


async def find_balance(
    database: Database, client_id: UUID, *, at: datetime, today: date
) -> dict[str, Any] | None:
    """Return the points of a client by any id it ever had, or None when it never was one's.

    `today` is the business day that decides the programme and the tier; each lot goes by the day
    of its own store.
    """
    async with database.driver_connection() as connection:
        row = await connection.fetchrow(_READ, client_id, at, LAST_ENTRIES, today)
    if row is None:
        return None
    programme = parsed(row["programme"].encode()) if row["programme"] else None
    tiers = programme.tiers if programme else None
    months = months_of(row["months"])
    return {
        "client_id": str(row["client_id"]),
        "balance": row["balance"],
        "available": max(row["usable"] - row["owed"] - row["borne"], 0),
        "pending": row["pending"],
        "held": row["held"],
        "owed": row["owed"],
        "expiring": from_json(row["expiring"]),
        "tier": tier_to_json(standing(tiers, months, on=today)) if tiers else None,
        "programme_version": programme.version if programme else None,
        "entries": from_json(row["entries"]) or [],
    }
