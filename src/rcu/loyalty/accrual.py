"""Points of tickets: earned by a sale, taken by what comes back, in the ticket's transaction.

The posting's id is derived from the ticket: whatever is retried or replayed, a ticket moves points
once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from rcu.db.errors import StaleReadError
from rcu.db.writes import Writes
from rcu.loyalty import ledger, programmes, referral_repository, repository, returning
from rcu.loyalty.earning import Earned, Standing, earn, stored
from rcu.loyalty.ledger import Counted, Draft, GivenBonus, NewLot, posting_id
from rcu.loyalty.lots import active_from, day_in, expires_on
from rcu.loyalty.models import Counterpart, PostingKind
from rcu.loyalty.programme import BonusKind, Programme
from rcu.loyalty.referrals import Purchase, ReferralBook
from rcu.loyalty.remaining import sale_in
from rcu.loyalty.repository import ClientPoints, HungTicket, TicketFact, TicketsRead
from rcu.loyalty.rewarding import draft_referral
from rcu.loyalty.settlement import settle
from rcu.loyalty.tiers import Month, TierStanding, standing


@dataclass(frozen=True, slots=True)
class TicketPoints:
    """What the answer to a ticket says of points."""

    earned: int
    """Below zero for goods that come back."""
    balance: int
    """Of the client, over all records, with the ticket's points."""
    pending: int
    """Of the balance, not active yet."""
    tier: TierStanding | None

    def to_json(self) -> dict[str, Any]:
        """Return the answer's member `loyalty`."""
        return {
            "earned": self.earned,
            "balance": self.balance,
            "pending": self.pending,
            "tier": tier_to_json(self.tier),
        }


def tier_to_json(found: TierStanding | None) -> dict[str, Any] | None:
    """Return a tier as answers tell it."""
    if found is None:
        return None
    after = found.next_tier
    return {
        "code": found.tier.code,
        "label": found.tier.label,
        "valid_until": found.valid_until.isoformat(),
        "next": None
        if after is None
        else {"code": after.code, "label": after.label, "missing": found.missing},
    }


async def accrue(
    writes: Writes,
    tickets: Sequence[HungTicket],
    *,
    at: datetime,
    timezone: str,
    touched: Collection[UUID] = (),
) -> dict[UUID, TicketPoints]:
    """Move the points of tickets, and return what their senders are told.

    Sales earn; returns and voids take back what their original gave. A ticket of a day on which no
    programme was in force is absent. What the `touched` clients, whose records moved, owe one
    another is settled before. Postings of sales are added to `writes`, which may hold the tickets
    and their totals, but none that another one refers to. One round trip for sales, two more when
    somebody was brought by a referral that waits, four when something comes back.
    """
    if not tickets:
        await settle(writes.session, touched)
        return {}
    read = await _read(writes, tickets, touched, timezone=timezone, at=at)
    if not read.in_force.activations:
        return {}
    session, debts = writes.session, read.debts
    loaded = await read.in_force.load_on(session, {ticket.business_date for ticket in tickets})
    awaited = [client_id for client_id, client in read.clients.items() if client.is_referred]
    book = await referral_repository.read_book(session, awaited) if awaited else ReferralBook()
    if not book.referrer_ids <= debts.keys():
        # Stated while we waited for our turn: the account of who is paid was not locked.
        raise StaleReadError
    facts = _facts(tickets, read)
    accrual = _Accrual(read, loaded, book, at)
    accrual.sell_all(
        [fact for fact in facts if isinstance(fact, TicketFact) and fact.is_purchase],
        timezone=timezone,
        are_counted=writes.are_sent,
    )
    await ledger.post_with(writes, accrual.drafts, at=at)
    if book.decided:
        await writes.send()
        await referral_repository.keep_decisions(session, book, accrual.referrals, at=at)
    back = [fact for fact in facts if not fact.is_purchase]
    if back:
        await writes.send()
        taken = await returning.take_back(session, back, in_force=read.in_force, debts=debts, at=at)
        told = [fact for fact in back if isinstance(fact, TicketFact) and fact.id in taken]
        again = await repository.read_for_tickets(session, told, timezone=timezone, at=at)
        accrual.clients |= again.clients
        accrual.tell_back(told, taken)
    return accrual.told


async def _read(
    writes: Writes,
    tickets: Sequence[HungTicket],
    touched: Collection[UUID],
    *,
    timezone: str,
    at: datetime,
) -> TicketsRead:
    """Read what decides the points; who was parted from whom spends no more of the other's."""
    session = writes.session
    read = await repository.read_for_tickets(
        session, tickets, touched=touched, timezone=timezone, at=at
    )
    if not read.is_due:
        return read
    await writes.send()
    await settle(session, touched)
    return await repository.read_for_tickets(session, tickets, timezone=timezone, at=at)


def _facts(tickets: Iterable[HungTicket], read: TicketsRead) -> list[HungTicket | TicketFact]:
    """Return tickets, with their clients if they are of somebody, in the order of their sale."""
    return [
        ticket
        if ticket.record_id is None
        else TicketFact.of(ticket, *read.buyers[ticket.record_id])
        for ticket in sorted(tickets, key=lambda t: (t.sold_at, t.ticket_id, t.id))
    ]


