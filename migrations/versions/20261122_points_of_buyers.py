"""Read what decides the points of tickets client by client, with half of the plan to begin.

Of `lock_and_read_points`, for one ticket, most was the beginning of its queries: a join for each
thing that is read of a client. Here the records of a client are read once, and each thing by them.
What only a return or a referral needs is not asked for otherwise. The previous release goes on with
the function that it knows.

Revision ID: 20261122_points_of_buyers
Revises: 20261122_rows_of_tickets
"""

from __future__ import annotations

from alembic import op

revision = "20261122_points_of_buyers"
down_revision = "20261122_rows_of_tickets"
branch_labels = None
depends_on = None

# Locked in one order by everybody, those of a client or of many tickets: nobody waits in a circle.
# NO KEY UPDATE, since the entries of others refer to the account meanwhile. What is given once to a
# client is decided by one transaction at a time (`lock_points_turn`): two of its records may not
# have an account to lock yet. Without a programme nothing is locked, and no record comes back; nor
# where something is to be settled first. Sales and their first day are those that are written.
_LOCK_AND_READ_BUYERS = """
CREATE FUNCTION lock_and_read_buyers(
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
    buyers uuid[];
    accounts uuid[] := records;
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
    buyers := ARRAY(SELECT r.client_id FROM source_record r WHERE r.id = ANY (records));
    PERFORM lock_points_turn(buyers || ARRAY(
        SELECT brought.client_id
        FROM source_record r
        JOIN referral x ON x.referred_id = r.id AND x.status = 'pending'
        JOIN source_record brought ON brought.id = x.referrer_id
        WHERE r.client_id = ANY (buyers)
    ));
    buyers := ARRAY(SELECT r.client_id FROM source_record r WHERE r.id = ANY (records));
    accounts := accounts || ARRAY(
        SELECT unnest(ARRAY[x.referred_id, x.referrer_id])
        FROM source_record r JOIN referral x ON x.referred_id = r.id AND x.status = 'pending'
        WHERE r.client_id = ANY (buyers)
    );
    IF cardinality(originals) > 0 THEN
        accounts := accounts || ARRAY(
            SELECT e.account_id
            FROM points_posting p JOIN points_entry e ON e.posting_id = p.id
            WHERE p.ticket_id = ANY (originals)
            UNION
            SELECT e.account_id
            FROM ticket sold
            JOIN points_posting p ON (p.paid_source, p.paid_ticket) = (sold.source, sold.ticket_id)
            JOIN points_entry e ON e.posting_id = p.id
            WHERE sold.id = ANY (originals)
        );
    END IF;
    SELECT jsonb_object_agg(locked.record_id, locked.debt) INTO locked_debts FROM (
        SELECT a.record_id, a.debt FROM points_account a
        WHERE a.record_id = ANY (accounts)
        ORDER BY a.record_id
        FOR NO KEY UPDATE OF a
    ) locked;
    RETURN QUERY SELECT
        activations, locked_debts, false, NULL::uuid, NULL::uuid, NULL::boolean,
        NULL::bigint, NULL::bigint, NULL::jsonb, NULL::jsonb, NULL::bigint, NULL::date,
        NULL::boolean, NULL::text;
    RETURN QUERY
        SELECT NULL::jsonb, NULL::jsonb, NULL::boolean, bought.id, has.*
        FROM (
            SELECT c.id AS client_id, c.known,
                   coalesce((SELECT sum(a.balance) FROM points_account a
                             WHERE a.record_id = ANY (member.ids)), 0)::bigint,
                   coalesce((SELECT sum(l.remaining) FROM points_lot l
                             WHERE l.account_id = ANY (member.ids) AND l.remaining > 0
                               AND l.active_from > (moment AT TIME ZONE l.timezone)::date
                            ), 0)::bigint,
                   (SELECT jsonb_agg(jsonb_build_array(m.month, m.points, m.amount_cents))
                    FROM points_month m WHERE m.record_id = ANY (member.ids)),
                   (SELECT jsonb_agg(jsonb_build_array(b.bonus, b.period))
                    FROM points_bonus b WHERE b.record_id = ANY (member.ids)),
                   coalesce(total.sales, 0)::bigint,
                   (total.first_at AT TIME ZONE zone)::date,
                   EXISTS (SELECT FROM referral x
                           WHERE x.referred_id = ANY (member.ids) AND x.status = 'pending'),
                   (SELECT g.golden -> 'birth_date' ->> 'value'
                    FROM golden_record g WHERE g.client_id = c.id)
            FROM client c
            CROSS JOIN LATERAL (
                SELECT array_agg(r.id) AS ids FROM source_record r WHERE r.client_id = c.id
            ) AS member
            CROSS JOIN LATERAL (
                SELECT sum(t.sales) AS sales, min(t.first_at) AS first_at
                FROM purchase_total t WHERE t.record_id = ANY (member.ids)
            ) AS total
            WHERE c.id = ANY (buyers)
            OFFSET 0
        ) AS has
        JOIN source_record bought ON bought.client_id = has.client_id
        WHERE bought.id = ANY (records);
END $$
"""


def upgrade() -> None:
    """Make the function."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(_LOCK_AND_READ_BUYERS)


def downgrade() -> None:
    """Drop it: the previous release does not know it."""
    op.execute("DROP FUNCTION lock_and_read_buyers")
