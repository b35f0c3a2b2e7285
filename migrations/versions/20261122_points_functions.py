"""Read what decides the points of tickets before these are written, and what is to be settled.

What `read_points_for_tickets` took from the rows of the tickets is given here: the tickets, their
totals, their points and their receipts can then be written in one statement, in one round trip. The
previous release goes on without the functions.

Revision ID: 20261122_points_functions
Revises: 20261122_facts_functions
"""

from __future__ import annotations

from alembic import op

revision = "20261122_points_functions"
down_revision = "20261122_facts_functions"
branch_labels = None
depends_on = None

_OWED = """
CREATE FUNCTION points_owed(clients uuid[])
RETURNS TABLE (
    posting_id uuid, account_id uuid, spender_id uuid, client_id uuid, points bigint, settled bigint
)
LANGUAGE sql STABLE AS $$
    WITH member AS (
        SELECT id FROM source_record WHERE client_id = ANY (clients)
    ), crossing AS (
        SELECT c.* FROM member JOIN points_crossing c ON c.account_id = member.id
        UNION
        SELECT c.* FROM member JOIN points_crossing c ON c.spender_id = member.id
    )
    SELECT c.posting_id, c.account_id, c.spender_id, spender.client_id, c.points, c.settled
    FROM crossing c
    JOIN source_record lender ON lender.id = c.account_id
    JOIN source_record spender ON spender.id = c.spender_id
    WHERE lender.client_id <> spender.client_id AND c.settled < c.points
    ORDER BY c.posting_id, c.account_id
$$
"""

# Of all that one client was given of a kind, the first stands. `withdrawn_by` says what does not.
_GIVEN_AGAIN = """
CREATE FUNCTION points_given_again(clients uuid[])
RETURNS TABLE (
    what text, posting_id uuid, code text, owner_id uuid, withdrawn_by uuid, client_id uuid
)
LANGUAGE sql STABLE AS $$
    SELECT 'bonus'::text AS what, given.posting_id, given.bonus::text AS code,
           given.record_id AS owner_id, given.withdrawn_by, given.client_id
    FROM (
        SELECT b.*, r.client_id, row_number() OVER (
            PARTITION BY r.client_id, b.bonus, b.period ORDER BY p.posted_at, p.id
        ) > 1 AS is_again
        FROM source_record r JOIN points_bonus b ON b.record_id = r.id
        JOIN points_posting p ON p.id = b.posting_id
        WHERE r.client_id = ANY (clients)
    ) given
    WHERE given.is_again <> (given.withdrawn_by IS NOT NULL)
    UNION ALL
    SELECT 'referral', paid.posting_id, '', paid.id, paid.withdrawn_by, paid.client_id
    FROM (
        SELECT DISTINCT x.id, x.posting_id, x.withdrawn_by, mine.client_id,
            mine.client_id = theirs.client_id OR EXISTS (
                SELECT FROM source_record other JOIN referral y ON y.referred_id = other.id
                JOIN source_record brought ON brought.id = y.referrer_id
                JOIN points_posting q ON q.id = y.posting_id
                WHERE other.client_id = mine.client_id AND brought.client_id <> mine.client_id
                  AND (q.posted_at, q.id) < (p.posted_at, p.id)
            ) AS is_again
        FROM source_record r JOIN referral x ON r.id IN (x.referred_id, x.referrer_id)
        JOIN source_record mine ON mine.id = x.referred_id
        JOIN source_record theirs ON theirs.id = x.referrer_id
        JOIN points_posting p ON p.id = x.posting_id
        WHERE r.client_id = ANY (clients)
    ) paid
    WHERE paid.is_again <> (paid.withdrawn_by IS NOT NULL)
    ORDER BY what, posting_id
$$
"""

