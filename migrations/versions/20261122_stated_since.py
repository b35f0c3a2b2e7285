"""Keep since when an identifier is stated, to tell a mistake put right from a holder of before.

Rows that are there have no such time, and get none: what a database from before states and has
stated is contested as it was, until its records are loaded anew. The column is null for what the
previous release writes, which is the same. `read_holders` does what `read_held` did, and
`lock_and_admit_facts` what `lock_and_enter_facts` did: that release goes on with its own.

Revision ID: 20261122_stated_since
Revises: 20261122_returns_of_orders
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261122_stated_since"
down_revision = "20261122_returns_of_orders"
branch_labels = None
depends_on = None

_COMMENT = (
    "by what its messages say: since when its profile states it without a break; of one"
    " that was withdrawn, when it was stated first; null when that is not known"
)
_PROFILE_BEFORE = (
    "attribute -> {value, occurred_at, message_id}: last writer wins, each; of"
    " identifiers also `earlier`, what was stated once and is not now"
)
_PROFILE = f"{_PROFILE_BEFORE}, and since when"

# A record comes with the tokens and devices that sales showed of it, a holder with all that its
# record holds if it is known by identifiers only.
_READ_HOLDERS = """
CREATE FUNCTION read_holders(
    sources text[], external_ids text[], kinds text[], texts text[], most integer, followed integer
)
RETURNS TABLE (
    what text, id uuid, source text, external_id text, kind text, client_id uuid, placement text,
    features jsonb, version integer, is_known boolean, own text[], held_kind text, held_value text,
    origin text, is_verified boolean, is_shared boolean,
    stated_since timestamptz
)
LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
        SELECT 'record', r.id, r.source::text, r.external_id::text, r.kind::text, r.client_id,
               r.placement::text, r.features, r.version, c.known,
               ARRAY (
                   SELECT ARRAY[shown.kind, shown.value]::text[] FROM identifier shown
                   WHERE shown.record_id = r.id AND shown.origin = 'ticket'
               ),
               NULL::text, NULL::text, NULL::text, NULL::boolean, NULL::boolean, NULL::timestamptz
        FROM unnest(sources, external_ids) AS wanted (source, external_id)
        JOIN source_record r USING (source, external_id)
        LEFT JOIN client c ON c.id = r.client_id;
    RETURN QUERY
        SELECT 'holder', r.id, r.source::text, r.external_id::text, r.kind::text, r.client_id,
               r.placement::text, r.features, r.version, NULL::boolean,
               CASE WHEN r.kind = 'identifiers' THEN ARRAY (
                   SELECT ARRAY[held.kind, held.value]::text[] FROM identifier held
                   WHERE held.record_id = r.id
               ) END,
               wanted.kind, wanted.value, held.origin, held.is_verified, NULL::boolean,
               held.stated_since
        FROM unnest(kinds, texts) AS wanted (kind, value)
        CROSS JOIN LATERAL (
            (SELECT i.record_id, i.origin::text, i.verified_at IS NOT NULL AS is_verified,
                    i.stated_since
             FROM identifier i
             WHERE i.kind = wanted.kind AND i.value = wanted.value AND i.origin = 'profile'
             ORDER BY i.record_id LIMIT most)
            UNION ALL
            (SELECT i.record_id, i.origin::text, i.verified_at IS NOT NULL AS is_verified,
                    i.stated_since
             FROM identifier i
             WHERE i.kind = wanted.kind AND i.value = wanted.value AND i.origin = 'withdrawn'
             ORDER BY i.record_id LIMIT most)
            UNION ALL
            (SELECT i.record_id, i.origin::text, i.verified_at IS NOT NULL AS is_verified,
                    i.stated_since
             FROM identifier i
             WHERE i.kind = wanted.kind AND i.value = wanted.value AND i.origin = 'ticket'
             ORDER BY i.record_id LIMIT followed)
        ) AS held
        JOIN source_record r ON r.id = held.record_id
        UNION ALL
        SELECT 'declared', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
               wanted.kind, wanted.value, NULL, NULL, d.status = 'shared', NULL
        FROM unnest(kinds, texts) AS wanted (kind, value)
        JOIN identifier_declaration d USING (kind, value)
        WHERE d.revoked_at IS NULL;
