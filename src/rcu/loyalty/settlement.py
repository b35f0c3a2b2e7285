"""Settling what one client spent of another's points, once they turn out to be two people.

Points stay with their record, so a merge moves none and an undo moves none back. But while two were
taken for one, one of them may have spent what the other had earned. When they are parted, the one
gets the points back in full, in the lots they were taken from, with the days these have. The other
pays with what is free on its accounts, its own record first, then the oldest points; what is
missing the retailer bears, since the mistake was not theirs. Nobody goes below zero by it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.engine import Database
from rcu.db.statements import columns, fetch
from rcu.loyalty import ledger, once_given, wallets
from rcu.loyalty.ledger import Draft, posting_id
from rcu.loyalty.lots import give_back, oldest_first, take
from rcu.loyalty.models import Counterpart, PostingKind


@dataclass(frozen=True, slots=True)
class _Owed:
    """Points of an account that were spent under a record of somebody else."""

    redemption_id: UUID
    account_id: UUID
    spender_id: UUID
    spender_client_id: UUID
    points: int
    settled: int


_OWED: Final = "SELECT * FROM points_owed($1)"
# One round trip for both questions: nearly always the answer is that nothing is to be done.
_DUE: Final = (
    "SELECT EXISTS (SELECT FROM points_owed($1)), EXISTS (SELECT FROM points_given_again($1))"
)
_ACCOUNTS: Final = """
    SELECT a.record_id FROM points_account a JOIN source_record r ON r.id = a.record_id
    WHERE r.client_id = ANY ($1::uuid[])
"""
_LENT: Final = """
    SELECT e.posting_id, e.lot_id, sum(-e.points)::bigint
    FROM (
        SELECT posting_id, lot_id, points, number FROM points_entry
        WHERE posting_id = ANY ($1::uuid[])
        UNION ALL
        SELECT p.corrects_id, e.lot_id, e.points, 32767 FROM points_posting p
        JOIN points_entry e ON e.posting_id = p.id
        WHERE p.corrects_id = ANY ($1::uuid[]) AND p.kind IN ('restoration', 'settlement', 'void')
    ) e
    JOIN points_lot l ON l.id = e.lot_id AND l.account_id = ANY ($2::uuid[])
    GROUP BY 1, 2
    HAVING sum(-e.points) > 0
    ORDER BY min(e.number)
"""
_SETTLED: Final = """
    UPDATE points_crossing c SET settled = greatest(least(c.settled + done.points, c.points), 0)
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


async def settle(session: AsyncSession, client_ids: Collection[UUID]) -> int:
    """Settle what clients spent of others, and others of them, and what they were given twice.

    Return how many points. To be called in the transaction that moved their records. One round
    trip when nothing is to be settled.
    """
    if not client_ids:
        return 0
    [(is_owed, is_given_again)] = await fetch(session, _DUE, sorted(client_ids))
    done = await _settle_owed(session, client_ids) if is_owed else 0
    return done + (await once_given.put_right(session, client_ids) if is_given_again else 0)


async def _settle_owed(session: AsyncSession, client_ids: Collection[UUID]) -> int:
    owed = [_Owed(*row) for row in await fetch(session, _OWED, sorted(client_ids))]
    if not owed:
        return 0
    spenders = {one.spender_client_id for one in owed}
    accounts = {row[0] for row in await fetch(session, _ACCOUNTS, sorted(spenders))}
    await wallets.lock_accounts(session, accounts | {one.account_id for one in owed})
    # As it is now that nobody else can settle, restore or spend.
    owed = [_Owed(*row) for row in await fetch(session, _OWED, sorted(client_ids))]
    at = datetime.now(UTC)
    for one in owed:
        await _settle_one(session, one, at=at)
    return sum(one.points - one.settled for one in owed)


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
_GIVEN: Final = """
    SELECT DISTINCT r.client_id
    FROM (
        SELECT record_id FROM points_bonus
        UNION SELECT referred_id FROM referral WHERE posting_id IS NOT NULL
    ) given JOIN source_record r ON r.id = given.record_id
    WHERE r.client_id > $1 ORDER BY r.client_id LIMIT 500
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
            return done + await _put_all_right(database)
        done += points


async def _put_all_right(database: Database) -> int:
    done, after = 0, UUID(int=0)
    while True:

        async def work(session: AsyncSession, after: UUID = after) -> tuple[list[UUID], int]:
            clients = [row[0] for row in await fetch(session, _GIVEN, after)]
            return clients, await once_given.put_right(session, clients) if clients else 0

        clients, points = await database.run(work)
        if not clients:
            return done
        done, after = done + points, clients[-1]


async def _settle_one(session: AsyncSession, one: _Owed, *, at: datetime) -> None:
    lent = await _find_lent(session, one)
    back = give_back(lent, one.points - one.settled, order=list(lent))
    draft = Draft(
        posting_id("settlement", one.redemption_id, one.account_id, one.settled),
        PostingKind.SETTLEMENT,
        at.date(),
        actor="rcu",
        corrects_id=one.redemption_id,
        spender_id=one.spender_id,
        reason="The clients were parted",
    )
    for lot_id, points in back.items():
        draft.move(points, to=one.account_id, lot=lot_id)
    mine = {row[0] for row in await fetch(session, _ACCOUNTS, [one.spender_client_id])}
    lots = oldest_first(await wallets.list_lots(session, mine, at=at))
    lots.sort(key=lambda lot: lot.account_id != one.spender_id)
    draft.take(take(lots, sum(back.values())))
    draft.against(Counterpart.BORNE)
    await ledger.post(session, [draft], at=at)
    await mark_given_back(session, [(one.redemption_id, one.account_id, one.points - one.settled)])


async def _find_lent(session: AsyncSession, one: _Owed) -> Mapping[UUID, int]:
    """Return the points of each lot that a redemption took and nobody gave back, in its order."""
    rows = await fetch(session, _LENT, [one.redemption_id], [one.account_id])
    lent: dict[UUID, int] = defaultdict(int)
    for _, lot_id, points in rows:
        lent[lot_id] += points
    return lent
