"""What goods that come back do to points: the sale's are taken, those spent on it go back.

What is to stand of a sale is worked out from all its tickets that stand, its returns and its void,
and the difference to what is posted is posted: in whatever order they come, they end in the same.
A return takes from the lots that its sale gave, then from the account's others; what is missing is
owed, if the programme says so. Points that had paid for the goods go back to their lots, with the
days these have. A void does the like for the whole of its ticket; that of a return undoes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.locks import lock_key, lock_until_commit
from rcu.loyalty import ledger, programmes, repository, wallets
from rcu.loyalty.correcting import Accounts, NewDays
from rcu.loyalty.earning import earn_back, stored
from rcu.loyalty.ledger import Counted, Draft, Movement, posting_id
from rcu.loyalty.lots import active_from, expires_on, give_back
from rcu.loyalty.models import Counterpart, PostingKind
from rcu.loyalty.past import Past, points_by_lot
from rcu.loyalty.programme import Programme
from rcu.loyalty.programmes import InForce
from rcu.loyalty.referral_correcting import correct_referral
from rcu.loyalty.remaining import Goods, exact_back, pays_referral, sale_in, to_take
from rcu.loyalty.removed import (
    COUNTED,
    REPAID,
    TAKEN,
    WITHOUT_TICKET,
    removed_of,
    repaid_of,
    restored_of,
)
from rcu.loyalty.repository import HungTicket, KnownPosting
from rcu.loyalty.settlement import find_borne, mark_given_back, mark_repaid
from rcu.sales.facts import waiting_for_ticket


async def take_back(
    session: AsyncSession,
    facts: Sequence[HungTicket],
    *,
    in_force: InForce,
    debts: dict[UUID, int],
    at: datetime,
) -> dict[UUID, int]:
    """Post what returns and voids take and give back; return the sum of each, by ticket.

    One after another, in the order given: each posts what is left to be posted of its sale. What
    one of them has posted before is not posted again.
    """
    sums: dict[UUID, int] = {}
    for number, fact in enumerate(facts):
        past = None
        if fact.original_id is not None:
            later = {one.id for one in facts[number + 1 :]}
            past = await Past.read(session, fact.original_id, debts=debts, at=at, without=later)
        if past is not None and (past.goods is not None or fact.kind == "void"):
            work = await _of_ticket(session, fact, past)
        else:
            work = await _without_ticket(session, fact, in_force, debts=debts, at=at)
        await ledger.post(session, work.made, at=at)
        await mark_given_back(session, work.given_back)
        await mark_repaid(session, work.repaid)
        if work.made:
            untold = {None, *(work.past.referrers() if work.past else ())}
            moved = (m for draft in work.made for m in draft.movements)
            sums[fact.id] = sum(m.points for m in moved if m.account_id not in untold)
    return sums


@dataclass(slots=True)
class _Work:
    """One return or void, and what is posted of it."""

    fact: HungTicket
    past: Past | None = None
    made: list[Draft] = field(default_factory=list)
    given_back: list[tuple[UUID, UUID, int]] = field(default_factory=list)
    """Points of redemptions that went back: redemption, account, points."""
    repaid: list[tuple[UUID, UUID, int]] = field(default_factory=list)
    """Points of settled redemptions that the retailer had borne: redemption, lender, points."""

    def draft(
        self, corrected: KnownPosting | None, version: str | None, *, what: str | None = None
    ) -> Draft | None:
        """Return a posting of the ticket to fill, or None if it was posted before."""
        fact = self.fact
        parts = (corrected.id,) if corrected is not None else ()
        id_ = posting_id(what or fact.kind, fact.source, fact.ticket_id, *parts)
        if self.past is not None and any(posting.id == id_ for posting in self.past.postings):
            return None
        draft = Draft(
            id_,
            PostingKind.VOID if fact.kind == "void" else PostingKind.RETURN,
            fact.business_date,
            actor=f"source:{fact.source}",
            programme_version=version,
            ticket_id=fact.id,
            corrects_id=corrected.id if corrected is not None else None,
            amount_cents=-fact.total_cents,
        )
        self.made.append(draft)
        return draft

    def new_days(self, programme: Programme) -> NewDays:
        """Return the days of points that have no lot to go back to: they begin now."""
        start = active_from(self.fact.business_date, after_days=0)
        until = expires_on(start, months=programme.expires_after_months)
        return NewDays(self.fact.sold_at, start, until, self.fact.timezone)


async def _of_ticket(session: AsyncSession, fact: HungTicket, past: Past) -> _Work:
    work = _Work(fact, past)
    loaded = await programmes.load(
        session, {p.programme_version for p in past.postings if p.programme_version}
    )
    if past.goods is not None:
        _correct_accrual(work, past, past.goods, loaded)
        _correct_referral(work, past, past.goods, loaded)
        redemptions = past.redemptions()
        borne = await find_borne(session, [redemption.id for redemption in redemptions])
        for redemption in redemptions:
            _correct_redemption(work, past, past.goods, redemption, borne[redemption.id])
    else:
        _give_again_without_ticket(work, past, loaded)
    return work


def _correct_accrual(
    work: _Work, past: Past, goods: Goods, loaded: Mapping[str, Programme]
) -> None:
    accrual = past.accrual()
    if accrual is None or accrual.programme_version is None or not accrual.entries:
        return
    programme = loaded[accrual.programme_version]
    wanted, removed = to_take(programme, accrual, goods), removed_of(accrual, past.postings)
    draft = work.draft(accrual, programme.version)
    if draft is None:
        return
    points = wanted.points - removed.points
    counted = [
        wanted.counted_points - removed.counted_points,
        wanted.counted_cents - removed.counted_cents,
    ]
    if goods.sale.id == work.fact.original_id:
        draft.exact_points = stored(exact_back(programme, accrual, goods.sale, work.fact))
    draft.rules = {TAKEN: points, COUNTED: counted}
    may_owe, days = programme.returns_below_zero, work.new_days(programme)
    past.correct(draft, accrual, points, may_owe=may_owe, days=days)
    draft.against(Counterpart.ISSUED)
    month = goods.sale.business_date.replace(day=1)
    account = past.holder(accrual).account_id
    draft.counted.append(Counted(account, month, -counted[0], -counted[1]))


def _correct_referral(
    work: _Work, past: Past, goods: Goods, loaded: Mapping[str, Programme]
) -> None:
    """Take what a referral had given once too little of the sale is kept, or give it again."""
    paid = past.referral()
    if paid is None or paid.programme_version is None:
        return
    programme = loaded[paid.programme_version]
    is_to_go = bool(paid.withdrawn) or not pays_referral(programme, past.accrual(), goods)
    if is_to_go == removed_of(paid, past.postings).is_gone:
        return
    draft = work.draft(paid, programme.version)
    if draft is not None:
        days, may_owe = work.new_days(programme), programme.returns_below_zero
        correct_referral(draft, past, paid, is_to_go=is_to_go, may_owe=may_owe, days=days)


# --- points that paid for the goods -------------------------------------------------------------


def _correct_redemption(
    work: _Work, past: Past, goods: Goods, redemption: KnownPosting, borne: Mapping[UUID, int]
) -> None:
    """Give spent points back with the goods they paid for, or take them again with these.

    `borne` is what the retailer bears of a settled redemption, by lender: it is repaid with them.
    """
    restored = restored_of(redemption, past.postings)
    repaid = repaid_of(redemption, past.postings)
    total = -sum(entry.points for entry in redemption.entries)
    done = sum(sum(lots.values()) for lots in restored.values()) + sum(repaid.values())
    points = goods.share_back(total) - done
    if points > 0:
        _restore(work, past, redemption, points, borne)
    elif points < 0:
        _take_again(work, past, redemption, -points, restored, repaid)


def _restore(
    work: _Work, past: Past, redemption: KnownPosting, points: int, borne: Mapping[UUID, int]
) -> None:
    correcting = past.correcting(
        redemption, PostingKind.RESTORATION, PostingKind.VOID, PostingKind.SETTLEMENT
    )
    spent = points_by_lot([e for p in (redemption, *correcting) for e in p.entries])
    back = give_back(spent, points, order=list(spent))
    repaid = give_back(borne, points - sum(back.values()), order=list(borne))
    if not back and not repaid:
        return
    draft = work.draft(redemption, redemption.programme_version, what="restoration")
    if draft is None:
        return
    draft.kind = PostingKind.RESTORATION
    for lot_id, part in back.items():
        owner = past.accounts.lots[lot_id].account_id
        draft.move(part, to=owner, lot=lot_id)
        work.given_back.append((redemption.id, owner, part))
    _repay(work, draft, redemption, repaid)
    draft.against(Counterpart.REDEEMED)


def _repay(work: _Work, draft: Draft, redemption: KnownPosting, repaid: Mapping[UUID, int]) -> None:
    """Let the retailer have what it had borne, or (below zero) bear it again."""
    for lender, part in repaid.items():
        draft.movements.append(Movement(part, counterpart=Counterpart.BORNE))
        work.repaid.append((redemption.id, lender, part))
    if repaid:
        draft.rules[REPAID] = {str(lender): part for lender, part in repaid.items()}


def _take_again(
    work: _Work,
    past: Past,
    redemption: KnownPosting,
    points: int,
    restored: Mapping[UUID, Mapping[UUID | None, int]],
    repaid: Mapping[UUID, int],
) -> None:
    draft = work.draft(redemption, redemption.programme_version)
    if draft is None:
        return
    again = give_back(repaid, points, order=list(repaid))
    _repay(work, draft, redemption, {lender: -part for lender, part in again.items()})
    points -= sum(again.values())
    for account in reversed(list(restored)):
        lots = restored[account]
        part = min(sum(lots.values()), points)
        if part > 0:
            preferred = [lot for lot, given in reversed(list(lots.items())) if lot and given > 0]
            past.accounts.take_again(draft, account, part, preferred=preferred)
            work.given_back.append((redemption.id, account, -part))
            points -= part
    draft.against(Counterpart.REDEEMED)


# --- goods brought back without their ticket ----------------------------------------------------


async def _without_ticket(
    session: AsyncSession,
    fact: HungTicket,
    in_force: InForce,
    *,
    debts: dict[UUID, int],
    at: datetime,
) -> _Work:
    """Take what the goods would earn today: nobody knows which purchase gave it."""
    work, version = _Work(fact), in_force.version_on(fact.business_date)
    if version is None or fact.record_id is None:
        return work
    if fact.original_id is not None and await repository.find_postings(session, [fact.id]):
        return work
    programme = (await programmes.load(session, {version}))[version]
    lots = await wallets.list_lots(session, [fact.record_id], at=at)
    accounts = Accounts({lot.id: lot for lot in lots}, debts, at)
    earned = earn_back(programme, sale_in(fact))
    draft = work.draft(None, version)
    if draft is None:
        return work
    draft.exact_points = stored(earned.exact)
    draft.rules = {
        TAKEN: earned.points,
        COUNTED: [earned.points, earned.amount_cents],
        WITHOUT_TICKET: True,
    }
    may_owe = programme.returns_below_zero
    accounts.take(draft, fact.record_id, earned.points, given_by=draft.id, may_owe=may_owe)
    draft.against(Counterpart.ISSUED)
    if draft.movements:
        month = fact.business_date.replace(day=1)
        draft.counted.append(Counted(fact.record_id, month, -earned.points, -earned.amount_cents))
    return work


def _give_again_without_ticket(work: _Work, past: Past, loaded: Mapping[str, Programme]) -> None:
    """Give again what a return without its ticket had taken."""
    taking = next((p for p in past.postings if p.ticket_id == past.ticket.id), None)
    if taking is None or taking.programme_version is None or not taking.entries:
        return
    draft = work.draft(taking, taking.programme_version)
    if draft is None:
        return
    account, days = taking.entries[0].account_id, work.new_days(loaded[taking.programme_version])
    points = -sum(entry.points for entry in taking.entries)
    removed = removed_of(taking, [replace(taking, corrects_id=taking.id)])
    past.accounts.give_again(draft, account, points, replace(removed, borne=0), days=days)
    draft.against(Counterpart.ISSUED)
    counted = taking.rules.get(COUNTED, (0, 0))
    month = past.ticket.business_date.replace(day=1)
    draft.counted.append(Counted(account, month, *counted))


# --- points that are spent on goods that are back already -----------------------------------------


async def take_back_spent(
    session: AsyncSession, source: str, ticket_id: str, *, timezone: str, at: datetime
) -> None:
    """Give back what was spent on a ticket whose goods have come back by now, or some of them.

    To be called after the redemption is posted, by who holds `lock_paid_ticket`. The ticket may not
    be there yet, or never be. `timezone` is that of goods that no store took back.
    """
    back = await repository.list_back(session, source, ticket_id, timezone=timezone)
    if back:
        await take_back(session, back, in_force=InForce(()), debts={}, at=at)


async def lock_paid_ticket(session: AsyncSession, ticket_id: str) -> None:
    """Wait for whoever records a ticket of this id, or goods of it that come back.

    To be called before any account is locked.
    """
    await lock_until_commit(session, [lock_key(waiting_for_ticket(ticket_id, None))])
