"""Meet those whom a profile may be of, with locks to write it, or with none to answer who it is of.

In place of `enter_profile`, which the previous release goes on with: where no locks are given, none
is taken, and the function can run in a transaction that only reads.

Revision ID: 20261122_meet_profile
Revises: 20261122_consents
"""

from __future__ import annotations

from alembic import op

revision = "20261122_meet_profile"
down_revision = "20261122_consents"
branch_labels = None
depends_on = None

# Called by functions that ask for generic plans. Of the identifiers that are `settled` nobody asks
# who states them.
_READ_TIES = """
    CREATE FUNCTION read_ties(
        seeds uuid[], others uuid[], most integer, settled text[], locking boolean
    )
    RETURNS TABLE (
        id uuid, source text, external_id text, kind text, client_id uuid, placement text,
        features jsonb, version integer, is_tied boolean, linked uuid[], judged_one uuid[],
        judged_two uuid[], identifier text, stating bigint
    )
    LANGUAGE plpgsql VOLATILE AS $$
    #variable_conflict use_column
    DECLARE
        members uuid[] := '{}';
        found uuid[];
        further uuid[];
        locked uuid[] := '{}';
    BEGIN
        IF cardinality(seeds) > 0 THEN
            further := ARRAY (
                SELECT DISTINCT r.client_id FROM source_record r WHERE r.id = ANY (seeds)
            );
            LOOP
                IF locking THEN
                    PERFORM FROM client c WHERE c.id = ANY (further) ORDER BY c.id FOR UPDATE;
                END IF;
                locked := locked || further;
                members := seeds;
                found := seeds;
                LOOP
                    found := ARRAY (
                        SELECT right_id FROM record_pair
                        WHERE left_id = ANY (found) AND decision = 'link'
                          AND right_id <> ALL (members)
                        UNION
                        SELECT left_id FROM record_pair
                        WHERE right_id = ANY (found) AND decision = 'link'
                          AND left_id <> ALL (members)
                        UNION
                        SELECT right_id FROM judgement
                        WHERE left_id = ANY (found) AND verdict = 'match'
                          AND revoked_at IS NULL AND right_id <> ALL (members)
                        UNION
                        SELECT left_id FROM judgement
                        WHERE right_id = ANY (found) AND verdict = 'match'
                          AND revoked_at IS NULL AND left_id <> ALL (members)
                    );
                    EXIT WHEN cardinality(found) = 0;
                    members := members || found;
                END LOOP;
                further := ARRAY (
                    SELECT DISTINCT r.client_id FROM source_record r
                    WHERE r.id = ANY (members) AND r.client_id <> ALL (locked)
                );
                EXIT WHEN cardinality(further) = 0;
            END LOOP;
        END IF;
        IF cardinality(members) > 0 THEN
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
                FROM source_record r WHERE r.id = ANY (members);
        END IF;
        IF cardinality(others) > 0 THEN
            RETURN QUERY
                SELECT r.id, r.source::text, r.external_id::text, r.kind::text, r.client_id,
                       r.placement::text, r.features, r.version, false, NULL::uuid[], NULL::uuid[],
                       NULL::uuid[], NULL::text, NULL::bigint
                FROM source_record r WHERE r.id = ANY (others) AND r.id <> ALL (members);
        END IF;
        IF cardinality(members) > 1 THEN
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
                    WHERE i.record_id = ANY (members) AND i.origin = 'profile'
                      AND i.value <> ALL (settled)
                    GROUP BY i.kind, i.value HAVING count(*) > 1
                ) AS common;
        END IF;
    END
    $$
"""

_READ_AROUND = """
    CREATE FUNCTION read_around_ties(seeds uuid[], others uuid[], most integer)
    RETURNS TABLE (
        id uuid, source text, external_id text, kind text, client_id uuid, placement text,
        features jsonb, version integer, is_tied boolean, linked uuid[], judged_one uuid[],
        judged_two uuid[], identifier text, stating bigint
    )
    LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_generic_plan AS $$
    BEGIN
        RETURN QUERY SELECT * FROM read_ties(seeds, others, most, '{}', true);
    END
    $$
"""

