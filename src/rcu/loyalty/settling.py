"""The settlement of one redemption: who spent, whose points, and who is whose client by now.

An account that is of another client than the spender's gets back in full what the redemption took
from it, or what it has paid for it since. The spender's client pays with what is free, the
spender's own record first; the retailer bears the rest. An account that is the spender's client
again gives back what it was given: to the retailer first, then to who had paid. So nobody loses
points by having been taken for somebody else, whichever records are parted and joined in whatever
order, and records that are one client in the end have spent together what they have earned, once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import columns, fetch
from rcu.loyalty import ledger, wallets
from rcu.loyalty.ledger import Draft, posting_id
from rcu.loyalty.lending import LENDER, Crossing, LoanEntry, Loans, undo
from rcu.loyalty.lots import Lot, Taken, give_back, oldest_first, take, taken_points
from rcu.loyalty.models import Counterpart, PostingKind

_TURN: Final = "turn"
"""Which settlement of a redemption a posting is, in its rules."""
_CROSSINGS: Final = """
    SELECT c.posting_id, c.spender_id, spender.client_id, c.account_id, c.points, c.settled,
           c.given, c.borne, lender.client_id <> spender.client_id
    FROM points_crossing c
    JOIN source_record lender ON lender.id = c.account_id
    JOIN source_record spender ON spender.id = c.spender_id
    WHERE c.posting_id = ANY ($1::uuid[]) ORDER BY c.posting_id, c.account_id
"""
_LOANS: Final = """
    SELECT p.id, p.kind, p.rules::text, e.account_id, e.lot_id, e.points
    FROM points_posting p JOIN points_entry e ON e.posting_id = p.id AND e.lot_id IS NOT NULL
    WHERE p.id = $1 OR p.corrects_id = $1
    ORDER BY p.id <> $1, (p.rules ->> 'turn')::int NULLS FIRST, p.posted_at, e.number
"""
_SETTLEMENTS: Final = """
    SELECT count(*) FROM points_posting WHERE corrects_id = $1 AND kind = 'settlement'
"""
_ACCOUNTS: Final = """
    SELECT a.record_id FROM points_account a JOIN source_record r ON r.id = a.record_id
    WHERE r.client_id = $1
"""
_LAPSED: Final = """
    SELECT l.id, coalesce(-sum(e.points), 0)::bigint
    FROM points_lot l
    LEFT JOIN (points_entry e JOIN points_posting p ON p.id = e.posting_id AND p.kind = 'expiry')
        ON (e.account_id, e.lot_id) = (l.account_id, l.id)
    WHERE l.id = ANY ($1::uuid[]) GROUP BY 1
