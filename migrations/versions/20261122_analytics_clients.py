"""Show data teams who is who: clients, their records, every id ever given, and what changed.

What names or reaches a person stands apart, in `client_contacts`, for readers who are let see it.

Revision ID: 20261122_analytics_clients
Revises: 20261122_analytics_sales
"""

from __future__ import annotations

from alembic import op

from rcu.db.views import Column, View

revision = "20261122_analytics_clients"
down_revision = "20261122_analytics_sales"
branch_labels = None
depends_on = None


def _value(path: str) -> str:
    """Return the expression of a value of the golden record, null when there is none."""
    return f"g.golden #>> '{{{path}}}'"


def _has(attribute: str) -> str:
    return f"coalesce(jsonb_array_length(g.golden -> '{attribute}') > 0, false)"


_POSTCODE = _value("addresses,0,value,postcode")
_COUNTRY = _value("addresses,0,value,country")

_CLIENTS = View(
    "analytics.clients",
    "People, as the golden record has them now, without what names or reaches them. One row a "
    "client that has records; former ids are in analytics.client_ids.",
    {
        "client_id": Column("c.id", "The lasting id of the client."),
        "known": Column(
            "c.known",
            "Whether a profile (an account, a card, a form) is behind it; else it only gathers the "
            "tickets of an identifier, and no ticket is attached to it.",
        ),
        "records": Column("r.records", "Source records that are this client."),
        "sources": Column("r.sources", "Different sources that know the client."),
        "created_at": Column("c.created_at", "When its id was given."),
        "changed_at": Column("c.changed_at", "When its records last changed, or what they say."),
        "title": Column(_value("title,value"), "Title, as stated."),
        "birth_year": Column(
            f"left({_value('birth_date,value')}, 4)::integer",
            "Year of birth; the day is in analytics.client_contacts.",
        ),
        "department": Column(
            f"CASE WHEN coalesce({_COUNTRY}, 'FR') = 'FR' AND {_POSTCODE} ~ '^[0-9]{{5}}$' "
            f"THEN left({_POSTCODE}, CASE WHEN {_POSTCODE} ~ '^9[78]' THEN 3 ELSE 2 END) END",
            "French department of the newest address, from its postcode: 59, 974.",
        ),
        "country": Column(
            f"CASE WHEN {_has('addresses')} THEN coalesce({_COUNTRY}, 'FR') END",
            "Country of the newest address, ISO 3166 alpha-2; FR when it says none.",
        ),
        "language": Column(_value("language,value"), "Language, as stated."),
        "preferred_store": Column(_value("preferred_store,value"), "Preferred store, as stated."),
        "has_email": Column(_has("emails"), "Whether an e-mail is known."),
        "has_verified_email": Column(
            "coalesce(jsonb_path_exists(g.golden, '$.emails[*] ? (@.verified == true)'), false)",
            "Whether a source has verified an e-mail.",
        ),
        "has_phone": Column(_has("phones"), "Whether a phone number is known."),
        "has_card": Column(_has("cards"), "Whether a loyalty card is known."),
        "has_address": Column(_has("addresses"), "Whether a postal address is known."),
    },
    """
    FROM client c
    JOIN (
        SELECT client_id, count(*) AS records, count(DISTINCT source) AS sources
        FROM source_record GROUP BY client_id
    ) r ON r.client_id = c.id
    LEFT JOIN golden_record g ON g.client_id = c.id
    """,
)

_CLIENT_CONTACTS = View(
    "analytics.client_contacts",
    "PERSONAL DATA: what names and reaches known clients, by their golden records. One row a known "
    "client. Read by rcu_analyst_personal only.",
    {
        "client_id": Column("g.client_id", "The client: see analytics.clients."),
        "given_name": Column(_value("given_name,value"), "Given name."),
        "family_name": Column(_value("family_name,value"), "Family name in use."),
        "birth_name": Column(_value("birth_name,value"), "Family name at birth."),
        "birth_date": Column(f"({_value('birth_date,value')})::date", "Day of birth."),
        "email": Column(_value("emails,0,value"), "First e-mail: verified before newest."),
        "email_verified": Column(
            f"({_value('emails,0,verified')})::boolean",
            "Whether a source has verified that e-mail; null without one.",
        ),
        "phone": Column(
            _value("phones,0,value"), "First phone number, E.164: verified before newest."
        ),
        "phone_verified": Column(
            f"({_value('phones,0,verified')})::boolean",
            "Whether a source has verified that phone number; null without one.",
        ),
        "card": Column(_value("cards,0,value"), "First loyalty card: verified before newest."),
        "address_lines": Column(
            "(SELECT string_agg(line, ', ' ORDER BY place) "
            "FROM jsonb_array_elements_text(g.golden #> '{addresses,0,value,lines}') "
            "WITH ORDINALITY AS lines (line, place))",
            "Newest address, above its postcode.",
        ),
        "postcode": Column(_POSTCODE, "Postcode of the newest address."),
        "city": Column(_value("addresses,0,value,city"), "Town of the newest address."),
        "country": Column(
            _COUNTRY, "Country of the newest address, ISO 3166 alpha-2; null when unsaid."
        ),
    },
    "FROM golden_record g",
)

