"""Any sequence of earning, spending and changing clients ends as the plain reference says."""

from __future__ import annotations

import itertools
import os
from collections.abc import Coroutine, Iterator
from copy import deepcopy
from datetime import UTC, datetime, time, timedelta
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.loyalty import adjusting, balances, referring, spending, transferring, upkeep
from rcu.loyalty.adjusting import Proposal
from rcu.loyalty.errors import (
    HoldClosedError,
    InsufficientPointsError,
    ReferralRefusedError,
    TransferRefusedError,
)
from rcu.loyalty.lots import expires_on
from rcu.loyalty.models import HoldStatus
from rcu.loyalty.referring import ReferralRequest
from rcu.loyalty.spending import Closing, Request
from rcu.loyalty.transferring import TransferRequest
from rcu.loyalty.wallets import Spender
from tests.ingestion.shop import Message, bring_back, cancel, sale, unsound
from tests.loyalty.club import CLUB
from tests.loyalty.plain_points import (
    LARGE_ENOUGH,
    Gift,
    PlainHold,
    PlainLot,
    PlainPoints,
    PlainTicket,
    service_day,
)
from tests.loyalty.world import World

EXAMPLES = int(os.environ.get("RCU_TEST_POINTS", "10"))
"""Random sequences to run: `make test-long` runs two thousand."""
STEPS = 20
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

BALANCES = "SELECT record_id, balance, debt FROM points_account ORDER BY 1"
LOTS = "SELECT id, remaining FROM points_lot WHERE remaining > 0 ORDER BY 1"

T = TypeVar("T")
_numbers = itertools.count(1)
sides = st.sampled_from(["one", "two"])
amounts = st.integers(0, 30)


