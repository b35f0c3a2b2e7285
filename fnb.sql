CREATE OR REPLACE FUNCTION public.meet_profile_b(locks bigint[], activation bigint, of_source text, of_external_id text, kinds text[], texts text[], keys bigint[], most integer, exact bigint[], look text, few integer, many integer)
 RETURNS TABLE(what text, one text, other text, number bigint, held bigint[], ids uuid[], faces text[], id uuid, source text, external_id text, kind text, client_id uuid, placement text, features jsonb, version integer, is_tied boolean, linked uuid[], judged_one uuid[], judged_two uuid[], identifier text, stating bigint)
 LANGUAGE plpgsql
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
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
                FROM (SELECT r.record_id, r.face::text FROM bk_sorted r
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
    $function$

