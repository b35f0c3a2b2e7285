-- Who a client id stood for at a time, and the records of that client then, after a record.
-- $1 any client id ever given; $2 the time; $3 the last record already told; $4 how many.
-- The partition of then is that of now with the later changes taken back: where a record was is
-- where the first change after the time took it from. Records and changes are on one clock, that of
-- the database: the clocks of the machines that serve may differ. One row at least when the id was ever
-- given; the client is null when the id did not exist yet.
WITH asked AS (
    SELECT (
        SELECT coalesce(
            (SELECT i.other_client_id FROM identity_change i
             WHERE i.record_ids @> ARRAY[r.id] AND i.recorded_at > $2
             ORDER BY i.recorded_at, i.id LIMIT 1),
            r.client_id
        )
        FROM source_record r
        WHERE r.id = c.id AND coalesce(r.recorded_at, r.created_at) <= $2
    ) AS client_id
    FROM client c WHERE c.id = $1
), candidate AS (
    SELECT r.id FROM asked JOIN source_record r USING (client_id)
    UNION
    SELECT unnest(i.record_ids)
    FROM asked JOIN identity_change i ON i.other_client_id = asked.client_id
    WHERE i.recorded_at > $2
), told AS (
    SELECT r.id, r.source, r.external_id, r.kind, r.created_at AS since
    FROM candidate JOIN source_record r USING (id)
    WHERE coalesce(r.recorded_at, r.created_at) <= $2 AND r.id > $3 AND (SELECT client_id FROM asked) = coalesce(
        (SELECT i.other_client_id FROM identity_change i
         WHERE i.record_ids @> ARRAY[r.id] AND i.recorded_at > $2
         ORDER BY i.recorded_at, i.id LIMIT 1),
        r.client_id
    )
    ORDER BY r.id LIMIT $4
)
SELECT asked.client_id, told.id, told.source, told.external_id, told.kind, told.since
FROM asked LEFT JOIN told ON true
ORDER BY told.id
