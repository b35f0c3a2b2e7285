"""Points said as plainly as can be: the reference that the ledger is held against."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

WHEN_TICKETS_COME = datetime.max.replace(tzinfo=UTC)
"""The service's clock tells when a ticket comes or clients change: long after every hold's time."""


@dataclass
class PlainLot:
    """Points given together."""

    record: str
    at: datetime
    active_from: date
    expires_on: date
    remaining: int
    given_by: str = ""
    """The sale or the referral that gave them."""
    held: int = 0

    @property
    def free(self) -> int:
        """Points not reserved."""
        return self.remaining - self.held


@dataclass
class PlainTicket:
    """A sale, and what of it has come back."""

    record: str
    cents: int
    back: int = 0
    taken: int = 0
    accounts: set[str] = field(default_factory=set)
    """Whose points it gave or took."""
    is_void: bool = False

    @property
    def is_back(self) -> bool:
        """Whether nothing of it is left."""
        return self.is_void or self.back >= self.cents


@dataclass
class Gift:
    """A bonus, or what one of two got by a referral; withdrawn while somebody has it twice."""

    record: str
    points: int
    ticket: int
    given_by: str
    is_gone: bool = False
    """It went back with its sale."""
    is_withdrawn: bool = False
    parts: list[tuple[PlainLot, int]] = field(default_factory=list)
    """What was taken, while it is withdrawn."""
    wanted: int = 0
    """What was to be taken."""


@dataclass
class Loan:
    """Points of one record spent under another, lot by lot in the order of spending."""

    id: str
    lender: str
    spender: str
    parts: list[tuple[PlainLot, int]]


@dataclass
class PlainHold:
    """Points reserved."""

    spender: str
    expires_at: datetime
    parts: list[tuple[PlainLot, int]]


@dataclass
class PlainPoints:
    """Everything there is to know, of two records that are one client or two."""

    lots: list[PlainLot] = field(default_factory=list)
    debts: dict[str, int] = field(default_factory=dict)
    tickets: dict[int, PlainTicket] = field(default_factory=dict)
    loans: list[Loan] = field(default_factory=list)
    holds: dict[str, PlainHold] = field(default_factory=dict)
    together: bool = False
    bonuses: list[Gift] = field(default_factory=list)
    """In the order in which they were given."""
    referred: dict[str, str] = field(default_factory=dict)
    """Who was brought, and by whom."""
    referral: list[Gift] = field(default_factory=list)
    """Of who brought, then of who was brought; there is one referral at most."""

    # --- earning --------------------------------------------------------------------------------

    def give(self, lot: PlainLot) -> None:
        """Add points; they pay what is owed first."""
        paid = min(self.debts.get(lot.record, 0), lot.remaining)
        self.debts[lot.record] = self.debts.get(lot.record, 0) - paid
        lot.remaining -= paid
        self.lots.append(lot)

    def is_first_purchase(self, side: str) -> bool:
        """Say whether a client buys for the first time, and was never welcomed."""
        records = self.records(side)
        bought = [one for one in self.tickets.values() if one.record in records and not one.is_void]
        return not bought and not any(gift.record in records for gift in self.bonuses)

    def bring_back(self, number: int, cents: int) -> None:
        """Take what goods had earned: from their lot, then others, then as a debt."""
        ticket = self.tickets[number]
        self.lapse_holds(ticket.accounts)
        ticket.back += cents
        own = [gift for gift in self.bonuses if gift.ticket == number]
        base = ticket.cents // 100
        given = base + sum(gift.points - gift.wanted for gift in own)
        wanted = given if ticket.is_back else base - (ticket.cents - ticket.back) // 100
        wanted = min(wanted, given) - ticket.taken if ticket.is_back else wanted - ticket.taken
        ticket.taken += wanted
        self.take(ticket.record, wanted, f"T{number}", owes=True)
        if ticket.is_back:
            for gift in own:
                gift.is_gone = True
            self.bring_back_referral(number)

    def bring_back_referral(self, number: int) -> None:
        """Take what a referral gave, with the last of the goods; only the buyer owes."""
        for gift, owes in zip(self.referral, (False, True), strict=False):
            if gift.ticket == number and not gift.is_gone:
                gift.is_gone = True
                if not gift.is_withdrawn:
                    self.take(gift.record, gift.points, gift.given_by, owes=owes)

    def take(
        self, record: str, points: int, given_by: str, *, owes: bool
    ) -> list[tuple[PlainLot, int]]:
        """Take points from what gave them, then the oldest ones, then as a debt."""
        taken = []
        own = (lot for lot in self.lots if lot.record == record)
        for lot in sorted(own, key=lambda lot: (lot.given_by != given_by, lot.at)):
            part = min(lot.free, points)
            if part:
                lot.remaining -= part
                points -= part
                taken.append((lot, part))
        if owes:
            self.debts[record] = self.debts.get(record, 0) + points
        return taken

    # --- what is given once ---------------------------------------------------------------------

    def put_right(self) -> None:
        """Withdraw what one client has twice, and give back what was withdrawn of two."""
        due = [
            gift
            for gift in (*self.bonuses[1:], *self.referral)
            if gift.is_withdrawn != self.together
        ]
        for gift in due:
            self.lapse_holds(self.tickets[gift.ticket].accounts)
        for gift in due:
            self.set_withdrawn(gift, is_withdrawn=self.together)

    def set_withdrawn(self, gift: Gift, *, is_withdrawn: bool) -> None:
        """Withdraw a gift, or give it back."""
        gift.is_withdrawn = is_withdrawn
        if gift.is_gone:
            return
        if is_withdrawn:
            gift.wanted = gift.points
            gift.parts = self.take(gift.record, gift.points, gift.given_by, owes=False)
        else:
            for lot, part in gift.parts:
                lot.remaining += part
            gift.wanted, gift.parts = 0, []

    # --- spending -------------------------------------------------------------------------------

    def records(self, spender: str) -> set[str]:
        """Return the records of the spender's client."""
        return {"one", "two"} if self.together else {spender}

    def lapse_holds(self, records: set[str], now: datetime = WHEN_TICKETS_COME) -> None:
        """Free what holds reserve whose time is up."""
        for id_, hold in list(self.holds.items()):
            concerned = any(lot.record in records for lot, _ in hold.parts)
            if hold.expires_at <= now and concerned:
                self.release(id_)

    def release(self, id_: str) -> PlainHold:
        """End a hold."""
        hold = self.holds.pop(id_)
        for lot, points in hold.parts:
            lot.held -= points
        return hold

    def usable(self, spender: str, now: datetime) -> list[PlainLot]:
        """Return the lots that can be spent now, oldest first."""
        today = now.date()
        return sorted(
            (
                lot
                for lot in self.lots
                if lot.record in self.records(spender) and lot.active_from <= today < lot.expires_on
            ),
            key=lambda lot: lot.at,
        )

    def available(self, spender: str, now: datetime) -> int:
        """Return how many points can be spent now."""
        self.lapse_holds(self.records(spender), now)
        owed = sum(self.debts.get(record, 0) for record in self.records(spender))
        return max(sum(lot.free for lot in self.usable(spender, now)) - owed, 0)

    def choose(self, spender: str, points: int, now: datetime) -> list[tuple[PlainLot, int]]:
        """Return the points to spend, the oldest first."""
        chosen = []
        for lot in self.usable(spender, now):
            part = min(lot.free, points)
            if part:
                chosen.append((lot, part))
                points -= part
        return chosen

    def spend(self, id_: str, spender: str, parts: list[tuple[PlainLot, int]]) -> None:
        """Take points, and remember whose they were."""
        for lot, points in parts:
            lot.remaining -= points
        for lender in {lot.record for lot, _ in parts} - {spender}:
            lent = [(lot, points) for lot, points in parts if lot.record == lender]
            self.loans.append(Loan(id_, lender, spender, lent))
        if not self.together:
            self.settle()

    def hand_over(self, to: str, parts: list[tuple[PlainLot, int]]) -> None:
        """Give points to somebody else, with their days."""
        for lot, points in parts:
            lot.remaining -= points
            self.give(PlainLot(to, lot.at, lot.active_from, lot.expires_on, points))

    def part(self) -> None:
        """Make two clients of the two records again."""
        self.together = False
        self.settle()
        self.put_right()

    def merge(self) -> None:
        """Make one client of both."""
        self.together = True
        self.put_right()

    def settle(self) -> None:
        """Give back what was lent; the spender pays what he can."""
        for loan in sorted(self.loans, key=lambda loan: loan.id):
            owed = 0
            for lot, points in loan.parts:
                lot.remaining += points
                owed += points
            self.lapse_holds({loan.spender})
            own = [lot for lot in self.lots if lot.record == loan.spender]
            for lot in sorted(own, key=lambda lot: lot.at):
                part = min(lot.free, owed)
                lot.remaining -= part
                owed -= part
        self.loans = []

    def expire(self, today: date, now: datetime) -> None:
        """Let points lapse on their day."""
        over = [hold for hold in self.holds.values() if hold.expires_at <= now]
        freed = {id(lot) for hold in over for lot, _ in hold.parts}
        due = {
            lot.record
            for lot in self.lots
            if lot.expires_on <= today and (lot.free or id(lot) in freed)
        }
        for record in due:
            self.lapse_holds({record}, now)
        for lot in self.lots:
            if lot.expires_on <= today and lot.record in due:
                lot.remaining -= lot.free