END $$
"""

# That a ticket is there is told by a row; it is read by itself, since hardly one ever is. A row
# 'otherwise' says that something is not as it is assumed.
_LOCK_AND_ADMIT_FACTS = """
CREATE FUNCTION lock_and_admit_facts(
    sender text, sender_kind text, message_ids text[], named text[], zones text[],
    locks bigint[], activation bigint, ticket_ids text[], stores text[], tills text[],
    days date[], numbers bigint[], sources text[], external_ids text[], kinds text[],
    texts text[], most integer, followed integer
)
RETURNS TABLE (
    what text, id uuid, source text, external_id text, kind text, client_id uuid, placement text,
    features jsonb, version integer, is_known boolean, own text[], held_kind text, held_value text,
    origin text, is_verified boolean, is_shared boolean,
    stated_since timestamptz
)
LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
        SELECT 'active', NULL::uuid, lock_until_commit(locks, activation), NULL::text, NULL::text,
               NULL::uuid, NULL::text, NULL::jsonb, NULL::int, NULL::boolean, NULL::text[],
               NULL::text, NULL::text, NULL::text, NULL::boolean, NULL::boolean,
               NULL::timestamptz;
    RETURN QUERY
        SELECT 'ticket', NULL::uuid, NULL::text, NULL::text, NULL::text,
               NULL::uuid, NULL::text, NULL::jsonb, NULL::int, NULL::boolean, NULL::text[],
               NULL::text, NULL::text, NULL::text, NULL::boolean, NULL::boolean,
               NULL::timestamptz
        WHERE EXISTS (
            SELECT FROM unnest(ticket_ids) AS wanted (ticket_id)
            CROSS JOIN source s
            JOIN ticket t ON t.source = s.code AND t.ticket_id = wanted.ticket_id
        ) OR EXISTS (
            SELECT FROM unnest(stores, tills, days, numbers) AS wanted (store, till, day, number)
            CROSS JOIN source s
            JOIN ticket t ON t.source = s.code AND t.store = wanted.store AND t.till = wanted.till
                AND t.business_date = wanted.day AND t.number = wanted.number
        );
    RETURN QUERY
        SELECT * FROM read_holders(sources, external_ids, kinds, texts, most, followed);
    RETURN QUERY
        SELECT 'otherwise', NULL::uuid, NULL::text, NULL::text, NULL::text,
               NULL::uuid, NULL::text, NULL::jsonb, NULL::int, NULL::boolean, NULL::text[],
               NULL::text, NULL::text, NULL::text, NULL::boolean, NULL::boolean,
               NULL::timestamptz
        WHERE sender IS NOT NULL AND (
            NOT EXISTS (SELECT FROM source s WHERE s.code = sender AND s.kind = sender_kind)
            OR EXISTS (
                SELECT FROM inbox_message m
                WHERE m.source = sender AND m.message_id = ANY (message_ids)
            )
            OR EXISTS (
                SELECT FROM unnest(named, zones) AS assumed (code, timezone)
                WHERE NOT EXISTS (
                    SELECT FROM store s
                    WHERE s.code = assumed.code AND s.timezone = assumed.timezone
                )
            )
        );
END $$
"""


def upgrade() -> None:
    """Add the column, and the functions that read it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column(
        "identifier",
        sa.Column("stated_since", sa.DateTime(timezone=True), nullable=True, comment=_COMMENT),
    )
    op.execute(f"COMMENT ON COLUMN source_record.profile IS '{_PROFILE}'")
    op.execute(_READ_HOLDERS)
    op.execute(_LOCK_AND_ADMIT_FACTS)


def downgrade() -> None:
    """Drop what the previous release does not know; it keeps the registers' times as they are."""
    op.execute("DROP FUNCTION lock_and_admit_facts")
    op.execute("DROP FUNCTION read_holders")
    op.execute(f"COMMENT ON COLUMN source_record.profile IS '{_PROFILE_BEFORE}'")
    op.drop_column("identifier", "stated_since")
