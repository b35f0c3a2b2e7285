"""Points of a ticket that hangs on another record now: by a claim, a steward, or its order.

They go over in a lot with the same days, as far as no return has taken them. What its old holder
has spent of them by then the retailer bears: it was a mistake of nobody who buys. It does so once:
a ticket that goes back to somebody brings him what he has not spent of it before, and however often
it goes to and fro, no more is spent of its points than twice what it has earned.

Who got fewer points than the ticket is worth, since others had spent them, never gives more of them
back than he got: what goods that come back would take beyond that, the retailer bears.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.loyalty import ledger, repository, wallets
from rcu.loyalty.ledger import Counted, Draft, NewLot, posting_id
from rcu.loyalty.lots import Lot, take, taken_points
from rcu.loyalty.models import Counterpart, PostingKind
from rcu.loyalty.removed import Removed, removed_of
from rcu.loyalty.repository import KnownPosting

_TO: Final = "to"
_NUMBER: Final = "number"
_USED: Final = "used"
"""What each holder so far has had of the points, by account, in the rules of a transfer."""
_SHORT: Final = "short"
"""Points of the sale that the new holder did not get, with those not taken of earlier ones."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Where the points of a sale are now."""

    account_id: UUID
    posting_id: UUID
    """The posting that made their lot: the accrual, or the last transfer."""
    transfers: int
    short: int
    """Points of the sale that others had spent: he did not get them, and will not owe them.

    With those that were not taken from earlier holders for the same reason.
    """

    def had(self, points: int, removed: Removed) -> int:
        """Return how many he has got of the `points` that are left to the sale."""
        return max(points + removed.not_had - self.short, 0)


def holder_of(accrual: KnownPosting, correcting: Sequence[KnownPosting]) -> Holder:
    """Return where the points of a sale are, of the postings that correct its accrual."""
    transfers = _transfers(correcting)
    if not transfers:
        return Holder(accrual.entries[0].account_id, accrual.id, 0, short=0)
    last = transfers[-1]
    short = last.rules.get(_SHORT, 0)
    return Holder(UUID(last.rules[_TO]), last.id, len(transfers), short=short)


def _transfers(correcting: Sequence[KnownPosting]) -> list[KnownPosting]:
    found = (posting for posting in correcting if posting.kind == PostingKind.TRANSFER)
    return sorted(found, key=lambda posting: posting.rules[_NUMBER])


async def move_points(session: AsyncSession, moved: Mapping[UUID, UUID], *, at: datetime) -> None:
    """Move the points that tickets earned to the records that they hang on now, by ticket."""
    if not moved:
        return
    postings = await repository.find_postings(session, list(moved))
    accounts = {entry.account_id for posting in postings for entry in posting.entries}
    locked = await wallets.lock_accounts(session, accounts | set(moved.values()))
    # As they are now that nobody else moves them.
    postings = await repository.find_postings(session, list(moved))
    days = await repository.find_business_dates(session, list(moved))
    await wallets.let_holds_lapse(session, accounts, at=at)
    lots = await repository.list_lots_of(session, [posting.id for posting in postings])
    debts = {account.record_id: account.debt for account in locked}
    drafts = []
    for accrual in postings:
        ticket_id = accrual.ticket_id
        if accrual.kind != PostingKind.ACCRUAL or ticket_id is None or ticket_id not in moved:
            continue
        draft = _draft(
            accrual,
            [posting for posting in postings if posting.corrects_id == accrual.id],
            lots,
            to=moved[ticket_id],
            debts=debts,
            sold_on=days[ticket_id],
        )
        if draft is not None:
            draft.ticket_id, draft.business_date = ticket_id, at.date()
            drafts.append(draft)
    await ledger.post(session, drafts, at=at)


def _draft(
    accrual: KnownPosting,
    correcting: Sequence[KnownPosting],
    lots: Sequence[Lot],
    *,
    to: UUID,
    debts: dict[UUID, int],
    sold_on: date,
) -> Draft | None:
    if not accrual.entries:
        return None
    transfers = _transfers(correcting)
    holder = holder_of(accrual, correcting)
    bonuses = sum(accrual.rules.get("bonuses", {}).values())
    given = sum(entry.points for entry in accrual.entries)
    removed = removed_of(accrual, correcting)
    points = given - removed.points
    days = next((lot for lot in lots if lot.posting_id == accrual.id), None)
    if holder.account_id == to or points <= 0 or days is None:
        return None
    had = holder.had(points, removed)
    taken = take([lot for lot in lots if lot.posting_id == holder.posting_id], had)
    left = taken_points(taken)
    used = transfers[-1].rules.get(_USED, {}) if transfers else {}
    used = used | {str(holder.account_id): had - left}
    borne = sum(entry.points for posting in transfers for entry in posting.entries)
    not_used = max(points - used.get(str(to), 0), 0)
    moved = min(not_used, left + max(points - borne, 0))
    draft = Draft(
        posting_id("transfer", accrual.id, holder.transfers),
        PostingKind.TRANSFER,
        sold_on,
        actor="rcu",
        programme_version=accrual.programme_version,
        corrects_id=accrual.id,
        reason="The ticket hangs on another record",
        rules={
            _TO: str(to),
            _NUMBER: holder.transfers,
            _USED: used,
            _SHORT: not_used - moved + removed.not_had,
        },
    )
    draft.take(taken)
    if moved > 0:
        new = NewLot(to, days.earned_at, days.active_from, days.expires_on, days.timezone, moved)
        debts[to] = draft.give(new, debt=debts.get(to, 0))
    draft.against(Counterpart.BORNE)
    base = given - bonuses - removed.counted_points
    cents = (accrual.amount_cents or 0) - removed.counted_cents
    month = sold_on.replace(day=1)
    draft.counted += [
        Counted(holder.account_id, month, -base, -cents),
        Counted(to, month, base, cents),
    ]
    return draft
