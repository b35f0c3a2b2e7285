"""Two people, what they earn and bring back, and the reference that reckons beside the service."""

from __future__ import annotations

import itertools
from collections.abc import Coroutine
from datetime import UTC, datetime, time, timedelta
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.loyalty import adjusting, referring
from rcu.loyalty.adjusting import Proposal
from rcu.loyalty.errors import InsufficientPointsError, ReferralRefusedError
from rcu.loyalty.lots import expires_on
from rcu.loyalty.referring import ReferralRequest
from rcu.loyalty.wallets import Spender
from tests.ingestion.shop import Message, bring_back, cancel, sale
from tests.loyalty.club import CLUB
from tests.loyalty.plain_points import (
    LARGE_ENOUGH,
    Gift,
    PlainLot,
    PlainPoints,
    PlainTicket,
    Removal,
    service_day,
)
from tests.loyalty.world import World

ACTIVE_AFTER, MONTHS, HOLD_MINUTES = 2, 1, 30
WELCOME, BRINGS, BROUGHT = 7, 5, 3
ZONE = "UTC"
RULES = CLUB | {
    "active_after_days": ACTIVE_AFTER,
    "expires_after_months": MONTHS,
    "hold_minutes": HOLD_MINUTES,
    "bonuses": [{"code": "welcome", "kind": "first_purchase", "points": WELCOME}],
    "referral": {
        "referrer_points": BRINGS,
        "referred_points": BROUGHT,
        "minimum_cents": LARGE_ENOUGH,
    },
    "household_transfers": {"allowed": True, "at_most": 10**6},
}

DAYS = timedelta(days=60)
"""How long it may take, until today: so some points have lapsed by the service's clock."""

T = TypeVar("T")
numbers = itertools.count(1)
"""For names that nothing else has."""
sides = st.sampled_from(["one", "two"])


