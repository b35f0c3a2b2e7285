"""Returns that find their sale later: what they took without it is given again, the sale's taken.

A return that names only its order takes by the plain rules of its day as long as the sale of that
order is not there. Once it is, the return ends as if it had come after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.loyalty import ledger, programmes, repository, wallets
from rcu.loyalty.correcting import Accounts, NewDays
from rcu.loyalty.ledger import Counted, Draft, posting_id
from rcu.loyalty.lots import Lot, active_from, expires_on
from rcu.loyalty.models import Counterpart, PostingKind
from rcu.loyalty.programme import Programme
from rcu.loyalty.programmes import InForce
from rcu.loyalty.removed import COUNTED, TAKEN, WITHOUT_TICKET, removed_of
from rcu.loyalty.repository import HungTicket, KnownPosting
from rcu.loyalty.returning import take_back

SALE_FOUND: Final = "sale_found"
"""That what a return had taken was given again, since its sale is known."""


async def take_with_sale(
    session: AsyncSession, returns: Sequence[HungTicket], *, at: datetime
) -> None:
    """Take for returns what their sale had given, once it is known which that is.

    The returns and the sales are written, with the points that the sales earned. What the returns
    had taken before is given again, with the days of the sale's points, unless they are cancelled
    and it was. What was posted before is not posted again.
    """
    debts: dict[UUID, int] = {}
    taken = {one.id: one for one in returns}
    ticket_ids = {*taken, *(one.original_id for one in returns if one.original_id)}
    postings = await repository.find_postings(session, ticket_ids)
    accounts = {entry.account_id for posting in postings for entry in posting.entries}
    locked = await wallets.lock_accounts(session, accounts)
    debts |= {account.record_id: account.debt for account in locked}
    # As they are now that nobody else moves their points.
    postings = await repository.find_postings(session, ticket_ids)
    await _give_again(session, taken, postings, debts=debts, at=at)
    await take_back(session, returns, in_force=InForce(()), debts=debts, at=at)


async def _give_again(
    session: AsyncSession,
    returns: dict[UUID, HungTicket],
    postings: Sequence[KnownPosting],
    *,
    debts: dict[UUID, int],
    at: datetime,
) -> None:
    corrected = {posting.corrects_id for posting in postings}
    due = [p for p in postings if p.rules.get(WITHOUT_TICKET) and p.id not in corrected]
    if not due:
        return
    loaded = await programmes.load(
        session, {p.programme_version for p in due if p.programme_version}
    )
    moved = {e.lot_id for p in postings for e in p.entries if e.lot_id}
    owners = {entry.account_id for posting in postings for entry in posting.entries}
    lots = await wallets.list_lots(session, owners, at=at, lot_ids=moved)
    accounts = Accounts({lot.id: lot for lot in lots}, debts, at)
    drafts = []
    for taking in due:
        if taking.ticket_id in returns and taking.programme_version is not None:
            fact = returns[taking.ticket_id]
            days = _days(fact, postings, lots, loaded[taking.programme_version])
            drafts.append(_draft(fact, taking, accounts, days))
    await ledger.post(session, drafts, at=at)


def _draft(fact: HungTicket, taking: KnownPosting, accounts: Accounts, days: NewDays) -> Draft:
    """Return the posting that gives again what a return had taken without its sale."""
    points, cents = taking.rules.get(COUNTED, (0, 0))
    draft = Draft(
        posting_id("sale found", fact.source, fact.ticket_id),
        PostingKind.RETURN,
        fact.business_date,
        actor=f"source:{fact.source}",
        programme_version=taking.programme_version,
        ticket_id=fact.id,
        corrects_id=taking.id,
        rules={TAKEN: -taking.rules.get(TAKEN, 0), COUNTED: [-points, -cents], SALE_FOUND: True},
    )
    if taking.entries:
        account = taking.entries[0].account_id
        given = -sum(entry.points for entry in taking.entries)
        removed = replace(removed_of(taking, [replace(taking, corrects_id=taking.id)]), borne=0)
        accounts.give_again(draft, account, given, removed, days=days)
        draft.against(Counterpart.ISSUED)
        month = fact.business_date.replace(day=1)
        draft.counted.append(Counted(account, month, points, cents))
    return draft


def _days(
    fact: HungTicket,
    postings: Sequence[KnownPosting],
    lots: Sequence[Lot],
    programme: Programme,
) -> NewDays:
    """Return the days of points that have no lot to go back to: those of the sale's, if it has."""
    earning = {
        p.id for p in postings if p.ticket_id == fact.original_id and p.kind == PostingKind.ACCRUAL
    }
    for lot in lots:
        if lot.posting_id in earning:
            return NewDays(lot.earned_at, lot.active_from, lot.expires_on, lot.timezone)
    start = active_from(fact.business_date, after_days=0)
    until = expires_on(start, months=programme.expires_after_months)
    return NewDays(fact.sold_at, start, until, fact.timezone)
