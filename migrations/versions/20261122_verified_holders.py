"""Read of an identifier first who states it, verified or not, and then the sales that showed it.

A card that sales showed beside many tokens has a record of identifiers for each: they hid the
profiles that state it. The primary key is parted by origin, so that each is read by itself; its
index is built concurrently, writes go on meanwhile. `read_held` does what `read_presented` did,
and `lock_and_enter_facts` what `enter_facts` did: the previous release goes on with its own.

Revision ID: 20261122_verified_holders
Revises: 20261122_withdrawn_identifiers
"""

from __future__ import annotations

from alembic import op

revision = "20261122_verified_holders"
down_revision = "20261122_withdrawn_identifiers"
branch_labels = None
depends_on = None

# A record comes with the tokens and devices that sales showed of it, a holder with all that its
# record holds if it is known by identifiers only.
_READ_HELD = """
CREATE FUNCTION read_held(
    sources text[], external_ids text[], kinds text[], texts text[], most integer, followed integer
)
RETURNS TABLE (
    what text, id uuid, source text, external_id text, kind text, client_id uuid, placement text,
    features jsonb, version integer, is_known boolean, own text[], held_kind text, held_value text,
    origin text, is_verified boolean, is_shared boolean
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
               NULL::text, NULL::text, NULL::text, NULL::boolean, NULL::boolean
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
               wanted.kind, wanted.value, held.origin, held.is_verified, NULL::boolean
        FROM unnest(kinds, texts) AS wanted (kind, value)
        CROSS JOIN LATERAL (
            (SELECT i.record_id, i.origin::text, i.verified_at IS NOT NULL AS is_verified
             FROM identifier i
             WHERE i.kind = wanted.kind AND i.value = wanted.value AND i.origin = 'profile'
             ORDER BY i.record_id LIMIT most)
            UNION ALL
            (SELECT i.record_id, i.origin::text, i.verified_at IS NOT NULL AS is_verified
             FROM identifier i
             WHERE i.kind = wanted.kind AND i.value = wanted.value AND i.origin = 'withdrawn'
             ORDER BY i.record_id LIMIT most)
            UNION ALL
            (SELECT i.record_id, i.origin::text, i.verified_at IS NOT NULL AS is_verified
             FROM identifier i
             WHERE i.kind = wanted.kind AND i.value = wanted.value AND i.origin = 'ticket'
             ORDER BY i.record_id LIMIT followed)
        ) AS held
        JOIN source_record r ON r.id = held.record_id
        UNION ALL
        SELECT 'declared', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
               wanted.kind, wanted.value, NULL, NULL, d.status = 'shared'
        FROM unnest(kinds, texts) AS wanted (kind, value)
        JOIN identifier_declaration d USING (kind, value)
        WHERE d.revoked_at IS NULL;
END $$
"""

# That a ticket is there is told by a row; it is read by itself, since hardly one ever is. A row
# 'otherwise' says that something is not as it is assumed.
_LOCK_AND_ENTER_FACTS = """
CREATE FUNCTION lock_and_enter_facts(
    sender text, sender_kind text, message_ids text[], named text[], zones text[],
    locks bigint[], activation bigint, ticket_ids text[], stores text[], tills text[],
    days date[], numbers bigint[], sources text[], external_ids text[], kinds text[],
    texts text[], most integer, followed integer
)
RETURNS TABLE (
    what text, id uuid, source text, external_id text, kind text, client_id uuid, placement text,
    features jsonb, version integer, is_known boolean, own text[], held_kind text, held_value text,
    origin text, is_verified boolean, is_shared boolean
)
LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
        SELECT 'active', NULL::uuid, lock_until_commit(locks, activation), NULL::text, NULL::text,
               NULL::uuid, NULL::text, NULL::jsonb, NULL::int, NULL::boolean, NULL::text[],
               NULL::text, NULL::text, NULL::text, NULL::boolean, NULL::boolean;
    RETURN QUERY
        SELECT 'ticket', NULL::uuid, NULL::text, NULL::text, NULL::text,
               NULL::uuid, NULL::text, NULL::jsonb, NULL::int, NULL::boolean, NULL::text[],
               NULL::text, NULL::text, NULL::text, NULL::boolean, NULL::boolean
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
        SELECT * FROM read_held(sources, external_ids, kinds, texts, most, followed);
    RETURN QUERY
        SELECT 'otherwise', NULL::uuid, NULL::text, NULL::text, NULL::text,
               NULL::uuid, NULL::text, NULL::jsonb, NULL::int, NULL::boolean, NULL::text[],
               NULL::text, NULL::text, NULL::text, NULL::boolean, NULL::boolean
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
    """Part the key by origin, and make the functions."""
    _key_by("kind, value, origin, record_id")
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(_READ_HELD)
    op.execute(_LOCK_AND_ENTER_FACTS)


def downgrade() -> None:
    """Drop what the previous release does not know, and part the key as it was."""
    op.execute("DROP FUNCTION lock_and_enter_facts")
    op.execute("DROP FUNCTION read_held")
    _key_by("kind, value, record_id, origin")


def _key_by(columns: str) -> None:
    with op.get_context().autocommit_block():
        # A build that was broken off leaves an index that is not used.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS uq_identifier_anew")
        op.execute(f"CREATE UNIQUE INDEX CONCURRENTLY uq_identifier_anew ON identifier ({columns})")
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        "ALTER TABLE identifier DROP CONSTRAINT pk_identifier, "
        "ADD CONSTRAINT pk_identifier PRIMARY KEY USING INDEX uq_identifier_anew"
    )