# Of a face, parted by bars, the given name comes first, the family name second, and the birth date
# fifth, with a tilde behind it where it may be a year only. An empty family name begins nothing.
_MEET_PROFILE = """
    CREATE FUNCTION meet_profile(
        locks bigint[], activation bigint, of_source text, of_external_id text,
        kinds text[], texts text[], keys bigint[], most integer,
        exact bigint[], look text, few integer, many integer
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
        given text := split_part(look, '|', 1);
        family text := nullif(split_part(look, '|', 2), '');
        born text := split_part(look, '|', 5);
        seeds uuid[];
        others uuid[];
        is_told boolean;
    BEGIN
        what := 'active';
        IF locks IS NULL THEN
            one := (SELECT a.version FROM model_activation a ORDER BY a.number DESC LIMIT 1);
        ELSIF EXISTS (
            SELECT FROM source_record r
            WHERE r.source = of_source AND r.external_id = of_external_id
        ) THEN
            RETURN;
        ELSE
            one := lock_until_commit(locks, activation);
        END IF;
        RETURN NEXT;
        SELECT array_agg(h.key), array_agg(h.record_id), array_agg(h.face),
               coalesce(array_agg(h.record_id) FILTER (WHERE h.is_seed), '{}'),
               coalesce((array_agg(h.record_id) FILTER (WHERE h.is_other))[1:many], '{}'),
               EXISTS (
                   SELECT FROM source_record r
                   WHERE r.source = of_source AND r.external_id = of_external_id
               ) OR EXISTS (SELECT FROM identifier_declaration WHERE revoked_at IS NULL)
                 OR EXISTS (SELECT FROM merge_brake WHERE released_at IS NULL)
        INTO held, ids, faces, seeds, others, is_told
        FROM (
            SELECT wanted.key, b.record_id, b.face,
                   CASE WHEN b.face IS NULL THEN b.holders <= few AND wanted.key = ANY (exact)
                        ELSE b.face = look END AS is_seed,
                   b.holders < most AND (
                       b.face IS NULL OR (
                           (starts_with(b.face, given)
                            OR starts_with(given, split_part(b.face, '|', 1))
                            OR starts_with(b.face, family)
                            OR starts_with(split_part(b.face, '|', 2), given))
                           AND (born = '' OR split_part(b.face, '|', 5) IN ('', born)
                                OR substr(born, 1, 4) = substr(split_part(b.face, '|', 5), 1, 4)
                                OR substr(born, 5, 4) = substr(split_part(b.face, '|', 5), 5, 4)
                                OR born LIKE '%~' OR b.face LIKE '%~')
                       )
                   ) AS is_other
            FROM unnest(keys) AS wanted (key)
            CROSS JOIN LATERAL (
                SELECT k.record_id, k.face, count(*) OVER () AS holders
                FROM (SELECT r.record_id, r.face::text FROM blocking_key r
                      WHERE r.key = wanted.key LIMIT most) AS k
            ) AS b
        ) AS h;
        one := NULL;
        IF held IS NOT NULL THEN
            what := 'holders';
            RETURN NEXT;
            held := NULL;
            faces := NULL;
            what := 'seeds';
            ids := seeds;
            RETURN NEXT;
            ids := NULL;
        END IF;
        IF is_told THEN
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
        END IF;
        IF cardinality(seeds) > 0 OR cardinality(others) > 0 THEN
            RETURN QUERY
                SELECT NULL::text, NULL::text, NULL::text, NULL::bigint, NULL::bigint[],
                       NULL::uuid[], NULL::text[], a.*
                FROM read_ties(seeds, others, most, texts, locks IS NOT NULL) AS a;
        END IF;
    END
    $$
"""


def upgrade() -> None:
    """Make the functions."""
    op.execute(_READ_TIES)
    op.execute(_READ_AROUND)
    op.execute(_MEET_PROFILE)


def downgrade() -> None:
    """Drop them: the previous release does not know them."""
    op.execute(
        "DROP FUNCTION meet_profile(bigint[], bigint, text, text, text[], text[], bigint[], "
        "integer, bigint[], text, integer, integer)"
    )
    op.execute("DROP FUNCTION read_around_ties(uuid[], uuid[], integer)")
    op.execute("DROP FUNCTION read_ties(uuid[], uuid[], integer, text[], boolean)")
