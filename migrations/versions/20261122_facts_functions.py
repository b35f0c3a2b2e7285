"""Take the locks of facts, read all that decides whose they are, and place them: a function each.

Each statement of a volatile function sees what is committed when it begins: what is read after
the locks is as it is once they are held. Plans are made once for each connection (ADR 15). The
previous release goes on without the functions.

Revision ID: 20261122_facts_functions
Revises: 20261122_points_for_tickets
"""

from __future__ import annotations

from alembic import op

revision = "20261122_facts_functions"
down_revision = "20261122_points_for_tickets"
branch_labels = None
depends_on = None

_READ_RECEIPTS = """
CREATE FUNCTION read_receipts(sender text, message_ids text[], stores text[])
RETURNS TABLE (
    what text, name text, told text, digest bytea, status smallint, answer jsonb
)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY
        SELECT 'source', s.code::text, s.kind::text, NULL::bytea, NULL::smallint, NULL::jsonb
        FROM source s WHERE s.code = sender
        UNION ALL
        SELECT 'store', s.code::text, s.timezone::text, NULL, NULL, NULL
        FROM store s WHERE s.code = ANY (stores)
        UNION ALL
        SELECT 'message', m.message_id::text, NULL, m.digest, m.status, m.answer
        FROM inbox_message m WHERE m.source = sender AND m.message_id = ANY (message_ids);
END $$
"""

# A record comes with the tokens and devices that sales showed of it, a holder with all that its
# record holds if it is known by identifiers only.
_READ_PRESENTED = """
CREATE FUNCTION read_presented(
    sources text[], external_ids text[], kinds text[], texts text[], most integer
)
RETURNS TABLE (
    what text, id uuid, source text, external_id text, kind text, client_id uuid, placement text,
    features jsonb, version integer, is_known boolean, own text[], held_kind text, held_value text,
    origin text, is_shared boolean
)
LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
        SELECT 'record', r.id, r.source::text, r.external_id::text, r.kind::text, r.client_id,
               r.placement::text, r.features, r.version, c.known,
               ARRAY (
                   SELECT ARRAY[shown.kind, shown.value]::text[] FROM identifier shown
                   WHERE shown.record_id = r.id AND shown.origin = 'ticket'
               ),
               NULL::text, NULL::text, NULL::text, NULL::boolean
        FROM unnest(sources, external_ids) AS wanted (source, external_id)
        JOIN source_record r USING (source, external_id)
        LEFT JOIN client c ON c.id = r.client_id;
    RETURN QUERY
        SELECT 'holder', r.id, r.source::text, r.external_id::text, r.kind::text, r.client_id,
               r.placement::text, r.features, r.version, NULL::boolean,
               CASE WHEN r.kind = 'identifiers' THEN ARRAY (
                   SELECT ARRAY[held.kind, held.value]::text[] FROM identifier held
                   WHERE held.record_id = r.id
               ) END,
               wanted.kind, wanted.value, held.origin, NULL::boolean
        FROM unnest(kinds, texts) AS wanted (kind, value)
        CROSS JOIN LATERAL (
            SELECT i.record_id, i.origin::text FROM identifier i
            WHERE i.kind = wanted.kind AND i.value = wanted.value
            LIMIT most
        ) AS held
        JOIN source_record r ON r.id = held.record_id
        UNION ALL
        SELECT 'declared', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
               wanted.kind, wanted.value, NULL, d.status = 'shared'
        FROM unnest(kinds, texts) AS wanted (kind, value)
        JOIN identifier_declaration d USING (kind, value)
        WHERE d.revoked_at IS NULL;
END $$
"""

# That a ticket is there is told by a row; it is read by itself, since hardly one ever is.
_LOCK_AND_READ_FACTS = """
CREATE FUNCTION lock_and_read_facts(
    locks bigint[], activation bigint, ticket_ids text[], stores text[], tills text[],
    days date[], numbers bigint[], sources text[], external_ids text[], kinds text[],
    texts text[], most integer
)
RETURNS TABLE (
    what text, id uuid, source text, external_id text, kind text, client_id uuid, placement text,
    features jsonb, version integer, is_known boolean, own text[], held_kind text, held_value text,
    origin text, is_shared boolean
)
LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
        SELECT 'active', NULL::uuid, lock_until_commit(locks, activation), NULL::text, NULL::text,
               NULL::uuid, NULL::text, NULL::jsonb, NULL::int, NULL::boolean, NULL::text[],
               NULL::text, NULL::text, NULL::text, NULL::boolean;
    RETURN QUERY
        SELECT 'ticket', NULL::uuid, NULL::text, NULL::text, NULL::text,
               NULL::uuid, NULL::text, NULL::jsonb, NULL::int, NULL::boolean, NULL::text[],
               NULL::text, NULL::text, NULL::text, NULL::boolean
        WHERE EXISTS (
            SELECT FROM unnest(ticket_ids) AS wanted (ticket_id)
            CROSS JOIN source s
            JOIN ticket t ON t.source = s.code AND t.ticket_id = wanted.ticket_id
        ) OR EXISTS (
            SELECT FROM unnest(stores, tills, days, numbers) AS wanted (store, till, day, number)
            CROSS JOIN source s
            JOIN ticket t ON t.source = s.code AND t.store = wanted.store AND t.till = wanted.till
                AND t.business_date = wanted.day AND t.number = wanted.number
        );
    RETURN QUERY SELECT * FROM read_presented(sources, external_ids, kinds, texts, most);
END $$
"""

