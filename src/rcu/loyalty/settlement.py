"""Settling what one client spent of another's points, once they turn out to be two people.

Points stay with their record, so a merge moves none and an undo moves none back. But while two were
taken for one, one of them may have spent what the other had earned. When they are parted, the one
gets the points back in full, in the lots they were taken from, with the days these have; what has
lapsed by then would lapse again at once. The other pays with what is free on its accounts, its own
record first, then the oldest points; what is missing the retailer bears, since the mistake was not
theirs. Nobody goes below zero by it.

When the two are one client again, the parting was the mistake, and its settlement is taken back:
from the lots that it gave points to, for the retailer first, then for who had paid. What the
retailer still bears then is taken from whatever the client has, now or before it next spends:
however often two are parted and joined, they spend together no more than they have earned.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.engine import Database
from rcu.db.statements import columns, fetch
from rcu.loyalty import ledger, once_given, wallets
from rcu.loyalty.ledger import Draft, posting_id
from rcu.loyalty.lending import LENDER, Loan, LoanEntry, undo
from rcu.loyalty.lots import Lot, give_back, oldest_first, take, taken_points
from rcu.loyalty.models import Counterpart, PostingKind


@dataclass(frozen=True, slots=True)
class _Owed:
    """Points of an account that were spent under another record, and what was settled of them."""

    redemption_id: UUID
    account_id: UUID
    spender_id: UUID
    spender_client_id: UUID
    points: int
    settled: int
    given: int
    borne: int
    is_parted: bool
    """Whether the two are two clients: to be settled. Else the settlement is to be taken back."""


_TURN: Final = "turn"
"""Which settlement of a redemption a posting is, in its rules."""
_OWED: Final = "SELECT * FROM points_owed($1)"
# One round trip for both questions: nearly always the answer is that nothing is to be done.
_DUE: Final = (
    "SELECT EXISTS (SELECT FROM points_owed($1)), EXISTS (SELECT FROM points_given_again($1))"
)
_ACCOUNTS: Final = """
    SELECT a.record_id FROM points_account a JOIN source_record r ON r.id = a.record_id
    WHERE r.client_id = ANY ($1::uuid[])
"""
_PAYERS: Final = """
    SELECT DISTINCT e.account_id FROM points_posting p JOIN points_entry e ON e.posting_id = p.id
    WHERE p.corrects_id = ANY ($1::uuid[]) AND p.kind = 'settlement' AND e.account_id IS NOT NULL
"""
_LOAN: Final = """
    SELECT p.id, p.kind, p.rules::text, e.account_id, e.lot_id, e.points
    FROM points_posting p JOIN points_entry e ON e.posting_id = p.id AND e.lot_id IS NOT NULL
    WHERE p.id = $1 OR p.corrects_id = $1
    ORDER BY p.id <> $1, (p.rules ->> 'turn')::int NULLS FIRST, p.posted_at, e.number
"""
_SETTLEMENTS: Final = """
    SELECT count(*) FROM points_posting WHERE corrects_id = $1 AND kind = 'settlement'
