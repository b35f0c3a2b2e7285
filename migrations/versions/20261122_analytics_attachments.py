"""Show data teams whose each ticket is: at the sale, now, and every change between.

Revision ID: 20261122_analytics_attachments
Revises: 20261122_analytics_clients
"""

from __future__ import annotations

from alembic import op

from rcu.db.views import Column, View

revision = "20261122_analytics_attachments"
down_revision = "20261122_analytics_clients"
branch_labels = None
depends_on = None


def _method(*, link: str, known: str, kind: str, placement: str) -> str:
    """Return the expression of how a ticket is attached."""
    return f"""
        CASE WHEN {known} IS NOT TRUE THEN NULL
             WHEN {link} = 'original' THEN 'return_link'
             WHEN {link} = 'order' THEN 'order_reference'
             WHEN {link} IN ('claim', 'steward') THEN {link}
             WHEN {kind} = 'profile' THEN 'own_record'
             ELSE {placement} END"""


def _reason(*, link: str, known: str, placement: str, at_sale: str) -> str:
    """Return the expression of why a ticket is attached to nobody.

    What was given and is held by several is judged by the day; that nothing, or nothing that can be
    read, was given stays.
    """
    return f"""
        CASE WHEN {known} IS TRUE THEN NULL
             WHEN {link} = 'detached' THEN 'detached'
             WHEN {at_sale} IN ('mistyped', 'unreadable') THEN {at_sale}
             WHEN {placement} IN ('ambiguous', 'shared') THEN {placement}
             WHEN {at_sale} IN ('ambiguous', 'shared') THEN 'unknown'
             ELSE coalesce({at_sale}, 'unknown') END"""


_METHODS = (
    "own_record, card, app_scan, email, phone, payment_token, device, return_link, "
    "order_reference, claim or steward"
)
_REASONS = "not_asked, unknown, mistyped, unreadable, ambiguous, shared"

# A record that facts named before its profile came is known since the first profile message of it.
_PROFILE_CAME = """
    SELECT min(m.received_at) FROM inbox_message m
    WHERE m.record_id = {record} AND m.type = 'profile'
"""

_ATTACHMENTS = View(
    "analytics.attachments",
    "Whose each ticket is: when it was received, and by all that is known now. One row a sale or "
    "return; voids are nobody's.",
    {
        "ticket_id": Column("t.id", "The ticket: see analytics.tickets."),
        "business_date": Column("t.business_date", "Business day of the ticket."),
        "attached_at_sale": Column(
            "t.sale_client_id IS NOT NULL",
            "Whether it was attached to a known client when it was received. It never changes.",
        ),
        "sale_client_id": Column(
            "t.sale_client_id",
            "The known client at that time, by the id of then: analytics.client_ids says who that "
            "is now.",
        ),
        "sale_method": Column("t.sale_method", f"How it was attached: {_METHODS}."),
        "sale_reason": Column(
            "t.sale_reason",
            f"Why it was attached to nobody: {_REASONS}; null also for tickets older than reasons.",
        ),
        "attached_now": Column("c.known IS TRUE", "Whether it is attached to a known client now."),
        "client_id": Column(
            "CASE WHEN c.known THEN c.id END", "The known client that it belongs to."
        ),
        "method": Column(
            _method(link="t.link", known="c.known", kind="r.kind", placement="r.placement"),
            f"How it is attached now: {_METHODS}.",
        ),
        "reason": Column(
            _reason(
                link="t.link", known="c.known", placement="r.placement", at_sale="t.sale_reason"
            ),
            f"Why it is attached to nobody now: {_REASONS}; or detached, by a steward.",
        ),
        "since": Column(
            f"""greatest(t.received_at, l.made_at,
                CASE WHEN r.kind <> 'profile' THEN p.made_at
                     WHEN t.sale_method = 'own_record' THEN i.made_at
                     ELSE greatest(i.made_at, ({_PROFILE_CAME.format(record="r.id")})) END)""",
            "Since when this is so: the last of its changes, or when it was received.",
        ),
    },
    """
    FROM ticket t
    LEFT JOIN source_record r ON r.id = t.record_id
    LEFT JOIN client c ON c.id = r.client_id
    LEFT JOIN (
        SELECT ticket_id, max(made_at) AS made_at FROM ticket_link_change GROUP BY ticket_id
    ) l ON l.ticket_id = t.id
    LEFT JOIN (
        SELECT record_id, max(made_at) AS made_at FROM placement_change GROUP BY record_id
    ) p ON p.record_id = r.id
    LEFT JOIN (
        SELECT moving.record_id, max(made_at) AS made_at
        FROM identity_change CROSS JOIN unnest(record_ids) AS moving (record_id)
        GROUP BY moving.record_id
    ) i ON i.record_id = r.id
    WHERE t.kind <> 'void'
    """,
)

