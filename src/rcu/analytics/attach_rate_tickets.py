"""The tickets behind a figure of the attach rate, page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import asyncpg

from rcu.analytics.attach_rate_figures import Question, asking, selection
from rcu.analytics.attach_rate_sql import (
    HOUR_SQL,
    IS_MISSED_SQL,
    IS_OPENING_SQL,
    PROFILE_SINCE_SQL,
    SALE_REASON_SQL,
    STATE_SQL,
)
from rcu.db.engine import Database
from rcu.sales.attachments import METHOD_SQL
from rcu.sales.stories import REASON_SQL

Place = tuple[date, UUID]
"""Business day and id of a ticket."""

START: Final[Place] = (date.min, UUID(int=0))
"""Before the first ticket."""


class Which(StrEnum):
    """Which tickets of a figure are listed: those that each of its numbers counts."""

    TICKETS = "tickets"
    ATTACHED_AT_SALE = "attached_at_sale"
    ATTACHED_NOW = "attached_now"
    ANONYMOUS = "anonymous"
    """Attached to nobody, as known now."""
    MISSED = "missed"
    ACCOUNTS_OPENED = "accounts_opened"


@dataclass(frozen=True, slots=True)
class _Counted:
    """How a number is told, of cells and of a ticket alike."""

    condition: str
    summed: str = "tickets"


_COUNTED: Final[Mapping[Which, _Counted]] = {
    Which.TICKETS: _Counted("true"),
    Which.ATTACHED_AT_SALE: _Counted("sale_reason IS NULL"),
    Which.ATTACHED_NOW: _Counted("reason IS NULL"),
    Which.ANONYMOUS: _Counted("reason IS NOT NULL"),
    Which.MISSED: _Counted("is_missed"),
    Which.ACCOUNTS_OPENED: _Counted("accounts_opened <> 0", summed="accounts_opened"),
}

# Ticket, record and client as they are now, or were at $1: each as the first change after that time
# found it.
_STATE: Final = f"""
    SELECT sold.id, sold.source, sold.ticket_id, sold.business_date, sold.sold_at, sold.store,
           sold.till, sold.cashier, sold.channel, sold.kind, sold.currency, sold.total_cents,
           {HOUR_SQL} AS hour, sold.sale_method, {SALE_REASON_SQL} AS sale_reason,
           {METHOD_SQL} AS method, {REASON_SQL} AS reason, {IS_MISSED_SQL} AS is_missed,
           ({IS_OPENING_SQL})::int AS accounts_opened
    FROM ticket sold
    CROSS JOIN LATERAL (SELECT coalesce($1::timestamptz, 'infinity') AS asked_at) AS time
    LEFT JOIN store s ON s.code = sold.store
    LEFT JOIN LATERAL (
        SELECT x.* FROM attach_rate_ticket_change x
        WHERE x.ticket_id = sold.id AND x.made_at > asked_at ORDER BY x.id LIMIT 1
    ) AS was ON true
    CROSS JOIN LATERAL (
        SELECT CASE WHEN was.id IS NULL THEN sold.link ELSE was.was_link END AS link,
               CASE WHEN was.id IS NULL THEN sold.record_id ELSE was.was_record_id END AS record_id,
               coalesce(was.was_voided, sold.voided_by IS NOT NULL) AS is_voided
    ) AS hung
    LEFT JOIN source_record held ON held.id = hung.record_id
    LEFT JOIN LATERAL (
        SELECT x.* FROM attach_rate_record_change x
        WHERE x.record_id = hung.record_id AND x.made_at > asked_at ORDER BY x.id LIMIT 1
    ) AS moved ON true
    CROSS JOIN LATERAL (
        SELECT hung.link, hung.record_id,
               coalesce(moved.was_client_id, held.client_id) AS client_id,
               coalesce(moved.was_kind, held.kind) AS record_kind,
               coalesce(moved.was_placement, held.placement) AS placement
    ) AS p
    LEFT JOIN LATERAL (
        SELECT min({PROFILE_SINCE_SQL}) AS since FROM (
            SELECT r.id, r.created_at FROM source_record r
            WHERE r.client_id = p.client_id AND r.kind = 'profile' AND NOT EXISTS (
                SELECT FROM attach_rate_record_change x
                WHERE x.record_id = r.id AND x.made_at > asked_at
            )
            UNION ALL
            SELECT r.id, r.created_at
            FROM attach_rate_record_change x JOIN source_record r ON r.id = x.record_id
            WHERE x.was_client_id = p.client_id AND x.was_kind = 'profile'
              AND x.made_at > asked_at AND NOT EXISTS (
                SELECT FROM attach_rate_record_change earlier
                WHERE earlier.record_id = x.record_id AND earlier.made_at > asked_at
                  AND earlier.id < x.id
            )
        ) AS m
        HAVING bool_or(m.id = p.client_id)
    ) AS k ON true
    {STATE_SQL}
    WHERE sold.business_date = ANY ($2::date[]) AND coalesce(sold.store, '') = ANY ($3::text[])
      AND sold.kind = $4 AND (sold.business_date, sold.id) > ($5, $6)
      AND sold.received_at <= asked_at AND NOT hung.is_voided
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class TicketPage:
    """Some of the tickets behind a figure, by business day, and where the next page begins."""

    tickets: Sequence[Mapping[str, Any]]
    next_place: Place | None


async def list_tickets(
    database: Database, question: Question, which: Which, *, after: Place = START, limit: int
) -> TicketPage:
    """Return up to `limit` tickets that a number of the answer to a question counts.

    Raises `FiguresTooCostlyError` when the figure itself takes too long to work out.
    """
    async with asking(database, question) as connection:
        days, stores = await _places(connection, question, which, after=after, enough=limit + 1)
        values: list[Any] = [question.as_of, days, stores, question.kind, *after, limit + 1]
        conditions = [_COUNTED[which].condition]
        for dimension, wanted in question.only.items():
            values.append(list(wanted))
            conditions.append(f"coalesce({dimension}::text, '') = ANY (${len(values)})")
        statement = (
            f"SELECT * FROM ({_STATE}) AS told WHERE {' AND '.join(conditions)} "  # noqa: S608
            "ORDER BY business_date, id LIMIT $7"
        )
        found = [dict(row) for row in await connection.fetch(statement, *values)]
    told = found[:limit]
    more = len(found) > limit
    return TicketPage(told, (told[-1]["business_date"], told[-1]["id"]) if more else None)


async def _places(
    connection: asyncpg.Connection[asyncpg.Record],
    question: Question,
    which: Which,
    *,
    after: Place,
    enough: int,
) -> tuple[list[date], list[str]]:
    """Return days and stores that have enough of the tickets, told by the figures.

    So three tickets among millions are found without looking at the millions. Of the day of the
    last page some may have been listed: it does not count.
    """
    counted = _COUNTED[which]
    source, values = await selection(connection, question)
    values.append(after[0])
    statement = (
        "SELECT business_date, array_agg(store) AS stores, sum(number) AS number FROM ("  # noqa: S608
        f"SELECT business_date, coalesce(store, '') AS store, sum({counted.summed}) AS number "
        f"{source} AND {counted.condition} AND business_date >= ${len(values)} "
        f"GROUP BY 1, 2 HAVING sum({counted.summed}) <> 0) AS held GROUP BY 1 ORDER BY 1"
    )
    days: list[date] = []
    stores: set[str] = set()
    for day, there, number in await connection.fetch(statement, *values):
        days.append(day)
        stores.update(there)
        enough -= number if day > after[0] else 0
        if enough <= 0:
            break
    return days, sorted(stores)