# Whoever merges or splits clients holds their rows: once those are ours, the partition says whether
# what was read before is still so. A row 'overtaken' says that it is not; the rest is to be undone.
_ADOPT_RECORDS = """
CREATE FUNCTION adopt_records(
    clients uuid[], made_ids uuid[], made_sources text[], made_external_ids text[],
    made_kinds text[], made_client_ids uuid[], made_placements text[], made_profiles jsonb[],
    made_features jsonb[], shown_kinds text[], shown_values text[], shown_ids uuid[],
    moved_ids uuid[], left_ids uuid[], joined_ids uuid[], moved_placements text[],
    change_ids uuid[], refreshed uuid[], hung_ids uuid[], moment timestamptz, cause text, actor text
)
RETURNS TABLE (
    what text, id uuid, client_id uuid, placement text, is_known boolean, is_profile boolean
)
LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    moved bigint;
BEGIN
    PERFORM FROM client c WHERE c.id = ANY (clients) ORDER BY c.id FOR UPDATE;
    INSERT INTO source_record (
        id, source, external_id, kind, client_id, placement, profile, features, created_at,
        changed_at
    )
    SELECT made.*, moment, moment
    FROM unnest(made_ids, made_sources, made_external_ids, made_kinds, made_client_ids,
                made_placements, made_profiles, made_features) AS made;
    INSERT INTO identifier (kind, value, record_id, origin, first_seen_at)
    SELECT shown.kind, shown.value, shown.record_id, 'ticket', moment
    FROM unnest(shown_kinds, shown_values, shown_ids) AS shown (kind, value, record_id)
    ON CONFLICT DO NOTHING;
    IF cardinality(moved_ids) > 0 THEN
        UPDATE source_record r
        SET client_id = gone.joined_id, placement = gone.placement
        FROM unnest(moved_ids, left_ids, joined_ids, moved_placements)
            AS gone (id, left_id, joined_id, placement)
        WHERE r.id = gone.id AND r.client_id = gone.left_id;
        GET DIAGNOSTICS moved = ROW_COUNT;
        IF moved <> cardinality(moved_ids) THEN
            RETURN QUERY SELECT 'overtaken', NULL::uuid, NULL::uuid, NULL::text, NULL::boolean,
                                NULL::boolean;
            RETURN;
        END IF;
        INSERT INTO placement_change (id, record_id, client_id, placement, made_at, cause, actor)
        SELECT change.id, change.record_id, change.client_id, change.placement, moment, cause, actor
        FROM unnest(change_ids, moved_ids, joined_ids, moved_placements)
            AS change (id, record_id, client_id, placement)
        WHERE change.id IS NOT NULL;
    END IF;
    RETURN QUERY
        WITH state AS (
            SELECT wanted.id, count(r.id) AS members,
                   coalesce(bool_or(r.kind = 'profile'), false) AS known
            FROM unnest(refreshed) AS wanted (id)
            LEFT JOIN source_record r ON r.client_id = wanted.id
            GROUP BY wanted.id
        ), refreshing AS (
            INSERT INTO client AS c (id, known, version, created_at, changed_at, retired_at)
            SELECT id, known, 1, moment, moment, CASE WHEN members = 0 THEN moment END
            FROM state ORDER BY id
            ON CONFLICT (id) DO UPDATE
            SET known = excluded.known,
                version = c.version + 1,
                changed_at = excluded.changed_at,
                retired_at = CASE WHEN excluded.retired_at IS NULL THEN NULL
                                  ELSE coalesce(c.retired_at, excluded.retired_at) END
            RETURNING id
        )
        SELECT 'client', head.id, head.client_id, NULL::text, NULL::boolean, NULL::boolean
        FROM refreshing JOIN source_record head USING (id);
    IF cardinality(clients) > 0 THEN
        RETURN QUERY
            SELECT 'overtaken', NULL::uuid, NULL::uuid, NULL::text, NULL::boolean, NULL::boolean
            WHERE EXISTS (
                SELECT FROM source_record r JOIN source_record head ON head.id = r.client_id
                WHERE r.client_id = ANY (refreshed) AND head.client_id <> head.id
            );
    END IF;
    RETURN QUERY
        SELECT 'holding', r.id, r.client_id, r.placement::text, c.known, r.kind = 'profile'
        FROM unnest(hung_ids) AS wanted (id)
        JOIN source_record r USING (id)
        JOIN client c ON c.id = r.client_id;
END $$
"""


def upgrade() -> None:
    """Make the functions."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(_READ_RECEIPTS)
    op.execute(_READ_PRESENTED)
    op.execute(_LOCK_AND_READ_FACTS)
    op.execute(_ADOPT_RECORDS)


def downgrade() -> None:
    """Drop them: the previous release does not know them."""
    op.execute("DROP FUNCTION adopt_records")
    op.execute("DROP FUNCTION lock_and_read_facts")
    op.execute("DROP FUNCTION read_presented")
    op.execute("DROP FUNCTION read_receipts")
