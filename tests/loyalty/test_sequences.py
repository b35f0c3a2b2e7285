"""Any sequence of earning, spending and changing clients ends as the plain reference says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.loyalty import balances, spending, transferring, upkeep
from rcu.loyalty.errors import HoldClosedError, InsufficientPointsError, TransferRefusedError
from rcu.loyalty.models import HoldStatus
from rcu.loyalty.quoting import Basket, quote
from rcu.loyalty.spending import Closing, Request
from rcu.loyalty.transferring import TransferRequest
from rcu.loyalty.wallets import Spender
from tests.ingestion.shop import unsound
from tests.loyalty.plain_points import PlainHold, PlainPoints, service_day
from tests.loyalty.two_people import HOLD_MINUTES, RULES, ZONE, TwoPeople, numbers, sides
from tests.loyalty.world import World

EXAMPLES = int(os.environ.get("RCU_TEST_POINTS", "10"))
"""Random sequences to run: `make test-long` runs two thousand."""
STEPS = 20
BALANCES = "SELECT record_id, balance, debt FROM points_account ORDER BY 1"
LOTS = "SELECT id, remaining FROM points_lot WHERE remaining > 0 ORDER BY 1"

amounts = st.integers(1, 30)


class Club(TwoPeople):
    """Two people who are taken for one now and then, and spend and give their points."""

    def __init__(self) -> None:
        super().__init__()
        self.decision: str | None = None

    # --- spending --------------------------------------------------------------------------------

    def request(self, side: str, points: int) -> Request:
        message_id = f"s-{next(numbers)}"
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

    @rule(side=sides)
    def quote(self, side: str) -> None:
        """Ask what could be spent: so much would be granted, and not a point more."""
        at = self.tick()
        spender = Spender("pos", self.key(side), None)
        basket = Basket(at, 0, "EUR", "store", None, (), (), spender)
        available = self.before_spending().available(side, at)

        told = self.run(self.do(lambda session: quote(session, basket, at=at, timezone=ZONE)))

        self.plain.lapse_holds(self.plain.records(side), at)
        assert told["available"] == available
        assert not available or self.would_be_granted(side, available)
        assert not self.would_be_granted(side, available + 1)

    def would_be_granted(self, side: str, points: int) -> bool:
        """Redeem points, and undo it."""
        name = f"s-{next(numbers)}"
        spender = Spender("pos", self.key(side), None)
        request = Request(name, b"", spender, points, None, None, ZONE, self.now)

        async def work(session: AsyncSession) -> None:
            trial = await session.begin_nested()
            await spending.redeem(session, request)
            await trial.rollback()

        try:
            self.run(self.do(work))
        except InsufficientPointsError:
            return False
        return True

    @rule(side=sides, points=amounts)
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

    @rule(side=sides, points=amounts)
    def give(self, side: str, points: int) -> None:
        """Give points to the other one, who lives in the same house."""
        other = "two" if side == "one" else "one"
        at = self.tick()
        name = f"g-{next(numbers)}"
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

    @rule(side=sides, points=amounts)
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