class _Accrual:
    """The sales of one transaction, as they are added to what their clients have."""

    def __init__(
        self,
        read: TicketsRead,
        loaded: Mapping[str, Programme],
        book: ReferralBook,
        at: datetime,
    ) -> None:
        self._in_force = read.in_force
        self._programmes = loaded
        self.clients = dict(read.clients)
        self._debts = read.debts
        self._book = book
        self._at = at
        self._are_first: set[UUID] = set()
        self.drafts: list[Draft] = []
        self.referrals: dict[UUID, tuple[UUID, date]] = {}
        """The posting of each referral that is paid, and the business day."""
        self.told: dict[UUID, TicketPoints] = {}

    def _programme(self, fact: TicketFact) -> Programme | None:
        version = self._in_force.version_on(fact.business_date)
        return self._programmes[version] if version else None

    def sell_all(self, facts: Sequence[TicketFact], *, timezone: str, are_counted: bool) -> None:
        """Add what sales earn, in the order of their sale."""
        for client_id, number in Counter(fact.client_id for fact in facts).items():
            if self.clients[client_id].sales <= (number if are_counted else 0):
                self._are_first.add(client_id)
        for fact in facts:
            client, day = self.clients[fact.client_id], day_in(timezone, fact.sold_at)
            client.first_on = min(day, client.first_on or day)
        for fact in facts:
            self._sell(fact)

    def _sell(self, fact: TicketFact) -> None:
        programme = self._programme(fact)
        if programme is None or not (fact.known or programme.anonymous_sales_earn):
            return
        client = self.clients[fact.client_id]
        is_first = fact.client_id in self._are_first
        tier = self._tier(programme, client, fact.business_date)
        earned = earn(
            programme,
            sale_in(fact),
            Standing(
                tier=tier.tier.code if tier else None,
                is_first_purchase=fact.known and is_first and not self._was_welcomed(fact),
                birth_month=programmes.birth_month_due(
                    programme, client.bonuses, client.birth_date, day=fact.business_date
                )
                if fact.known
                else None,
            ),
        )
        draft = self._draft(fact, programme, earned, tier)
        self._add(fact.client_id, draft.lots)
        client.bonuses |= {(bonus.bonus, bonus.period) for bonus in draft.bonuses}
        month = fact.business_date.replace(day=1)
        client.months.append(Month(month, earned.points, earned.amount_cents))
        self.drafts.append(draft)
        brought = self._pay_referral(fact, programme, earned) if fact.known else 0
        self._tell(fact, programme, earned.total + brought)

    def _add(self, client_id: UUID, lots: Sequence[NewLot]) -> None:
        """Add new points to what a client has, if it is one of those that are told of."""
        client = self.clients.get(client_id)
        if client is None:
            return
        for lot in lots:
            client.balance += lot.granted
            if lot.active_from > day_in(lot.timezone, self._at):
                client.pending += lot.granted

    def _pay_referral(self, fact: TicketFact, programme: Programme, earned: Earned) -> int:
        """Pay the referral that a purchase makes due, if one; return what the buyer gets of it."""
        client = self.clients[fact.client_id]
        purchase = Purchase(fact.business_date, earned.amount_cents, client.first_on)
        due = self._book.decide(fact.client_id, programme.referral, purchase)
        if due is None:
            return 0
        draft = draft_referral(fact, programme, due, debts=self._debts)
        self.drafts.append(draft)
        self.referrals[due.referral.id] = draft.id, fact.business_date
        own = [lot for lot in draft.lots if lot.account_id == due.referral.referred_id]
        self._add(fact.client_id, own)
        self._add(due.referral.referrer_client_id, [one for one in draft.lots if one not in own])
        return due.referred_points

    def _was_welcomed(self, fact: TicketFact) -> bool:
        programme = self._programme(fact)
        given = self.clients[fact.client_id].bonuses
        return programme is None or programmes.has_bonus(
            programme, given, BonusKind.FIRST_PURCHASE, day=fact.business_date
        )

    def _draft(
        self, fact: TicketFact, programme: Programme, earned: Earned, tier: TierStanding | None
    ) -> Draft:
        draft = Draft(
            posting_id("accrual", fact.source, fact.ticket_id),
            PostingKind.ACCRUAL,
            fact.business_date,
            actor=f"source:{fact.source}",
            programme_version=programme.version,
            ticket_id=fact.id,
            amount_cents=earned.amount_cents,
            exact_points=stored(earned.exact),
            rules=earned.rules() | {"tier": tier.tier.code if tier else None},
        )
        if earned.total:
            start = active_from(fact.business_date, after_days=programme.active_after_days)
            lot = NewLot(
                account_id=fact.record_id,
                earned_at=fact.sold_at,
                active_from=start,
                expires_on=expires_on(start, months=programme.expires_after_months),
                timezone=fact.timezone,
                granted=earned.total,
            )
            debt = self._debts.get(fact.record_id, 0)
            self._debts[fact.record_id] = draft.give(lot, debt=debt)
            draft.against(Counterpart.ISSUED)
        month = fact.business_date.replace(day=1)
        draft.counted.append(Counted(fact.record_id, month, earned.points, earned.amount_cents))
        draft.bonuses += [
            GivenBonus(
                fact.record_id, bonus.code, programmes.bonus_period(bonus.kind, fact.business_date)
            )
            for bonus in earned.bonuses
        ]
        return draft

    def tell_back(self, facts: Sequence[TicketFact], taken: Mapping[UUID, int]) -> None:
        """Tell what was taken by goods that came back."""
        for fact in facts:
            programme = self._programme(fact)
            if programme is not None and fact.id in taken:
                self._tell(fact, programme, taken[fact.id])

    def _tell(self, fact: TicketFact, programme: Programme, earned: int) -> None:
        client = self.clients[fact.client_id]
        today = day_in(fact.timezone, self._at)
        self.told[fact.id] = TicketPoints(
            earned, client.balance, client.pending, self._tier(programme, client, today)
        )

    @staticmethod
    def _tier(programme: Programme, client: ClientPoints, day: date) -> TierStanding | None:
        return standing(programme.tiers, client.months, on=day) if programme.tiers else None
