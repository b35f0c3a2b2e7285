-- The changes that led a client id to where its records are, newest first, after a place.
-- $1 any client id ever given; $2, $3 time and id of the last change already told; $4 how many.
-- Told are the changes that name the id, and those of every record that is with its client now:
-- the client's founding record was perhaps another's for a while. One row at least when the id
-- was ever given, with a null id when there is nothing (more) to tell.
WITH asked AS (
    SELECT r.client_id
    FROM client c JOIN source_record r ON r.id = c.id
    WHERE c.id = $1
), named AS (
    SELECT i.id FROM identity_change i WHERE i.client_id = $1 OR i.other_client_id = $1
    UNION
    SELECT i.id FROM identity_change i
    WHERE i.record_ids && ARRAY(SELECT r.id FROM asked JOIN source_record r USING (client_id))
), page AS (
    SELECT i.* FROM named JOIN identity_change i USING (id)
    WHERE (i.recorded_at, i.id) < ($2, $3)
    ORDER BY i.recorded_at DESC, i.id DESC LIMIT $4
)
SELECT asked.client_id, page.recorded_at AS at, page.id,
       json_build_object(
           'id', page.id, 'at', page.recorded_at, 'kind', page.kind,
           'client_id', page.client_id, 'from_client_id', page.other_client_id,
           'cause', page.cause, 'actor', page.actor, 'reason', page.reason,
           'decision', (
               SELECT json_build_object('id', d.id, 'kind', d.kind, 'undone_by', d.undone_by)
               FROM decision d WHERE d.id = page.decision_id
           ),
           'undone_by', coalesce(
               (SELECT d.undone_by FROM decision d WHERE d.id = page.decision_id),
               (SELECT d.id FROM decision d
                WHERE d.undoes_change_id = page.id AND d.undone_by IS NULL
                ORDER BY d.made_at DESC LIMIT 1)
           ),
           'records', (
               SELECT coalesce(json_agg(listed), '[]')
               FROM (
                   SELECT r.source, r.external_id, r.kind, r.client_id
                   FROM source_record r WHERE r.id = ANY (page.record_ids)
                   ORDER BY r.id LIMIT 100
               ) listed
           ),
           'record_count', cardinality(page.record_ids)
       )::text AS item
FROM asked LEFT JOIN page ON true
ORDER BY page.recorded_at DESC, page.id DESC