# Locked in one order by everybody, those of a client or of many tickets: nobody waits in a circle.
# NO KEY UPDATE, since the entries of others refer to the account meanwhile. What is given once to a
# client is decided by one transaction at a time (`lock_points_turn`): two of its records may not
# have an account to lock yet. Without a programme nothing is locked, and no record comes back; nor
# where something is to be settled first. Sales and their first day are those that are written.
_LOCK_AND_READ_POINTS = """
CREATE FUNCTION lock_and_read_points(
    records uuid[], originals uuid[], touched uuid[], zone text, moment timestamptz
)
RETURNS TABLE (
    in_force jsonb, debts jsonb, is_due boolean, record_id uuid, client_id uuid, known boolean,
    balance bigint, pending bigint, months jsonb, bonuses jsonb, sales bigint, first_on date,
    is_referred boolean, birth_date text
)
LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    activations jsonb;
    locked_debts jsonb;
    is_due_now boolean := false;
BEGIN
    IF cardinality(touched) > 0 THEN
        is_due_now := EXISTS (SELECT FROM points_owed(touched))
                   OR EXISTS (SELECT FROM points_given_again(touched));
    END IF;
    activations := (
        SELECT jsonb_agg(jsonb_build_array(effective_on, version, id) ORDER BY id)
        FROM programme_activation
    );
    IF is_due_now OR activations IS NULL THEN
        RETURN QUERY SELECT
            activations, NULL::jsonb, is_due_now, NULL::uuid, NULL::uuid, NULL::boolean,
            NULL::bigint, NULL::bigint, NULL::jsonb, NULL::jsonb, NULL::bigint, NULL::date,
            NULL::boolean, NULL::text;
        RETURN;
    END IF;
    PERFORM lock_points_turn(ARRAY(
        WITH buyer AS MATERIALIZED (
            SELECT DISTINCT r.client_id FROM source_record r WHERE r.id = ANY (records)
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
        WHERE a.record_id = ANY (ARRAY(
            SELECT unnest(records)
            UNION
            SELECT unnest(ARRAY[x.referred_id, x.referrer_id])
            FROM source_record own JOIN source_record r ON r.client_id = own.client_id
            JOIN referral x ON x.referred_id = r.id AND x.status = 'pending'
            WHERE own.id = ANY (records)
            UNION
            SELECT e.account_id
            FROM points_posting p JOIN points_entry e ON e.posting_id = p.id
            WHERE p.ticket_id = ANY (originals)
            UNION
            SELECT e.account_id
            FROM ticket sold
            JOIN points_posting p ON (p.paid_source, p.paid_ticket) = (sold.source, sold.ticket_id)
            JOIN points_entry e ON e.posting_id = p.id
            WHERE sold.id = ANY (originals)
        ))
        ORDER BY a.record_id
        FOR NO KEY UPDATE OF a
    ) locked;
    RETURN QUERY SELECT
        activations, locked_debts, false, NULL::uuid, NULL::uuid, NULL::boolean,
        NULL::bigint, NULL::bigint, NULL::jsonb, NULL::jsonb, NULL::bigint, NULL::date,
        NULL::boolean, NULL::text;
    RETURN QUERY
        WITH buyer AS MATERIALIZED (
            SELECT r.id AS record_id, r.client_id, c.known
            FROM source_record r JOIN client c ON c.id = r.client_id
            WHERE r.id = ANY (records)
        ), member AS MATERIALIZED (
            SELECT r.client_id, r.id AS record_id
            FROM (SELECT DISTINCT client_id FROM buyer) b JOIN source_record r USING (client_id)
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
        SELECT NULL::jsonb, NULL::jsonb, NULL::boolean, buyer.record_id, buyer.client_id,
               buyer.known, coalesce(balance, 0), coalesce(pending, 0), months, bonuses,
               coalesce(sales, 0), first_on, referred.client_id IS NOT NULL,
               g.golden -> 'birth_date' ->> 'value'
        FROM buyer
        LEFT JOIN account USING (client_id)
        LEFT JOIN waiting USING (client_id)
        LEFT JOIN month USING (client_id)
        LEFT JOIN bonus USING (client_id)
        LEFT JOIN bought USING (client_id)
        LEFT JOIN referred USING (client_id)
        LEFT JOIN golden_record g USING (client_id);
END $$
"""


def upgrade() -> None:
    """Make the functions."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(_OWED)
    op.execute(_GIVEN_AGAIN)
    op.execute(_LOCK_AND_READ_POINTS)


def downgrade() -> None:
    """Drop them: the previous release does not know them."""
    op.execute("DROP FUNCTION lock_and_read_points")
    op.execute("DROP FUNCTION points_given_again")
    op.execute("DROP FUNCTION points_owed")
