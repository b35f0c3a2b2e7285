"""Let the locks of facts be taken with what the process remembers of their sender verified.

What kind of source sends, in which time zones the stores are, and that a message was not received
before: nearly always as it was at the message before, so that to ask first is a round trip for
nothing. The previous release goes on without the function.

Revision ID: 20261122_assumed_senders
Revises: 20261122_points_functions
"""

from __future__ import annotations

from alembic import op

revision = "20261122_assumed_senders"
down_revision = "20261122_points_functions"
branch_labels = None
depends_on = None

# A row 'otherwise' says that something is not as it is assumed.
_ENTER_FACTS = """
CREATE FUNCTION enter_facts(
    sender text, sender_kind text, message_ids text[], named text[], zones text[],
    locks bigint[], activation bigint, ticket_ids text[], stores text[], tills text[],
    days date[], numbers bigint[], sources text[], external_ids text[], kinds text[],
    texts text[], most integer
)
RETURNS TABLE (
    what text, id uuid, source text, external_id text, kind text, client_id uuid, placement text,
    features jsonb, version integer, is_known boolean, own text[], held_kind text, held_value text,
    origin text, is_shared boolean
)
LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
        SELECT * FROM lock_and_read_facts(
            locks, activation, ticket_ids, stores, tills, days, numbers, sources, external_ids,
            kinds, texts, most
        );
    RETURN QUERY
        SELECT 'otherwise', NULL::uuid, NULL::text, NULL::text, NULL::text,
               NULL::uuid, NULL::text, NULL::jsonb, NULL::int, NULL::boolean, NULL::text[],
               NULL::text, NULL::text, NULL::text, NULL::boolean
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
    """Make the function."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(_ENTER_FACTS)


def downgrade() -> None:
    """Drop it: the previous release does not know it."""
    op.execute("DROP FUNCTION enter_facts")
