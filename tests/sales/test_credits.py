"""Credit of staff: who is credited by which rule, and cents that sum."""

from __future__ import annotations

from itertools import pairwise, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcu.sales.credits import WHOLE, Credit, credited_amounts, credits_of
from tests.ingestion.shop import Shop, bring_back, clear, order_step, sale

LOU, MAX = {"staff": "LOU", "percent": 60}, {"staff": "MAX", "percent": 40}
NOBODY: dict[str, Any] = {
    "kind": "sale",
    "sellers": (),
    "cashier": None,
    "order_sellers": (),
    "is_of_order": False,
    "original_credits": (),
}


@pytest.mark.parametrize(
    ("said", "rules"),
    [
        ({}, []),
        ({"cashier": "V1"}, [("V1", "cashier")]),
        ({"cashier": "V1", "sellers": [LOU, MAX]}, [("LOU", "named"), ("MAX", "named")]),
        ({"cashier": "V1", "is_of_order": True}, [("V1", "collecting_cashier")]),
        (
            {"cashier": "V1", "is_of_order": True, "order_sellers": [LOU, MAX]},
            [("LOU", "order_seller"), ("MAX", "order_seller")],
        ),
        ({"kind": "return", "cashier": "V1", "original_credits": [LOU]}, [("LOU", "return")]),
        ({"kind": "return", "cashier": "V1", "order_sellers": [MAX]}, [("MAX", "return")]),
        ({"kind": "return", "cashier": "V1"}, []),
        ({"kind": "void", "cashier": "V1", "original_credits": [MAX]}, [("MAX", "return")]),
    ],
)
def test_the_first_rule_that_says_somebody_credits_them(
    said: dict[str, Any], rules: list[tuple[str, str]]
) -> None:
    found = credits_of(**NOBODY | said)

    assert [(credit["staff"], credit["rule"]) for credit in found] == rules


def shares(percents: list[float]) -> list[Credit]:
    return [Credit(staff=f"V{n}", percent=p, rule="named") for n, p in enumerate(percents)]


def test_cents_that_do_not_divide_go_to_the_largest_remainder() -> None:
    assert [part.amount_cents for part in credited_amounts(100, shares([33.33, 33.33, 33.34]))] == [
        33,
        33,
        34,
    ]
    assert [part.amount_cents for part in credited_amounts(101, shares([50, 50]))] == [51, 50]


@given(
    total=st.integers(-(10**9), 10**9),
    cuts=st.lists(st.integers(1, WHOLE - 1), unique=True, max_size=5),
)
def test_the_parts_sum_to_the_total_and_a_return_takes_back_the_same(
    total: int, cuts: list[int]
) -> None:
    edges = [0, *sorted(cuts), WHOLE]
    split = shares([(b - a) / 100 for a, b in pairwise(edges)])

    given_out = [part.amount_cents for part in credited_amounts(total, split)]
    taken_back = [part.amount_cents for part in credited_amounts(-total, split)]

    assert sum(given_out) == total
    assert [a + b for a, b in zip(given_out, taken_back, strict=True)] == [0] * len(split)


async def _credits(shop: Shop) -> list[Any]:
    rows = await shop.rows("SELECT credits FROM ticket ORDER BY id")
    return [[(c["staff"], c["percent"], c["rule"]) for c in credited] for (credited,) in rows]


async def test_a_return_in_another_store_takes_back_from_who_sold(shop: Shop) -> None:
    sold = sale(cashier="V1", sellers=[LOU, MAX])
    await shop.ticket(sold)

    await shop.ticket(bring_back(sold, store="S002", cashier="V9"))

    assert await _credits(shop) == [
        [("LOU", 60, "named"), ("MAX", 40, "named")],
        [("LOU", 60, "return"), ("MAX", 40, "return")],
    ]


async def test_an_online_sale_is_credited_to_who_made_the_order(shop: Shop) -> None:
    await shop.accept("eshop", "order", order_step("O1", "placed", sellers=[LOU, MAX]))

    await shop.ticket(sale(order_id="O1", cashier="V1", fulfilment="click_and_collect"))
    await shop.ticket(sale(order_id="O2", cashier="V1", fulfilment="click_and_collect"))

    assert await _credits(shop) == [
        [("LOU", 60, "order_seller"), ("MAX", 40, "order_seller")],
        [("V1", 100, "collecting_cashier")],
    ]


async def test_credits_do_not_depend_on_the_order_of_arrival(shop: Shop) -> None:
    """The seller of an order is known before its sale, after it, or only after its return."""
    ends = set()
    for arrival in permutations(range(4)):
        await clear(shop.database)
        sold = sale(ticket_id="T1", order_id="O1", cashier="V1")
        sent = [
            ("eshop", "order", order_step("O1", "placed", sellers=[MAX | {"percent": 100}])),
            ("eshop", "order", order_step("O1", "paid", minute=1, sellers=[LOU, MAX])),
            ("pos", "ticket", sold),
            ("pos", "ticket", bring_back(sold, ticket_id="R1", cashier="V9")),
        ]
        for n in arrival:
            await shop.accept(*sent[n])
        rows = await shop.rows("SELECT ticket_id, credits FROM ticket ORDER BY ticket_id")
        ends.add(str([tuple(row) for row in rows]))

    assert len(ends) == 1
    assert [[credit[0] for credit in one] for one in await _credits(shop)] == [["LOU", "MAX"]] * 2


async def test_who_is_named_on_a_ticket_stays_when_the_order_names_others(shop: Shop) -> None:
    sold = sale(order_id="O1", cashier="V1", sellers=[LOU, MAX])
    await shop.ticket(sold)
    await shop.accept("eshop", "order", order_step("O1", "placed", sellers=[{"staff": "EVE"}]))

    assert await _credits(shop) == [[("LOU", 60, "named"), ("MAX", 40, "named")]]


@pytest.mark.parametrize(
    "sellers",
    [
        [{"staff": "LOU", "percent": 60}],
        [{"staff": "LOU", "percent": 60}, {"staff": "MAX", "percent": 41}],
        [{"staff": "LOU", "percent": 50}, {"staff": "LOU", "percent": 50}],
        [{"staff": "LOU", "percent": 0}, {"staff": "MAX", "percent": 100}],
        [{"staff": "LOU", "percent": 33.333}, {"staff": "MAX", "percent": 66.667}],
    ],
)
async def test_shares_that_are_no_split_of_the_whole_are_refused(
    shop: Shop, sellers: list[dict[str, Any]]
) -> None:
    response = await shop.send("pos", "ticket", sale(sellers=sellers))

    assert response.status_code == 422
    assert response.json()["errors"][0]["field"].startswith("/sellers")
