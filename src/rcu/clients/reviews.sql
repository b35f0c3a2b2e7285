-- The queue of reviews: pairs of clients that may be one person, most useful first, after a place.
-- $1 the link weight; filters, each null for all: $2 client, $3 source, $4 decision, $5 guard,
-- $6 state; $7 to $10 the place of the last group told (null at the start); $11 how many.
--
-- Usefulness is the uncertainty of a pair times what hangs on it:
--   H(p) * (1 + log2(1 + tickets) + log2(1 + amount))
-- where H is the entropy of the match probability in bits (1 at p = 1/2), with the weight counted
-- up to the link line only, since what keeps a heavier pair apart is a doubt as well; tickets and
-- amount (whole units, currencies alike) are those of both clients. A group has the usefulness of
-- its most useful pair. Groups of which a steward was unsure, under the same values, come last.
WITH pair AS MATERIALIZED (
    SELECT p.left_id, p.right_id, p.weight,
           least(l.client_id, r.client_id) AS a, greatest(l.client_id, r.client_id) AS b,
           said.verdict, said.is_same
    FROM record_pair p
    JOIN source_record l ON l.id = p.left_id
    JOIN source_record r ON r.id = p.right_id
    LEFT JOIN LATERAL (
        SELECT j.verdict, j.values_digest IS NOT DISTINCT FROM
               sha256(convert_to(l.features::text || ' ' || r.features::text, 'UTF8')) AS is_same
        FROM judgement j JOIN decision d ON d.id = j.decision_id
        WHERE (j.left_id, j.right_id) = (p.left_id, p.right_id) AND d.undone_by IS NULL
        ORDER BY j.made_at DESC, j.id DESC LIMIT 1
    ) said ON true
    WHERE l.client_id <> r.client_id
      AND ($2::uuid IS NULL OR $2 IN (l.client_id, r.client_id))
      AND ($3::text IS NULL OR $3 IN (l.source, r.source))
      AND ($4::text IS NULL OR p.decision = $4)
      AND ($5::text IS NULL OR coalesce(p.contradiction, 'none') = $5)
), open AS MATERIALIZED (
    SELECT pair.*,
           CASE WHEN verdict = 'no_match' THEN 'asked_again'
                WHEN verdict = 'unsure' AND is_same THEN 'unsure'
                ELSE 'new' END AS state,
           1 / (1 + power(2, -greatest(-40, least(weight, $1)))) AS p
    FROM pair
    WHERE verdict IS NULL OR verdict IN ('withdrawn', 'unsure')
       OR (verdict = 'no_match' AND NOT is_same)
), stake AS MATERIALIZED (
    SELECT touched.id,
           coalesce(sum(t.sales + t.returns), 0)::float8 AS tickets,
           coalesce(greatest(sum(t.amount_cents), 0), 0)::float8 / 100 AS amount
    FROM (SELECT a AS id FROM open UNION SELECT b FROM open) touched
    JOIN source_record r ON r.client_id = touched.id
    LEFT JOIN purchase_total t ON t.record_id = r.id
    GROUP BY touched.id
), ranked AS (
    SELECT open.*,
           round((
               -(p * ln(p) + (1 - p) * ln(1 - p)) / ln(2.0::float8)
               * (1 + ln(1 + one.tickets + two.tickets) / ln(2.0::float8)
                    + ln(1 + one.amount + two.amount) / ln(2.0::float8))
           )::numeric, 6)::float8 AS usefulness
    FROM open JOIN stake one ON one.id = a JOIN stake two ON two.id = b
    WHERE $6::text IS NULL OR state = $6
), grouped AS (
    SELECT a, b, bool_and(state = 'unsure') AS is_unsure, max(usefulness) AS usefulness,
           count(*) AS pairs,
           (array_agg(left_id ORDER BY usefulness DESC, left_id, right_id))[:20] AS left_ids,
           (array_agg(right_id ORDER BY usefulness DESC, left_id, right_id))[:20] AS right_ids
    FROM ranked GROUP BY a, b
)
SELECT a, b, is_unsure, usefulness, pairs, left_ids, right_ids,
       (SELECT sum(tickets)::bigint FROM stake WHERE id IN (a, b)) AS tickets,
       (SELECT round(sum(amount) * 100)::bigint FROM stake WHERE id IN (a, b)) AS amount_cents
FROM grouped
WHERE $7::bool IS NULL OR (is_unsure, -usefulness, a, b) > ($7, -$8::float8, $9::uuid, $10::uuid)
ORDER BY is_unsure, usefulness DESC, a, b
LIMIT $11
