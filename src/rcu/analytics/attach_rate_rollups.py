"""Folding what changed into the cells of the attach rate, and counting them anew.

A fold is one transaction that sees one instant (REPEATABLE READ): it adds what the cells do not
know as of that instant, and takes note that they know it. Whoever posts meanwhile is not waited for
and waits for nobody: what they add is seen by the next fold. Two folds at once cannot count twice,
since both would have to take the same notes; the second one gives up.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.engine import Database
from rcu.db.errors import DatabaseUnavailableError
from rcu.db.locks import lock_key
from rcu.db.statements import fetch
from rcu.logs import get_logger

LOOK_SECONDS: Final = 5.0
"""Between two folds, at least."""
SHARE: Final = 20
"""A fold is followed by so many times its duration without one: 5 % of one core at most."""

log = get_logger(__name__)

_FOLD_LOCK: Final = lock_key("attach_rate_fold")

_IS_TO_FOLD: Final = """
    SELECT EXISTS (SELECT FROM attach_rate_arrival)
        OR EXISTS (SELECT FROM attach_rate_ticket_change WHERE NOT counted)
        OR EXISTS (SELECT FROM attach_rate_record_change WHERE NOT counted)
"""

# A cell is found again by the hash of what tells it apart: an index of all that is as wide as the
# table. Days are counted, not written, since their spelling is a setting of the session.
_DELTA: Final = """
    WITH told AS (
        SELECT grain, business_date, kind, store, channel, currency,
               CASE WHEN by_staff THEN till END AS till,
               CASE WHEN by_staff THEN cashier END AS cashier,
               CASE WHEN by_hour THEN hour END AS hour,
               sale_method, sale_reason, method, reason, is_missed,
               sum(sign) AS tickets, sum(sign * amount_cents) AS amount_cents,
               sum(sign * accounts_opened) AS accounts_opened
        FROM attach_rate_pending
        CROSS JOIN (VALUES ('day', false, false), ('hour', true, false), ('staff', false, true),
                           ('all', true, true)) AS grains (grain, by_hour, by_staff)
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
    ), delta AS (
        SELECT md5(ROW(grain, business_date - DATE '2000-01-01', kind, store, channel, currency,
                       till, cashier, hour, sale_method, sale_reason, method, reason,
                       is_missed)::text)::uuid AS id, *
        FROM told WHERE (tickets, amount_cents, accounts_opened) <> (0, 0, 0)
    )
"""
_ADD: Final = f"""{_DELTA}
    MERGE INTO attach_rate_cell c USING delta d ON c.id = d.id
    WHEN MATCHED AND c.tickets + d.tickets = 0 THEN DELETE
    WHEN MATCHED THEN UPDATE SET tickets = c.tickets + d.tickets,
        amount_cents = c.amount_cents + d.amount_cents,
        accounts_opened = c.accounts_opened + d.accounts_opened
    WHEN NOT MATCHED THEN INSERT (id, grain, business_date, kind, store, channel, currency, till,
        cashier, hour, sale_method, sale_reason, method, reason, is_missed, tickets, amount_cents,
        accounts_opened)
    VALUES (d.id, d.grain, d.business_date, d.kind, d.store, d.channel, d.currency, d.till,
        d.cashier, d.hour, d.sale_method, d.sale_reason, d.method, d.reason, d.is_missed,
        d.tickets, d.amount_cents, d.accounts_opened)
"""  # noqa: S608 - a constant
_TAKE_NOTE: Final = (
    "DELETE FROM attach_rate_arrival",
    "UPDATE attach_rate_ticket_change SET counted = true WHERE NOT counted",
    "UPDATE attach_rate_record_change SET counted = true WHERE NOT counted",
)
_KEEP_OLD: Final = f"""
    CREATE TEMPORARY TABLE attach_rate_before ON COMMIT DROP AS {_DELTA}
    SELECT id, sum(tickets) AS tickets, sum(amount_cents) AS amount_cents,
           sum(accounts_opened) AS accounts_opened
    FROM (
        SELECT id, tickets, amount_cents, accounts_opened FROM attach_rate_cell
        UNION ALL
        SELECT id, tickets, amount_cents, accounts_opened FROM delta
    ) AS told
    GROUP BY id
    HAVING (sum(tickets), sum(amount_cents), sum(accounts_opened)) <> (0, 0, 0)
