"""What was posted of a sale, and what of its goods has come back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.loyalty import repository, wallets
from rcu.loyalty.correcting import Accounts, NewDays
from rcu.loyalty.ledger import Draft
from rcu.loyalty.models import PostingKind
from rcu.loyalty.moving import Holder, holder_of
from rcu.loyalty.remaining import Goods
from rcu.loyalty.removed import NOT_HAD, removed_of
from rcu.loyalty.repository import EntryOf, KnownPosting, OriginalTicket
from rcu.loyalty.rewarding import REFERRER


@dataclass(slots=True)
class Past:
    """What was posted of a ticket, or of the sale that it brought back, and its accounts."""

    ticket: OriginalTicket
    goods: Goods | None
    """The purchase and what has come back of it; None of goods brought back without theirs."""
    postings: Sequence[KnownPosting]
    accounts: Accounts

    @classmethod
    async def read(
        cls,
        session: AsyncSession,
        ticket_id: UUID,
        *,
        debts: dict[UUID, int],
        at: datetime,
        without: Collection[UUID] = (),
    ) -> Self:
        """Return it of a sale, or of a return, as it was `without` some tickets that come later.

        `debts` are those of the accounts that are locked; those that are not yet join them.
        """
        found = await cls.read_all(session, [ticket_id], debts=debts, at=at, without=without)
        return found[ticket_id]

    @classmethod
    async def read_all(
        cls,
        session: AsyncSession,
        ticket_ids: Collection[UUID],
        *,
        debts: dict[UUID, int],
        at: datetime,
        without: Collection[UUID] = (),
    ) -> dict[UUID, Self]:
        """Return as `read` does it of each ticket; they share the debts and lots of an account."""
        goods: dict[UUID, Goods | None] = {}
        tickets: dict[UUID, OriginalTicket] = {}
        for ticket_id, found in (await repository.list_of_sales(session, ticket_ids)).items():
            ticket = tickets[ticket_id] = next(one for one in found if one.id == ticket_id)
            goods[ticket_id] = _goods_of(ticket, [one for one in found if one.id not in without])
        paid_for = {id_: known.sale.id if known else id_ for id_, known in goods.items()}
        asked = set(paid_for.values())
        postings = await repository.find_postings_by_ticket(session, asked)
        accounts = {entry.account_id for entry in _entries(postings)}
        if further := accounts - debts.keys():
            locked = await wallets.lock_accounts(session, further)
            debts |= {account.record_id: account.debt for account in locked}
            # As they are now that nobody else moves their points.
            postings = await repository.find_postings_by_ticket(session, asked)
        moved = {entry.lot_id for entry in _entries(postings) if entry.lot_id}
        lots = await wallets.list_lots(session, accounts, at=at, lot_ids=moved) if accounts else []
        shared = Accounts({lot.id: lot for lot in lots}, debts, at)
        return {
            id_: cls(ticket, goods[id_], postings[paid_for[id_]], shared)
            for id_, ticket in tickets.items()
        }

    def accrual(self) -> KnownPosting | None:
        """Return what the sale has earned."""
        return self._one(PostingKind.ACCRUAL)

    def referral(self) -> KnownPosting | None:
        """Return what a referral gave with the sale."""
        return self._one(PostingKind.REFERRAL)

    def referrers(self) -> frozenset[UUID]:
        """Return the accounts of who was paid for bringing the buyer: somebody else's."""
        paid = (p for p in self.postings if p.kind == PostingKind.REFERRAL)
        return frozenset(UUID(posting.rules[REFERRER]) for posting in paid)

    def _one(self, kind: PostingKind) -> KnownPosting | None:
        return next((posting for posting in self.postings if posting.kind == kind), None)

    def correcting(self, posting: KnownPosting, *kinds: PostingKind) -> list[KnownPosting]:
        """Return what corrects a posting."""
        return [p for p in self.postings if p.corrects_id == posting.id and p.kind in kinds]

    def holder(self, accrual: KnownPosting) -> Holder:
        """Return where the points of the sale are now."""
        return holder_of(accrual, [p for p in self.postings if p.corrects_id == accrual.id])

    def correct(
        self, draft: Draft, accrual: KnownPosting, points: int, *, may_owe: bool, days: NewDays
    ) -> None:
        """Take points of the sale from who holds them, or (below zero) give them again.

        He gives back no more than he has got, which may be less than the sale is worth: see
        `moving`. What he is not to give he is not given again.
        """
        holder, removed = self.holder(accrual), removed_of(accrual, self.postings)
        account, given_by = holder.account_id, holder.posting_id
        if points > 0:
            left = sum(entry.points for entry in accrual.entries) - removed.points
            not_had = max(points - holder.had(left, removed), 0)
            self.accounts.take(draft, account, points - not_had, given_by=given_by, may_owe=may_owe)
        else:
            not_had = -min(removed.not_had, -points)
            self.accounts.give_again(draft, account, not_had - points, removed, days=days)
        if not_had:
            draft.rules[NOT_HAD] = not_had

    def redemptions(self) -> list[KnownPosting]:
        """Return the spending that paid for the sale."""
        return [p for p in self.postings if p.kind == PostingKind.REDEMPTION]


def _entries(postings: Mapping[UUID, Sequence[KnownPosting]]) -> Iterator[EntryOf]:
    return (entry for own in postings.values() for posting in own for entry in posting.entries)


def _goods_of(ticket: OriginalTicket, tickets: Sequence[OriginalTicket]) -> Goods | None:
    sale_id = ticket.id if ticket.is_purchase else ticket.original_id
    sale = next((one for one in tickets if one.id == sale_id and one.is_purchase), None)
    return Goods.of(sale, tickets) if sale else None


def points_by_account(entries: Iterable[EntryOf]) -> dict[UUID, int]:
    """Return what entries moved on each account."""
    found: dict[UUID, int] = defaultdict(int)
    for entry in entries:
        found[entry.account_id] += entry.points
    return dict(found)


def points_by_lot(entries: Iterable[EntryOf]) -> dict[UUID, int]:
    """Return the points that were taken from each lot and are still, in the order of the entries.

    Of a settled redemption, those of whom it was settled with: he has paid for it in the end.
    """
    found: dict[UUID, int] = defaultdict(int)
    for entry in entries:
        if entry.lot_id is not None:
            found[entry.lot_id] -= entry.points
    return dict(found)
