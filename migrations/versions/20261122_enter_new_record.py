"""Enter a record that is thought to be new in one round trip: locks, holders of keys, candidates.

`lock_and_read` answers who holds the keys, and `read_around` what is tied to those of them who
matter; a new record needs both, and who matters is soon guessed from keys and faces. The guess
decides nothing: what it misses is read then, and what it reads too much is left out. The previous
release goes on without the function.

Revision ID: 20261122_enter_new_record
Revises: 20261122_assumed_senders
"""

from __future__ import annotations

from alembic import op

revision = "20261122_enter_new_record"
down_revision = "20261122_assumed_senders"
branch_labels = None
depends_on = None

# Of a face, parted by bars, the given name comes first and the birth date last.
_ENTER_NEW_RECORD = """
    CREATE FUNCTION enter_new_record(
        locks bigint[], activation bigint, of_source text, of_external_id text,
        kinds text[], texts text[], keys bigint[], most integer,
        exact bigint[], look text, given text, born text, few integer, many integer
    )
    RETURNS TABLE (
        what text, one text, other text, number bigint, held bigint[], ids uuid[], faces text[],
        id uuid, source text, external_id text, kind text, client_id uuid, placement text,
        features jsonb, version integer, is_tied boolean, linked uuid[], judged_one uuid[],
        judged_two uuid[], identifier text, stating bigint
    )
    LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_generic_plan AS $$
    #variable_conflict use_column
    DECLARE
        seeds uuid[];
        others uuid[];
    BEGIN
        IF EXISTS (
            SELECT FROM source_record r
            WHERE r.source = of_source AND r.external_id = of_external_id
        ) THEN
            RETURN;
        END IF;
        what := 'active';
        one := lock_until_commit(locks, activation);
        RETURN NEXT;
        FOR what, one, other, number IN
            SELECT 'version', r.source, r.external_id, r.version::bigint
            FROM source_record r WHERE r.source = of_source AND r.external_id = of_external_id
            UNION ALL
            SELECT 'declared', stated.kind, stated.value, (d.status = 'shared')::int
            FROM unnest(kinds, texts) AS stated (kind, value)
            JOIN identifier_declaration d USING (kind, value)
            WHERE d.revoked_at IS NULL
            UNION ALL
            SELECT 'any', NULL, NULL, 1
            WHERE EXISTS (SELECT FROM identifier_declaration WHERE revoked_at IS NULL)
            UNION ALL
            SELECT CASE b.scope WHEN 'source' THEN 'braked source' ELSE 'braked' END,
                   b.kind, b.value, 1
            FROM merge_brake b WHERE b.released_at IS NULL
        LOOP
            RETURN NEXT;
        END LOOP;
        one := NULL;
        other := NULL;
        number := NULL;
        SELECT array_agg(h.key), array_agg(h.record_id), array_agg(h.face),
               coalesce(array_agg(h.record_id) FILTER (WHERE h.is_seed), '{}'),
               coalesce((array_agg(h.record_id) FILTER (WHERE h.is_other))[1:many], '{}')
        INTO held, ids, faces, seeds, others
        FROM (
            SELECT wanted.key, b.record_id, b.face,
                   CASE WHEN b.face IS NULL THEN b.holders <= few AND wanted.key = ANY (exact)
                        ELSE b.face = look END AS is_seed,
                   b.holders < most AND (
                       b.face IS NULL OR (
                           (starts_with(b.face, given)
                            OR starts_with(given, split_part(b.face, '|', 1)))
                           AND (born = '' OR split_part(b.face, '|', 5) IN ('', born)
                                OR substr(born, 1, 4) = substr(split_part(b.face, '|', 5), 1, 4)
                                OR substr(born, 5, 4) = substr(split_part(b.face, '|', 5), 5, 4))
                       )
                   ) AS is_other
            FROM unnest(keys) AS wanted (key)
            CROSS JOIN LATERAL (
                SELECT k.record_id, k.face, count(*) OVER () AS holders
                FROM (SELECT r.record_id, r.face::text FROM blocking_key r
                      WHERE r.key = wanted.key LIMIT most) AS k
            ) AS b
        ) AS h;
        IF held IS NULL THEN
            RETURN;
        END IF;
        what := 'holders';
        RETURN NEXT;
        what := 'seeds';
        ids := seeds;
        held := NULL;
        faces := NULL;
        RETURN NEXT;
        IF cardinality(seeds) > 0 OR cardinality(others) > 0 THEN
            RETURN QUERY
                SELECT NULL::text, NULL::text, NULL::text, NULL::bigint, NULL::bigint[],
                       NULL::uuid[], NULL::text[], a.*
                FROM read_around(seeds, others, most) AS a;
        END IF;
    END
    $$
"""


def upgrade() -> None:
    """Make the function."""
    op.execute(_ENTER_NEW_RECORD)


def downgrade() -> None:
    """Drop it: the previous release does not know it."""
    op.execute(
        "DROP FUNCTION enter_new_record(bigint[], bigint, text, text, text[], text[], bigint[], "
        "integer, bigint[], text, text, text, integer, integer)"
    )
