"""Lock and read what decides the points of tickets in one round trip, by a function.

Each statement of a volatile function sees what is committed when it begins: what is read after
the locks is as it is once they are held. The plans are made once for each connection (ADR 15). The
previous release goes on without the function.

Revision ID: 20261122_points_for_tickets
Revises: 20261122_profile_times
"""

from __future__ import annotations

from alembic import op

revision = "20261122_points_for_tickets"
down_revision = "20261122_profile_times"
branch_labels = None
depends_on = None

# Locked in one order by everybody, those of a client or of many tickets: nobody waits in a circle.
# NO KEY UPDATE, since the entries of others refer to the account meanwhile. What is given once to a
# client is decided by one transaction at a time (`lock_points_turn`): two of its records may not
# have an account to lock yet. Without a programme nothing is locked, and no row comes back.
_READ_POINTS_FOR_TICKETS = """
CREATE FUNCTION read_points_for_tickets(wanted uuid[], zone text, moment timestamptz)
RETURNS TABLE (
    in_force jsonb, id uuid, source text, ticket_id text, kind text, store text,
    channel text, business_date date, sold_at timestamptz, currency text, total_cents bigint,
    lines jsonb, payments jsonb, original_id uuid, record_id uuid, client_id uuid, known boolean,
    timezone text, balance bigint, pending bigint, months jsonb, bonuses jsonb, sales bigint,
    first_on date, is_referred boolean, birth_date text
)
LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    locked_debts jsonb;
BEGIN
    IF NOT EXISTS (SELECT FROM programme_activation) THEN
        RETURN;
    END IF;
    PERFORM lock_points_turn(ARRAY(
        WITH buyer AS MATERIALIZED (
            SELECT DISTINCT r.client_id
            FROM ticket t JOIN source_record r ON r.id = t.record_id WHERE t.id = ANY (wanted)
        )
        SELECT client_id FROM buyer
        UNION
        SELECT brought.client_id
        FROM buyer JOIN source_record r USING (client_id)
        JOIN referral x ON x.referred_id = r.id AND x.status = 'pending'
        JOIN source_record brought ON brought.id = x.referrer_id
    ));
    SELECT jsonb_object_agg(locked.record_id, locked.debt) INTO locked_debts FROM (
        SELECT a.record_id, a.debt FROM points_account a
        WHERE a.record_id IN (
            SELECT t.record_id FROM ticket t WHERE t.id = ANY (wanted)
            UNION
            SELECT unnest(ARRAY[x.referred_id, x.referrer_id])
            FROM ticket t JOIN source_record own ON own.id = t.record_id
            JOIN source_record r ON r.client_id = own.client_id
            JOIN referral x ON x.referred_id = r.id AND x.status = 'pending'
            WHERE t.id = ANY (wanted)
            UNION
            SELECT e.account_id
            FROM ticket t
            JOIN points_posting p ON p.ticket_id = t.original_id
            JOIN points_entry e ON e.posting_id = p.id
            WHERE t.id = ANY (wanted)
            UNION
            SELECT e.account_id
            FROM ticket t
            JOIN ticket sold ON sold.id = t.original_id
            JOIN points_posting p ON (p.paid_source, p.paid_ticket) = (sold.source, sold.ticket_id)
            JOIN points_entry e ON e.posting_id = p.id
            WHERE t.id = ANY (wanted)
        )
        ORDER BY a.record_id
        FOR NO KEY UPDATE OF a
    ) locked;
    RETURN QUERY SELECT
        jsonb_build_object(
            'activations', (
                SELECT jsonb_agg(jsonb_build_array(effective_on, version) ORDER BY id)
                FROM programme_activation
            ),
            'debts', locked_debts,
            'documents', (
                SELECT jsonb_object_agg(v.version, v.document::text)
                FROM (SELECT DISTINCT t.business_date FROM ticket t WHERE t.id = ANY (wanted)) day
                CROSS JOIN LATERAL (
                    SELECT a.version FROM programme_activation a
                    WHERE a.effective_on <= day.business_date
                    ORDER BY a.effective_on DESC, a.id DESC LIMIT 1
                ) begun
                JOIN programme_version v USING (version)
            )
        ),
        NULL::uuid, NULL::text, NULL::text, NULL::text, NULL::text, NULL::text,
        NULL::date, NULL::timestamptz, NULL::text, NULL::bigint, NULL::jsonb, NULL::jsonb,
        NULL::uuid, NULL::uuid, NULL::uuid, NULL::boolean, NULL::text, NULL::bigint,
        NULL::bigint, NULL::jsonb, NULL::jsonb, NULL::bigint, NULL::date, NULL::boolean, NULL::text;
    RETURN QUERY
        WITH fact AS MATERIALIZED (
            SELECT t.id, t.source::text, t.ticket_id::text, t.kind::text, t.store::text,
                   t.channel::text, t.business_date, t.sold_at, t.currency::text, t.total_cents,
                   t.lines, t.payments, t.original_id, t.record_id, r.client_id, c.known,
                   coalesce(s.timezone, zone)::text AS timezone
            FROM ticket t
            JOIN source_record r ON r.id = t.record_id
            JOIN client c ON c.id = r.client_id
            LEFT JOIN store s ON s.code = t.store
            WHERE t.id = ANY (wanted)
        ), member AS MATERIALIZED (
            SELECT r.client_id, r.id AS record_id
            FROM (SELECT DISTINCT client_id FROM fact) f JOIN source_record r USING (client_id)
        ), account AS (
            SELECT client_id, sum(balance)::bigint AS balance
            FROM member JOIN points_account USING (record_id) GROUP BY 1
        ), waiting AS (
            SELECT client_id, sum(remaining)::bigint AS pending
            FROM member m JOIN points_lot l ON l.account_id = m.record_id AND l.remaining > 0
            WHERE l.active_from > (moment AT TIME ZONE l.timezone)::date GROUP BY 1
        ), month AS (
            SELECT client_id, jsonb_agg(jsonb_build_array(month, points, amount_cents)) AS months
            FROM member JOIN points_month USING (record_id) GROUP BY 1
        ), bonus AS (
            SELECT client_id, jsonb_agg(jsonb_build_array(bonus, period)) AS bonuses
            FROM member JOIN points_bonus USING (record_id) GROUP BY 1
        ), bought AS (
            SELECT client_id, sum(sales)::bigint AS sales,
                   (min(first_at) AT TIME ZONE zone)::date AS first_on
            FROM member JOIN purchase_total USING (record_id) GROUP BY 1
        ), referred AS (
            SELECT DISTINCT client_id
            FROM member m JOIN referral x ON x.referred_id = m.record_id AND x.status = 'pending'
        )
        SELECT NULL::jsonb, fact.*, coalesce(balance, 0), coalesce(pending, 0), months, bonuses,
               coalesce(sales, 0), first_on, referred.client_id IS NOT NULL,
               g.golden -> 'birth_date' ->> 'value'
        FROM fact
        LEFT JOIN account USING (client_id)
        LEFT JOIN waiting USING (client_id)
        LEFT JOIN month USING (client_id)
        LEFT JOIN bonus USING (client_id)
        LEFT JOIN bought USING (client_id)
        LEFT JOIN referred USING (client_id)
        LEFT JOIN golden_record g USING (client_id)
        ORDER BY fact.sold_at, fact.ticket_id, fact.id;
END $$
"""


def upgrade() -> None:
    """Make the function."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(_READ_POINTS_FOR_TICKETS)
