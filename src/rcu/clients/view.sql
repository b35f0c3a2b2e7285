-- The 360 view of a client, written as JSON. $1 is any client id ever given; there is no row
-- when it never was.
WITH record AS MATERIALIZED (
    SELECT r.id, r.source, r.external_id, r.kind, r.placement, r.created_at, r.changed_at
    FROM source_record asked
    JOIN source_record r ON r.client_id = asked.client_id
    WHERE asked.id = $1
), total AS MATERIALIZED (
    SELECT p.* FROM record JOIN purchase_total p ON p.record_id = record.id
)
SELECT json_build_object(
    'client_id', c.id,
    'resolved_from', nullif(asked.id, c.id),
    'known', c.known,
    'version', c.version,
    'created_at', c.created_at,
    'changed_at', c.changed_at,
    'golden', (SELECT golden FROM golden_record WHERE client_id = c.id),
    'identifiers', (
        SELECT coalesce(json_agg(json_build_object(
            'kind', held.kind,
            'value', held.value,
            'status', CASE WHEN held.verified_at IS NULL THEN 'declared' ELSE 'verified' END,
            'verified_at', held.verified_at,
            'records', held.records
        ) ORDER BY held.kind, held.value), '[]')
        FROM (
            SELECT i.kind, i.value, max(i.verified_at) AS verified_at,
                   json_agg(json_build_object(
                       'source', record.source, 'external_id', record.external_id
                   ) ORDER BY record.source, record.external_id) AS records
            FROM record JOIN identifier i ON i.record_id = record.id
            GROUP BY i.kind, i.value
        ) held
    ),
    'records', (
        SELECT json_agg(json_build_object(
            'source', source, 'external_id', external_id, 'kind', kind, 'placement', placement,
            'since', created_at, 'changed_at', changed_at
        ) ORDER BY created_at, id)
        FROM record
    ),
    'tickets', (
        SELECT coalesce(json_agg(json_build_object(
            'id', t.id, 'source', t.source, 'ticket_id', t.ticket_id, 'kind', t.kind,
            'store', t.store, 'channel', t.channel, 'sold_at', t.sold_at,
            'currency', t.currency, 'total_cents', t.total_cents, 'order_id', t.order_id,
            'voided', t.voided_by IS NOT NULL
        )), '[]')
        FROM (
            SELECT newest.*
            FROM record CROSS JOIN LATERAL (
                SELECT * FROM ticket WHERE record_id = record.id
                ORDER BY sold_at DESC, id DESC LIMIT 10
            ) newest
            ORDER BY newest.sold_at DESC, newest.id DESC LIMIT 10
        ) t
    ),
    'orders', (
        SELECT coalesce(json_agg(json_build_object(
            'id', o.id, 'source', o.source, 'order_id', o.order_id, 'status', o.status,
            'placed_at', o.placed_at, 'changed_at', o.changed_at, 'channel', o.channel,
            'store', o.store, 'fulfilment', o.fulfilment, 'currency', o.currency,
            'total_cents', o.total_cents
        )), '[]')
        FROM (
            SELECT newest.*
            FROM record CROSS JOIN LATERAL (
                SELECT * FROM sales_order WHERE record_id = record.id
                ORDER BY changed_at DESC, id DESC LIMIT 10
            ) newest
            ORDER BY newest.changed_at DESC, newest.id DESC LIMIT 10
        ) o
    ),
    'open_orders', (
        SELECT coalesce(json_agg(json_build_object(
            'id', o.id, 'source', o.source, 'order_id', o.order_id, 'status', o.status,
            'placed_at', o.placed_at, 'changed_at', o.changed_at, 'channel', o.channel,
            'store', o.store, 'fulfilment', o.fulfilment, 'currency', o.currency,
            'total_cents', o.total_cents
        ) ORDER BY o.placed_at DESC, o.id DESC), '[]')
        FROM record JOIN sales_order o ON o.record_id = record.id
        WHERE o.status IN ('placed', 'paid', 'ready_for_pickup')
           OR o.status = 'shipped' AND o.fulfilment = 'click_and_collect'
    ),
    'totals', (
        SELECT coalesce(json_agg(json_build_object(
            'currency', spent.currency, 'sales', spent.sales, 'returns', spent.returns,
            'amount_cents', spent.amount_cents, 'first_at', spent.first_at,
            'last_at', spent.last_at, 'channels', spent.channels
        ) ORDER BY spent.sales DESC, spent.currency), '[]')
        FROM (
            SELECT by_channel.currency,
                   sum(by_channel.sales) AS sales, sum(by_channel.returns) AS returns,
                   sum(by_channel.amount_cents) AS amount_cents,
                   min(by_channel.first_at) AS first_at, max(by_channel.last_at) AS last_at,
                   json_agg(json_build_object(
                       'channel', by_channel.channel, 'sales', by_channel.sales,
                       'returns', by_channel.returns, 'amount_cents', by_channel.amount_cents,
                       'first_at', by_channel.first_at, 'last_at', by_channel.last_at
                   ) ORDER BY by_channel.channel) AS channels
            FROM (
                SELECT currency, channel,
                       sum(sales) AS sales, sum(returns) AS returns,
                       sum(amount_cents) AS amount_cents,
                       min(first_at) AS first_at, max(last_at) AS last_at
                FROM total
                GROUP BY currency, channel
            ) by_channel
            GROUP BY by_channel.currency
        ) spent
    ),
    'favourite_store', (
        SELECT json_build_object('code', visited.store, 'name', store.name,
                                 'sales', visited.sales, 'last_at', visited.last_at)
        FROM (
            SELECT store, sum(sales) AS sales, max(last_at) AS last_at
            FROM total
            WHERE store <> ''
            GROUP BY store
            HAVING sum(sales) > 0
            ORDER BY sum(sales) DESC, max(last_at) DESC NULLS LAST, store
            LIMIT 1
        ) visited
        LEFT JOIN store ON store.code = visited.store
    )
)::text
FROM client asked
JOIN source_record oldest ON oldest.id = asked.id
JOIN client c ON c.id = oldest.client_id
WHERE asked.id = $1