# `spell`: what a ticket hung on, from when to when. `happened`: all that changed whose it is. Of
# what happened in one transaction, only how it ended counts: nobody has seen the rest.
_HISTORY = f"""
    WITH link_change AS (
        SELECT l.*, row_number() OVER links AS number, lead(l.made_at) OVER links AS next_at
        FROM ticket_link_change l
        WINDOW links AS (PARTITION BY l.ticket_id ORDER BY l.made_at, l.id)
    ), moved AS (
        SELECT moving.record_id, i.id, i.client_id, i.other_client_id, i.made_at, i.recorded_at,
               i.actor
        FROM identity_change i CROSS JOIN unnest(i.record_ids) AS moving (record_id)
    ), spell AS (
        SELECT t.id AS ticket_id, coalesce(l.old_link, t.link) AS link,
               CASE WHEN l.id IS NULL THEN t.record_id ELSE l.old_record_id END AS record_id,
               t.received_at AS began_at, coalesce(l.made_at, 'infinity') AS ended_at,
               t.sale_method = 'own_record' AS was_known
        FROM ticket t LEFT JOIN link_change l ON l.ticket_id = t.id AND l.number = 1
        WHERE t.kind <> 'void'
        UNION ALL
        SELECT l.ticket_id, l.link, l.record_id, l.made_at, coalesce(l.next_at, 'infinity'), false
        FROM link_change l
    ), happened AS (
        SELECT l.ticket_id, l.made_at AS changed_at, 'rehung' AS change, l.id AS change_id, l.link,
               l.record_id, now.client_id, now.known, now.placement, l.actor,
               1 AS rank, l.made_at AS recorded_at
        FROM link_change l
        LEFT JOIN LATERAL (
            SELECT owner.id AS client_id,
                   owner.kind = 'profile'
                       AND ({_PROFILE_CAME.format(record="owner.id")}) <= l.made_at AS known,
                   coalesce((
                       SELECT p.placement FROM placement_change p
                       WHERE p.record_id = l.record_id AND p.made_at <= l.made_at
                       ORDER BY p.made_at DESC, p.id DESC LIMIT 1
                   ), r.placement) AS placement
            FROM source_record r JOIN source_record owner ON owner.id = coalesce((
                SELECT m.other_client_id FROM identity_change m
                WHERE m.record_ids @> ARRAY[r.id] AND m.made_at > l.made_at
                ORDER BY m.recorded_at, m.id LIMIT 1
            ), r.client_id)
            WHERE r.id = l.record_id
        ) now ON true
        UNION ALL
        SELECT s.ticket_id, p.made_at, 'placed', p.id, s.link, s.record_id, p.client_id,
               p.placement NOT IN ('none', 'ambiguous', 'shared'), p.placement, p.actor, 3,
               p.made_at
        FROM spell s JOIN placement_change p ON p.record_id = s.record_id
            AND p.made_at >= s.began_at AND p.made_at < s.ended_at
        UNION ALL
        SELECT s.ticket_id, m.made_at, 'moved', m.id, s.link, s.record_id, m.client_id, true,
               r.placement, m.actor, 3, m.recorded_at
        FROM spell s JOIN moved m ON m.record_id = s.record_id
            AND m.made_at >= s.began_at AND m.made_at < s.ended_at
        JOIN source_record r ON r.id = s.record_id AND r.kind = 'profile'
        UNION ALL
        SELECT s.ticket_id, came.at, 'known', NULL, s.link, s.record_id, coalesce((
                   SELECT m.other_client_id FROM identity_change m
                   WHERE m.record_ids @> ARRAY[r.id] AND m.made_at > came.at
                   ORDER BY m.recorded_at, m.id LIMIT 1
               ), r.client_id), true, r.placement, NULL, 2, came.at
        FROM spell s JOIN source_record r ON r.id = s.record_id AND r.kind = 'profile'
        CROSS JOIN LATERAL ({_PROFILE_CAME.format(record="r.id")}) AS came (at)
        WHERE NOT coalesce(s.was_known, false) AND came.at > s.began_at AND came.at < s.ended_at
    ), ended AS (
        SELECT DISTINCT ON (ticket_id, changed_at) *
        FROM happened ORDER BY ticket_id, changed_at, rank, recorded_at DESC, change_id DESC
    )
"""  # noqa: S608 - constants

