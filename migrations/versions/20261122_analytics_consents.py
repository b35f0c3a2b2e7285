"""Show data teams consents: every statement, and what holds of them for each client.

A reader may call no function of ours, so that the rule of `effective_consents` stands here once
more, over all clients; a test holds the two together.

Revision ID: 20261122_analytics_consents
Revises: 20261122_meet_profile
"""

from __future__ import annotations

from alembic import op

from rcu.db.views import Column, View

revision = "20261122_analytics_consents"
down_revision = "20261122_meet_profile"
branch_labels = None
depends_on = None

_PURPOSES = View(
    "analytics.purposes",
    "What personal data are used for. One row a purpose; never changed.",
    {
        "purpose": Column("p.code", "Code of the purpose."),
        "name_fr": Column("p.name_fr", "Its name in French."),
        "name_en": Column("p.name_en", "Its name in English."),
        "legal_basis": Column(
            "p.legal_basis",
            "Ground of GDPR article 6(1): consent, contract, legal_obligation, vital_interests, "
            "public_task or legitimate_interests.",
        ),
        "channels": Column(
            "array_to_string(p.channels, ',')",
            "By which it may reach a person: email, sms, phone, post, push; empty for none.",
        ),
        "created_at": Column("p.created_at", "When it was added."),
    },
    "FROM purpose p",
)

_CONSENTS = View(
    "analytics.consents",
    "What people said of purposes: the proof. One row a statement; never changed. What holds of "
    "them all: analytics.client_consents.",
    {
        "consent_id": Column("c.id", "Id of the statement, given by the service."),
        "record_id": Column("c.record_id", "The source record that it hangs on."),
        "client_id": Column("r.client_id", "The client of that record now."),
        "source": Column("c.source", "Source that heard it."),
        "purpose": Column("c.purpose", "Purpose: see analytics.purposes."),
        "channel": Column(
            "c.channel", "Channel, as stated; null for every channel of the purpose."
        ),
        "status": Column("c.status", "granted; denied: asked, and refused; withdrawn: taken back."),
        "occurred_at": Column("c.occurred_at", "When the person said so, by the source."),
        "received_at": Column("c.received_at", "When the service received it."),
        "how": Column(
            "c.how", "form, till, app, call, link (unsubscribed), reply (STOP), letter or other."
        ),
        "wording": Column("c.wording", "Reference of the text that was shown."),
        "store": Column("c.store", "Store where it was said."),
        "actor": Column("c.actor", "Member of staff who took it down, as the source names them."),
    },
    "FROM consent_record c JOIN source_record r ON r.id = c.record_id",
)

_CLIENT_CONSENTS = View(
    "analytics.client_consents",
    "What holds of each purpose and channel for a client: the last word said under any of their "
    "records, of one instant the most restrictive. One row a client, purpose and channel of which "
    "anything was said; what is not here is without consent.",
    {
        "client_id": Column("h.client_id", "The client: see analytics.clients."),
        "known": Column(
            "k.known", "Whether the client is known; else only an address or a token is."
        ),
        "purpose": Column("h.purpose", "Purpose: see analytics.purposes."),
        "channel": Column("h.channel", "Channel; null for a purpose that reaches nobody."),
        "status": Column("h.status", "granted, denied or withdrawn."),
        "since": Column("h.since", "When the person said so."),
        "consent_id": Column("h.consent_id", "The statement: see analytics.consents."),
        "source": Column("h.source", "Source that heard it."),
        "record_id": Column("h.record_id", "The source record under which it was said."),
    },
    """
    FROM (
        SELECT DISTINCT ON (r.client_id, c.purpose, used.channel)
               r.client_id, c.purpose, used.channel, c.status, c.occurred_at AS since,
               c.id AS consent_id, c.source, c.record_id
        FROM consent_record c
        JOIN source_record r ON r.id = c.record_id
        LEFT JOIN LATERAL unnest(c.channels) AS used (channel) ON true
        ORDER BY r.client_id, c.purpose, used.channel, c.occurred_at DESC,
                 array_position('{withdrawn,denied,granted}'::text[], c.status::text),
                 c.source COLLATE "C", c.message_id COLLATE "C", c.number
    ) h
    JOIN client k ON k.id = h.client_id
    """,
)

_VIEWS = (_PURPOSES, _CONSENTS, _CLIENT_CONSENTS)


def upgrade() -> None:
    """Make the views."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    for view in _VIEWS:
        for statement in view.creation():
            op.execute(statement)


def downgrade() -> None:
    """Drop the views."""
    for view in reversed(_VIEWS):
        op.execute(f"DROP VIEW {view.name}")
