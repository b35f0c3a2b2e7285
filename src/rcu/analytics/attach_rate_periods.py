"""The past of the attach rate in periods: what the cells knew at some times, the boundaries.

What changed in the cells since a boundary, up to the next one, is kept beside them. The cells less
all that changed since a boundary are what was known at it; what was known at another time differs
from that by what happened between the two, ticket by ticket.

A boundary is set when its time has passed, or long afterwards: what the tickets counted as at a
time is told by the images of changes. So a period can always be cut in two, and the past that was
never kept is cut off backwards. What comes late, dated before a boundary that is set already,
takes that boundary away: it is set again, and knows of it then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.analytics.attach_rate_delta import keep_delta, with_delta
from rcu.analytics.attach_rate_sql import changes_between
from rcu.db.statements import fetch


@dataclass(frozen=True, slots=True)
class Periods:
    """Where boundaries are set: every so often, counted from midnight UTC."""

    length: timedelta = timedelta(hours=6)
    patience: timedelta = timedelta(minutes=10)
    """After the time of a boundary, until it is set: most of what is dated before it has come."""


PERIODS: Final = Periods()
"""As the service keeps them."""

# When what waits for the fold was made known, at the earliest. By its key each: few wait.
_OLDEST_PENDING: Final = """least(
        (SELECT min(x.made_at) FROM attach_rate_record_change x WHERE NOT x.counted),
        (SELECT min(x.made_at) FROM attach_rate_ticket_change x WHERE NOT x.counted),
        (SELECT min((SELECT t.received_at FROM ticket t WHERE t.id = a.ticket_id))
         FROM attach_rate_arrival a)
    )"""

_NEAREST: Final = f"""
    SELECT b.at FROM attach_rate_boundary b
    WHERE b.at < coalesce({_OLDEST_PENDING}, 'infinity')
      AND abs(extract(epoch FROM b.at - $1::timestamptz)) < extract(epoch FROM now() - $1)
    ORDER BY abs(extract(epoch FROM b.at - $1)) LIMIT 1
"""  # noqa: S608 - a constant

_NEWEST: Final = "SELECT max(at) FROM attach_rate_boundary"
_TAKE_AWAY: Final = f"""
    DELETE FROM attach_rate_boundary WHERE at >= (SELECT {_OLDEST_PENDING}) RETURNING at
"""  # noqa: S608 - a constant
_FORGET: Final = ("DELETE FROM attach_rate_boundary", "DELETE FROM attach_rate_cell_change")
_GATHER: Final = f"""
    WITH delta AS (
        SELECT id, grain, business_date, kind, store, channel, currency, till, cashier, hour,
               sale_method, sale_reason, method, reason, is_missed, sum(tickets) AS tickets,
               sum(amount_cents) AS amount_cents, sum(accounts_opened) AS accounts_opened
        FROM attach_rate_cell_change WHERE since > $1::timestamptz
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    )
    {keep_delta("$1")}
"""  # noqa: S608 - a constant
_DROP_GATHERED: Final = "DELETE FROM attach_rate_cell_change WHERE since > $1"
_DROP_EMPTY: Final = """
    DELETE FROM attach_rate_cell_change
    WHERE since = $1 AND (tickets, amount_cents, accounts_opened) = (0, 0, 0)
"""

_NEIGHBOURS: Final = """
    SELECT max(at) FILTER (WHERE at < $1), min(at) FILTER (WHERE at > $1), bool_or(at = $1)
    FROM attach_rate_boundary
"""
_ADD_BOUNDARY: Final = "INSERT INTO attach_rate_boundary (at) VALUES ($1)"
_BETWEEN: Final = changes_between("$1::timestamptz", "coalesce($3::timestamptz, 'infinity')")
_CUT: Final = f"""{with_delta(f"({_BETWEEN})")}, earlier AS (
        {keep_delta("$2::timestamptz", sign="-")}
    )
    {keep_delta("$1")}
