"""The attach rate over the API: definitions, questions that make no sense, and single cases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rcu.access.models import Scope
from rcu.analytics.attach_rate_definitions import DEFINITIONS, VERSION
from rcu.analytics.attach_rate_rollups import fold
from tests.analytics.count import count, figures
from tests.ingestion.shop import Shop, bring_back, cancel, sale
from tests.service_client import bearer, issue_key

ODILE: dict[str, Any] = {"given_name": "Odile", "cards": ["ABC-1234"]}
CARD = {"card": "ABC-1234"}
MARCH = {"from": "2025-03-01", "to": "2025-03-31"}
PARIS = "Europe/Paris"


async def rate(shop: Shop, **asked: Any) -> Any:
    response = await shop.call("GET", "analytics/attach-rate", params=MARCH | asked)
    assert response.status_code == 200, response.text
    return response.json()


async def totals(shop: Shop, **asked: Any) -> Any:
    return (await rate(shop, **asked))["totals"]


def counted(told: Any) -> tuple[int, int, int, int]:
    names = ("tickets", "attached_at_sale", "attached_now", "missed")
    tickets, at_sale, now, missed = (told[name] for name in names)
    return tickets, at_sale, now, missed


async def test_nothing_sold_is_no_rate(shop: Shop) -> None:
    told = await totals(shop)

    assert counted(told) == (0, 0, 0, 0)
    assert (told["rate_at_sale"], told["rate_now"], told["amounts"]) == (None, None, [])


async def test_what_attaches_later_counts_now_and_not_at_the_sale(shop: Shop) -> None:
    await shop.profile("loyalty", "L1", **ODILE)
    await shop.ticket(sale(token="par_tok_1", total_cents=3000))
    await fold(shop.database, timezone=PARIS)
    await shop.ticket(sale(token="par_tok_1", customer=CARD, total_cents=1000))

    told = await totals(shop)

    assert counted(told) == (2, 1, 2, 1)
    assert (told["rate_at_sale"], told["rate_now"]) == (0.5, 1.0)
    assert told["missed_by_reason"]["not_asked"] == 1
    [amounts] = told["amounts"]
    assert amounts["missed_cents"] == 3000
    assert (amounts["rate_at_sale"], amounts["rate_now"]) == (0.25, 1.0)


async def test_a_buyer_who_became_a_client_later_was_not_missed(shop: Shop) -> None:
    await shop.ticket(sale(token="par_tok_1"))
    await shop.profile("loyalty", "L1", **ODILE)
    await shop.ticket(sale(token="par_tok_1", customer=CARD))

    assert counted(await totals(shop)) == (2, 1, 2, 0)


async def test_a_merge_with_an_older_account_makes_missed_what_was_not(shop: Shop) -> None:
    older = await shop.profile("app", "A1", given_name="Odile", birth_date="1971-05-04")
    await shop.ticket(sale(token="par_tok_1"))
    younger = await shop.profile("loyalty", "L1", **ODILE)
    await shop.ticket(sale(token="par_tok_1", customer=CARD))
    await fold(shop.database, timezone=PARIS)
    assert counted(await totals(shop)) == (2, 1, 2, 0)

    merged = (await shop.merge(younger["client_id"], older["client_id"])).json()
    assert counted(await totals(shop)) == (2, 1, 2, 1)
    await fold(shop.database, timezone=PARIS)
    await shop.staff("POST", f"identity-changes/{merged['decision_id']}/undo", {"reason": "error"})

    assert counted(await totals(shop)) == (2, 1, 2, 0)


async def test_tickets_that_no_record_moves_with_are_missed_once_their_client_was_known_before(
    shop: Shop,
) -> None:
    basile = {"external_id": "P1"}
    await shop.ticket(sale(customer=basile))
    younger = await shop.profile("app", "A1", given_name="Basile", birth_date="1990-10-30")
    await shop.ticket(sale(token="par_tok_1"))
    older = await shop.profile("pos", "P1", **ODILE)
    await shop.ticket(sale(customer=basile, token="par_tok_1"))
    await shop.ticket(sale(customer=CARD, token="par_tok_1"))
    await fold(shop.database, timezone=PARIS)
    before = counted(await totals(shop))

    await shop.merge(older["client_id"], younger["client_id"])

    assert await shop.client_of("app", "A1") == older["client_id"]
    assert (before, counted(await totals(shop))) == ((4, 2, 4, 0), (4, 2, 4, 1))
    assert figures(await count(shop.database)) == await totals(shop)


async def test_a_cancelled_sale_leaves_every_figure_and_returns_stand_apart(shop: Shop) -> None:
    await shop.profile("loyalty", "L1", **ODILE)
    kept, cancelled = (sale(customer=CARD) for _ in range(2))
    for message in (kept, cancelled, bring_back(kept)):
        await shop.ticket(message)
    await fold(shop.database, timezone=PARIS)
    await shop.ticket(cancel(cancelled))

    assert counted(await totals(shop)) == (1, 1, 1, 0)
    assert counted(await totals(shop, kind="return")) == (1, 1, 1, 0)


@pytest.mark.parametrize("profile_first", [True, False])
async def test_an_account_opened_at_the_till_counts_once(shop: Shop, profile_first: bool) -> None:
    named = {"external_id": "P1"}
    if profile_first:
        await shop.profile("pos", "P1", **ODILE)
    first = sale(customer=named, cashier="C1")
    await shop.ticket(first)
    await fold(shop.database, timezone=PARIS)
    if not profile_first:
        await shop.profile("pos", "P1", **ODILE)
    await shop.ticket(sale(customer=named, cashier="C2"))
    await shop.profile("app", "A1", given_name="Basile")
    await shop.ticket(sale(customer={"external_id": "A1"}, ticket_id="W1"), source="app")

    answer = await rate(shop, group_by="cashier")

    opened = {
        group["group"]["cashier"]: group["figures"]["accounts_opened"] for group in answer["groups"]
    }
    assert opened == {"C1": 1, "C2": 0, None: 0}


async def test_an_old_account_is_not_opened_by_a_sale(shop: Shop) -> None:
    await shop.profile("pos", "P1", **ODILE)
    await shop.run_sql("UPDATE source_record SET created_at = created_at - interval '2 days'")
    await shop.ticket(sale(customer={"external_id": "P1"}))

    assert (await totals(shop))["accounts_opened"] == 0

    await shop.run_sql("UPDATE source_record SET created_at = created_at + interval '2 days'")


async def test_hours_stay_when_the_zone_of_a_store_is_corrected(shop: Shop) -> None:
    await shop.ticket(sale())
    await fold(shop.database, timezone=PARIS)
    await shop.run_sql("UPDATE store SET timezone = 'America/Guadeloupe' WHERE code = 'S001'")
    await shop.ticket(sale())

    hours = {
        group["group"]["hour"]: group["figures"]["tickets"]
        for group in (await rate(shop, group_by="hour"))["groups"]
    }

    await shop.run_sql("UPDATE store SET timezone = 'Europe/Paris' WHERE code = 'S001'")
    assert hours == {13: 1, 8: 1}


async def test_values_choose_tickets_and_the_empty_one_those_without(shop: Shop) -> None:
    await shop.ticket(sale(cashier="C1"))
    await shop.ticket(sale(store="S002"))
    await shop.ticket(
        {k: v for k, v in sale(ticket_id="W1").items() if k not in {"store", "till", "number"}},
        source="eshop",
    )
    chosen: dict[str, dict[str, Any]] = {
        "S001": {"store": "S001"},
        "both": {"store": ["S001", "S002"]},
        "none": {"store": ""},
        "web": {"channel": "web", "till": ""},
        "cashier": {"cashier": "C1", "hour": 13},
        "neither": {"cashier": "C1", "store": "S002"},
    }

    found = {name: (await totals(shop, **only))["tickets"] for name, only in chosen.items()}
    listed = {name: len((await opened(shop, **only))["tickets"]) for name, only in chosen.items()}

    wanted = {"S001": 1, "both": 2, "none": 1, "web": 1, "cashier": 1, "neither": 0}
    assert (found, listed) == (wanted, wanted)


async def opened(shop: Shop, **asked: Any) -> Any:
    response = await shop.call("GET", "analytics/attach-rate/tickets", params=MARCH | asked)
    assert response.status_code == 200, response.text
    return response.json()


SENSELESS: list[tuple[dict[str, Any], str]] = [
    ({"from": "2025-04-01"}, "to"),
    ({"to": "2035-04-01"}, "to"),
    ({"from": "yesterday"}, "from"),
    ({"as_of": (datetime.now(UTC) + timedelta(days=1)).isoformat()}, "as_of"),
    ({"as_of": "2025-03-01T00:00:00"}, "as_of"),
    ({"as_of": "0001-01-01T00:00:00+14:00"}, "as_of"),
    ({"group_by": "cat"}, "group_by"),
    ({"group_by": ["store", "till", "cashier", "channel", "day"]}, "group_by"),
    ({"kind": "void"}, "kind"),
    ({"hour": "24"}, "hour"),
    ({"store": "x" * 65}, "store"),
    ({"stores": "S001"}, "stores"),
]


@pytest.mark.parametrize(("asked", "field"), SENSELESS)
async def test_a_question_that_makes_no_sense_is_refused_by_its_field(
    shop: Shop, asked: dict[str, Any], field: str
) -> None:
    response = await shop.call("GET", "analytics/attach-rate", params=MARCH | asked)

    assert response.status_code == 422, response.text
    assert response.json()["type"] == "/problems/validation-failed"
    assert [error["field"] for error in response.json()["errors"]] == [field]


async def test_figures_that_take_too_long_are_refused_and_leave_the_connection_as_it_was(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.ticket(sale())
    slow = "SET LOCAL statement_timeout = '1ms'"
    with monkeypatch.context() as patch:
        patch.setattr("rcu.analytics.attach_rate_figures._SETTINGS", slow)
        answers = [
            await shop.call("GET", f"analytics/attach-rate{path}", params=MARCH)
            for path in ("", "/tickets")
        ]

    assert [answer.status_code for answer in answers] == [422, 422]
    assert {answer.json()["type"] for answer in answers} == {"/problems/figures-too-costly"}
    assert (await totals(shop))["tickets"] == 1


async def test_an_answer_of_too_many_rows_is_refused(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for store in ("S001", "S002"):
        await shop.ticket(sale(store=store))
    monkeypatch.setattr("rcu.analytics.attach_rate_figures.MOST_GROUPS", 1)

    response = await shop.call("GET", "analytics/attach-rate", params=MARCH | {"group_by": "store"})

    assert (response.status_code, response.json()["type"]) == (422, "/problems/too-many-groups")


async def test_a_cursor_of_another_list_is_refused(shop: Shop) -> None:
    params = MARCH | {"cursor": "WzFd"}

    response = await shop.call("GET", "analytics/attach-rate/tickets", params=params)

    assert (response.status_code, response.json()["type"]) == (422, "/problems/invalid-cursor")


async def test_definitions_are_told_in_both_languages_and_named_by_every_answer(
    shop: Shop,
) -> None:
    told = await shop.staff("GET", "analytics/definitions")
    answer = await rate(shop, group_by="store")

    assert told["version"] == answer["definitions"] == VERSION
    names = {name for one in told["definitions"] for name in one["name"].split(", ")}
    assert {*answer["totals"], "method", "reason"} - names == {"amounts"}
    assert all(one.en.strip() and one.fr.strip() for one in DEFINITIONS)


async def test_figures_need_their_scope(shop: Shop) -> None:
    other = await issue_key(shop.database, Scope.CLIENTS_READ)

    for path, params in (
        ("attach-rate", MARCH),
        ("attach-rate/tickets", MARCH),
        ("definitions", {}),
    ):
        response = await shop.http.get(
            f"/v1/analytics/{path}", params=params, headers=bearer(other)
        )
        assert response.status_code == 403
