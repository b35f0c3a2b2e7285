"""Parked messages: what cannot be applied yet waits, and goes in by itself when it can."""

from __future__ import annotations

import asyncio
from itertools import permutations
from typing import Any

import pytest

from rcu.db.locks import left_to_wait_for
from rcu.ingestion import parking
from tests.ingestion.shop import (
    Message,
    Shop,
    bring_back,
    cancel,
    order_step,
    sale,
    ticket_id,
    typed,
)

REUNION = {"code": "RUN1", "name": "Saint-Denis", "timezone": "Indian/Reunion"}


async def test_a_sale_of_an_unknown_store_goes_in_when_the_store_is_added(shop: Shop) -> None:
    parked = await shop.send("pos", "ticket", sale(1, store="RUN1"))
    assert (parked.status_code, parked.json()["reason"]) == (202, "unknown_store")

    await shop.staff("POST", "stores", REUNION)

    assert await shop.parked() == []
    assert await shop.scalar("SELECT store FROM ticket") == "RUN1"


async def test_a_sale_that_waited_for_its_store_gets_the_day_of_that_store(shop: Shop) -> None:
    late = sale(1, store="RUN1", sold_at="2025-03-01T22:30:00Z")
    await shop.ticket(late)

    await shop.staff("POST", "stores", REUNION)

    assert str(await shop.scalar("SELECT business_date FROM ticket")) == "2025-03-02"
    assert await shop.scalar("SELECT ticket_id FROM ticket") == "RUN1-01-20250302-1"


