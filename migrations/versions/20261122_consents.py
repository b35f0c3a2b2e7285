"""Keep consents: what personal data may be used for, and the proof of who agreed to what.

A consent record hangs on the source record under which it arrived, as every fact does, and is never
changed. What holds for a set of source records, of a client or of one that might be, is told by the
function `effective_consents`: the rule stands there once for the 360 view and for what a decision
would change (see ADR 22). The purposes that come with the service are those of most retailers.

Revision ID: 20261122_consents
Revises: 20261122_rows_of_profiles
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261122_consents"
down_revision = "20261122_rows_of_profiles"
branch_labels = None
depends_on = None

_PURPOSES = (
    ("newsletter", "Lettre d'information", "Newsletter", "consent", ("email",)),
    (
        "marketing",
        "Offres et nouveautés",
        "Offers and news",
        "consent",
        ("email", "sms", "phone", "post", "push"),
    ),
    (
        "profiling",
        "Personnalisation selon les achats",
        "Personalisation by what was bought",
        "consent",
        (),
    ),
    ("loyalty_programme", "Programme de fidélité", "Loyalty programme", "contract", ()),
    (
        "service_messages",
        "Suivi des commandes et des retours",
        "Messages about orders and returns",
        "contract",
        ("email", "sms", "phone", "post", "push"),
    ),
)

_REFUSE_CHANGES = """
CREATE FUNCTION refuse_consent_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'consents and their purposes are append-only: correct by adding a statement'
    USING ERRCODE = 'restrict_violation';
END $$
"""

# Of the statements of one group on one purpose and channel the latest counts; of those of one
# instant the most restrictive; of equal ones that with the lowest key, whatever came first.
_EFFECTIVE = """
CREATE FUNCTION effective_consents(groups uuid[], records uuid[])
RETURNS TABLE (
    group_id uuid, purpose text, channel text, status text, since timestamptz, consent_id uuid,
    record_id uuid
)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (m.group_id, c.purpose, used.channel)
           m.group_id, c.purpose, used.channel, c.status, c.occurred_at, c.id, c.record_id
    FROM unnest(groups, records) AS m (group_id, record_id)
    JOIN consent_record c ON c.record_id = m.record_id
    LEFT JOIN LATERAL unnest(c.channels) AS used (channel) ON true
    ORDER BY m.group_id, c.purpose, used.channel, c.occurred_at DESC,
             array_position('{withdrawn,denied,granted}'::text[], c.status::text),
             c.source COLLATE "C", c.message_id COLLATE "C", c.number
$$
"""

# The members of a row that is written, as `unnest` takes them.
_ROW = """
CREATE TYPE new_consent AS (
    id uuid, source text, message_id text, number smallint, record_id uuid, purpose text,
    channel text, status text, occurred_at timestamptz, how text, wording text, store text,
    actor text
)
"""


def upgrade() -> None:
    """Make the tables, what guards them, and the purposes."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    purpose = op.create_table(
        "purpose",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name_fr", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column(
            "legal_basis", sa.String(), nullable=False, comment="ground of GDPR article 6(1)"
        ),
        sa.Column(
            "channels",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="by which it may reach the person; none for what reaches nobody",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "legal_basis IN ('consent', 'contract', 'legal_obligation', 'vital_interests', "
            "'public_task', 'legitimate_interests')",
            name=op.f("ck_purpose_legal_basis"),
        ),
        sa.CheckConstraint(
            "channels <@ ARRAY['email', 'sms', 'phone', 'post', 'push']",
            name=op.f("ck_purpose_channels"),
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_purpose")),
    )
    op.create_table(
        "consent_record",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column(
            "number", sa.SmallInteger(), nullable=False, comment="place in its message, from 0"
        ),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column(
            "channel", sa.String(), nullable=True, comment="as stated; null: the whole purpose"
        ),
        sa.Column(
            "channels",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="that the statement is about: the one stated, or all of the purpose",
        ),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column(
            "occurred_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when the person said so, by the source",
        ),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("how", sa.String(), nullable=False, comment="by what means the person said so"),
        sa.Column(
            "wording", sa.String(), nullable=True, comment="reference of the text that was shown"
        ),
        sa.Column("store", sa.String(), nullable=True),
        sa.Column("actor", sa.String(), nullable=True, comment="member of staff who took it down"),
        sa.CheckConstraint(
            "status IN ('granted', 'denied', 'withdrawn')", name=op.f("ck_consent_record_status")
        ),
        sa.CheckConstraint(
            "channel IS NULL OR channels = ARRAY[channel::text]",
            name=op.f("ck_consent_record_channels"),
        ),
        sa.ForeignKeyConstraint(
            ["purpose"], ["purpose.code"], name=op.f("fk_consent_record_purpose_purpose")
        ),
        sa.ForeignKeyConstraint(
            ["record_id"],
            ["source_record.id"],
            name=op.f("fk_consent_record_record_id_source_record"),
        ),
        sa.ForeignKeyConstraint(
            ["source"], ["source.code"], name=op.f("fk_consent_record_source_source")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_record")),
    )
    op.create_index(
        "uq_consent_record_source_message_id",
        "consent_record",
        ["source", "message_id", "number"],
        unique=True,
    )
    op.create_index(
        "ix_consent_record_record_id", "consent_record", ["record_id", "occurred_at", "id"]
    )
    names = ("code", "name_fr", "name_en", "legal_basis", "channels")
    op.bulk_insert(purpose, [dict(zip(names, row, strict=True)) for row in _PURPOSES])
    for statement in (_REFUSE_CHANGES, _EFFECTIVE, _ROW):
        op.execute(statement)
    for table in ("purpose", "consent_record"):
        op.execute(
            f"CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_consent_change()"
        )


def downgrade() -> None:
    """Drop it all: the previous release knows no consents."""
    op.execute("DROP FUNCTION effective_consents")
    op.execute("DROP TYPE new_consent")
    op.drop_table("consent_record")
    op.drop_table("purpose")
    op.execute("DROP FUNCTION refuse_consent_change")
