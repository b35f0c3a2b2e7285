"""Settling what one client spent of another's points, once they turn out to be two people.

Points stay with their record, so a merge moves none and an undo moves none back. But while two were
taken for one, one of them may have spent what the other had earned. When they are parted, the one
gets the points back in full, in the lots they were taken from, with the days these have; what has
lapsed by then would lapse again at once. The other pays with what is free on its accounts, its own
record first, then the oldest points; what is missing the retailer bears, since the mistake was not
theirs. Nobody goes below zero by it. How one redemption is settled: `rcu.loyalty.settling`.

When the two are one client again, the parting was the mistake, and its settlement is taken back:
from the lots that it gave points to, for the retailer first, then for who had paid. What the
retailer still bears then is taken from whatever the client has, now or before it next spends:
however often two are parted and joined, they spend together no more than they have earned.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.engine import Database
from rcu.db.statements import columns, fetch
from rcu.loyalty import once_given, wallets
from rcu.loyalty.settling import find_settlements

_OWED: Final = "SELECT DISTINCT posting_id FROM points_owed($1) ORDER BY 1"
# One round trip for both questions: nearly always the answer is that nothing is to be done.
_DUE: Final = (
    "SELECT EXISTS (SELECT FROM points_owed($1)), EXISTS (SELECT FROM points_given_again($1))"
)
# Those of the spenders' clients, of who was lent from and of who has paid.
_ACCOUNTS: Final = """
    SELECT a.record_id
    FROM points_crossing c JOIN source_record spender ON spender.id = c.spender_id
    JOIN source_record r ON r.client_id = spender.client_id
    JOIN points_account a ON a.record_id = r.id
    WHERE c.posting_id = ANY ($1::uuid[])
    UNION
    SELECT account_id FROM points_crossing WHERE posting_id = ANY ($1::uuid[])
    UNION
    SELECT e.account_id FROM points_posting p JOIN points_entry e ON e.posting_id = p.id
    WHERE p.corrects_id = ANY ($1::uuid[]) AND p.kind = 'settlement' AND e.account_id IS NOT NULL
"""
_SETTLED: Final = """
    UPDATE points_crossing c SET settled = greatest(least(c.settled + done.points, c.points), 0)
    FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS done (posting_id, account_id, points)
    WHERE (c.posting_id, c.account_id) = (done.posting_id, done.account_id)
"""
_BORNE_OF: Final = """
    SELECT posting_id, account_id, borne FROM points_crossing
    WHERE posting_id = ANY ($1::uuid[]) AND borne > 0 ORDER BY posting_id, account_id
"""
_REPAID: Final = """
    UPDATE points_crossing c
    SET borne = c.borne - done.points, given = least(c.given - done.points, c.points)
    FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS done (posting_id, account_id, points)
    WHERE (c.posting_id, c.account_id) = (done.posting_id, done.account_id)