"""  # noqa: S608 - a constant
_FORGET: Final = (
    "DELETE FROM attach_rate_cell",
    *_TAKE_NOTE,
    "INSERT INTO attach_rate_arrival SELECT id FROM ticket WHERE kind <> 'void'",
)

_WRONG: Final = """
    SELECT count(*) FROM attach_rate_before b FULL JOIN attach_rate_cell c USING (id)
    WHERE (b.tickets, b.amount_cents, b.accounts_opened)
        IS DISTINCT FROM (c.tickets, c.amount_cents, c.accounts_opened)
"""

_ZONE: Final = "SELECT timezone FROM attach_rate_zone WHERE store = '' AND until = 'infinity'"
_END_ZONE: Final = """
    UPDATE attach_rate_zone SET until = now() WHERE store = '' AND until = 'infinity'
"""
_NEW_ZONE: Final = "INSERT INTO attach_rate_zone VALUES ('', 'infinity', $1)"


async def fold(database: Database, *, timezone: str) -> bool:
    """Count into the cells what they do not know; return whether there was anything.

    `timezone` is that of sales without a store: their hours are told in it from now on. While
    another process folds, nothing is done.
    """

    async def work(session: AsyncSession) -> bool:
        await _begin(session)
        [(is_ours,)] = await fetch(session, "SELECT pg_try_advisory_xact_lock($1)", _FOLD_LOCK)
        if not is_ours:
            return False
        await _keep_zone(session, timezone)
        [(is_to_fold,)] = await fetch(session, _IS_TO_FOLD)
        if is_to_fold:
            await _add(session)
        return bool(is_to_fold)

    return await database.run(work)


async def recount(database: Database, *, timezone: str) -> int:
    """Count every ticket anew and replace the cells by what comes out, in one transaction.

    Return how many figures of cells were wrong, which should be none.
    """

    async def work(session: AsyncSession) -> int:
        await _begin(session)
        # Where a fold was waited for, what was seen is old: the conflict makes the edge try again.
        await fetch(session, "SELECT pg_advisory_xact_lock($1)", _FOLD_LOCK)
        await _keep_zone(session, timezone)
        await fetch(session, _KEEP_OLD)
        for statement in _FORGET:
            await fetch(session, statement)
        await _add(session)
        [(wrong,)] = await fetch(session, _WRONG)
        return int(wrong)

    return await database.run(work)


async def _begin(session: AsyncSession) -> None:
    """Begin to see one instant, for as long as it takes."""
    await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    await session.execute(text("SET LOCAL statement_timeout = 0"))
    # A first fold of millions sorts them; one process folds at a time.
    await session.execute(text("SET LOCAL work_mem = '64MB'"))


async def _keep_zone(session: AsyncSession, timezone: str) -> None:
    rows = await fetch(session, _ZONE)
    if not rows or rows[0]["timezone"] != timezone:
        await fetch(session, _END_ZONE)
        await fetch(session, _NEW_ZONE, timezone)


async def _add(session: AsyncSession) -> None:
    await fetch(session, _ADD)
    for statement in _TAKE_NOTE:
        await fetch(session, statement)


async def keep_folding(
    database: Database, *, timezone: str, look_seconds: float = LOOK_SECONDS
) -> None:
    """Fold again and again until cancelled, seldom enough to leave the machine to others."""
    while True:
        started = time.monotonic()
        try:
            if await fold(database, timezone=timezone):
                log.debug("attach_rate.folded", seconds=round(time.monotonic() - started, 3))
        except DatabaseUnavailableError:
            log.warning("attach_rate.not_folded")
        except Exception as error:  # noqa: BLE001 - whatever it is, it may be over next time
            # What is not folded is read live. The text of the error may quote a row.
            log.error("attach_rate.fold_failed", error=type(error).__name__)  # noqa: TRY400
        await asyncio.sleep(max(look_seconds, SHARE * (time.monotonic() - started)))
