"""The inbox: a message is kept once, and answered the same for ever."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rcu.http.problems import Problem
from tests.ingestion.shop import (
    Shop,
    bring_back,
    event,
    order_step,
    profile,
    sale,
    ticket_id,
    typed,
)

ORDER = order_step("O1", "placed", customer={"email": "odile@mail.example"})
ONE_OF_EACH = [
    ("pos", "profile", profile("P1", given_name="Odile", family_name="Vasseur")),
    ("pos", "ticket", sale(1, customer={"card": "ABC-1234"})),
    ("eshop", "order", ORDER),
    ("app", "event", event(app_user="odile-7")),
]


def _short(value: object) -> str:
    return value if isinstance(value, str) else ""


@pytest.mark.parametrize(("source", "kind", "message"), ONE_OF_EACH, ids=_short)
async def test_the_same_message_again_is_answered_as_the_first_time(
    shop: Shop, source: str, kind: str, message: dict[str, Any]
) -> None:
    first = await shop.send(source, kind, message)
    again = await shop.send(source, kind, dict(reversed(message.items())))

    assert first.status_code == 201
    assert "Idempotent-Replayed" not in first.headers
    assert again.status_code == 201
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()
    assert await shop.scalar("SELECT count(*) FROM inbox_message") == 1


async def test_the_first_answer_stands_when_the_client_has_changed_since(shop: Shop) -> None:
    message = profile("P1", given_name="Odile", family_name="Vasseur", emails=["o@mail.example"])
    first = (await shop.send("pos", "profile", message)).json()
    await shop.profile("pos", "P1", minute=1, given_name="Odette")

    again = await shop.send("pos", "profile", message)

    assert again.json() == first
    assert await shop.scalar("SELECT profile#>>'{given_name,value}' FROM source_record") == "Odette"


async def test_a_parked_message_is_answered_the_same_even_after_it_was_applied(shop: Shop) -> None:
    sold = sale(7)
    back = bring_back(sold)
    first = await shop.send("pos", "ticket", back)

    while_parked = await shop.send("pos", "ticket", back)
    await shop.ticket(sold)
    after = await shop.send("pos", "ticket", back)

    assert first.status_code == 202
    assert first.json()["reason"] == "unknown_ticket"
    for again in (while_parked, after):
        assert (again.status_code, again.json()) == (202, first.json())
        assert again.headers["Idempotent-Replayed"] == "true"
    assert await shop.scalar("SELECT count(*) FROM ticket") == 2


@pytest.mark.parametrize(("source", "kind", "message"), ONE_OF_EACH, ids=_short)
async def test_an_id_with_another_content_is_refused_and_changes_nothing(
    shop: Shop, source: str, kind: str, message: dict[str, Any]
) -> None:
    other: dict[str, dict[str, Any]] = {
        "profile": {"family_name": "Autre"},
        "ticket": {"total_cents": 1},
        "order": {"total_cents": 1},
        "event": {"name": "app.opened"},
    }
    first = await shop.accept(source, kind, message)
    before = await _everything(shop)

    refused = await shop.send(source, kind, message | other[kind])

    assert refused.status_code == 409
    assert Problem.model_validate(refused.json()).type == "/problems/message-id-reused"
    assert refused.json()["request_id"] == refused.headers["x-request-id"]
    assert await _everything(shop) == before
    assert await shop.accept(source, kind, message) == first


async def test_an_id_is_that_of_its_source_only(shop: Shop) -> None:
    message = profile("P1", given_name="Odile", family_name="Vasseur")

    for source in ("pos", "eshop"):
        response = await shop.send(source, "profile", message)
        assert "Idempotent-Replayed" not in response.headers

    assert await shop.scalar("SELECT count(*) FROM source_record") == 2


async def test_an_id_is_not_free_for_a_message_of_another_type(shop: Shop) -> None:
    await shop.accept("pos", "profile", profile("P1") | {"message_id": "one"})

    refused = await shop.send("pos", "ticket", sale(1) | {"message_id": "one"})

    assert refused.status_code == 409
    assert await shop.scalar("SELECT count(*) FROM ticket") == 0


@pytest.mark.parametrize(("source", "kind", "message"), ONE_OF_EACH, ids=_short)
async def test_one_message_sent_sixteen_times_at_once_has_one_effect(
    shop: Shop, source: str, kind: str, message: dict[str, Any]
) -> None:
    answers = await asyncio.gather(*(shop.send(source, kind, message) for _ in range(16)))

    assert {answer.status_code for answer in answers} == {201}
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert await shop.scalar("SELECT count(*) FROM inbox_message") == 1
    assert await shop.scalar("SELECT count(*) FROM ticket") == (kind == "ticket")
    assert await shop.scalar("SELECT count(*) FROM order_step") == (kind == "order")
    assert await shop.scalar("SELECT count(*) FROM event") == (kind == "event")


async def test_two_contents_under_one_id_at_once_one_wins_and_the_others_are_refused(
    shop: Shop,
) -> None:
    message = event(device="d-0001")
    contents = [message | {"name": f"page.n{n}"} for n in range(8)]

    answers = await asyncio.gather(*(shop.send("app", "event", one) for one in contents))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert await shop.scalar("SELECT count(*) FROM event") == 1


# --- tickets are unique besides -----------------------------------------------------------------


async def test_a_ticket_under_another_message_id_is_recorded_already(shop: Shop) -> None:
    await shop.profile("pos", "P1", given_name="Odile", cards=["ABC-1234"])
    sold = sale(1, customer={"card": "ABC-1234"})
    first = await shop.ticket(sold)

    again = await shop.send("pos", "ticket", sold | {"message_id": "another"})

    assert again.status_code == 200
    assert again.json() == first | {"message_id": "another", "outcome": "already_recorded"}
    assert await shop.scalar("SELECT count(*) FROM ticket") == 1
    assert await shop.scalar("SELECT sum(sales) FROM purchase_total") == 1


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"total_cents": 2000}, id="the same number, another total"),
        pytest.param({"ticket_id": "X-1"}, id="the same number under another id"),
        pytest.param({"ticket_id": "S001-01-20250301-1", "number": 2}, id="the same id"),
    ],
)
async def test_a_ticket_with_another_content_is_refused_and_nothing_is_kept(
    shop: Shop, other: dict[str, Any]
) -> None:
    sold = sale(1)
    await shop.ticket(sold)
    before = await _everything(shop)

    refused = await shop.send("pos", "ticket", sold | {"message_id": "another"} | other)

    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/ticket-clash"
    assert await _everything(shop) == before


async def test_a_refusal_says_which_ticket_had_the_number(shop: Shop) -> None:
    await shop.ticket(sale(1))

    refused = await shop.send("pos", "ticket", sale(1, ticket_id="X-1", message_id="another"))

    assert refused.json()["detail"] == (
        "Ticket X-1 has the store, till, number and business date of ticket S001-01-20250301-1, "
        "which was received before; nothing was changed."
    )


async def test_a_message_id_that_was_refused_may_be_used_again(shop: Shop) -> None:
    await shop.ticket(sale(1))
    refused = sale(1, total_cents=2000)
    assert (await shop.send("pos", "ticket", refused)).status_code == 409

    mended = await shop.send("pos", "ticket", refused | {"number": 2})

    assert mended.status_code == 201


async def test_one_ticket_under_sixteen_message_ids_at_once_is_recorded_once(shop: Shop) -> None:
    sold = sale(1, token="par_tok_1")

    answers = await asyncio.gather(
        *(shop.ticket(sold | {"message_id": f"copy-{n}"}) for n in range(16))
    )

    outcomes = sorted(answer["outcome"] for answer in answers)
    assert outcomes == ["already_recorded"] * 15 + ["recorded"]
    assert await shop.scalar("SELECT count(*) FROM ticket") == 1


# --- batches ------------------------------------------------------------------------------------


async def test_bad_messages_harm_none_of_their_neighbours(shop: Shop) -> None:
    used = sale(50)
    await shop.ticket(used)
    waits = bring_back(sale(51))
    good = profile("P1", given_name="Odile")
    batch = [
        typed("profile", good),
        typed("profile", profile("P2", birth_date=["1990"])),
        typed("parcel", profile("P3")),
        profile("P4"),
        typed("ticket", sale(1)),
        typed("ticket", used | {"total_cents": 1}),
        typed("ticket", sale(50, total_cents=9)),
        typed("ticket", waits),
        typed("ticket", sale(2, sold_at="2025-03-01T12:00:00")),
        typed("profile", good),
        typed("profile", good | {"given_name": "Autre"}),
        {},
        typed("event", event(device="d-0001")),
    ]

    results = await shop.batch("pos", batch)

    assert [result["index"] for result in results] == list(range(len(batch)))
    statuses = [result["status"] for result in results]
    assert statuses == [201, 422, 422, 422, 201, 409, 409, 202, 422, 201, 409, 422, 201]
    assert results[9]["answer"] == results[0]["answer"]
    assert [r["message_id"] for r in results] == [m.get("message_id") for m in batch]
    assert all((r["answer"] is None) == (r["status"] >= 400) for r in results)
    assert all((r["problem"] is None) == (r["status"] < 400) for r in results)
    assert results[1]["problem"]["errors"][0]["field"] == "/birth_date"
    assert await shop.scalar("SELECT count(*) FROM ticket") == 2


async def test_each_problem_of_a_batch_names_the_request(shop: Shop) -> None:
    sent = typed("profile", profile("P1", given_name="Odile"))
    await shop.batch("pos", [sent])

    reused, wrong = await shop.batch("pos", [sent | {"given_name": "Autre"}, {"type": "none"}])

    told = [Problem.model_validate(one["problem"]) for one in (reused, wrong)]
    assert [one.status for one in told] == [409, 422]
    assert told[0].request_id == told[1].request_id


async def test_an_id_whose_first_message_was_refused_is_free_for_the_next_of_the_batch(
    shop: Shop,
) -> None:
    known = sale(ticket_id="T1")
    await shop.ticket(known)
    clash = known | {"message_id": "m", "total_cents": 7}
    other, third = (sale(ticket_id=name, message_id="m") for name in ("T2", "T3"))

    told = await shop.batch("pos", [typed("ticket", one) for one in (clash, other, third, other)])

    assert [one["status"] for one in told] == [409, 201, 409, 201]
    types = [one["problem"]["type"] for one in told if one["problem"]]
    assert types == ["/problems/ticket-clash", "/problems/message-id-reused"]
    assert told[3]["answer"] == told[1]["answer"]


async def test_a_batch_sent_again_is_answered_the_same(shop: Shop) -> None:
    batch = [typed("profile", profile(f"P{n}", emails=[f"p{n % 7}@m.example"])) for n in range(150)]
    batch += batch[:30]

    first = await shop.batch("pos", batch)
    again = await shop.batch("pos", batch)

    assert [result["answer"] for result in again] == [result["answer"] for result in first]
    assert first[150:] == [r | {"index": r["index"] + 150} for r in first[:30]]
    assert await shop.scalar("SELECT count(*) FROM inbox_message") == 150


async def test_a_message_that_cannot_be_applied_harms_none_of_its_neighbours(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rcu.sales import tickets

    real = tickets.judge

    def fails_for_one(new: Any, *rest: Any) -> Any:
        if new.number == 2:
            raise ZeroDivisionError
        return real(new, *rest)

    monkeypatch.setattr(tickets, "judge", fails_for_one)
    batch = [typed("ticket", sale(n)) for n in (1, 2, 3)]

    results = await shop.batch("pos", batch)

    assert [result["status"] for result in results] == [201, 500, 201]
    assert results[1]["problem"]["type"] == "/problems/message-not-applied"
    monkeypatch.undo()
    assert [r["status"] for r in await shop.batch("pos", batch)] == [201, 201, 201]


async def test_more_than_a_thousand_messages_are_refused_and_none_is_kept(shop: Shop) -> None:
    refused = await shop.call("POST", "batch", {"messages": [{}] * 1001}, who="pos")

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "/messages"


async def test_a_batch_of_more_than_a_mebibyte_is_refused(shop: Shop) -> None:
    padded = [typed("profile", profile(f"P{n}", attributes={"a": "x" * 3000})) for n in range(400)]

    refused = await shop.call("POST", "batch", {"messages": padded}, who="pos")

    assert refused.status_code == 413
    assert await shop.scalar("SELECT count(*) FROM inbox_message") == 0


async def test_true_is_no_amount(shop: Shop) -> None:
    refused = await shop.send("pos", "ticket", sale(1, total_cents=True))

    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == ["/total_cents"]


# --- values at the edge of what can be stored -----------------------------------------------------

HUGE = 10**30


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("profile", profile("P1") | {"occurred_at": "0001-01-01T00:00:00+14:00"}),
        ("profile", profile("P1") | {"occurred_at": "9999-12-31T23:59:59-14:00"}),
        ("profile", profile("P1", emails=[{"value": "a@b.fr", "verified_at": "0001-01-01T00Z"}])),
        ("profile", profile("P1", attributes={"size": HUGE})),
        ("profile", profile("P1", attributes={"size": -HUGE})),
        ("profile", profile("P1", birth_date="\u0663/\u0663/\u0661\u0669\u0669\u0660")),
        ("profile", profile("\u202e\u200b P1 \ufeff", given_name="\ufdfa" * 50)),
        ("profile", profile("P1", phones=["+" * 40, "00", "\uff10\uff11" * 10])),
        ("profile", profile("P1", emails=["a@" + "b." * 120, "@", "a@xn--.fr", "\u0130@b.fr"])),
        ("profile", profile("P1", cards=["\u0661" * 13, "1" * 300, "-"])),
        ("profile", profile("P1", addresses=[{"lines": ["\u0000x"[1:], ""], "city": "\u00b2"}])),
        ("ticket", sale(1) | {"sold_at": "0001-01-01T00:00:00+14:00"}),
        ("ticket", sale(1) | {"sold_at": "9999-12-31T23:59:59-14:00"}),
        ("ticket", sale(1, lines=[{"sku": "A", "amount_cents": 1, "quantity": 1e-320}])),
        ("ticket", sale(2**53, total_cents=10**12, customer={"phone": "\u0660" * 10})),
        ("order", order_step("O1", "placed") | {"occurred_at": "0001-01-01T00:00:00+14:00"}),
        ("event", event(device="d-1") | {"occurred_at": "9999-12-31T23:59:59-14:00"}),
        ("event", event(device="d-1") | {"properties": {"n": HUGE}}),
    ],
    ids=_short,
)
async def test_an_extreme_value_is_kept_or_refused_but_no_fault(
    shop: Shop, kind: str, message: dict[str, Any]
) -> None:
    alone = await shop.send("pos", kind, message)
    [in_batch] = await shop.batch("pos", [typed(kind, message)])

    assert alone.status_code in {201, 422}, alone.text
    assert in_batch["status"] == alone.status_code


async def _everything(shop: Shop) -> list[Any]:
    """Return the content of every table that a message may change."""
    tables = (
        "inbox_message inbox_payload parked_message source_record client identifier ticket "
        "purchase_total sales_order order_step event golden_record record_pair"
    )
    return [
        sorted(str(row) for row in await shop.rows(f"SELECT * FROM {table}"))
        for table in tables.split()
    ]


def test_the_default_ticket_id_is_the_one_the_tests_expect() -> None:
    assert ticket_id(sale(1)) == "S001-01-20250301-1"