"""
_LAPSED: Final = """
    SELECT l.id, coalesce(-sum(e.points), 0)::bigint
    FROM points_lot l
    LEFT JOIN (points_entry e JOIN points_posting p ON p.id = e.posting_id AND p.kind = 'expiry')
        ON (e.account_id, e.lot_id) = (l.account_id, l.id)
    WHERE l.id = ANY ($1::uuid[]) GROUP BY 1
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
_KEEP: Final = """
    UPDATE points_crossing SET settled = $3, given = $4, borne = $5
    WHERE posting_id = $1 AND account_id = $2
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
    await _lock(session, await _find_owed(session, client_ids))
    done = 0
    # As it is now that nobody else can settle, restore or spend.
    for one in await _find_owed(session, client_ids):
        done += await (_settle_one if one.is_parted else _take_back)(session, one, at=at)
    # Only when every lot has given back what it was given: what is left comes from any.
    for one in await _find_owed(session, client_ids):
        if one.borne and not one.is_parted:
            done += await _collect(session, one, at=at)
    return done


async def _find_owed(session: AsyncSession, client_ids: Collection[UUID]) -> list[_Owed]:
    return [_Owed(*row) for row in await fetch(session, _OWED, sorted(client_ids))]


async def _lock(session: AsyncSession, owed: Collection[_Owed]) -> None:
    spenders = {one.spender_client_id for one in owed}
    accounts = {row[0] for row in await fetch(session, _ACCOUNTS, sorted(spenders))}
    payers = await fetch(session, _PAYERS, list({one.redemption_id for one in owed}))
    accounts |= {row[0] for row in payers} | {one.account_id for one in owed}
    await wallets.lock_accounts(session, accounts)


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


async def _settle_one(session: AsyncSession, one: _Owed, *, at: datetime) -> int:
    """Give the lender back what is missing, and let the spender pay."""
    lent = (await _find_loan(session, one)).lent()
    lots = await _find_lots(session, one, lent, at=at)
    # What has lapsed by now would lapse again at once: nobody has to pay for it.
    lent = {lot_id: points for lot_id, points in lent.items() if not lots[lot_id].is_past(at)}
    back = give_back(lent, one.points - one.settled, order=list(lent))
    draft = await _draft(session, one, "The clients were parted", at=at)
    for lot_id, points in back.items():
        draft.move(points, to=one.account_id, lot=lot_id)
    given = sum(back.values())
    mine = await _list_lots(session, one, at=at)
    mine.sort(key=lambda lot: lot.account_id != one.spender_id)
    paid = take(mine, given)
    draft.take(paid)
    await _post(session, draft, at=at)
    borne = one.borne + given - taken_points(paid)
    await _keep(session, one, settled=one.points, given=one.given + given, borne=borne)
    return given


async def _take_back(session: AsyncSession, one: _Owed, *, at: datetime) -> int:
    """Undo what settlements did, as far as the lots are not spent that they gave points to."""
    loan = await _find_loan(session, one)
    given, paid = loan.given(), loan.paid()
    lots = await _find_lots(session, one, {*given, *paid}, at=at)
    past = dict(await fetch(session, _LAPSED, list(given)))
    undone = undo(
        given,
        min(one.given, one.borne + sum(paid.values())),
        lots=lots,
        past={id_: points for id_, points in past.items() if lots[id_].is_past(at)},
    )
    draft = await _draft(session, one, "The clients are one again", at=at)
    undone.fill(draft, one.account_id)
    borne = max(one.borne - undone.points, 0)
    back = give_back(paid, undone.points - (one.borne - borne), order=list(paid))
    for lot_id, points in back.items():
        draft.move(points, to=lots[lot_id].account_id, lot=lot_id)
    await _post(session, draft, at=at)
    settled = one.settled - sum(undone.taken.values())
    await _keep(session, one, settled=settled, given=borne, borne=borne)
    return undone.points


async def _collect(session: AsyncSession, one: _Owed, *, at: datetime) -> int:
    """Take what the retailer bears from what the client has: first what it could spend now."""
    lots = await _list_lots(session, one, at=at)
    lots.sort(key=lambda lot: (not lot.is_spendable(at), lot.account_id != one.account_id))
    taken = take(lots, one.borne)
    draft = await _draft(session, one, "The clients are one again", at=at)
    draft.take(taken)
    await _post(session, draft, at=at)
    of_lender = taken_points(part for part in taken if part.lot.account_id == one.account_id)
    borne = one.borne - taken_points(taken)
    await _keep(session, one, settled=one.settled - of_lender, given=borne, borne=borne)
    return taken_points(taken)


async def _draft(session: AsyncSession, one: _Owed, reason: str, *, at: datetime) -> Draft:
    [(number,)] = await fetch(session, _SETTLEMENTS, one.redemption_id)
    return Draft(
        posting_id("crossing", one.redemption_id, one.account_id, number),
        PostingKind.SETTLEMENT,
        at.date(),
        actor="rcu",
        corrects_id=one.redemption_id,
        spender_id=one.spender_id,
        reason=reason,
        rules={LENDER: str(one.account_id), _TURN: number},
    )


async def _post(session: AsyncSession, draft: Draft, *, at: datetime) -> None:
    draft.against(Counterpart.BORNE)
    if draft.movements:
        await ledger.post(session, [draft], at=at)


async def _keep(session: AsyncSession, one: _Owed, *, settled: int, given: int, borne: int) -> None:
    await fetch(session, _KEEP, one.redemption_id, one.account_id, settled, given, borne)


async def _find_loan(session: AsyncSession, one: _Owed) -> Loan:
    rows = await fetch(session, _LOAN, one.redemption_id)
    entries = [LoanEntry(id_, kind, orjson.loads(rules), *of) for id_, kind, rules, *of in rows]
    return Loan(one.account_id, entries)


async def _list_lots(session: AsyncSession, one: _Owed, *, at: datetime) -> list[Lot]:
    """Return the lots of the spender's client that have not lapsed, oldest first."""
    mine = {row[0] for row in await fetch(session, _ACCOUNTS, [one.spender_client_id])}
    found = await wallets.list_lots(session, mine, at=at)
    return oldest_first(lot for lot in found if not lot.is_past(at))


async def _find_lots(
    session: AsyncSession, one: _Owed, lot_ids: Collection[UUID], *, at: datetime
) -> Mapping[UUID, Lot]:
    found = await wallets.list_lots(session, [one.account_id], at=at, lot_ids=lot_ids)
    return {lot.id: lot for lot in found}
