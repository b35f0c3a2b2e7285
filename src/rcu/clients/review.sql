-- Pairs of records as a steward sees them. $1 and $2 hold the lower and the higher record ids.
-- A pair whose records are not both profiles is left out. `version` changes whenever the pair, its
-- records, its clients or what was said of it does.
SELECT p.left_id, p.right_id, held.weight, held.decision, held.contradiction, held.evidence,
       held.model_version, held.scored_at,
       l.source AS left_source, l.external_id AS left_external_id, l.client_id AS left_client_id,
       r.source AS right_source, r.external_id AS right_external_id,
       r.client_id AS right_client_id,
       said.verdict, said.reason, said.author, said.made_at, said.is_same,
       substr(encode(sha256(convert_to(concat_ws(
           ' ', l.id, r.id, held.weight, held.decision, held.contradiction, held.model_version,
           l.version, r.version, l.client_id, r.client_id, one.version, two.version, said.id
       ), 'UTF8')), 'hex'), 1, 16) AS version
FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS p (left_id, right_id, position)
JOIN source_record l ON l.id = p.left_id AND l.kind = 'profile'
JOIN source_record r ON r.id = p.right_id AND r.kind = 'profile'
JOIN client one ON one.id = l.client_id
JOIN client two ON two.id = r.client_id
LEFT JOIN record_pair held USING (left_id, right_id)
LEFT JOIN LATERAL (
    SELECT j.id, j.verdict, j.reason, j.author, j.made_at, j.values_digest IS NOT DISTINCT FROM
           sha256(convert_to(l.features::text || ' ' || r.features::text, 'UTF8')) AS is_same
    FROM judgement j JOIN decision d ON d.id = j.decision_id
    WHERE (j.left_id, j.right_id) = (p.left_id, p.right_id) AND d.undone_by IS NULL
    ORDER BY j.made_at DESC, j.id DESC LIMIT 1
) said ON true
ORDER BY p.position
