-- What happened to a client, newest first, after a place in that order.
-- $1 any client id ever given; $2 types and $3 channels to keep, or null for all;
-- $4, $5 time and id of the last thing already told; $6 how many.
-- Each branch is a bounded scan of an index on the client's records. One row at least when the
-- client exists, with a null id when there is nothing (more) to tell.
WITH asked AS (
    SELECT r.client_id
    FROM client c JOIN source_record r ON r.id = c.id
    WHERE c.id = $1
), record AS MATERIALIZED (
    SELECT r.id, r.source, r.external_id
    FROM asked JOIN source_record r USING (client_id)
), happened AS (
    SELECT t.sold_at AS at, t.id, 'ticket' AS type, t.source, t.channel,
           json_build_object(
               'ticket_id', t.ticket_id, 'kind', t.kind, 'store', t.store,
               'currency', t.currency, 'total_cents', t.total_cents, 'order_id', t.order_id,
               'voided', t.voided_by IS NOT NULL
           ) AS details
    FROM record CROSS JOIN LATERAL (
        SELECT * FROM ticket
        WHERE record_id = record.id AND (sold_at, id) < ($4, $5)
          AND ($3::text[] IS NULL OR channel = ANY ($3))
        ORDER BY sold_at DESC, id DESC LIMIT $6
    ) t
    WHERE $2::text[] IS NULL OR 'ticket' = ANY ($2)
    UNION ALL
    SELECT s.occurred_at, s.id, 'order_step', o.source, o.channel,
           json_build_object(
               'order_id', o.order_id, 'status', s.status, 'store', o.store,
               'fulfilment', o.fulfilment, 'currency', o.currency, 'total_cents', o.total_cents
           )
    FROM record
    JOIN sales_order o ON o.record_id = record.id
    CROSS JOIN LATERAL (
        SELECT * FROM order_step
        WHERE order_id = o.id AND (occurred_at, id) < ($4, $5)
        ORDER BY occurred_at DESC, id DESC LIMIT $6
    ) s
    WHERE ($2::text[] IS NULL OR 'order_step' = ANY ($2))
      AND ($3::text[] IS NULL OR o.channel = ANY ($3))
    UNION ALL
    SELECT e.occurred_at, e.id, 'event', e.source, e.channel,
           json_build_object('name', e.name, 'properties', e.properties)
    FROM record CROSS JOIN LATERAL (
        SELECT * FROM event
        WHERE record_id = record.id AND (occurred_at, id) < ($4, $5)
          AND ($3::text[] IS NULL OR channel = ANY ($3))
        ORDER BY occurred_at DESC, id DESC LIMIT $6
    ) e
    WHERE $2::text[] IS NULL OR 'event' = ANY ($2)
    UNION ALL
    SELECT s.occurred_at, s.id, 'consent', s.source, NULL,
           json_build_object(
               'purpose', s.purpose, 'channel', s.channel, 'status', s.status, 'how', s.how,
               'wording', s.wording, 'store', s.store
           )
    FROM record CROSS JOIN LATERAL (
        SELECT * FROM consent_record
        WHERE record_id = record.id AND (occurred_at, id) < ($4, $5)
        ORDER BY occurred_at DESC, id DESC LIMIT $6
    ) s
    WHERE ($2::text[] IS NULL OR 'consent' = ANY ($2)) AND $3::text[] IS NULL
    UNION ALL
    -- A receipt has no id of its own: one is made of its key, the same every time.
    SELECT m.received_at, m.id, 'profile', record.source, NULL,
           json_build_object('external_id', record.external_id)
    FROM record CROSS JOIN LATERAL (
        SELECT received_at, id
        FROM (
            SELECT received_at, md5(source || ' ' || message_id)::uuid AS id
            FROM inbox_message
            WHERE record_id = record.id AND received_at <= $4
        ) receipt
        WHERE (received_at, id) < ($4, $5)
        ORDER BY received_at DESC, id DESC LIMIT $6
    ) m
    WHERE ($2::text[] IS NULL OR 'profile' = ANY ($2)) AND $3::text[] IS NULL
    UNION ALL
    -- A client id is the id of a record: the records name every client this one ever was.
    -- What followed a client that went over is told with it.
    SELECT changed.made_at, changed.id, 'identity_change', NULL, NULL,
           json_build_object(
               'kind', changed.kind, 'client_id', changed.client_id,
               'other_client_id', changed.other_client_id, 'cause', changed.cause,
               'records', cardinality(changed.record_ids)
           )
    FROM (
        SELECT DISTINCT ON (i.made_at, i.id) i.*
        FROM record CROSS JOIN LATERAL (
            (
                SELECT * FROM identity_change
                WHERE client_id = record.id AND (made_at, id) < ($4, $5)
                  AND kind <> 'follow'
                ORDER BY made_at DESC, id DESC LIMIT $6
            )
            UNION ALL
            (
                SELECT * FROM identity_change
                WHERE other_client_id = record.id AND (made_at, id) < ($4, $5)
                  AND kind <> 'follow'
                ORDER BY made_at DESC, id DESC LIMIT $6
            )
        ) i
        ORDER BY i.made_at DESC, i.id DESC
    ) changed
    WHERE ($2::text[] IS NULL OR 'identity_change' = ANY ($2)) AND $3::text[] IS NULL
), page AS (
    SELECT * FROM happened ORDER BY at DESC, id DESC LIMIT $6
)
SELECT asked.client_id, page.at, page.id,
       json_build_object(
           'id', page.id, 'at', page.at, 'type', page.type, 'source', page.source,
           'channel', page.channel, 'details', page.details
       )::text AS item
FROM asked LEFT JOIN page ON true
ORDER BY page.at DESC, page.id DESC