"""


async def mark_given_back(session: AsyncSession, given: Collection[tuple[UUID, UUID, int]]) -> None:
    """Note points of a redemption that went back to an account: `(redemption, account, points)`."""
    sums: dict[tuple[UUID, UUID], int] = defaultdict(int)
    for redemption_id, account_id, points in given:
        sums[redemption_id, account_id] += points
    if sums:
        await fetch(session, _SETTLED, *columns([(*key, n) for key, n in sums.items()]))


async def find_borne(
    session: AsyncSession, redemption_ids: Collection[UUID]
) -> dict[UUID, dict[UUID, int]]:
    """Return what the retailer bears of settled redemptions, by redemption and lender."""
    found: dict[UUID, dict[UUID, int]] = defaultdict(dict)
    if redemption_ids:
        for redemption_id, account_id, points in await fetch(session, _BORNE_OF, redemption_ids):
            found[redemption_id][account_id] = points
    return found


async def mark_repaid(session: AsyncSession, repaid: Collection[tuple[UUID, UUID, int]]) -> None:
    """Note what goods brought back repaid the retailer: `(redemption, lender, points)`."""
    if repaid:
        await fetch(session, _REPAID, *columns(list(repaid)))


async def settle(
    session: AsyncSession, client_ids: Collection[UUID], *, at: datetime | None = None
) -> int:
    """Settle what clients spent of others, and others of them, and what they were given twice.

    What was settled between records that are one client again is taken back. Return how many
    points moved. To be called in the transaction that moved their records. One round trip when
    nothing is to be settled.
    """
    if not client_ids:
        return 0
    [(is_owed, is_given_again)] = await fetch(session, _DUE, sorted(client_ids))
    at = at or datetime.now(UTC)
    done = await _settle_owed(session, client_ids, at=at) if is_owed else 0
    return done + (await once_given.put_right(session, client_ids) if is_given_again else 0)


async def _settle_owed(session: AsyncSession, client_ids: Collection[UUID], *, at: datetime) -> int:
    accounts = await fetch(session, _ACCOUNTS, await _find_owed(session, client_ids))
    await wallets.lock_accounts(session, [row[0] for row in accounts])
    # As it is now that nobody else can settle, restore or spend.
    owed = await find_settlements(session, await _find_owed(session, client_ids))
    done = 0
    # What one gave may have paid for another, and can be taken back once that has repaid it.
    while moved := sum([await one.settle(session, at=at) for one in owed]):
        done += moved
    for one in owed:
        done += await one.collect(session, at=at)
    return done


async def _find_owed(session: AsyncSession, client_ids: Collection[UUID]) -> list[UUID]:
    return [row[0] for row in await fetch(session, _OWED, sorted(client_ids))]


_CLIENTS: Final = "SELECT DISTINCT client_id FROM source_record WHERE id = ANY ($1::uuid[])"


async def settle_records(session: AsyncSession, record_ids: Collection[UUID]) -> int:
    """Settle what is owed between the clients of some records and others."""
    return await settle(session, [row[0] for row in await fetch(session, _CLIENTS, record_ids)])


_ALL_OWED: Final = """
    SELECT DISTINCT lender.client_id
    FROM points_crossing c
    JOIN source_record lender ON lender.id = c.account_id
    JOIN source_record spender ON spender.id = c.spender_id
    WHERE c.settled < c.points AND lender.client_id <> spender.client_id
    LIMIT 100
"""
_TOGETHER: Final = """
    SELECT DISTINCT r.client_id
    FROM (
        SELECT record_id FROM points_bonus
        UNION SELECT referred_id FROM referral WHERE posting_id IS NOT NULL
        UNION SELECT account_id FROM points_crossing WHERE given > 0
    ) given JOIN source_record r ON r.id = given.record_id
    WHERE r.client_id > $1 ORDER BY r.client_id LIMIT 500
"""
_BORNE: Final = """
    SELECT DISTINCT lender.client_id
    FROM points_crossing c
    JOIN source_record lender ON lender.id = c.account_id
    JOIN source_record spender ON spender.id = c.spender_id
    WHERE c.borne > 0 AND lender.client_id = spender.client_id AND lender.client_id > $1
    ORDER BY 1 LIMIT 500
"""


async def settle_all(database: Database) -> int:
    """Settle whatever is owed, after clients were parted in bulk; return how many points."""
    done = 0
    while True:

        async def work(session: AsyncSession) -> tuple[bool, int]:
            clients = [row[0] for row in await fetch(session, _ALL_OWED)]
            return bool(clients), await settle(session, clients)

        found, points = await database.run(work)
        if not found:
            return done + await _settle_each(database, _TOGETHER)
        done += points


async def collect_all(database: Database, *, at: datetime) -> int:
    """Take what the retailer still bears of settlements between records that are one client again.

    Return how many points. They have come since these became one, and nobody has spent since.
    """
    return await _settle_each(database, _BORNE, at=at)


async def _settle_each(database: Database, listed: str, *, at: datetime | None = None) -> int:
    done, after = 0, UUID(int=0)
    while True:

        async def work(session: AsyncSession, after: UUID = after) -> tuple[list[UUID], int]:
            clients = [row[0] for row in await fetch(session, listed, after)]
            return clients, await settle(session, clients, at=at)

        clients, points = await database.run(work)
        if not clients:
            return done
        done, after = done + points, clients[-1]