async def test_a_store_added_while_its_sale_comes_in_gives_the_sale_its_day(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def add_the_store_first(*given: Any) -> list[int]:
        monkeypatch.undo()
        await shop.staff("POST", "stores", REUNION)
        return await left_to_wait_for(*given)

    monkeypatch.setattr("rcu.sales.entering.left_to_wait_for", add_the_store_first)

    answer = await shop.ticket(sale(1, store="RUN1", sold_at="2025-03-01T22:30:00Z"))

    assert answer["ticket_id"] == "RUN1-01-20250302-1"


@pytest.mark.parametrize("other_source", ["pos", "eshop"])
async def test_a_return_goes_in_when_its_sale_arrives(shop: Shop, other_source: str) -> None:
    sold = sale(1, customer={"card": "ABC-1234"})
    back = bring_back(sold)
    assert (await shop.send("pos", "ticket", back)).status_code == 202

    await shop.ticket(sold, source=other_source)

    assert await shop.parked() == []
    assert await shop.rows(
        "SELECT r.source, o.source FROM ticket r JOIN ticket o ON o.id = r.original_id"
    ) == [("pos", other_source)]


async def test_a_return_finds_its_sale_by_what_is_printed_on_it(shop: Shop) -> None:
    sold = sale(1, ticket_id="internal-77")
    printed = {"store": "S001", "till": "01", "business_date": "2025-03-01", "number": 1}
    await shop.ticket(sale(kind="return", total_cents=-400, original=printed))
    assert len(await shop.parked()) == 1

    await shop.ticket(sold)

    assert await shop.parked() == []


async def test_a_return_that_names_another_source_waits_for_that_one(shop: Shop) -> None:
    sold = sale(1)
    await shop.ticket(bring_back(sold, source="eshop"))
    await shop.ticket(sold, source="app")
    assert [one["reason"] for one in await shop.parked()] == ["unknown_ticket"]
    await shop.rows("SELECT 1")

    await shop.ticket(sold, source="eshop")

    assert await shop.parked() == []


SOLD = sale(1, customer={"card": "ABC-1234"})
BACK = bring_back(SOLD)
UNDONE = cancel(BACK)


@pytest.mark.parametrize("order", list(permutations([SOLD, BACK, UNDONE])), ids=lambda _: "")
@pytest.mark.parametrize("together", [True, False], ids=["one batch", "one by one"])
async def test_a_chain_goes_in_whatever_its_order(
    shop: Shop, order: tuple[Message, ...], together: bool
) -> None:
    if together:
        results = await shop.batch("pos", [typed("ticket", message) for message in order])
        assert {result["status"] for result in results} <= {201, 202}
    else:
        for message in order:
            await shop.ticket(message)

    assert await shop.parked() == []
    assert await shop.rows("SELECT sales, returns, amount_cents FROM purchase_total") == [
        (1, 0, 1000)
    ]


async def test_a_return_of_a_sale_that_waits_for_its_store_follows_it(shop: Shop) -> None:
    sold = sale(1, store="RUN1")
    back = bring_back(sold, store="RUN1")
    undone = cancel(back)
    for message in (undone, back, sold):
        await shop.ticket(message)
    reasons = [one["reason"] for one in await shop.parked()]
    assert reasons == ["unknown_ticket", "unknown_store", "unknown_store"]

    await shop.staff("POST", "stores", REUNION)

    assert await shop.parked() == []
    assert await shop.scalar("SELECT count(*) FROM ticket") == 3


async def test_a_step_goes_in_when_its_order_is_placed(shop: Shop) -> None:
    steps = [
        order_step("O1", "shipped", minute=3),
        order_step("O1", "paid", minute=2),
        order_step("O1", "placed", minute=1),
    ]
    answers = [await shop.accept("eshop", "order", step) for step in steps]

    assert [answer["outcome"] for answer in answers] == ["parked", "parked", "recorded"]
    assert await shop.parked() == []
    assert await shop.scalar("SELECT status FROM sales_order") == "shipped"


@pytest.mark.parametrize("order", list(permutations(["placed", "paid", "shipped"])))
async def test_the_steps_of_an_order_may_come_in_any_order_in_a_batch(
    shop: Shop, order: tuple[str, ...]
) -> None:
    minutes = {"placed": 1, "paid": 2, "shipped": 3}
    steps = [typed("order", order_step("O1", name, minute=minutes[name])) for name in order]

    results = await shop.batch("eshop", steps)

    assert [result["status"] for result in results] == [201, 201, 201]
    assert await shop.scalar("SELECT status FROM sales_order") == "shipped"


async def test_steps_of_one_instant_follow_the_life_of_an_order(shop: Shop) -> None:
    for status, message_id in (("placed", "z"), ("paid", "y"), ("shipped", "x")):
        await shop.accept("eshop", "order", order_step("O1", status) | {"message_id": message_id})

    assert await shop.scalar("SELECT status FROM sales_order") == "shipped"


async def test_an_order_of_an_unknown_store_waits_for_the_store(shop: Shop) -> None:
    placed = order_step("O1", "placed", store="RUN1", fulfilment="click_and_collect")
    later = order_step("O1", "ready_for_pickup", minute=5)
    for step in (later, placed):
        await shop.accept("eshop", "order", step)
    assert len(await shop.parked()) == 2

    await shop.staff("POST", "stores", REUNION)

    assert await shop.parked() == []
    assert await shop.scalar("SELECT status FROM sales_order") == "ready_for_pickup"


async def test_a_second_void_of_a_ticket_waits_for_a_person(shop: Shop) -> None:
    sold = sale(1, customer={"card": "ABC-1234"})
    await shop.ticket(sold)
    await shop.ticket(cancel(sold))

    second = await shop.ticket(cancel(sold))

    assert (second["outcome"], second["reason"]) == ("parked", "already_voided")
    assert await shop.rows("SELECT sales, amount_cents FROM purchase_total") == [(0, 0)]


async def test_a_void_of_a_void_waits_for_a_person(shop: Shop) -> None:
    sold = sale(1, customer={"card": "ABC-1234"})
    void = cancel(sold, total_cents=-1000)
    await shop.ticket(sold)
    await shop.ticket(void)

    second = await shop.ticket(cancel(void))

    assert (second["outcome"], second["reason"]) == ("parked", "original_is_void")
    assert await shop.rows("SELECT sales, amount_cents FROM purchase_total") == [(0, 0)]


async def test_two_voids_of_one_sale_at_once_cancel_it_once(shop: Shop) -> None:
    sold = sale(1, customer={"card": "ABC-1234"})
    await shop.ticket(sold)

    answers = await asyncio.gather(*(shop.ticket(cancel(sold)) for _ in range(8)))

    outcomes = sorted(answer["outcome"] for answer in answers)
    assert outcomes == ["parked"] * 7 + ["recorded"]
    assert await shop.rows("SELECT sales, amount_cents FROM purchase_total") == [(0, 0)]


# --- races: nothing may be left waiting for what is there -------------------------------------


async def test_a_return_and_its_sale_at_the_same_instant_never_miss_each_other(shop: Shop) -> None:
    pairs = [(sold, bring_back(sold)) for sold in (sale(n) for n in range(50))]

    for sold, back in pairs:
        await asyncio.gather(shop.ticket(back), shop.ticket(sold))

    assert await shop.parked() == []
    assert await shop.scalar("SELECT count(*) FROM ticket WHERE original_id IS NOT NULL") == 50


async def test_batches_of_returns_and_of_their_sales_at_once_never_miss_each_other(
    shop: Shop,
) -> None:
    sold = [sale(n, token=f"par_token_{n % 9}") for n in range(60)]
    backs = [typed("ticket", bring_back(one)) for one in sold]
    sales = [typed("ticket", one) for one in sold]

    await asyncio.gather(
        shop.batch("pos", backs[:30]),
        shop.batch("eshop", sales[::-1]),
        shop.batch("pos", backs[:29:-1]),
    )

    assert await shop.parked() == []
    assert await shop.scalar("SELECT count(*) FROM ticket") == 120


async def test_a_store_and_its_sales_at_the_same_instant_never_miss_each_other(shop: Shop) -> None:
    for n in range(15):
        await asyncio.gather(
            shop.ticket(sale(1, store=f"NEW{n}")),
            shop.staff("POST", "stores", {"code": f"NEW{n}", "name": "New"}),
            shop.ticket(sale(2, store=f"NEW{n}")),
        )

    assert await shop.parked() == []
    assert await shop.scalar("SELECT count(*) FROM ticket") == 30


async def test_a_step_and_its_order_at_the_same_instant_never_miss_each_other(shop: Shop) -> None:
    for n in range(15):
        await asyncio.gather(
            shop.accept("eshop", "order", order_step(f"O{n}", "paid", minute=2)),
            shop.accept("eshop", "order", order_step(f"O{n}", "placed", minute=1)),
        )

    assert await shop.parked() == []
    assert await shop.scalar("SELECT count(*) FROM sales_order WHERE status = 'paid'") == 15


# --- what an operator sees and does -----------------------------------------------------------


async def test_parked_messages_are_listed_oldest_first_and_page_by_page(shop: Shop) -> None:
    sent = [sale(n, store=f"X{n}") for n in range(7)]
    for message in sent[:4]:
        await shop.ticket(message)
    await shop.batch("eshop", [typed("ticket", message) for message in sent[4:]])

    seen, cursor = list[Any](), ""
    for _ in range(4):
        page = await shop.staff("GET", f"parked?limit=2{cursor}")
        seen += page["parked"]
        cursor = f"&cursor={page['next_cursor']}"

    assert page["next_cursor"] is None
    assert [one["message_id"] for one in seen] == [message["message_id"] for message in sent]
    assert seen[0]["waits_for"] == "store:X0"
    of_pos = await shop.staff("GET", "parked?source=pos")
    assert [one["message_id"] for one in of_pos["parked"]] == [m["message_id"] for m in sent[:4]]


async def test_replaying_tries_everything_once_and_says_what_still_waits(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "REPLAY_CHUNK", 2)
    stuck = [sale(n, store="X1") for n in range(3)]
    freed = [sale(n, store="X2") for n in range(3)]
    for message in (stuck[0], freed[0], freed[1], stuck[1], stuck[2], freed[2]):
        await shop.ticket(message)
    async with shop.database.transaction() as session:
        await _add_store_unseen(session, "X2")

    replayed = await shop.staff("POST", "parked/replay", {})

    assert replayed == {"applied": 3, "still_parked": 3}
    waiting = await shop.parked()
    assert [one["message_id"] for one in waiting] == [one["message_id"] for one in stuck]
    assert [one["attempts"] for one in waiting] == [1, 1, 1]
    assert await shop.staff("POST", "parked/replay", {}) == {"applied": 0, "still_parked": 3}


async def test_replaying_named_messages_leaves_the_others(shop: Shop) -> None:
    sent = [sale(n, store="X1") for n in range(3)]
    for message in sent:
        await shop.ticket(message)
    async with shop.database.transaction() as session:
        await _add_store_unseen(session, "X1")

    body = {"source": "pos", "message_ids": [sent[1]["message_id"]]}
    replayed = await shop.staff("POST", "parked/replay", body)

    assert replayed == {"applied": 1, "still_parked": 0}
    assert await shop.rows("SELECT ticket_id FROM ticket") == [(ticket_id(sent[1]),)]
    await shop.staff("POST", "parked/replay", {})


async def test_two_replays_at_once_apply_each_message_once(shop: Shop) -> None:
    for n in range(20):
        await shop.ticket(sale(n, store="X1", customer={"card": "ABC-1234"}))
    async with shop.database.transaction() as session:
        await _add_store_unseen(session, "X1")

    replays = await asyncio.gather(*(shop.staff("POST", "parked/replay", {}) for _ in range(4)))

    assert sum(replay["applied"] for replay in replays) == 20
    assert await shop.scalar("SELECT sales FROM purchase_total") == 20


async def test_a_clash_that_shows_when_a_message_is_replayed_waits_for_a_person(
    shop: Shop,
) -> None:
    waits = sale(1, store="X1")
    await shop.ticket(waits)
    await shop.ticket(waits | {"message_id": "other", "total_cents": 1})

    await shop.staff("POST", "stores", {"code": "X1", "name": "New"})

    assert [one["reason"] for one in await shop.parked()] == ["ticket_clash"]
    assert await shop.scalar("SELECT count(*) FROM ticket") == 1


async def _add_store_unseen(session: Any, code: str) -> None:
    """Add a store behind the back of the service."""
    from rcu.sales.stores import StoreDetails, add_store

    await add_store(session, StoreDetails(code, code))