"""
_KEEP: Final = """
    INSERT INTO points_crossing (posting_id, spender_id, account_id, points, settled, given, borne)
    SELECT $1::uuid, $2::uuid, kept.*
    FROM unnest($3::uuid[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[]) AS kept
    ON CONFLICT (posting_id, account_id) DO UPDATE
    SET points = excluded.points, settled = excluded.settled, given = excluded.given,
        borne = excluded.borne
"""
_PARTED: Final = "The clients were parted"
_JOINED: Final = "The clients are one again"


@dataclass(slots=True)
class Settlement:
    """A redemption that is being settled: its accounts and those of the spender are locked."""

    redemption_id: UUID
    spender_id: UUID
    client_id: UUID
    """Of the spender, now."""
    crossings: dict[UUID, Crossing]
    """By account."""
    borne: int
    """What nobody has paid for, of all that settlements gave."""
    spare: int = 0
    """Points that were taken back, and that whoever is parted now is given."""

    async def settle(self, session: AsyncSession, *, at: datetime) -> int:
        """Give back what is owed, take back what is not any more; return how many points moved."""
        owed = [one for one in self.crossings.values() if one.is_parted and one.lost]
        returned = {one.account_id: await self._find_back(session, one, at=at) for one in owed}
        needed = sum(sum(back.values()) for back in returned.values())
        done = 0
        for one in self._joined():
            done += await self._take_back(session, one, needed - self.spare, at=at)
        for one in owed:
            done += await self._give(session, one, returned[one.account_id], at=at)
        return done

    async def collect(self, session: AsyncSession, *, at: datetime) -> int:
        """Take what the retailer bears from whatever the client has, and keep how things stand.

        To be called once every lot has given back what settlements gave it. Return how many points.
        """
        done = 0
        for one in self._joined():
            if self.borne and one.given:
                done += await self._collect(session, one, at=at)
        await self._keep(session)
        return done

    def _joined(self) -> list[Crossing]:
        """Return the accounts that were given points and are the spender's client again."""
        return [one for one in self._in_order() if not one.is_parted and one.given]

    async def _find_back(
        self, session: AsyncSession, one: Crossing, *, at: datetime
    ) -> dict[UUID, int]:
        """Return what is to be given back to each lot of an account that is parted."""
        lent = (await self._loans(session)).missing(one.account_id)
        lots = await self._find_lots(session, one, lent, at=at)
        # What has lapsed by now would lapse again at once: nobody has to pay for it.
        lent = {lot_id: points for lot_id, points in lent.items() if not lots[lot_id].is_past(at)}
        return give_back(lent, one.lost, order=list(lent))

    async def _give(
        self, session: AsyncSession, one: Crossing, back: Mapping[UUID, int], *, at: datetime
    ) -> int:
        """Give an account back what is missing, and let the spender's client pay."""
        draft = await self._draft(session, one, _PARTED, at=at)
        for lot_id, points in back.items():
            draft.move(points, to=one.account_id, lot=lot_id)
        given = sum(back.values())
        spare = min(self.spare, given)
        mine = await self._list_lots(session, at=at)
        mine.sort(key=lambda lot: lot.account_id != self.spender_id)
        paid = take(mine, given - spare)
        draft.take(paid)
        await _post(session, draft, at=at)
        self._charge(paid)
        self.spare -= spare
        self.borne += given - spare - taken_points(paid)
        one.settled, one.given = one.points, one.given + given
        return given

    async def _take_back(
        self, session: AsyncSession, one: Crossing, needed: int, *, at: datetime
    ) -> int:
        """Take back what an account was given, as far as its lots are not spent and it is of use.

        That is to the retailer, to who has paid, or to who is parted now and `needed` it.
        """
        loans = await self._loans(session)
        payers = await self._accounts(session) - {one.account_id}
        given, paid = loans.given(one.account_id), loans.paid(payers)
        lots = await self._find_lots(session, one, {*given, *paid}, at=at)
        past = dict(await fetch(session, _LAPSED, list(given)))
        undone = undo(
            given,
            min(one.given, self.borne + sum(paid.values()) + needed),
            lots=lots,
            past={id_: points for id_, points in past.items() if lots[id_].is_past(at)},
        )
        draft = await self._draft(session, one, _JOINED, at=at)
        undone.fill(draft, one.account_id)
        left = undone.points - min(undone.points, self.borne)
        self.borne -= undone.points - left
        repaid = loans.repay(left, payers, lender_id=one.account_id)
        for lot_id, points in repaid.items():
            account_id = lots[lot_id].account_id
            draft.move(points, to=account_id, lot=lot_id)
            left -= points
            if account_id in self.crossings:
                self.crossings[account_id].be_repaid(points)
        await _post(session, draft, at=at)
        self.spare += left
        one.given -= undone.points
        one.settled -= sum(undone.taken.values())
        return undone.points

    async def _collect(self, session: AsyncSession, one: Crossing, *, at: datetime) -> int:
        """Take what the retailer bears from what the client has: first what it could spend now."""
        lots = await self._list_lots(session, at=at)
        lots.sort(key=lambda lot: (not lot.is_spendable(at), lot.account_id != one.account_id))
        taken = take(lots, min(self.borne, one.given))
        draft = await self._draft(session, one, _JOINED, at=at)
        draft.take(taken)
        await _post(session, draft, at=at)
        of_others = [part for part in taken if part.lot.account_id != one.account_id]
        one.pay(taken_points(taken) - taken_points(of_others))
        one.given -= taken_points(of_others)
        self._charge(of_others)
        self.borne -= taken_points(taken)
        return taken_points(taken)

    def _charge(self, paid: Collection[Taken]) -> None:
        """Note what accounts have paid for the spender: they lent it as much."""
        for part in paid:
            account_id = part.lot.account_id
            if account_id != self.spender_id:
                fresh = Crossing(account_id, 0, 0, 0, 0, is_parted=False)
                self.crossings.setdefault(account_id, fresh).pay(part.points)

    async def _keep(self, session: AsyncSession) -> None:
        """Write down how the accounts stand.

        What is still borne is of those who are the spender's client again, as far as they were
        given points: the client spends nothing before it is collected. What somebody was given and
        has spent is forgotten, unless the retailer bears it, or would if who paid for it is parted.
        """
        loans = await self._loans(session)
        for one in self._joined():
            others = set(self.crossings) - {self.spender_id, one.account_id}
            together = {other for other in others if not self.crossings[other].is_parted}
            one.given = min(one.given, self.borne + sum(loans.paid(together).values()))
        left = self.borne
        for one in sorted(self.crossings.values(), key=lambda one: one.is_parted):
            one.borne = min(one.given, left)
            left -= one.borne
        rows = [(c.account_id, c.points, c.settled, c.given, c.borne) for c in self._in_order()]
        await fetch(session, _KEEP, self.redemption_id, self.spender_id, *columns(rows))

    def _in_order(self) -> list[Crossing]:
        return sorted(self.crossings.values(), key=lambda one: one.account_id)

    async def _loans(self, session: AsyncSession) -> Loans:
        rows = await fetch(session, _LOANS, self.redemption_id)
        return Loans(
            [LoanEntry(id_, kind, orjson.loads(rules), *of) for id_, kind, rules, *of in rows]
        )

    async def _accounts(self, session: AsyncSession) -> set[UUID]:
        return {row[0] for row in await fetch(session, _ACCOUNTS, self.client_id)}

    async def _list_lots(self, session: AsyncSession, *, at: datetime) -> list[Lot]:
        """Return the lots of the spender's client that have not lapsed, oldest first."""
        found = await wallets.list_lots(session, await self._accounts(session), at=at)
        return oldest_first(lot for lot in found if not lot.is_past(at))

    async def _find_lots(
        self, session: AsyncSession, one: Crossing, lot_ids: Collection[UUID], *, at: datetime
    ) -> Mapping[UUID, Lot]:
        found = await wallets.list_lots(session, [one.account_id], at=at, lot_ids=lot_ids)
        return {lot.id: lot for lot in found}

    async def _draft(
        self, session: AsyncSession, one: Crossing, reason: str, *, at: datetime
    ) -> Draft:
        [(number,)] = await fetch(session, _SETTLEMENTS, self.redemption_id)
        return Draft(
            posting_id("crossing", self.redemption_id, one.account_id, number),
            PostingKind.SETTLEMENT,
            at.date(),
            actor="rcu",
            corrects_id=self.redemption_id,
            spender_id=self.spender_id,
            reason=reason,
            rules={LENDER: str(one.account_id), _TURN: number},
        )


async def find_settlements(
    session: AsyncSession, redemption_ids: Collection[UUID]
) -> list[Settlement]:
    """Return redemptions to settle, with all accounts that lent points to them or paid for them."""
    found: dict[UUID, Settlement] = {}
    rows = await fetch(session, _CROSSINGS, list(redemption_ids))
    for redemption_id, spender_id, client_id, *of in rows:
        one = found.setdefault(
            redemption_id, Settlement(redemption_id, spender_id, client_id, {}, borne=0)
        )
        crossing = Crossing(*of)
        one.crossings[crossing.account_id] = crossing
        one.borne += crossing.borne
    return list(found.values())


async def _post(session: AsyncSession, draft: Draft, *, at: datetime) -> None:
    draft.against(Counterpart.BORNE)
    if draft.movements:
        await ledger.post(session, [draft], at=at)
