-- Pairs that the engine linked and nobody judged, in an order of no meaning, after a place: a
-- sample to judge, from which the precision of the links is estimated. $1 the digest of the last
-- pair told, empty at the start; $2 how many.
SELECT linked.digest, linked.left_id, linked.right_id
FROM (
    SELECT p.left_id, p.right_id, md5(p.left_id::text || p.right_id::text) AS digest
    FROM record_pair p WHERE p.decision = 'link'
) linked
JOIN source_record l ON l.id = linked.left_id
JOIN source_record r ON r.id = linked.right_id
WHERE linked.digest > $1 AND l.client_id = r.client_id
  AND NOT EXISTS (
      SELECT FROM judgement j JOIN decision d ON d.id = j.decision_id
      WHERE (j.left_id, j.right_id) = (linked.left_id, linked.right_id)
        AND d.undone_by IS NULL AND j.verdict <> 'withdrawn'
  )
ORDER BY linked.digest LIMIT $2
