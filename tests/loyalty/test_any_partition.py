"""Four records, taken for one another in whatever way: the points come out exact."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import URL

from tests.ingestion.shop import Message, Shop, bring_back, sale, unsound
from tests.loyalty.club import CLUB, account
from tests.loyalty.world import World

EXAMPLES = int(os.environ.get("RCU_TEST_PARTITIONS", "8"))
"""Random sequences to run: `make test-long` runs five hundred."""
STEPS = 16
KEYS = ("A", "B", "C", "D")
BORNE = "SELECT coalesce(-sum(points), 0) FROM points_entry WHERE counterpart = 'borne'"
TO_COLLECT = """
    SELECT coalesce(sum(c.borne), 0) FROM points_crossing c
    JOIN source_record lender ON lender.id = c.account_id
    JOIN source_record spender ON spender.id = c.spender_id
    WHERE lender.client_id = spender.client_id
"""

keys = st.sampled_from(KEYS)
_numbers = itertools.count(1)


class Partitions(RuleBasedStateMachine):
    """Four people, some of whom are taken for one, and who spend each other's points."""

    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.name = f"{next(_numbers)}"
        self.earned: Counter[str] = Counter()
        self.spent: Counter[str] = Counter()
        self.paid: dict[str, tuple[Message, str, int]] = {}
        """Tickets that were paid with points, by whom, and how many."""
        self.at = datetime(2025, 3, 1, tzinfo=UTC)
        self.borne = self.borne_by_all()

    @property
    def shop(self) -> Shop:
        return self.world.shop

    def run(self, work: Any) -> Any:
        return self.world.run(work)

    def key(self, who: str) -> str:
        return f"{who}-{self.name}"

    def borne_by_all(self) -> int:
        return int(self.run(self.shop.scalar(BORNE)))

    def client(self, who: str) -> str:
        return str(self.run(self.shop.client_of("pos", self.key(who))))

    def clients(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for who in KEYS:
            found.setdefault(self.client(who), []).append(who)
        return found

    def balances(self) -> dict[str, int]:
        return {who: self.run(account(self.shop, "pos", self.key(who)))[0] for who in KEYS}

    @initialize(
        points=st.lists(st.integers(0, 60), min_size=4, max_size=4),
        together=st.sets(keys),
        spends=st.lists(st.tuples(keys, st.integers(10, 90)), max_size=2),
    )
    def begin(self, points: list[int], together: set[str], spends: list[tuple[str, int]]) -> None:
        for who, number in zip(KEYS, points, strict=True):
            self.run(self.shop.profile("pos", self.key(who), title=who))
            self.earn(who, number)
        # What needs several steps in a row, chance alone would seldom find.
        for one, other in itertools.pairwise(sorted(together)):
            self.merge(one, other)
        for who, number in spends:
            self.spend(who, number)

    @rule(who=keys, points=st.integers(0, 40))
    def earn(self, who: str, points: int) -> None:
        self.at += timedelta(minutes=1)
        customer = {"external_id": self.key(who)}
        sold = sale(customer=customer, total_cents=points * 100, sold_at=self.at.isoformat())
        self.run(self.shop.ticket(sold | {"ticket_id": f"T{next(_numbers)}"}))
        self.earned[who] += points

    @rule(who=keys, points=st.integers(1, 90))
    def spend(self, who: str, points: int) -> None:
        """Pay goods with points, and nothing else."""
        name = f"T{next(_numbers)}"
        spender = {"external_id": self.key(who)}
        body = {"message_id": name, "spender": spender, "points": points, "ticket_id": name}
        answer = self.run(self.shop.call("POST", "loyalty/redeem", body, who="pos"))
        if answer.status_code != 200:
            assert answer.json()["type"] == "/problems/insufficient-points"
            return
        sold = sale(customer=spender, total_cents=0, ticket_id=name)
        self.run(self.shop.ticket(sold))
        self.spent[who] += points
        self.paid[name] = sold, who, points

    @precondition(lambda self: self.paid)
    @rule(data=st.data())
    def bring_back(self, data: st.DataObject) -> None:
        """Bring goods back that were paid with points: these go back to who has paid in the end."""
        sold, who, points = self.paid.pop(data.draw(st.sampled_from(sorted(self.paid))))
        self.run(self.shop.ticket(bring_back(sold, total_cents=0)))
        self.spent[who] -= points

    @rule(one=keys, other=keys)
    def merge(self, one: str, other: str) -> None:
        if self.client(one) != self.client(other):
            answer = self.run(self.shop.merge(self.client(one), self.client(other)))
            assert answer.status_code == 200, answer.text

    @rule(who=keys, others=st.sets(keys))
    def split(self, who: str, others: set[str]) -> None:
        members = self.clients()[self.client(who)]
        gone = {who, *others} & set(members)
        if len(gone) < len(members):
            records = [("pos", self.key(one)) for one in sorted(gone)]
            answer = self.run(self.shop.split(self.client(who), records))
            assert answer.status_code == 200, answer.text

    @precondition(lambda self: len(self.clients()) < len(KEYS))
    @rule(order=st.permutations(KEYS), again=st.permutations(KEYS))
    def part_and_join(self, order: list[str], again: list[str]) -> None:
        """Part who is together, one by one, and join them again.

        Of all of them the sum is what it was. Where somebody stays parted, the retailer may have
        got back what he bore of his.
        """
        before, points = self.clients(), sum(self.balances().values())

        for who in order:
            self.split(who, set())
        for who in again:
            for member in next(members for members in before.values() if who in members):
                self.merge(member, who)

        assert sorted(self.clients().values()) == sorted(before.values())
        assert len(before) > 1 or sum(self.balances().values()) == points

    def teardown(self) -> None:
        for who in KEYS:
            self.split(who, set())
        self.nobody_has_lost_points()
        for who in KEYS:
            self.merge("A", who)
        self.all_is_spent_once()

        async def check() -> list[tuple[str, str]]:
            async with self.world.database.transaction() as session:
                return await unsound(session)

        assert self.run(check()) == []

    def nobody_has_lost_points(self) -> None:
        """Each by himself has what he earned, but for what was spent under his own name."""
        for who, balance in self.balances().items():
            assert balance >= self.earned[who] - self.spent[who]
            assert balance <= self.earned[who]

    def all_is_spent_once(self) -> None:
        """As one, they have what they earned less what they spent; too much is to be collected."""
        balance, left = sum(self.balances().values()), self.earned.total() - self.spent.total()
        borne = self.borne_by_all() - self.borne
        assert balance - borne == left
        to_collect = int(self.run(self.shop.scalar(TO_COLLECT)))
        assert borne == to_collect
        assert balance == max(left, 0)
        self.run(self.shop.run_sql("UPDATE points_crossing SET borne = 0, given = 0"))


def test_whoever_is_parted_and_joined_nobody_loses_points_and_none_is_spent_twice(
    anyio_backend: str,  # noqa: ARG001
    database_url: URL,
) -> None:
    Partitions.world = World(database_url, CLUB)
    try:
        run_state_machine_as_test(
            Partitions,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                # The ids of what is sent, which order it, differ each time.
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        Partitions.world.close()