class Club(RuleBasedStateMachine):
    """Two people who are taken for one now and then, and what they do with their points."""

    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.plain = PlainPoints()
        self.now = datetime.combine(service_day(), time(12), UTC) - DAYS
        self.name = f"{next(_numbers)}"
        self.clients: dict[str, str] = {}
        self.sent: dict[int, Message] = {}
        self.backs: dict[str, Message] = {}
        self.decision: str | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.world.run(work)

    def key(self, side: str) -> str:
        return f"{side}-{self.name}"

    def tick(self) -> datetime:
        """Let a minute pass, so that no two things happen at one instant."""
        self.now += timedelta(minutes=1)
        return self.now

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

    # --- earning ---------------------------------------------------------------------------------

    @rule(side=sides, cents=st.integers(0, 3000))
    def earn(self, side: str, cents: int) -> None:
        at = self.tick()
        number = next(_numbers)
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
        name = f"f-{next(_numbers)}"
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
        number = next(_numbers)
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
        name = f"R{next(_numbers)}"
        said: dict[str, Any] = {"total_cents": -cents, "sold_at": self.tick().isoformat()}
        self.backs[name] = bring_back(ticket, ticket_id=name, **said)
        self.run(self.world.shop.ticket(self.backs[name]))
        return name

    def reckon(self, number: int, at: datetime) -> None:
        until = expires_on(at.date(), months=MONTHS)
        assert until is not None
        self.plain.reckon(number, at, until)

    def id_of(self, number: int) -> str:
        found = self.run(
            self.world.shop.scalar("SELECT id FROM ticket WHERE ticket_id = :t", t=f"T{number}")
        )
        return str(found)

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), share=st.integers(1, 100))
    def bring_back(self, data: st.DataObject, share: int) -> None:
        """Bring goods back, also of a sale that is cancelled already."""
        number = data.draw(st.sampled_from(sorted(self.sent)))
        ticket = self.plain.tickets[number]
        cents = (ticket.cents - ticket.back) * share // 100
        if cents <= 0:
            return
        name = self.send_back(self.sent[number], cents)
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
            f"a-{next(_numbers)}", b"", "pos", self.key(side), points, "why", "test", ZONE, at
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

    # --- spending --------------------------------------------------------------------------------

    async def do(self, work: Any) -> Any:
        async def once(session: AsyncSession) -> Any:
            return await work(session)

        return await self.world.database.run(once)

    def request(self, side: str, points: int) -> Request:
        message_id = f"s-{next(_numbers)}"
        spender = Spender("pos", self.key(side), None)
        return Request(
            message_id, message_id.encode(), spender, points, None, None, ZONE, self.tick()
        )

    def before_spending(self) -> PlainPoints:
        """Return how things are once what the client has spent twice is taken from it."""
        plain = deepcopy(self.plain)
        if plain.together and any(loan.borne for loan in plain.loans):
            plain.take_back(self.now.date(), self.now)
        return plain

    @rule(side=sides, points=amounts.filter(bool))
    def redeem(self, side: str, points: int) -> None:
        request = self.request(side, points)
        plain = self.before_spending()
        available = plain.available(side, self.now)
        try:
            told = self.run(self.do(lambda session: spending.redeem(session, request)))
        except InsufficientPointsError:
            assert available < points
            return
        assert available >= points
        self.plain = plain
        chosen = self.plain.choose(side, points, self.now)
        self.plain.spend(told["posting_id"], side, chosen)

    @rule(side=sides, points=amounts.filter(bool))
    def give(self, side: str, points: int) -> None:
        """Give points to the other one, who lives in the same house."""
        other = "two" if side == "one" else "one"
        at = self.tick()
        name = f"g-{next(_numbers)}"
        giver, receiver = (Spender("pos", self.key(one), None) for one in (side, other))
        request = TransferRequest(name, name.encode(), giver, receiver, points, ZONE, at)
        available = self.plain.available(side, at)
        try:
            self.run(self.do(lambda session: transferring.transfer(session, request)))
        except TransferRefusedError:
            assert self.plain.together
            return
        except InsufficientPointsError:
            assert available < points
            return
        assert available >= points
        assert not self.plain.together
        self.plain.hand_over(other, self.plain.choose(side, points, at))

    @rule(side=sides, points=amounts.filter(bool))
    def hold(self, side: str, points: int) -> None:
        request = self.request(side, points)
        plain = self.before_spending()
        available = plain.available(side, self.now)
        try:
            told = self.run(self.do(lambda session: spending.hold(session, request)))
        except InsufficientPointsError:
            assert available < points
            return
        assert available >= points
        self.plain = plain
        chosen = self.plain.choose(side, points, self.now)
        for lot, part in chosen:
            lot.held += part
        until = self.now + timedelta(minutes=HOLD_MINUTES)
        self.plain.holds[told["hold_id"]] = PlainHold(side, until, chosen)

    @precondition(lambda self: self.plain.holds)
    @rule(data=st.data(), capture=st.booleans(), share=st.integers(1, 100))
    def close(self, data: st.DataObject, *, capture: bool, share: int) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.plain.holds)))
        hold = self.plain.holds[id_]
        points = max(sum(part for _, part in hold.parts) * share // 100, 1)
        status = HoldStatus.CAPTURED if capture else HoldStatus.VOIDED
        at = self.tick()
        asked = points if capture else None
        closing = Closing(UUID(id_), "pos", status, asked, None, b"", ZONE, at)
        try:
            told = self.run(self.do(lambda session: spending.close(session, closing)))
        except HoldClosedError:
            assert hold.expires_at <= at
            return
        assert hold.expires_at > at
        self.plain.release(id_)
        if capture:
            chosen = []
            for lot, held in sorted(hold.parts, key=lambda part: part[0].at):
                part = min(held, points)
                if part:
                    chosen.append((lot, part))
                    points -= part
            self.plain.spend(told["posting_id"], hold.spender, chosen)

    # --- time, and who is who --------------------------------------------------------------------

    @rule(days=st.sampled_from([1, 2, 10, 40]))
    def let_days_pass(self, days: int) -> None:
        if (self.now + timedelta(days=days)).date() < service_day():
            self.now += timedelta(days=days)

    @rule()
    def expire(self) -> None:
        at = self.tick()
        self.run(upkeep.expire(self.world.database, at=at))
        self.plain.expire(at.date(), at)

    @precondition(lambda self: not self.plain.together)
    @rule()
    def merge(self) -> None:
        answer = self.run(self.world.shop.merge(self.clients["one"], self.clients["two"]))
        assert answer.status_code == 200, answer.text
        self.decision = answer.json()["decision_id"]
        self.plain.merge()

    @precondition(lambda self: self.plain.together)
    @rule(by_undo=st.booleans())
    def part(self, *, by_undo: bool) -> None:
        if by_undo:
            path = f"identity-changes/{self.decision}/undo"
            self.run(self.world.shop.staff("POST", path, {"reason": "a test"}))
        else:
            client_id = self.run(self.world.shop.client_of("pos", self.key("one")))
            answer = self.run(self.world.shop.split(client_id, [("pos", self.key("two"))]))
            assert answer.status_code == 200, answer.text
        self.plain.part()

    @precondition(lambda self: self.plain.together and not self.plain.has_withdrawn())
    @rule()
    def part_and_join(self) -> None:
        """Part the two by mistake and take that back: all points are where they were.

        What is given once is withdrawn anew, from what is there by then.
        """
        before = self.run(self.world.shop.rows(BALANCES)), self.run(self.world.shop.rows(LOTS))

        self.part(by_undo=False)
        self.merge()

        assert before[0] == self.run(self.world.shop.rows(BALANCES))
        assert before[1] == self.run(self.world.shop.rows(LOTS))

    # --- what must hold --------------------------------------------------------------------------

    @invariant()
    def the_ledger_is_as_the_reference_says(self) -> None:
        for side in ("one", "two"):
            lots = self.run(
                self.world.shop.rows(
                    "SELECT earned_at, remaining FROM points_lot l "
                    "JOIN source_record r ON r.id = l.account_id WHERE external_id = :key",
                    key=self.key(side),
                )
            )
            expected = [(lot.at, lot.remaining) for lot in self.plain.lots if lot.record == side]
            assert sorted(map(tuple, lots)) == sorted(expected)
            debt = self.run(
                self.world.shop.rows(
                    "SELECT debt FROM points_account a "
                    "JOIN source_record r ON r.id = a.record_id WHERE external_id = :key",
                    key=self.key(side),
                )
            )
            assert (debt[0][0] if debt else 0) == self.plain.debts.get(side, 0)

    def teardown(self) -> None:
        async def check() -> list[tuple[str, str]]:
            async with self.world.database.transaction() as session:
                return await unsound(session)

        assert self.run(check()) == []
        for side, client_id in self.clients.items():
            told = self.run(
                balances.find_balance(
                    self.world.database, UUID(client_id), at=self.now, today=self.now.date()
                )
            )
            assert told is not None
            assert told["available"] == self.plain.available(side, self.now)


@pytest.fixture
def world(anyio_backend: str, database_url: URL) -> Iterator[World]:  # noqa: ARG001
    """Give the service to a test that is no coroutine: Hypothesis drives it."""
    opened = World(database_url, RULES)
    yield opened
    opened.close()


def test_any_sequence_ends_as_the_plain_reference_says(world: World) -> None:
    Club.world = world
    run_state_machine_as_test(
        Club,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