class TwoPeople(RuleBasedStateMachine):
    """Two people who buy, return and refer, beside the plain reference of their points."""

    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.plain = PlainPoints()
        self.now = datetime.combine(service_day(), time(12), UTC) - DAYS
        self.name = f"{next(numbers)}"
        self.clients: dict[str, str] = {}
        self.sent: dict[int, Message] = {}
        self.backs: dict[str, Message] = {}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.world.run(work)

    def key(self, side: str) -> str:
        return f"{side}-{self.name}"

    def tick(self) -> datetime:
        """Let a minute pass, so that no two things happen at one instant."""
        self.now += timedelta(minutes=1)
        return self.now

    async def do(self, work: Any) -> Any:
        async def once(session: AsyncSession) -> Any:
            return await work(session)

        return await self.world.database.run(once)

    @initialize(referred=st.none() | sides, buyers=st.lists(sides, max_size=3))
    def begin(self, referred: str | None, buyers: list[str]) -> None:
        home = [{"lines": [f"{self.name} rue Fontaine"], "postcode": "69003"}]
        for side in ("one", "two"):
            told = self.run(
                self.world.shop.profile("pos", self.key(side), title=side, addresses=home)
            )
            self.clients[side] = told["client_id"]
        assert self.clients["one"] != self.clients["two"]
        # What needs several steps in a row, chance alone would seldom find.
        if referred is not None:
            self.refer(referred)
        for side in buyers:
            self.earn(side, LARGE_ENOUGH)

    @rule(side=sides, cents=st.integers(0, 3000))
    def earn(self, side: str, cents: int) -> None:
        at = self.tick()
        number = next(numbers)
        customer = {"external_id": self.key(side)}
        ticket = sale(
            customer=customer, total_cents=cents, ticket_id=f"T{number}", sold_at=at.isoformat()
        )
        told = self.run(self.world.shop.ticket(ticket))
        assert told["loyalty"]["earned"] == self.sold(side, number, cents, at, ticket)

    def sold(self, side: str, number: int, cents: int, at: datetime, ticket: Message) -> int:
        """Give the points of a sale; return what its buyer gets, by a referral as well."""
        self.sent[number] = ticket
        points = cents // 100
        if cents and self.plain.is_first_purchase(side):
            points += WELCOME
            self.plain.bonuses.append(Gift(side, WELCOME, number, f"T{number}"))
        plain = PlainTicket(side, cents, accounts={side} if points else set())
        self.plain.tickets[number] = plain
        if points:
            by = f"T{number}"
            plain.lot = self.lot(side, at, points, after=ACTIVE_AFTER, given_by=by)
            self.plain.give(plain.lot)
        return points + self.pay_referral(side, number, cents, at)

    def pay_referral(self, side: str, number: int, cents: int, at: datetime) -> int:
        """Pay who brought a side, if this is what it waits for; return what the side gets."""
        plain = self.plain
        waits = side in plain.referred and not plain.referral and not plain.together
        if not waits or cents < LARGE_ENOUGH:
            return 0
        for record, points in ((plain.referred[side], BRINGS), (side, BROUGHT)):
            gift = Gift(record, points, number, f"R{number}")
            plain.tickets[number].accounts.add(record)
            plain.referral.append(gift)
            gift.lot = self.lot(record, at, points, after=ACTIVE_AFTER, given_by=gift.given_by)
            plain.give(gift.lot)
        return BROUGHT

    @rule(side=sides)
    def refer(self, side: str) -> None:
        other = "two" if side == "one" else "one"
        at = self.tick()
        code = self.run(
            self.do(
                lambda session: referring.give_code(
                    session, Spender("pos", self.key(other), None), at=at
                )
            )
        )["code"]
        name = f"f-{next(numbers)}"
        request = ReferralRequest(name, b"", Spender("pos", self.key(side), None), code, ZONE, at)
        plain = self.plain
        is_new = not plain.has_bought(side) and not plain.referred
        try:
            self.run(self.do(lambda session: referring.state_referral(session, request)))
        except ReferralRefusedError:
            assert plain.together or not is_new
            return
        assert is_new
        assert not plain.together
        plain.referred[side] = other

    def lot(
        self, side: str, at: datetime, points: int, *, after: int, given_by: str = ""
    ) -> PlainLot:
        start = at.date() + timedelta(days=after)
        until = expires_on(start, months=MONTHS)
        assert until is not None
        return PlainLot(side, at, start, until, points, given_by)

    @rule(side=sides, cents=st.integers(0, 3000), back=st.integers(0, 100))
    def earn_late(self, side: str, cents: int, back: int) -> None:
        """Sell to nobody, bring a part back, and let a steward say whose the sale was."""
        at = self.tick()
        number = next(numbers)
        ticket = sale(total_cents=cents, ticket_id=f"T{number}", sold_at=at.isoformat())
        self.run(self.world.shop.ticket(ticket))
        returned = cents * back // 100
        name = self.send_back(ticket, returned) if returned else ""
        body = {"client_id": self.clients[side], "reason": "a test"}
        self.run(self.world.shop.staff("POST", f"tickets/{self.id_of(number)}/attach", body))
        # It hangs on the oldest record of the client.
        side = "one" if self.plain.together else side
        self.sold(side, number, cents, at, ticket)
        self.plain.tickets[number].is_hung_late = True
        if returned:
            self.plain.tickets[number].backs[name] = returned
            self.reckon(number, at)

    def send_back(self, ticket: Message, cents: int) -> str:
        """Bring a part of a sale back; return the id of the return."""
        name = f"R{next(numbers)}"
        said: dict[str, Any] = {"total_cents": -cents, "sold_at": self.tick().isoformat()}
        self.backs[name] = bring_back(ticket, ticket_id=name, **said)
        self.run(self.world.shop.ticket(self.backs[name]))
        return name

    def reckon(self, number: int, at: datetime) -> None:
        until = expires_on(at.date(), months=MONTHS)
        assert until is not None
        self.plain.reckon(number, at, until)

    @rule(side=sides, cents=st.integers(1, 500))
    def exchange(self, side: str, cents: int) -> None:
        """Take goods for others that cost more, of nobody knows which sale: a sale below zero."""
        who, at = {"external_id": self.key(side)}, self.tick()
        message = sale(customer=who, total_cents=-cents, sold_at=at.isoformat())
        self.run(self.world.shop.ticket(message))
        self.plain.exchanged.add(side)
        self.plain.lapse_holds({side})
        self.plain.take(side, cents // 100, "", Removal(), owes=True)

    def id_of(self, number: int) -> str:
        found = self.run(
            self.world.shop.scalar("SELECT id FROM ticket WHERE ticket_id = :t", t=f"T{number}")
        )
        return str(found)

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), share=st.integers(1, 100))
    def bring_back(self, data: st.DataObject, share: int) -> None:
        """Bring goods back, also of a sale that is cancelled already, or by a return's receipt."""
        number = data.draw(st.sampled_from(sorted(self.sent)))
        ticket = self.plain.tickets[number]
        cents = (ticket.cents - ticket.back) * share // 100
        if cents <= 0:
            return
        receipts = [self.sent[number], *(self.backs[name] for name in ticket.backs)]
        name = self.send_back(data.draw(st.sampled_from(receipts)), cents)
        ticket.backs[name] = cents
        self.reckon(number, self.now)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.sent)))
        if self.plain.tickets[number].is_void:
            return
        said = {"sold_at": self.tick().isoformat()}
        self.run(self.world.shop.ticket(cancel(self.sent[number], **said)))
        self.plain.tickets[number].is_void = True
        self.reckon(number, self.now)

    @precondition(lambda self: any(one.backs for one in self.plain.tickets.values()))
    @rule(data=st.data())
    def cancel_return(self, data: st.DataObject) -> None:
        stands = [
            (number, name)
            for number, one in sorted(self.plain.tickets.items())
            for name in one.backs
        ]
        number, name = data.draw(st.sampled_from(stands))
        said = {"sold_at": self.tick().isoformat()}
        self.run(self.world.shop.ticket(cancel(self.backs[name], **said)))
        del self.plain.tickets[number].backs[name]
        self.reckon(number, self.now)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def detach_or_restore(self, data: st.DataObject) -> None:
        """Say that a sale is nobody's, or that this was a mistake: its points stay."""
        number = data.draw(st.sampled_from(sorted(self.sent)))
        ticket = self.plain.tickets[number]
        if ticket.is_hung_late:
            return
        what = "restore" if ticket.is_detached else "detach"
        path = f"tickets/{self.id_of(number)}/{what}"
        self.run(self.world.shop.staff("POST", path, {"reason": "a test"}))
        ticket.is_detached = not ticket.is_detached
        if not ticket.is_detached:
            self.plain.lapse_holds(ticket.accounts)

    @rule(side=sides, points=st.integers(-20, 20).filter(bool))
    def adjust(self, side: str, points: int) -> None:
        at = self.tick()
        proposal = Proposal(
            f"a-{next(numbers)}", b"", "pos", self.key(side), points, "why", "test", ZONE, at
        )
        self.plain.lapse_holds({side}, at) if points < 0 else None
        mine = [lot for lot in self.plain.lots if lot.record == side and at.date() < lot.expires_on]
        free = sum(lot.free for lot in mine)
        try:
            self.run(self.do(lambda session: adjusting.propose(session, proposal)))
        except InsufficientPointsError:
            assert points + free < 0
            return
        assert points + free >= 0 or points > 0
        if points > 0:
            self.plain.give(self.lot(side, at, points, after=0))
            return
        for lot in sorted(mine, key=lambda lot: lot.at):
            part = min(lot.free, -points)
            lot.remaining -= part
            points += part
