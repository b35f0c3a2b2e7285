"""Folding what changed into the cells of the attach rate, and counting them anew.

A fold is one transaction that sees one instant (REPEATABLE READ): it adds what the cells do not
know as of that instant, and takes note that they know it. Whoever posts meanwhile is not waited for
and waits for nobody: what they add is seen by the next fold. Two folds at once cannot count twice,
since both would have to take the same notes; the second one gives up. What a fold adds is kept
apart as well, by period: see `attach_rate_periods`.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.analytics.attach_rate_delta import CELL, keep_delta, with_delta
from rcu.analytics.attach_rate_periods import (
    PERIODS,
    Periods,
    admit_late,
    find_due,
    find_missing,
    forget_periods,
    newest_boundary,
    set_boundary,
)
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

_PENDING: Final = with_delta("attach_rate_pending")
_ADD: Final = f"""{_PENDING}, kept AS (
        {keep_delta("$1::timestamptz")}
    )
    MERGE INTO attach_rate_cell c USING delta d ON c.id = d.id
    WHEN MATCHED AND c.tickets + d.tickets = 0 THEN DELETE
    WHEN MATCHED THEN UPDATE SET tickets = c.tickets + d.tickets,
        amount_cents = c.amount_cents + d.amount_cents,
        accounts_opened = c.accounts_opened + d.accounts_opened
    WHEN NOT MATCHED THEN INSERT ({CELL})
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
    CREATE TEMPORARY TABLE attach_rate_before ON COMMIT DROP AS {_PENDING}
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
_TAKE_TURN: Final = """
    UPDATE attach_rate_zone SET timezone = timezone WHERE store = '' AND until = 'infinity'
"""
_END_ZONE: Final = """
    UPDATE attach_rate_zone SET until = now() WHERE store = '' AND until = 'infinity'
"""
# One who saw older data, without the row, begins again, as he would for any other row.
_NEW_ZONE: Final = """
    INSERT INTO attach_rate_zone (store, until, timezone) VALUES ('', 'infinity', $1)
    ON CONFLICT (store, until) DO UPDATE SET timezone = excluded.timezone
"""


async def fold(database: Database, *, timezone: str, periods: Periods = PERIODS) -> bool:
    """Count into the cells what they do not know; return whether there was anything.

    Set the next boundary as well, once it is due. `timezone` is that of sales without a store:
    their hours are told in it from now on. While another process folds, nothing is done.
    """

    async def work(session: AsyncSession) -> bool:
        if not await _begin_if_free(session):
            return False
        is_folded = await _fold(session, timezone)
        due = await find_due(session, periods)
        if due is not None:
            await _take_turn(session)
            await set_boundary(session, due)
        return is_folded

    return await database.run(work)


async def complete_periods(
    database: Database, *, timezone: str, periods: Periods = PERIODS
) -> bool:
    """Set one boundary that is missing in the past, the newest; return whether there was any.

    So the past before this release, and the time in which nobody folded, come in periods as well.
    """

    async def work(session: AsyncSession) -> bool:
        if not await _begin_if_free(session):
            return False
        await _fold(session, timezone)
        missing = await find_missing(session, periods)
        if missing is None:
            return False
        await _take_turn(session)
        await set_boundary(session, missing)
        return True

    return await database.run(work)


async def recount(database: Database, *, timezone: str) -> int:
    """Count every ticket anew and replace the cells by what comes out, in one transaction.

    Return how many figures of cells were wrong, which should be none. What was kept of the past is
    forgotten: `complete_periods` counts it anew.
    """

    async def work(session: AsyncSession) -> int:
        await _begin(session)
        # Where a fold was waited for, what was seen is old: the conflict makes the edge try again.
        await fetch(session, "SELECT pg_advisory_xact_lock($1)", _FOLD_LOCK)
        await _keep_zone(session, timezone)
        await _take_turn(session)
        await fetch(session, _KEEP_OLD)
        for statement in _FORGET:
            await fetch(session, statement)
        await forget_periods(session)
        await _add(session, since=None)
        [(wrong,)] = await fetch(session, _WRONG)
        return int(wrong)

    return await database.run(work)


async def _begin_if_free(session: AsyncSession) -> bool:
    """Begin, unless another process folds."""
    await _begin(session)
    [(is_ours,)] = await fetch(session, "SELECT pg_try_advisory_xact_lock($1)", _FOLD_LOCK)
    return bool(is_ours)


async def _begin(session: AsyncSession) -> None:
    """Begin to see one instant, for as long as it takes."""
    await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    await session.execute(text("SET LOCAL statement_timeout = 0"))
    # A first fold of millions sorts them; one process folds at a time.
    await session.execute(text("SET LOCAL work_mem = '64MB'"))
    # How to read ten minutes and how six hours is decided each time.
    await session.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))


async def _keep_zone(session: AsyncSession, timezone: str) -> None:
    rows = await fetch(session, _ZONE)
    if not rows or rows[0]["timezone"] != timezone:
        await fetch(session, _END_ZONE)
        await fetch(session, _NEW_ZONE, timezone)


async def _take_turn(session: AsyncSession) -> None:
    """Fail, and be run again, if another fold has committed since this one sees what it sees.

    The lock alone leaves the instant between the two.
    """
    await fetch(session, _TAKE_TURN)


async def _fold(session: AsyncSession, timezone: str) -> bool:
    await _keep_zone(session, timezone)
    [(is_to_fold,)] = await fetch(session, _IS_TO_FOLD)
    if is_to_fold:
        await _take_turn(session)
        await admit_late(session)
        await _add(session, since=await newest_boundary(session))
    return bool(is_to_fold)


async def _add(session: AsyncSession, *, since: datetime | None) -> None:
    await fetch(session, _ADD, since)
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
            if await complete_periods(database, timezone=timezone):
                log.debug("attach_rate.boundary_set")
        except DatabaseUnavailableError:
            log.warning("attach_rate.not_folded")
        except Exception as error:  # noqa: BLE001 - whatever it is, it may be over next time
            # What is not folded is read live. The text of the error may quote a row.
            log.error("attach_rate.fold_failed", error=type(error).__name__)  # noqa: TRY400
        await asyncio.sleep(max(look_seconds, SHARE * (time.monotonic() - started)))
