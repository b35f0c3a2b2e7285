"""Decisions of a steward on one ticket, and the story of an order."""

from __future__ import annotations

import uuid
from typing import Any

from tests.ingestion.shop import Message, Shop, bring_back, cancel, order_step, sale, ticket_id

CARD = {"card": "ABC-1234"}
REASON = {"reason": "seen on the receipt"}


async def id_of(shop: Shop, message: Message) -> str:
    return str(
        await shop.scalar("SELECT id FROM ticket WHERE ticket_id = :t", t=ticket_id(message))
    )


async def odile_and_basile(shop: Shop) -> tuple[str, str]:
    odile = await shop.profile("pos", "P1", given_name="Odile", cards=["ABC-1234"])
    basile = await shop.profile("pos", "P2", given_name="Basile", birth_date="1990-10-30")
    return odile["client_id"], basile["client_id"]


async def test_a_steward_attaches_a_ticket_and_its_return_and_takes_it_back(shop: Shop) -> None:
    odile, basile = await odile_and_basile(shop)
    sold = sale(customer=CARD)
    back = bring_back(sold)
    for message in (sold, back):
        await shop.ticket(message)
    path = f"tickets/{await id_of(shop, sold)}"

    told = await shop.staff("POST", f"{path}/attach", {"client_id": basile} | REASON)
    attached = [await shop.attached(message) for message in (sold, back)]
    await shop.staff("POST", f"{path}/restore", REASON)
    restored = [await shop.attached(message) for message in (sold, back)]

    assert told["attachment"] == {"client_id": basile, "method": "steward", "reason": None}
    assert told["at_sale"] == {"client_id": odile, "method": "card", "reason": None}
    assert [(c["by"], c["client_id"], c["reason"]) for c in told["changes"]] == [
        ("steward", basile, "seen on the receipt")
    ]
    assert attached == [(basile, "steward"), (basile, "return_link")]
    assert restored == [(odile, "card"), (odile, "return_link")]


async def test_what_could_not_be_read_stays_the_reason_whoever_shares_its_token(shop: Shop) -> None:
    await odile_and_basile(shop)
    sold = sale(token="par_tok_1", customer={"email": "client@mail.example"})
    await shop.ticket(sold)

    for known in (CARD, {"external_id": "P2"}):
        await shop.ticket(sale(token="par_tok_1", customer=known))
    told = await shop.staff("GET", f"tickets/{await id_of(shop, sold)}")

    assert await shop.attached(sold) == (None, "shared")
    assert told["attachment"]["reason"] == told["at_sale"]["reason"] == "unreadable"


async def test_a_ticket_that_is_detached_stays_so_whatever_becomes_known(shop: Shop) -> None:
    odile, _ = await odile_and_basile(shop)
    sold = sale(token="par_tok_1")
    await shop.ticket(sold)
    path = f"tickets/{await id_of(shop, sold)}"

    told = await shop.staff("POST", f"{path}/detach", REASON)
    await shop.ticket(sale(token="par_tok_1", customer=CARD))
    after = await shop.staff("GET", path)
    restored = await shop.staff("POST", f"{path}/restore", REASON)

    assert told["attachment"]["reason"] == after["attachment"]["reason"] == "detached"
    assert restored["attachment"] == {"client_id": odile, "method": "payment_token", "reason": None}


async def test_a_ticket_restored_is_of_its_order_whichever_of_the_two_came_first(
    shop: Shop,
) -> None:
    odile, _ = await odile_and_basile(shop)
    order = order_step("O1", "placed", customer={"external_id": "P1"})
    before, after = (sale(order_id="O1", token=token) for token in ("par_tok_1", None))
    for kind, message in (("ticket", before), ("order", order), ("ticket", after)):
        await shop.accept("pos", kind, message)

    for sold in (before, after):
        path = f"tickets/{await id_of(shop, sold)}"
        await shop.staff("POST", f"{path}/detach", REASON)
        restored = await shop.staff("POST", f"{path}/restore", REASON)

        assert restored["attachment"]["client_id"] == odile
        assert restored["attachment"]["method"] == "order_reference"


async def test_a_ticket_restored_goes_to_an_order_that_came_while_it_was_nobodys(
    shop: Shop,
) -> None:
    odile, _ = await odile_and_basile(shop)
    sold = sale(order_id="O1")
    await shop.ticket(sold)
    path = f"tickets/{await id_of(shop, sold)}"
    await shop.staff("POST", f"{path}/detach", REASON)
    await shop.accept("pos", "order", order_step("O1", "placed", customer={"external_id": "P1"}))
    assert await shop.attached(sold) == (None, None)

    await shop.staff("POST", f"{path}/restore", REASON)

    assert await shop.attached(sold) == (odile, "order_reference")


