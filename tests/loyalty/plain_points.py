"""Points said as plainly as can be: the reference that the ledger is held against."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

WHEN_TICKETS_COME = datetime.max.replace(tzinfo=UTC)
"""The service's clock tells when a ticket comes or clients change: long after every hold's time."""

LARGE_ENOUGH = 500
"""The cents of a purchase that pays a referral, and of what has to be kept of it."""


def service_day() -> date:
    """Return the day on which tickets come and clients change."""
    return datetime.now(UTC).date()


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
    expired: int = 0
    """Points written off on its day."""

    @property
    def free(self) -> int:
        """Points not reserved."""
        return self.remaining - self.held

    def can_be_spent(self, today: date) -> bool:
        """Say whether a day is one of those of the points."""
        return self.active_from <= today < self.expires_on


@dataclass
class Removal:
    """What is taken back of what somebody was given."""

    points: int = 0
    borne: int = 0
    moves: list[tuple[PlainLot | None, int]] = field(default_factory=list)
    """Points added to lots, or without one to a debt."""

    def missing(self) -> list[tuple[PlainLot, int]]:
        """Return what is missing in each lot, in the order in which they were taken from."""
        lots = {id(lot): lot for lot, _ in self.moves if lot}
        sums = [(lot, -sum(n for one, n in self.moves if one is lot)) for lot in lots.values()]
        return [(lot, points) for lot, points in sums if points > 0]

    def owed(self) -> int:
        """Return what has come to be owed, and was not forgiven or given as new points since."""
        lots = {id(lot): lot for lot, _ in self.moves if lot}
        sums = [sum(n for one, n in self.moves if one is lot) for lot in lots.values()]
        debt = -sum(n for lot, n in self.moves if lot is None)
        return max(debt - sum(points for points in sums if points > 0), 0)


@dataclass
class PlainTicket:
    """A sale, and what of it has come back."""

    record: str
    """Who has its points."""
    cents: int
    lot: PlainLot | None = None
    """That it gave."""
    backs: dict[str, int] = field(default_factory=dict)
    """The cents of its returns that are not cancelled, by their ids."""
    accounts: set[str] = field(default_factory=set)
    """Whose points it gave or took."""
    is_void: bool = False
    removal: Removal = field(default_factory=Removal)
    is_detached: bool = False
    is_hung_late: bool = False

    @property
    def back(self) -> int:
        """The cents that have come back."""
        return sum(self.backs.values())

    @property
    def is_back(self) -> bool:
        """Whether nothing of it is left."""
        return self.is_void or (bool(self.backs) and self.back >= self.cents)


@dataclass
class Gift:
    """A bonus, or what one of two got by a referral; withdrawn while somebody has it twice."""

    record: str
    points: int
    ticket: int
    given_by: str
    lot: PlainLot | None = None
    """That a referral gave."""
    is_withdrawn: bool = False
    is_gone: bool = False
    """Of a referral: it is taken back."""
    removal: Removal = field(default_factory=Removal)


@dataclass
class Loan:
    """Points of one record spent under another, lot by lot in the order of spending."""

    id: str
    lender: str
    spender: str
    parts: list[tuple[PlainLot, int]]
    settled: int = 0
    given: int = 0
    """Of the settled, what is taken back once both are one again."""
    borne: int = 0
    """Of the given, what nobody has paid for."""
    moves: list[tuple[PlainLot, int]] = field(default_factory=list)
    """Points added to lots by settling, or by taking that back."""
    lapsed: list[tuple[PlainLot, int]] = field(default_factory=list)
    """Points of lots that counted as there, though their day was over."""

    @property
    def points(self) -> int:
        """Points lent."""
        return sum(points for _, points in self.parts)

    def missing(self) -> list[tuple[PlainLot, int]]:
        """Return what is missing in the lots of the lender."""
        spent = [(lot, -points) for lot, points in self.parts]
        sums = summed([*spent, *self.moves])
        return [(lot, -n) for lot, n in sums if lot.record == self.lender and n < 0]

    def has_given(self) -> list[tuple[PlainLot, int]]:
        """Return what lots of the lender were given."""
        gone = [(lot, -points) for lot, points in self.lapsed]
        sums = summed([*self.moves, *gone])
        return [(lot, n) for lot, n in sums if lot.record == self.lender and n > 0]

    def has_paid(self) -> list[tuple[PlainLot, int]]:
        """Return what lots of the spender have paid."""
        sums = summed(self.moves)
        return [(lot, -n) for lot, n in sums if lot.record != self.lender and n < 0]

    def move(self, lot: PlainLot, points: int) -> int:
        """Add points to a lot, and return them."""
        lot.remaining += points
        self.moves.append((lot, points))
        return points


def summed(moves: list[tuple[PlainLot, int]]) -> list[tuple[PlainLot, int]]:
    """Return the sum of the moves of each lot, in the order of their first ones."""
    lots = {id(lot): lot for lot, _ in moves}
    return [(lot, sum(n for one, n in moves if one is lot)) for lot in lots.values()]


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
    exchanged: set[str] = field(default_factory=set)
    """Who has exchanged goods, and so has bought before."""
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
        return not any(map(self.has_bought, records)) and not any(
            gift.record in records for gift in self.bonuses
        )

    def has_bought(self, side: str) -> bool:
        """Say whether a sale that is not cancelled hangs on a record."""
        return side in self.exchanged or any(
            one.record == side and not one.is_void and not one.is_detached
            for one in self.tickets.values()
        )

    def reckon(self, number: int, at: datetime, until: date) -> None:
        """Post what is left to be posted of a sale, by all that has come back of it."""
        ticket = self.tickets[number]
        self.lapse_holds(ticket.accounts)
        fresh = PlainLot(ticket.record, at, at.date(), until, 0)
        own = [gift for gift in self.bonuses if gift.ticket == number]
        base = ticket.cents // 100
        if ticket.is_back:
            wanted = base + sum(gift.points for gift in own)
        else:
            wanted = base - (ticket.cents - ticket.back) // 100
            wanted += sum(gift.points for gift in own if gift.is_withdrawn)
        self.correct(ticket, wanted - ticket.removal.points, f"T{number}", fresh, owes=True)
        for gift, owes in zip(self.referral, (False, True), strict=False):
            if gift.ticket == number:
                self.reckon_referral(gift, replace(fresh, record=gift.record), owes=owes)

    def correct(
        self, ticket: PlainTicket, points: int, given_by: str, fresh: PlainLot, *, owes: bool
    ) -> None:
        """Take points of a sale, or (below zero) give them again."""
        ticket.removal.points += points
        if points > 0:
            self.take(ticket.record, points, given_by, ticket.removal, owes=owes)
        else:
            self.give_again(ticket.record, -points, ticket.removal, fresh)

    def reckon_referral(self, gift: Gift, fresh: PlainLot, *, owes: bool) -> None:
        """Take all that a referral gave, or give it again."""
        ticket = self.tickets[gift.ticket]
        is_too_little = bool(ticket.backs) and ticket.cents - ticket.back < LARGE_ENOUGH
        is_to_go = ticket.is_back or is_too_little or gift.is_withdrawn
        if is_to_go and not gift.is_gone:
            self.take(gift.record, gift.points, gift.given_by, gift.removal, owes=owes)
        elif gift.is_gone and not is_to_go:
            gift.removal.borne = 0
            taken = sum(points for _, points in gift.removal.missing()) + gift.removal.owed()
            self.give_again(gift.record, taken, gift.removal, fresh)
        gift.is_gone = is_to_go

    def take(
        self, record: str, points: int, given_by: str, removal: Removal, *, owes: bool
    ) -> None:
        """Take points from what gave them, then the oldest ones, then as a debt."""
        day = service_day()
        own = (lot for lot in self.lots if lot.record == record and day < lot.expires_on)
        for lot in sorted(own, key=lambda lot: (lot.given_by != given_by, lot.at)):
            part = min(lot.free, points)
            if part:
                lot.remaining -= part
                points -= part
                removal.moves.append((lot, -part))
        if owes:
            self.debts[record] = self.debts.get(record, 0) + points
            removal.moves.append((None, -points))
        else:
            removal.borne += points

    def give_again(self, record: str, points: int, removal: Removal, fresh: PlainLot) -> None:
        """Give points again: what was borne or owed first, then to the lots taken from last."""
        borne = min(removal.borne, points)
        removal.borne -= borne
        owed = min(removal.owed(), points - borne)
        forgiven = min(self.debts.get(record, 0), owed)
        self.debts[record] = self.debts.get(record, 0) - forgiven
        left = points - borne - owed
        missing = removal.missing()
        removal.moves.append((None, forgiven))
        for lot, most in reversed(missing):
            part = min(most, left)
            lot.remaining += part
            removal.moves.append((lot, part))
            left -= part
        assert left == 0
        if new := owed - forgiven:
            lot = replace(fresh, remaining=new)
            removal.moves.append((lot, new))
            self.give(lot)

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
            gift.is_withdrawn = self.together
            ticket = self.tickets[gift.ticket]
            if gift in self.referral:
                assert gift.lot is not None
                self.reckon_referral(gift, replace(gift.lot, held=0), owes=False)
            elif not ticket.is_back:
                points = gift.points if gift.is_withdrawn else -gift.points
                assert ticket.lot is not None
                fresh = replace(ticket.lot, held=0)
                self.correct(ticket, points, gift.given_by, fresh, owes=False)

    def has_withdrawn(self) -> bool:
        """Say whether somebody was given something twice and has it once."""
        return any(gift.is_withdrawn for gift in (*self.bonuses, *self.referral))

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
                if lot.record in self.records(spender) and lot.can_be_spent(today)
            ),
            key=lambda lot: lot.at,
        )

    def available(self, spender: str, now: datetime) -> int:
        """Return how many points can be spent now."""
        self.lapse_holds(self.records(spender), now)
        owed = sum(self.debts.get(record, 0) for record in self.records(spender))
        owed += sum(loan.borne for loan in self.loans) if self.together else 0
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
        self.take_back(service_day())
        self.put_right()

    def settle(self) -> None:
        """Give back what was lent; the spender pays what he can."""
        day = service_day()
        for loan in sorted(self.loans, key=lambda loan: loan.id):
            left = loan.points - loan.settled
            if not left:
                continue
            for lot, most in reversed(loan.missing()):
                if day < lot.expires_on:
                    left -= loan.move(lot, min(most, left))
            given = loan.points - loan.settled - left
            owed = given
            self.lapse_holds({loan.spender})
            own = (lot for lot in self.lots if lot.record == loan.spender and day < lot.expires_on)
            for lot in sorted(own, key=lambda lot: lot.at):
                owed += loan.move(lot, -min(lot.free, owed))
            loan.settled = loan.points
            loan.given += given
            loan.borne += owed

    def take_back(self, today: date, now: datetime = WHEN_TICKETS_COME) -> None:
        """Undo what was settled of two who are one; what is borne still is taken from any lot."""
        due = [loan for loan in sorted(self.loans, key=lambda loan: loan.id) if loan.given]
        for loan in due:
            self.lapse_holds({loan.lender}, now)
            self.undo(loan, today)
        for loan in due:
            if loan.borne:
                self.lapse_holds({"one", "two"}, now)
                self.collect(loan, today)

    def undo(self, loan: Loan, today: date) -> None:
        """Take points from the lots that were given some, for the retailer, then for who paid."""
        paid = loan.has_paid()
        most = left = min(loan.given, loan.borne + sum(points for _, points in paid))
        for lot, points in loan.has_given():
            if lot.expires_on <= today:
                part = min(points, left, lot.free + lot.expired)
                loan.lapsed.append((lot, part))
            else:
                part = -loan.move(lot, -min(points, left, lot.free))
                loan.settled -= part
            left -= part
        back = max(most - left - loan.borne, 0)
        loan.borne = loan.given = max(loan.borne - (most - left), 0)
        for lot, points in reversed(paid):
            back -= loan.move(lot, min(points, back))

    def collect(self, loan: Loan, today: date) -> None:
        """Take what is borne from all that has not lapsed, first what could be spent now."""
        lots = [lot for lot in self.lots if today < lot.expires_on]
        lots.sort(key=lambda lot: (not lot.can_be_spent(today), lot.record != loan.lender, lot.at))
        for lot in lots:
            part = -loan.move(lot, -min(lot.free, loan.borne))
            loan.borne -= part
            loan.settled -= part if lot.record == loan.lender else 0
        loan.given = loan.borne

    def expire(self, today: date, now: datetime) -> None:
        """Let points lapse on their day."""
        if self.together and any(loan.borne for loan in self.loans):
            self.take_back(today, now)
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
                lot.expired += lot.free
                lot.remaining -= lot.free