_ATTACHMENT_CHANGES = View(
    "analytics.attachment_changes",
    "What changed whose a ticket is after it was received, and whose it was from then on. One row "
    "a ticket and change.",
    {
        "ticket_id": Column("h.ticket_id", "The ticket: see analytics.tickets."),
        "business_date": Column("t.business_date", "Business day of the ticket."),
        "changed_at": Column("h.changed_at", "When it changed."),
        "change": Column(
            "h.change",
            "rehung: the ticket went to another record; placed: its record of identifiers found "
            "another owner, or none; moved: its profile went to another client, by a merge or a "
            "split; known: the first profile of its record came.",
        ),
        "change_id": Column(
            "h.change_id",
            "Id of what happened; that of analytics.identity_changes for moved. Null for known.",
        ),
        "link": Column("h.link", "How the ticket hung on its record from then on."),
        "record_id": Column("h.record_id", "The source record that it hung on from then on."),
        "client_id": Column(
            "CASE WHEN h.known THEN h.client_id END",
            "The known client that it was attached to from then on, by the id of then.",
        ),
        "method": Column(
            _method(link="h.link", known="h.known", kind="r.kind", placement="h.placement"),
            f"How it was attached from then on: {_METHODS}.",
        ),
        "reason": Column(
            _reason(
                link="h.link", known="h.known", placement="h.placement", at_sale="t.sale_reason"
            ),
            f"Why it was attached to nobody from then on: {_REASONS}; or detached.",
        ),
        "actor": Column(
            "h.actor", "The model that decided, or the key of who asked; null for known."
        ),
    },
    """
    FROM ended h JOIN ticket t ON t.id = h.ticket_id AND t.kind <> 'void'
    LEFT JOIN source_record r ON r.id = h.record_id
    WHERE h.changed_at > t.received_at OR t.sale_client_id IS DISTINCT FROM
        CASE WHEN h.known THEN h.client_id END
    """,
    _HISTORY,
)

_DAILY = View(
    "analytics.attach_rate_daily",
    "The attach rate: how many tickets, and how many of them are attached, by number and amount. "
    "Voids and what they cancel are left out. One row a day, store, channel, kind and currency.",
    {
        "business_date": Column("t.business_date", "Business day, in the time zone of the store."),
        "store": Column("t.store", "Store; null for sales in none, as on the web."),
        "channel": Column("t.channel", "store, web, app, phone, loyalty or other."),
        "kind": Column("t.kind", "sale or return."),
        "currency": Column("t.currency", "Currency of the amounts, ISO 4217."),
        "tickets": Column("count(*)", "Tickets."),
        "tickets_attached_at_sale": Column(
            "count(*) FILTER (WHERE a.attached_at_sale)",
            "Of these, attached to a known client when they were received.",
        ),
        "tickets_attached_now": Column(
            "count(*) FILTER (WHERE a.attached_now)",
            "Of these, attached to a known client by all that is known now.",
        ),
        "amount_cents": Column(
            "sum(t.total_cents)::bigint", "Amount of the tickets; of returns, zero or below."
        ),
        "amount_attached_at_sale_cents": Column(
            "coalesce(sum(t.total_cents) FILTER (WHERE a.attached_at_sale), 0)::bigint",
            "Amount of those attached when they were received.",
        ),
        "amount_attached_now_cents": Column(
            "coalesce(sum(t.total_cents) FILTER (WHERE a.attached_now), 0)::bigint",
            "Amount of those attached now.",
        ),
    },
    """
    FROM analytics.tickets t JOIN analytics.attachments a USING (ticket_id)
    WHERE NOT t.is_voided
    GROUP BY t.business_date, t.store, t.channel, t.kind, t.currency
    """,
)

_VIEWS = (_ATTACHMENTS, _ATTACHMENT_CHANGES, _DAILY)


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
