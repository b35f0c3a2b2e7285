"""What goods that come back do to points: the sale's are taken, those spent on it go back.

A return takes from the lots that its sale gave, then from the account's others; what is missing is
owed, if the programme says so. Points that had paid for the goods go back to their lots, with the
days these have. A void does the like for the whole of its ticket.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.loyalty import ledger, programmes
from rcu.loyalty.earning import (
    Line,
    Sale,
    Standing,
    earn,
    exact_of_return,
    lines_of,
    payments_of,
    stored,
    whole,
)
from rcu.loyalty.ledger import Counted, Draft, NewLot, posting_id
from rcu.loyalty.lots import (
    Taken,
    active_from,
    expires_on,
    give_back,
    takes_for_return,
)
from rcu.loyalty.models import Counterpart, PostingKind
from rcu.loyalty.moving import COUNTED, TAKEN, withdrawn
from rcu.loyalty.past import Past, points_by_account, points_by_lot
from rcu.loyalty.programme import Programme
from rcu.loyalty.programmes import InForce
from rcu.loyalty.repository import KnownPosting, OriginalTicket, TicketFact
from rcu.loyalty.settlement import mark_given_back


async def take_back(
    session: AsyncSession,
    facts: Sequence[TicketFact],
    *,
    in_force: InForce,
    debts: dict[UUID, int],
    at: datetime,
) -> dict[UUID, int]:
    """Post what returns and voids take and give back; return the sum of each, by ticket.

    One after another, in the order of their sale: each sees what the one before has taken.
    """
    sums: dict[UUID, int] = {}
    for fact in facts:
        past = await Past.read(session, fact, at=at)
        versions = {p.programme_version for p in past.postings if p.programme_version}
        own = in_force.version_on(fact.business_date)
        loaded = await programmes.load(session, versions | ({own} if own else set()))
        work = _Work(fact, past, loaded, own, debts, at)
        drafts = work.drafts()
        await ledger.post(session, drafts, at=at)
        await mark_given_back(session, work.given_back)
        if drafts:
            untold = {None, *past.referrers()}
            moved = (m for draft in drafts for m in draft.movements if m.account_id not in untold)
            sums[fact.id] = sum(movement.points for movement in moved)
    return sums


@dataclass(slots=True)
class _Work:
    """One return or void."""

    fact: TicketFact
    past: Past
    loaded: Mapping[str, Programme]
    own_version: str | None
    debts: dict[UUID, int]
    at: datetime
    made: list[Draft] = field(default_factory=list)
    given_back: list[tuple[UUID, UUID, int]] = field(default_factory=list)
    """Points of redemptions that went back: redemption, account, points."""

    def drafts(self) -> list[Draft]:
        original = self.past.original
        if original is None:
            self._take_without_ticket()
        elif self.fact.kind == "void" and original.kind == "return":
            self._undo_return(original)
        else:
            self._take_for_ticket(original)
            self._take_referral(original)
            self._restore(original)
        return self.made

    # --- a sale that comes back, or is cancelled ------------------------------------------------

    def _take_for_ticket(self, original: OriginalTicket) -> None:
        accrual = self.past.accrual()
        if accrual is None or accrual.programme_version is None or not accrual.entries:
            return
        programme = self.loaded[accrual.programme_version]
        before = self.past.correcting(accrual, PostingKind.RETURN)
        given = sum(entry.points for entry in accrual.entries)
        base = given - sum(accrual.rules.get("bonuses", {}).values())
        given -= withdrawn(self.past.correcting(accrual, PostingKind.SETTLEMENT))
        exact = self._exact_back(programme, accrual, original)
        left = Fraction(accrual.exact_points or 0) - exact
        left -= sum((Fraction(p.exact_points or 0) for p in before), Fraction(0))
        done = sum(p.rules.get(TAKEN, 0) for p in before)
        if self._is_whole(original, before):
            wanted = given - done
        else:
            wanted = base - whole(max(left, Fraction(0)), programme.rounding) - done
        # Rounded before and exact after: what was never given is not taken.
        wanted = max(min(wanted, given - done), 0)
        draft = self._draft(accrual, programme.version)
        draft.exact_points = stored(exact)
        counted = [min(wanted, max(base - done, 0)), self._cents(accrual, original, before)]
        draft.rules = {TAKEN: wanted, COUNTED: counted}
        holder = self.past.holder(accrual)
        account = holder.account_id
        may_owe = programme.returns_below_zero
        self._take(draft, account, wanted, may_owe=may_owe, given_by=holder.posting_id)
        month = original.business_date.replace(day=1)
        draft.counted.append(Counted(account, month, -counted[0], -counted[1]))
        self.made.append(draft)

    def _take_referral(self, original: OriginalTicket) -> None:
        """Take what a referral had given with the sale, once all of the sale has come back.

        Who was brought owes what is missing like the rest of the sale's points; who brought him
        has brought nothing back, and never goes below zero by it.
        """
        paid, accrual = self.past.referral(), self.past.accrual()
        if paid is None or accrual is None or paid.programme_version is None:
            return
        before = self.past.correcting(accrual, PostingKind.RETURN)
        is_taken = self.past.correcting(paid, PostingKind.RETURN, PostingKind.VOID)
        if is_taken or not self._is_whole(original, before):
            return
        is_withdrawn = withdrawn(self.past.correcting(paid, PostingKind.SETTLEMENT)) > 0
        draft = self._draft(paid, paid.programme_version)
        programme = self.loaded[paid.programme_version]
        given = {} if is_withdrawn else points_by_account(paid.entries)
        for account, points in given.items():
            may_owe = programme.returns_below_zero and account not in self.past.referrers()
            self._take(draft, account, points, may_owe=may_owe, given_by=paid.id)
        self.made.append(draft)

    def _exact_back(
        self, programme: Programme, accrual: KnownPosting, original: OriginalTicket
    ) -> Fraction:
        exact = Fraction(accrual.exact_points or 0)
        if self.fact.kind == "void":
            return exact
        sold = _sale(original)
        if self.fact.lines:
            return exact_of_return(programme, _sale(self.fact), sold, accrual.rules.get("tier"))
        share = Fraction(-self.fact.total_cents, max(original.total_cents, 1))
        return exact * min(share, Fraction(1))

    def _is_whole(self, original: OriginalTicket, before: Iterable[KnownPosting]) -> bool:
        if self.fact.kind == "void":
            return True
        back = -self.fact.total_cents + sum(p.amount_cents or 0 for p in before)
        return back >= original.total_cents

    def _cents(
        self, accrual: KnownPosting, original: OriginalTicket, before: Iterable[KnownPosting]
    ) -> int:
        """Return how many of the cents that count for tiers come back."""
        counted = accrual.amount_cents or 0
        left: int = counted - sum(p.rules.get(COUNTED, (0, 0))[1] for p in before)
        if self.fact.kind == "void":
            return left
        return min(-self.fact.total_cents * counted // max(original.total_cents, 1), left)

    def _take(
        self, draft: Draft, account: UUID, wanted: int, *, may_owe: bool, given_by: UUID
    ) -> None:
        lots = [lot for lot in self.past.lots.values() if lot.account_id == account]
        taken, missing = takes_for_return(lots, wanted, given_by=given_by)
        draft.take(taken)
        self._keep(taken)
        if missing and may_owe:
            draft.move(-missing, to=account)
            self.debts[account] = self.debts.get(account, 0) + missing
        elif missing:
            draft.rules["borne"] = draft.rules.get("borne", 0) + missing
        draft.against(Counterpart.ISSUED)

    def _keep(self, taken: Iterable[Taken]) -> None:
        for part in taken:
            lot = self.past.lots[part.lot.id]
            self.past.lots[lot.id] = replace(lot, remaining=lot.remaining - part.points)

    def _take_without_ticket(self) -> None:
        """Take what the goods would earn today: nobody knows which sale gave it."""
        if self.own_version is None:
            return
        programme = self.loaded[self.own_version]
        goods = _sale(self.fact)
        lines = [Line(line.category, -line.amount_cents) for line in goods.lines]
        earned = earn(
            programme,
            replace(goods, total_cents=-goods.total_cents, lines=lines, payments=()),
            Standing(),
        )
        draft = self._draft(None, programme.version)
        draft.exact_points = stored(earned.exact)
        draft.rules = {TAKEN: earned.points, "without_ticket": True}
        may_owe = programme.returns_below_zero
        account = self.fact.record_id
        self._take(draft, account, earned.points, may_owe=may_owe, given_by=draft.id)
        if draft.movements:
            month = self.fact.business_date.replace(day=1)
            draft.counted.append(
                Counted(self.fact.record_id, month, -earned.points, -earned.amount_cents)
            )
        self.made.append(draft)

    # --- points that paid for the goods ---------------------------------------------------------

    def _restore(self, original: OriginalTicket) -> None:
        for redemption in self.past.redemptions():
            restored = self.past.correcting(redemption, PostingKind.RESTORATION)
            settled = self.past.correcting(redemption, PostingKind.SETTLEMENT)
            total = -sum(entry.points for entry in redemption.entries)
            done = sum(entry.points for one in restored for entry in one.entries)
            spent = points_by_lot([e for p in (redemption, *restored, *settled) for e in p.entries])
            points = self._share(total, original, restored) - done
            back = give_back(spent, points, order=list(spent))
            if back or points == 0:
                # Also without points: how much of the goods came back is summed up from these.
                self.made.append(self._restoration(redemption, back))

    def _share(self, total: int, original: OriginalTicket, restored: Sequence[KnownPosting]) -> int:
        if self.fact.kind == "void" or original.total_cents <= 0:
            return total
        cents = -self.fact.total_cents + sum(p.amount_cents or 0 for p in restored)
        return min(total * cents // original.total_cents, total)

    def _restoration(self, redemption: KnownPosting, back: Mapping[UUID, int]) -> Draft:
        draft = self._draft(redemption, redemption.programme_version, what="restoration")
        draft.kind = PostingKind.RESTORATION
        owner = {
            entry.lot_id: entry.account_id
            for posting in self.past.postings
            for entry in posting.entries
            if entry.lot_id is not None
        }
        for lot_id, points in back.items():
            draft.move(points, to=owner[lot_id], lot=lot_id)
            self.given_back.append((redemption.id, owner[lot_id], points))
        draft.against(Counterpart.REDEEMED)
        return draft

    # --- a return that is cancelled -------------------------------------------------------------

    def _undo_return(self, original: OriginalTicket) -> None:
        """Give back what a return took, and take again what it gave back."""
        for posting in self.past.postings:
            if posting.ticket_id == original.id and posting.kind != PostingKind.VOID:
                draft = self._draft(posting, posting.programme_version)
                for entry in posting.entries:
                    self._reverse(draft, entry.account_id, entry.lot_id, -entry.points)
                    if posting.kind == PostingKind.RESTORATION and posting.corrects_id:
                        undone = (posting.corrects_id, entry.account_id, -entry.points)
                        self.given_back.append(undone)
                draft.against(
                    Counterpart.REDEEMED
                    if posting.kind == PostingKind.RESTORATION
                    else Counterpart.ISSUED
                )
                self._count_again(draft, posting)
                self.made.append(draft)

    def _reverse(self, draft: Draft, account: UUID, lot_id: UUID | None, points: int) -> None:
        if lot_id is not None and points > 0:
            draft.move(points, to=account, lot=lot_id)
        elif lot_id is not None:
            lots = [lot for lot in self.past.lots.values() if lot.account_id == account]
            own = [lot for lot in lots if lot.id == lot_id]
            others = [lot for lot in lots if lot.id != lot_id]
            taken, missing = takes_for_return([*own, *others], -points, given_by=draft.id)
            draft.take(taken)
            self._keep(taken)
            draft.move(-missing, to=account)
            self.debts[account] = self.debts.get(account, 0) + missing
        else:
            self._forgive(draft, account, points)

    def _forgive(self, draft: Draft, account: UUID, points: int) -> None:
        """Take a debt back; what later sales have paid of it comes back as new points."""
        owed = min(self.debts.get(account, 0), points)
        self.debts[account] = self.debts.get(account, 0) - owed
        draft.move(owed, to=account)
        if points > owed and draft.programme_version is not None:
            programme = self.loaded[draft.programme_version]
            start = active_from(self.fact.business_date, after_days=0)
            lot = NewLot(
                account_id=account,
                earned_at=self.fact.sold_at,
                active_from=start,
                expires_on=expires_on(start, months=programme.expires_after_months),
                timezone=self.fact.timezone,
                granted=points - owed,
            )
            draft.give(lot, debt=0)

    def _count_again(self, draft: Draft, posting: KnownPosting) -> None:
        counted = posting.rules.get(COUNTED)
        if counted is None or not posting.entries:
            return
        day = self.past.sold_on
        draft.counted.append(Counted(posting.entries[0].account_id, day.replace(day=1), *counted))

    def _draft(
        self, corrected: KnownPosting | None, version: str | None, *, what: str | None = None
    ) -> Draft:
        fact = self.fact
        parts = (corrected.id,) if corrected is not None else ()
        return Draft(
            posting_id(what or fact.kind, fact.source, fact.ticket_id, *parts),
            PostingKind.VOID if fact.kind == "void" else PostingKind.RETURN,
            fact.business_date,
            actor=f"source:{fact.source}",
            programme_version=version,
            ticket_id=fact.id,
            corrects_id=corrected.id if corrected is not None else None,
            amount_cents=-fact.total_cents,
        )


def _sale(ticket: TicketFact | OriginalTicket) -> Sale:
    return Sale(
        total_cents=ticket.total_cents,
        currency=ticket.currency,
        channel=ticket.channel,
        store=ticket.store,
        business_date=ticket.business_date,
        lines=lines_of(ticket.lines),
        payments=payments_of(ticket.payments),
    )
