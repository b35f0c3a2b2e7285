-- What a decision moved, in the transaction that made it or later. $1 is the decision; $2 how
-- many records to name at most. Nothing moves twice in one direction: of several changes of one
-- record, the first says where it was and the last where it is.
WITH moved AS MATERIALIZED (
    SELECT record_id AS id,
           (array_agg(i.other_client_id ORDER BY i.recorded_at, i.id))[1] AS from_client_id,
           (array_agg(i.client_id ORDER BY i.recorded_at DESC, i.id DESC))[1] AS to_client_id
    FROM identity_change i CROSS JOIN unnest(i.record_ids) AS record_id
    WHERE i.decision_id = $1
    GROUP BY record_id
), counted AS MATERIALIZED (
    SELECT m.id, r.source, r.external_id, r.kind, m.from_client_id, m.to_client_id,
           (SELECT count(*) FROM ticket WHERE record_id = m.id) AS tickets,
           (SELECT count(*) FROM sales_order WHERE record_id = m.id) AS orders,
           (SELECT count(*) FROM event WHERE record_id = m.id) AS events,
           (SELECT count(*) FROM consent_record WHERE record_id = m.id) AS consents
    FROM moved m JOIN source_record r USING (id)
    WHERE m.from_client_id <> m.to_client_id
), client_count AS (
    SELECT id AS client_id,
           (SELECT count(*) FROM source_record WHERE client_id = ids.id) AS now,
           (SELECT count(*) FROM counted WHERE to_client_id = ids.id) AS came,
           (SELECT count(*) FROM counted WHERE from_client_id = ids.id) AS went
    FROM (SELECT from_client_id FROM counted UNION SELECT to_client_id FROM counted) AS ids (id)
), member AS MATERIALIZED (
    -- Every record of the clients concerned, with its client before and after.
    SELECT r.id, coalesce(m.from_client_id, r.client_id) AS was_id, r.client_id AS is_id
    FROM source_record r LEFT JOIN counted m ON m.id = r.id
    WHERE r.client_id IN (SELECT client_id FROM client_count)
), held_before AS MATERIALIZED (
    SELECT e.*
    FROM (SELECT array_agg(was_id) AS clients, array_agg(id) AS ids FROM member) whole
    CROSS JOIN LATERAL effective_consents(whole.clients, whole.ids) e
), held_after AS MATERIALIZED (
    SELECT e.*
    FROM (SELECT array_agg(is_id) AS clients, array_agg(id) AS ids FROM member) whole
    CROSS JOIN LATERAL effective_consents(whole.clients, whole.ids) e
), consent_change AS MATERIALIZED (
    -- For who was one client and is one, or part of one: what holds otherwise than before.
    SELECT c.was_id, c.is_id, k.purpose, k.channel, b.status AS was, a.status AS now
    FROM (SELECT DISTINCT was_id, is_id FROM member) c
    CROSS JOIN LATERAL (
        SELECT purpose, channel FROM held_before WHERE group_id = c.was_id
        UNION
        SELECT purpose, channel FROM held_after WHERE group_id = c.is_id
    ) k
    LEFT JOIN held_before b
      ON b.group_id = c.was_id AND b.purpose = k.purpose
     AND b.channel IS NOT DISTINCT FROM k.channel
    LEFT JOIN held_after a
      ON a.group_id = c.is_id AND a.purpose = k.purpose
     AND a.channel IS NOT DISTINCT FROM k.channel
    WHERE b.status IS DISTINCT FROM a.status
), root AS (
    -- What a decision that undoes another is about in the end: in force before it if it is not now,
    -- and the reverse. All others are in force as they were.
    SELECT id FROM (
        WITH RECURSIVE up AS (
            SELECT id, undoes_id FROM decision WHERE id = $1
            UNION ALL
            SELECT d.id, d.undoes_id FROM up JOIN decision d ON d.id = up.undoes_id
        )
        SELECT id FROM up WHERE undoes_id IS NULL
    ) last WHERE id <> $1
), touched AS MATERIALIZED (
    SELECT p.left_id, p.right_id
    FROM counted m JOIN record_pair p ON m.id IN (p.left_id, p.right_id)
    UNION
    SELECT p.left_id, p.right_id
    FROM judgement j JOIN record_pair p USING (left_id, right_id)
    WHERE j.decision_id = $1 OR j.decision_id IN (SELECT id FROM root)
), pair AS MATERIALIZED (
    SELECT t.left_id, t.right_id, l.client_id <> r.client_id AS is_apart,
           coalesce(ml.from_client_id, l.client_id) <> coalesce(mr.from_client_id, r.client_id)
               AS was_apart,
           coalesce(ml.id, mr.id) IS NOT NULL AS has_moved,
           sha256(convert_to(l.features::text || ' ' || r.features::text, 'UTF8')) AS digest
    FROM touched t
    JOIN source_record l ON l.id = t.left_id
    JOIN source_record r ON r.id = t.right_id
    LEFT JOIN counted ml ON ml.id = l.id
    LEFT JOIN counted mr ON mr.id = r.id
), review AS (
    -- In the queue (reviews.sql) before the decision, and after it.
    SELECT pair.has_moved, pair.is_apart AND NOT coalesce(
               now.verdict = 'match' OR (now.verdict = 'no_match' AND now.is_same), false
           ) AS is_open
    FROM pair
    LEFT JOIN LATERAL (
        SELECT j.verdict, j.values_digest IS NOT DISTINCT FROM pair.digest AS is_same
        FROM judgement j JOIN decision d ON d.id = j.decision_id
        WHERE (j.left_id, j.right_id) = (pair.left_id, pair.right_id) AND d.id <> $1
          AND (d.undone_by IS NULL) <> (d.id IN (SELECT id FROM root))
        ORDER BY j.made_at DESC, j.id DESC LIMIT 1
    ) was ON true
    LEFT JOIN LATERAL (
        SELECT j.verdict, j.values_digest IS NOT DISTINCT FROM pair.digest AS is_same
        FROM judgement j JOIN decision d ON d.id = j.decision_id
        WHERE (j.left_id, j.right_id) = (pair.left_id, pair.right_id) AND d.undone_by IS NULL
        ORDER BY j.made_at DESC, j.id DESC LIMIT 1
    ) now ON true
    WHERE pair.was_apart AND NOT coalesce(
        was.verdict = 'match' OR (was.verdict = 'no_match' AND was.is_same), false
    )
)
SELECT json_build_object(
    'records', (
        SELECT coalesce(json_agg(named), '[]')
        FROM (
            SELECT source, external_id, kind, from_client_id, to_client_id, tickets, orders, events,
                   consents
            FROM counted ORDER BY id LIMIT $2
        ) named
    ),
    'totals', (
        SELECT json_build_object(
            'records', count(*), 'tickets', coalesce(sum(tickets), 0),
            'orders', coalesce(sum(orders), 0), 'events', coalesce(sum(events), 0),
            'consents', coalesce(sum(consents), 0)
        )
        FROM counted
    ),
    'consent_changes', (
        SELECT coalesce(json_agg(changed), '[]')
        FROM (
            SELECT was_id AS from_client_id, is_id AS client_id, purpose, channel, was, now
            FROM consent_change ORDER BY was_id, is_id, purpose, channel LIMIT $2
        ) changed
    ),
    'retired_client_ids', (
        SELECT coalesce(json_agg(client_id ORDER BY client_id), '[]')
        FROM client_count WHERE now = 0 AND went > 0
    ),
    'appeared_client_ids', (
        SELECT coalesce(json_agg(client_id ORDER BY client_id), '[]')
        FROM client_count WHERE now > 0 AND now - came + went = 0
    ),
    'open_reviews', (
        SELECT json_build_object(
            'settled', count(*) FILTER (WHERE NOT is_open),
            'moved', count(*) FILTER (WHERE is_open AND has_moved)
        )
        FROM review
    )
)::text
