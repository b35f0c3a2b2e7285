"""The daily job of the programme: points lapse on their day, holds whose time is up are swept.

Nothing waits for it: points that are past their day, or not active yet, cannot be spent, and a hold
that is past its time reserves nothing. The job writes it down, in small transactions, and may be
stopped, repeated, or run for a day long past.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.engine import Database
from rcu.db.statements import fetch
from rcu.loyalty import ledger, settlement, wallets
from rcu.loyalty.ledger import Draft, posting_id
from rcu.loyalty.lots import Taken, day_in
from rcu.loyalty.models import Counterpart, PostingKind

CHUNK: Final = 200
"""Accounts that one transaction locks."""


@dataclass(frozen=True, slots=True)
class Expired:
    """What a run of the job has written down."""

    lots: int
    points: int


_DUE: Final = """
    SELECT DISTINCT l.account_id FROM points_lot l
    WHERE l.remaining > 0 AND l.account_id > $3
      AND l.expires_on <= coalesce($1::date, ($2::timestamptz AT TIME ZONE l.timezone)::date)
      AND (l.remaining > l.held OR EXISTS (
          SELECT FROM points_hold_part part JOIN points_hold h ON h.id = part.hold_id
          WHERE part.lot_id = l.id AND h.status = 'open' AND h.expires_at <= $2
      ))
    ORDER BY l.account_id LIMIT $4
"""


async def expire(
    database: Database, *, on: date | None = None, at: datetime | None = None
) -> Expired:
    """Let the points lapse whose last day is before `on`; by default today, as each store has it.

    What a client has spent twice is taken first from what has not lapsed (`settlement`).
    What a hold reserves lapses with a later run, once the hold is captured or voided, or its time
    is up.
    """
    at = at or datetime.now(UTC)
    await settlement.collect_all(database, at=at)
    done = Expired(0, 0)
    after = UUID(int=0)
    while True:

        async def work(session: AsyncSession, after: UUID = after) -> tuple[list[UUID], Expired]:
            rows = await fetch(session, _DUE, on, at, after, CHUNK)
            due = [row[0] for row in rows]
            return due, await _expire_accounts(session, due, on=on, at=at)

        due, found = await database.run(work)
        if not due:
            return done
        done = Expired(done.lots + found.lots, done.points + found.points)
        after = due[-1]


async def _expire_accounts(
    session: AsyncSession, account_ids: list[UUID], *, on: date | None, at: datetime
) -> Expired:
    if not account_ids:
        return Expired(0, 0)
    await wallets.lock_accounts(session, account_ids)
    drafts = []
    for lot in await wallets.list_lots(session, account_ids, at=at):
        day = on or day_in(lot.timezone, at)
        if lot.expires_on is None or lot.expires_on > day or lot.free == 0:
            continue
        # What is left of a lot may lapse in parts: what goes back to it lapses once more.
        id_ = posting_id("expiry", lot.id, lot.remaining, at.isoformat())
        draft = Draft(id_, PostingKind.EXPIRY, day, actor="rcu")
        draft.take([Taken(lot, lot.free)])
        draft.against(Counterpart.EXPIRED)
        drafts.append(draft)
    await ledger.post(session, drafts, at=at)
    points = -sum(m.points for d in drafts for m in d.movements if m.account_id)
    return Expired(len(drafts), points)
