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
           (SELECT count(*) FROM event WHERE record_id = m.id) AS events
    FROM moved m JOIN source_record r USING (id)
    WHERE m.from_client_id <> m.to_client_id
), client_count AS (
    SELECT id AS client_id,
           (SELECT count(*) FROM source_record WHERE client_id = ids.id) AS now,
           (SELECT count(*) FROM counted WHERE to_client_id = ids.id) AS came,
           (SELECT count(*) FROM counted WHERE from_client_id = ids.id) AS went
    FROM (SELECT from_client_id FROM counted UNION SELECT to_client_id FROM counted) AS ids (id)
), review AS (
    SELECT DISTINCT p.left_id, p.right_id,
           l.client_id = r.client_id OR EXISTS (
               SELECT FROM judgement j
               WHERE (j.left_id, j.right_id) = (p.left_id, p.right_id) AND j.decision_id = $1
           ) AS is_settled
    FROM counted m
    JOIN record_pair p ON m.id IN (p.left_id, p.right_id)
    JOIN source_record l ON l.id = p.left_id
    JOIN source_record r ON r.id = p.right_id
    LEFT JOIN counted ml ON ml.id = l.id
    LEFT JOIN counted mr ON mr.id = r.id
    WHERE coalesce(ml.from_client_id, l.client_id) <> coalesce(mr.from_client_id, r.client_id)
      AND NOT EXISTS (
          SELECT FROM judgement j
          WHERE (j.left_id, j.right_id) = (p.left_id, p.right_id)
            AND j.revoked_at IS NULL AND j.decision_id IS DISTINCT FROM $1
      )
)
SELECT json_build_object(
    'records', (
        SELECT coalesce(json_agg(named), '[]')
        FROM (
            SELECT source, external_id, kind, from_client_id, to_client_id, tickets, orders, events
            FROM counted ORDER BY id LIMIT $2
        ) named
    ),
    'totals', (
        SELECT json_build_object(
            'records', count(*), 'tickets', coalesce(sum(tickets), 0),
            'orders', coalesce(sum(orders), 0), 'events', coalesce(sum(events), 0)
        )
        FROM counted
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
            'settled', count(*) FILTER (WHERE is_settled),
            'moved', count(*) FILTER (WHERE NOT is_settled)
        )
        FROM review
    )
)::text
