"""The stored pairs counted by stratum, with what stewards said of them."""

from __future__ import annotations

from dataclasses import dataclass

from rcu.db.engine import Database
from rcu.identity.estimation import WEIGHT_EDGES, Stratum

# A pair that was joined or parted by hand, without a review, says nothing of the engine: it is
# left out. A judged pair counts as it was when the steward was asked; the judgement moved it. Of a
# pair that a guard or the partition keeps apart against its weight, the weight says nothing.
_STRATA = """
    WITH last AS (
        SELECT DISTINCT ON (j.left_id, j.right_id)
               j.left_id, j.right_id, j.verdict, j.weight, j.was_together
        FROM judgement j JOIN decision d ON d.id = j.decision_id
        WHERE d.undone_by IS NULL
        ORDER BY j.left_id, j.right_id, j.made_at DESC, j.id DESC
    ), counted AS (
        SELECT was_together AS together, width_bucket(weight, $1::float8[]) AS band,
               1 / (1 + power(2, -greatest(-100, weight))) AS probability,
               verdict
        FROM last WHERE verdict IN ('match', 'no_match') AND weight IS NOT NULL
        UNION ALL
        SELECT l.client_id = r.client_id, width_bucket(p.weight, $1::float8[]),
               CASE WHEN l.client_id = r.client_id
                      OR (p.decision = 'review' AND p.contradiction IS NULL)
                    THEN 1 / (1 + power(2, -greatest(-100, p.weight)))
                    ELSE 0.5 END,
               NULL
        FROM record_pair p
        JOIN source_record l ON l.id = p.left_id
        JOIN source_record r ON r.id = p.right_id
        LEFT JOIN last USING (left_id, right_id)
        WHERE last.verdict IS NULL OR last.verdict = 'unsure'
    )
    SELECT together, band, count(*), sum(probability), count(verdict),
           count(*) FILTER (WHERE verdict = 'match')
    FROM counted GROUP BY together, band ORDER BY together DESC, band DESC
"""
_UNSURE = """
    SELECT count(*) FROM judgement j JOIN decision d ON d.id = j.decision_id
    WHERE d.undone_by IS NULL AND j.verdict = 'unsure'
"""


@dataclass(frozen=True, slots=True)
class JudgedPairs:
    """What there is to estimate from."""

    strata: list[Stratum]
    unsure: int
    """Judgements that could not tell; they count as none."""


async def count_judged_pairs(database: Database) -> JudgedPairs:
    """Count the stored pairs by band of weight, together or apart, with their judgements."""
    async with database.driver_connection() as connection:
        rows = await connection.fetch(_STRATA, list(WEIGHT_EDGES))
        unsure = await connection.fetchval(_UNSURE)
    return JudgedPairs([Stratum(*row) for row in rows], unsure)
