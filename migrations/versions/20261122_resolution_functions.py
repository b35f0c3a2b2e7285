"""Take locks and read what depends on them in one round trip, by functions of the database.

Each statement of a volatile function sees what is committed when it begins: what is read after
the locks is as it is once they are held. Plans are made once for each connection: to plan some of
these statements takes twice as long as to run them, and for few values the server would plan
them at every call. The previous release goes on without the functions.

Revision ID: 20261122_resolution_functions
Revises: 20261122_attach_rate
"""

from __future__ import annotations

from alembic import op

revision = "20261122_resolution_functions"
down_revision = "20261122_attach_rate"
branch_labels = None
depends_on = None

_LOCK_AND_READ = """
    CREATE FUNCTION lock_and_read(
        locks bigint[], activation bigint, sources text[], external_ids text[],
        are_thought_new boolean, kinds text[], texts text[], keys bigint[], most integer
    )
    RETURNS TABLE (what text, one text, other text, number bigint, ids uuid[], faces text[])
    LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_generic_plan AS $$
    #variable_conflict use_column
    BEGIN
        IF are_thought_new AND EXISTS (
            SELECT FROM unnest(sources, external_ids) AS wanted (source, external_id)
            JOIN source_record r USING (source, external_id)
        ) THEN
            RETURN;
        END IF;
        RETURN QUERY
            SELECT 'active', lock_until_commit(locks, activation), NULL::text, NULL::bigint,
                   NULL::uuid[], NULL::text[];
        RETURN QUERY
            SELECT 'version', wanted.source, wanted.external_id, r.version::bigint,
                   NULL::uuid[], NULL::text[]
            FROM unnest(sources, external_ids) AS wanted (source, external_id)
            JOIN source_record r USING (source, external_id)
            UNION ALL
            SELECT 'declared', held.kind, held.value, (d.status = 'shared')::int, NULL, NULL
            FROM unnest(kinds, texts) AS held (kind, value)
            JOIN identifier_declaration d USING (kind, value)
            WHERE d.revoked_at IS NULL
            UNION ALL
            SELECT 'any', NULL, NULL, 1, NULL, NULL
            WHERE EXISTS (SELECT FROM identifier_declaration WHERE revoked_at IS NULL)
            UNION ALL
            SELECT CASE b.scope WHEN 'source' THEN 'braked source' ELSE 'braked' END,
                   b.kind, b.value, 1, NULL, NULL
            FROM merge_brake b WHERE b.released_at IS NULL;
        RETURN QUERY
            SELECT 'holders', NULL::text, NULL::text, wanted.key, held.ids, held.faces
            FROM unnest(keys) AS wanted (key)
            CROSS JOIN LATERAL (
                SELECT array_agg(holder.record_id) AS ids, array_agg(holder.face::text) AS faces
                FROM (SELECT b.record_id, b.face FROM blocking_key b
                      WHERE b.key = wanted.key LIMIT most) AS holder
            ) AS held
            WHERE held.ids IS NOT NULL;
    END
    $$
"""

# Whoever changes a component holds the locks of its clients: one that has no further client once
# they are all locked stays as it was read. Joins with the members would be planned for thousands of
# them, and read whole tables: as an array they are looked up one by one. Rows without an id tell
# how many records state an identifier that several of those that are tied have in common.
_READ_AROUND = """
    CREATE FUNCTION read_around(seeds uuid[], others uuid[], most integer)
    RETURNS TABLE (
        id uuid, source text, external_id text, kind text, client_id uuid, placement text,
        features jsonb, version integer, is_tied boolean, linked uuid[], judged_one uuid[],
        judged_two uuid[], identifier text, stating bigint
    )
    LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_generic_plan AS $$
    #variable_conflict use_column
    DECLARE
        tied uuid[] := '{}';
        further uuid[];
        locked uuid[] := '{}';
    BEGIN
        IF cardinality(seeds) > 0 THEN
            further := ARRAY (
                SELECT DISTINCT r.client_id FROM source_record r WHERE r.id = ANY (seeds)
            );
            LOOP
                PERFORM FROM client c WHERE c.id = ANY (further) ORDER BY c.id FOR UPDATE;
                locked := locked || further;
                WITH RECURSIVE member (id) AS (
                    SELECT unnest(seeds)
                    UNION
                    SELECT tie.id
                    FROM member
                    CROSS JOIN LATERAL (
                        SELECT right_id AS id FROM record_pair
                        WHERE left_id = member.id AND decision = 'link'
                        UNION ALL
                        SELECT left_id FROM record_pair
                        WHERE right_id = member.id AND decision = 'link'
                        UNION ALL
                        SELECT right_id FROM judgement
                        WHERE left_id = member.id AND verdict = 'match' AND revoked_at IS NULL
                        UNION ALL
                        SELECT left_id FROM judgement
                        WHERE right_id = member.id AND verdict = 'match' AND revoked_at IS NULL
                    ) AS tie
                )
                SELECT coalesce(array_agg(r.id), '{}'),
                       coalesce(array_agg(DISTINCT r.client_id)
                                FILTER (WHERE r.client_id <> ALL (locked)), '{}')
                INTO tied, further
                FROM source_record r WHERE r.id = ANY (ARRAY (SELECT member.id FROM member));
                EXIT WHEN cardinality(further) = 0;
            END LOOP;
        END IF;
        RETURN QUERY
            SELECT r.id, r.source::text, r.external_id::text, r.kind::text, r.client_id,
                   r.placement::text, r.features, r.version, true,
                   ARRAY (
                       SELECT right_id FROM record_pair
                       WHERE left_id = r.id AND decision = 'link'
                   ),
                   ARRAY (
                       SELECT right_id FROM judgement
                       WHERE left_id = r.id AND verdict = 'match' AND revoked_at IS NULL
                   ),
                   ARRAY (
                       SELECT right_id FROM judgement
                       WHERE left_id = r.id AND verdict = 'no_match' AND revoked_at IS NULL
                   ),
                   NULL::text, NULL::bigint
            FROM source_record r WHERE r.id = ANY (tied)
            UNION ALL
            SELECT r.id, r.source::text, r.external_id::text, r.kind::text, r.client_id,
                   r.placement::text, r.features, r.version, false, NULL, NULL, NULL, NULL, NULL
            FROM source_record r WHERE r.id = ANY (others) AND r.id <> ALL (tied);
        IF cardinality(tied) > 1 THEN
            RETURN QUERY
                SELECT NULL::uuid, NULL, NULL, common.kind::text, NULL::uuid, NULL, NULL::jsonb,
                       NULL::int, NULL::boolean, NULL::uuid[], NULL::uuid[], NULL::uuid[],
                       common.value::text, (
                           SELECT count(*) FROM (
                               SELECT FROM identifier i
                               WHERE i.kind = common.kind AND i.value = common.value
                                 AND i.origin = 'profile'
                               LIMIT most
                           ) AS counted
                       )
                FROM (
                    SELECT i.kind, i.value FROM identifier i
                    WHERE i.record_id = ANY (tied) AND i.origin = 'profile'
                    GROUP BY i.kind, i.value HAVING count(*) > 1
                ) AS common;
        END IF;
    END
    $$
"""


def upgrade() -> None:
    """Make the functions."""
    op.execute(_LOCK_AND_READ)
    op.execute(_READ_AROUND)


def downgrade() -> None:
    """Drop them: the previous release does not know them."""
    op.execute("DROP FUNCTION read_around(uuid[], uuid[], integer)")
    op.execute(
        "DROP FUNCTION lock_and_read(bigint[], bigint, text[], text[], boolean, text[], text[], "
        "bigint[], integer)"
    )
