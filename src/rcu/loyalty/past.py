"""What was posted of a sale before goods of it come back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.loyalty import repository, wallets
from rcu.loyalty.lots import Lot
from rcu.loyalty.models import PostingKind
from rcu.loyalty.moving import Holder, holder_of
from rcu.loyalty.repository import EntryOf, KnownPosting, OriginalTicket, TicketFact
from rcu.loyalty.rewarding import REFERRER


@dataclass(slots=True)
class Past:
    """What was posted of the ticket that comes back."""

    original: OriginalTicket | None
    postings: Sequence[KnownPosting]
    lots: dict[UUID, Lot]
    sold_on: date
    """Business day of the sale; of a return that is cancelled, that of the goods' own sale."""

    @classmethod
    async def read(cls, session: AsyncSession, fact: TicketFact, *, at: datetime) -> Past:
        """Return it, of the ticket that a return or a void refers to."""
        if fact.original_id is None:
            lots = await wallets.list_lots(session, [fact.record_id], at=at)
            return cls(None, (), {lot.id: lot for lot in lots}, fact.business_date)
        originals = await repository.find_originals(session, [fact.original_id])
        original = originals[fact.original_id]
        sold = originals.get(original.original_id) if original.original_id else None
        postings = await repository.find_postings(session, list(originals))
        accounts = {entry.account_id for posting in postings for entry in posting.entries}
        lots = await wallets.list_lots(session, accounts, at=at)
        sold_on = (sold or original).business_date
        return cls(original, postings, {lot.id: lot for lot in lots}, sold_on)

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
        own = (p for p in self.postings if self.original and p.ticket_id == self.original.id)
        return next((posting for posting in own if posting.kind == kind), None)

    def correcting(self, posting: KnownPosting, *kinds: PostingKind) -> list[KnownPosting]:
        """Return what corrects a posting and is not itself voided."""
        voided = {p.corrects_id for p in self.postings if p.kind == PostingKind.VOID}
        return [
            p
            for p in self.postings
            if p.corrects_id == posting.id and p.kind in kinds and p.id not in voided
        ]

    def holder(self, accrual: KnownPosting) -> Holder:
        """Return where the points of the sale are now."""
        return holder_of(accrual, [p for p in self.postings if p.corrects_id == accrual.id])

    def redemptions(self) -> list[KnownPosting]:
        """Return the spending that paid for the ticket."""
        return [p for p in self.postings if p.kind == PostingKind.REDEMPTION]


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
