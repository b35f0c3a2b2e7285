"""Begin the first spell of a record in `analytics.crosswalk` when it was written.

By the clock on which its other spells begin and end, and on which the API says `as_of`. On that of
the machine that served the message a spell could end before it began.

Revision ID: 20261122_crosswalk_on_one_clock
Revises: 20261122_enter_profile
"""

from __future__ import annotations

from alembic import op

revision = "20261122_crosswalk_on_one_clock"
down_revision = "20261122_enter_profile"
branch_labels = None
depends_on = None

_RECORDED = "coalesce(r.recorded_at, r.created_at)"

_CROSSWALK = """
CREATE OR REPLACE VIEW analytics.crosswalk AS
WITH moved AS (
    SELECT moving.record_id, i.client_id, i.other_client_id, i.recorded_at,
           row_number() OVER spells AS number, lead(i.recorded_at) OVER spells AS next_at
    FROM identity_change i CROSS JOIN unnest(i.record_ids) AS moving (record_id)
    WINDOW spells AS (PARTITION BY moving.record_id ORDER BY i.recorded_at, i.id)
)
SELECT w.source AS source, w.external_id AS external_id, w.record_id AS record_id, w.kind AS kind,
       w.client_id AS client_id, w.valid_from AS valid_from, w.valid_to AS valid_to,
       w.valid_to IS NULL AS is_current
FROM (
    SELECT r.source, r.external_id, r.id AS record_id, r.kind,
           coalesce(m.other_client_id, r.client_id) AS client_id,
           {since} AS valid_from, m.recorded_at AS valid_to
    FROM source_record r LEFT JOIN moved m ON m.record_id = r.id AND m.number = 1
    UNION ALL
    SELECT r.source, r.external_id, r.id, r.kind, m.client_id, m.recorded_at, m.next_at
    FROM moved m JOIN source_record r ON r.id = m.record_id
) w
"""


def upgrade() -> None:
    """Replace the view: who may read it still does."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(_CROSSWALK.format(since=_RECORDED))


def downgrade() -> None:
    """Put the view back as it was."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(_CROSSWALK.format(since="r.created_at"))