"""

_MIDNIGHT: Final = "timestamptz '2000-01-01 00:00+00'"
_DUE: Final = f"""
    SELECT due FROM date_bin($1::interval, now() - $2::interval, {_MIDNIGHT}) AS due
    WHERE due > coalesce((SELECT max(at) FROM attach_rate_boundary), '-infinity')
"""  # noqa: S608 - a constant

# Of what happened before the last length of a period that is longer, or began at no boundary, the
# newest.
_LONG: Final = f"""
    SELECT date_bin($1, newest.at - interval '1 microsecond', {_MIDNIGHT}) + $1
    FROM (
        SELECT at AS later, lead(at, 1, '-infinity') OVER (ORDER BY at DESC) AS earlier
        FROM attach_rate_boundary
    ) AS period
    CROSS JOIN LATERAL (
        SELECT date_bin($1::interval, later - interval '1 microsecond', {_MIDNIGHT}) AS cut
    ) AS last
    CROSS JOIN LATERAL (
        SELECT greatest(
            (SELECT max(received_at) FROM ticket
             WHERE received_at > earlier AND received_at <= cut),
            (SELECT max(made_at) FROM attach_rate_ticket_change
             WHERE made_at > earlier AND made_at <= cut),
            (SELECT max(made_at) FROM attach_rate_record_change
             WHERE made_at > earlier AND made_at <= cut)
        ) AS at
    ) AS newest
    WHERE cut > earlier AND newest.at IS NOT NULL
    ORDER BY later DESC LIMIT 1
"""  # noqa: S608 - a constant


async def nearest_boundary(
    connection: asyncpg.Connection[asyncpg.Record], as_of: datetime
) -> datetime | None:
    """Return the boundary nearest to a time, or None when now is nearer, or there is none.

    One that does not know yet of all that came before it is passed over.
    """
    found: datetime | None = await connection.fetchval(_NEAREST, as_of)
    return found


async def newest_boundary(session: AsyncSession) -> datetime | None:
    """Return the last boundary, since which changes are kept; None when there is none."""
    [(found,)] = await fetch(session, _NEWEST)
    newest: datetime | None = found
    return newest


async def admit_late(session: AsyncSession) -> None:
    """Take away the boundaries after which something came, not counted yet, that is dated before.

    What changed since them then changed since the last one that is left.
    """
    if not await fetch(session, _TAKE_AWAY):
        return
    left = await newest_boundary(session)
    if left is None:
        await forget_periods(session)
        return
    await fetch(session, _GATHER, left)
    await fetch(session, _DROP_GATHERED, left)
    await fetch(session, _DROP_EMPTY, left)


async def forget_periods(session: AsyncSession) -> None:
    """Take away all boundaries: they are set again from what is kept of the tickets."""
    for statement in _FORGET:
        await fetch(session, statement)


async def set_boundary(session: AsyncSession, at: datetime) -> None:
    """Cut the period at a time, which has passed; nothing may wait for the fold.

    What happened between it and the next boundary is told ticket by ticket.
    """
    [(earlier, later, is_set)] = await fetch(session, _NEIGHBOURS, at)
    if is_set:
        return
    await fetch(session, _ADD_BOUNDARY, at)
    await fetch(session, _CUT, at, earlier, later)
    if earlier is not None:
        await fetch(session, _DROP_EMPTY, earlier)


async def find_due(session: AsyncSession, periods: Periods) -> datetime | None:
    """Return the time of the next boundary after the last, once it is due."""
    rows = await fetch(session, _DUE, periods.length, periods.patience)
    return rows[0][0] if rows else None


async def find_missing(session: AsyncSession, periods: Periods) -> datetime | None:
    """Return where a boundary is missing: the newest time at which a period is too long."""
    rows = await fetch(session, _LONG, periods.length)
    return rows[0][0] if rows else None