_CLIENT_IDS = View(
    "analytics.client_ids",
    "Every client id ever given, and the client that it stands for now. One row an id.",
    {
        "client_id": Column("c.id", "An id that was given to a client at some time."),
        "current_client_id": Column("r.client_id", "The client that it stands for now."),
        "is_current": Column("r.client_id = c.id", "Whether it is the id of a client now."),
        "given_at": Column("c.created_at", "When it was given."),
        "retired_at": Column(
            "CASE WHEN r.client_id <> c.id THEN c.retired_at END",
            "Since when it stands for another one; null while it is current.",
        ),
    },
    "FROM client c JOIN source_record r ON r.id = c.id",
)

_SOURCE_RECORDS = View(
    "analytics.source_records",
    "People as one source knows them; every fact hangs on one. One row a record.",
    {
        "record_id": Column("r.id", "Id of the record, given by the service."),
        "source": Column("r.source", "Source that knows the person."),
        "external_id": Column(
            "r.external_id",
            "Id in the source. It begins with ids: for a record that only gathers what carried the "
            "same identifiers, of which it tells nothing.",
        ),
        "kind": Column(
            "r.kind",
            "profile; reference: named by facts, its profile has not come; identifiers: facts "
            "carried identifiers only.",
        ),
        "client_id": Column("r.client_id", "The client that it is with now."),
        "placement": Column(
            "r.placement",
            "What ties it to its client: matching, own_record, card, app_scan, email, phone, "
            "payment_token, device; or why nobody owns it: none, ambiguous, shared.",
        ),
        "created_at": Column("r.created_at", "When the service first heard of it."),
        "changed_at": Column("r.changed_at", "When its profile last changed."),
    },
    "FROM source_record r",
)

_CROSSWALK = View(
    "analytics.crosswalk",
    "The client of every source record, at any time. One row a record and spell.",
    {
        "source": Column("w.source", "Source of the record."),
        "external_id": Column("w.external_id", "Id of the record in its source."),
        "record_id": Column("w.record_id", "Id of the record, given by the service."),
        "kind": Column(
            "w.kind", "profile, reference or identifiers: see analytics.source_records."
        ),
        "client_id": Column("w.client_id", "The client that the record was with in the spell."),
        "valid_from": Column("w.valid_from", "Since when, this moment included."),
        "valid_to": Column("w.valid_to", "Until when, this moment excluded; null: it still is."),
        "is_current": Column("w.valid_to IS NULL", "Whether the record is with the client now."),
    },
    """
    FROM (
        SELECT r.source, r.external_id, r.id AS record_id, r.kind,
               coalesce(m.other_client_id, r.client_id) AS client_id,
               r.created_at AS valid_from, m.recorded_at AS valid_to
        FROM source_record r LEFT JOIN moved m ON m.record_id = r.id AND m.number = 1
        UNION ALL
        SELECT r.source, r.external_id, r.id, r.kind, m.client_id, m.recorded_at, m.next_at
        FROM moved m JOIN source_record r ON r.id = m.record_id
    ) w
    """,
    """
    WITH moved AS (
        SELECT moving.record_id, i.client_id, i.other_client_id, i.recorded_at,
               row_number() OVER spells AS number, lead(i.recorded_at) OVER spells AS next_at
        FROM identity_change i CROSS JOIN unnest(i.record_ids) AS moving (record_id)
        WINDOW spells AS (PARTITION BY moving.record_id ORDER BY i.recorded_at, i.id)
    )
    """,
)

_IDENTITY_CHANGES = View(
    "analytics.identity_changes",
    "Every move of a source record from one client to another. One row a change and record.",
    {
        "change_id": Column("i.id", "Id of the change; the records that moved together share it."),
        "record_id": Column("moving.record_id", "The record that moved."),
        "from_client_id": Column("i.other_client_id", "The client that it left."),
        "client_id": Column("i.client_id", "The client that it went to."),
        "kind": Column(
            "i.kind",
            "merge: the whole client went over; split: profiles left it; move: only records of "
            "identifiers did; follow: these followed a client that has gone over.",
        ),
        "cause": Column("i.cause", "message, judgement (a steward's decision) or resolution."),
        "actor": Column("i.actor", "The model that decided, or the key of the steward."),
        "decision_id": Column("i.decision_id", "The steward's decision, if one caused it."),
        "changed_at": Column("i.recorded_at", "When; the order of the changes of one record."),
    },
    "FROM identity_change i CROSS JOIN unnest(i.record_ids) AS moving (record_id)",
)

_VIEWS = (
    _CLIENTS,
    _CLIENT_CONTACTS,
    _CLIENT_IDS,
    _SOURCE_RECORDS,
    _CROSSWALK,
    _IDENTITY_CHANGES,
)


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
