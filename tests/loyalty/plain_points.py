"""Points said as plainly as can be: the reference that the ledger is held against."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass
class PlainLot:
    """Points given together."""

    record: str
    at: datetime
    active_from: date
    expires_on: date
    remaining: int
    ticket: int | None = None
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
    is_void: bool = False


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

    # --- earning --------------------------------------------------------------------------------

    def give(self, lot: PlainLot) -> None:
        """Add points; they pay what is owed first."""
        paid = min(self.debts.get(lot.record, 0), lot.remaining)
        self.debts[lot.record] = self.debts.get(lot.record, 0) - paid
        lot.remaining -= paid
        self.lots.append(lot)

    def bring_back(self, number: int, cents: int) -> None:
        """Take what goods had earned: from their lot, then others, then as a debt."""
        ticket = self.tickets[number]
        ticket.back += cents
        left = 0 if ticket.is_void else max(ticket.cents - ticket.back, 0) // 100
        wanted = ticket.cents // 100 - left - ticket.taken
        ticket.taken += wanted
        own = sorted(
            (lot for lot in self.lots if lot.record == ticket.record),
            key=lambda lot: (lot.ticket != number, lot.at),
        )
        for lot in own:
            part = min(lot.free, wanted)
            lot.remaining -= part
            wanted -= part
        self.debts[ticket.record] = self.debts.get(ticket.record, 0) + wanted

    # --- spending -------------------------------------------------------------------------------

    def records(self, spender: str) -> set[str]:
        """Return the records of the spender's client."""
        return {"one", "two"} if self.together else {spender}

    def lapse_holds(self, records: set[str], now: datetime) -> None:
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

    def part(self) -> None:
        """Make two clients of the two records again."""
        self.together = False
        self.settle()

    def settle(self) -> None:
        """Give back what was lent; the spender pays what he can."""
        for loan in sorted(self.loans, key=lambda loan: loan.id):
            owed = 0
            for lot, points in loan.parts:
                lot.remaining += points
                owed += points
            own = [lot for lot in self.lots if lot.record == loan.spender]
            for lot in sorted(own, key=lambda lot: lot.at):
                part = min(lot.free, owed)
                lot.remaining -= part
                owed -= part
        self.loans = []

    def expire(self, today: date, now: datetime) -> None:
        """Let points lapse on their day."""
        due = {lot.record for lot in self.lots if lot.expires_on <= today and lot.free}
        for record in due:
            self.lapse_holds({record}, now)
        for lot in self.lots:
            if lot.expires_on <= today and lot.record in due:
                lot.remaining -= lot.free