async def test_a_return_restored_goes_where_its_sale_hangs_now(shop: Shop) -> None:
    _, basile = await odile_and_basile(shop)
    sold = sale(customer=CARD)
    back = bring_back(sold)
    for message in (sold, back):
        await shop.ticket(message)
    path = f"tickets/{await id_of(shop, back)}"
    await shop.staff("POST", f"{path}/detach", REASON)
    sold_path = f"tickets/{await id_of(shop, sold)}"
    await shop.staff("POST", f"{sold_path}/attach", {"client_id": basile} | REASON)

    await shop.staff("POST", f"{path}/restore", REASON)

    assert await shop.attached(back) == (basile, "return_link")


async def test_an_attachment_sent_twice_is_kept_once(shop: Shop) -> None:
    _, basile = await odile_and_basile(shop)
    sold = sale()
    await shop.ticket(sold)
    path = f"tickets/{await id_of(shop, sold)}/attach"

    told = [await shop.staff("POST", path, {"client_id": basile} | REASON) for _ in range(2)]

    assert [len(answer["changes"]) for answer in told] == [1, 1]


async def test_what_cannot_be_attached_is_refused(shop: Shop) -> None:
    odile, _ = await odile_and_basile(shop)
    sold = sale(token="par_tok_1")
    void = cancel(sold)
    for message in (sold, void):
        await shop.ticket(message)
    anonymous = await shop.scalar("SELECT id FROM client WHERE NOT known")
    sold_path, void_path = [f"tickets/{await id_of(shop, m)}/attach" for m in (sold, void)]

    answers = [
        await shop.call("POST", path, {"client_id": str(client_id)} | REASON)
        for path, client_id in (
            (f"tickets/{uuid.uuid4()}/attach", odile),
            (sold_path, uuid.uuid4()),
            (sold_path, anonymous),
            (void_path, odile),
        )
    ]

    assert [(a.status_code, a.json()["type"].rpartition("/")[2]) for a in answers] == [
        (404, "ticket-not-found"),
        (404, "client-not-found"),
        (409, "anonymous-client"),
        (409, "void-not-attached"),
    ]


async def test_why_a_token_does_not_attach_is_said_as_shared(shop: Shop) -> None:
    await odile_and_basile(shop)
    bare = sale(token="par_tok_1")
    await shop.ticket(sale(token="par_tok_1", customer=CARD))
    await shop.ticket(bare)
    await shop.ticket(sale(token="par_tok_1", customer={"external_id": "P2"}))

    told = await shop.staff("GET", f"tickets/{await id_of(shop, bare)}")

    assert told["at_sale"]["method"] == "payment_token"
    assert told["attachment"] == {"client_id": None, "method": None, "reason": "shared"}
    assert [(change["moved"], change["by"]) for change in told["changes"]] == [("record", "shared")]


# --- the story of an order ------------------------------------------------------------------------


async def test_an_order_tells_one_story_over_channels_and_stores(shop: Shop) -> None:
    odile = (await shop.profile("eshop", "E1", given_name="Odile"))["client_id"]
    order: dict[str, Any] = {"fulfilment": "ship_from_store", "store": "S001"}
    for step in (
        order_step("O1", "placed", customer={"external_id": "E1"}, **order),
        order_step("O1", "shipped", minute=5, store="S002"),
    ):
        await shop.accept("eshop", "order", step)
    shipped = sale(order_id="O1", fulfilment="ship_from_store", total_cents=5000, channel="web")
    other = sale(order_id="O1", total_cents=900)
    back = bring_back(shipped, store="S002", total_cents=-2000)
    for message in (shipped, other, cancel(other), back):
        await shop.ticket(message)

    found = await shop.staff("POST", "orders/lookup", {"order_id": "O1"})
    told = await shop.staff("GET", f"orders/{found['ids'][0]}")

    assert [(step["status"], step["store"]) for step in told["steps"]] == [
        ("placed", "S001"),
        ("shipped", "S002"),
    ]
    assert (told["client_id"], told["method"], told["status"]) == (odile, "own_record", "shipped")
    tickets = [(t["kind"], t["store"], t["method"], t["voided"]) for t in told["tickets"]]
    assert sorted(tickets, key=str) == [
        ("return", "S002", "return_link", False),
        ("sale", "S001", "order_reference", False),
        ("sale", "S001", "order_reference", True),
        ("void", "S001", "return_link", False),
    ]
    assert (told["sold_cents"], told["returned_cents"]) == (5000, -2000)


async def test_an_order_or_a_ticket_that_is_not_there_is_not_found(shop: Shop) -> None:
    for path in (f"orders/{uuid.uuid4()}", f"tickets/{uuid.uuid4()}"):
        assert (await shop.call("GET", path)).status_code == 404
    assert await shop.staff("POST", "orders/lookup", {"order_id": "nothing"}) == {"ids": []}
