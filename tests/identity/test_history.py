"""History: every id ever given says where its records went, and who was whom at any time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from rcu.clients.history_schemas import HistoryPage, RecordsPage
from rcu.clients.schemas import ClientView
from tests.ingestion.shop import Shop, sale

ODILE: dict[str, Any] = {"given_name": "Odile", "family_name": "Vasseur", "cards": ["ABC-1234"]}
BASILE: dict[str, Any] = {
    "given_name": "Basile",
    "family_name": "Kermadec",
    "phones": ["0639981208"],
}


async def history(shop: Shop, client_id: str, **query: Any) -> Any:
    response = await shop.call("GET", f"clients/{client_id}/history", params=query)
    assert response.status_code == 200, response.text
    body = response.json()
    HistoryPage.model_validate(body)
    return body


async def records(shop: Shop, client_id: str, **query: Any) -> Any:
    response = await shop.call("GET", f"clients/{client_id}/records", params=query)
    assert response.status_code == 200, response.text
    body = response.json()
    RecordsPage.model_validate(body)
    return body


def now() -> str:
    return datetime.now(UTC).isoformat()


async def test_both_successors_are_said_after_an_undo_and_the_path_between(shop: Shop) -> None:
    odile = (await shop.profile("pos", "P1", **ODILE))["client_id"]
    basile = (await shop.profile("eshop", "E1", **BASILE))["client_id"]
    decision = (await shop.merge(odile, basile)).json()["decision_id"]
    undoing = await shop.staff(
        "POST", f"identity-changes/{decision}/undo", {"reason": "two people"}
    )

    told = await history(shop, odile)

    assert told["client_id"] == odile
    assert [one["client_id"] for one in told["successors"]] == [odile, basile]
    split, merge = told["items"]
    assert (split["kind"], split["client_id"], split["from_client_id"]) == ("split", basile, odile)
    assert split["decision"] == {
        "id": undoing["decision_id"],
        "kind": "undo",
        "undone_by": None,
    }
    assert (merge["kind"], merge["client_id"], merge["from_client_id"]) == ("merge", odile, basile)
    assert merge["undone_by"] == undoing["decision_id"]
    assert merge["records"] == [
        {"source": "eshop", "external_id": "E1", "kind": "profile", "client_id": basile}
    ]
    assert (split["actor"], split["reason"]) == (merge["actor"], "two people")
    other = await history(shop, basile)
    assert [one["client_id"] for one in other["successors"]] == [basile]
    assert [item["id"] for item in other["items"]] == [split["id"], merge["id"]]


async def test_the_path_of_an_id_that_went_through_several_clients_is_whole(shop: Shop) -> None:
    names = ("Vasseur", "Kermadec", "Touzeau", "Delobelle")
    ids = [
        (await shop.profile("pos", f"P{n}", given_name="Ines", family_name=name, cards=[f"C-{n}"]))[
            "client_id"
        ]
        for n, name in enumerate(names, start=1001)
    ]
    for older, younger in zip(ids[-2::-1], ids[:0:-1], strict=True):
        assert (await shop.merge(older, younger)).status_code == 200

    told = await history(shop, ids[-1])

    assert told["client_id"] == ids[0]
    assert {(item["from_client_id"], item["client_id"]) for item in told["items"]} == set(
        zip(ids[1:], ids[:-1], strict=True)
    )
    paged = await history(shop, ids[-1], limit=2)
    rest = await history(shop, ids[-1], limit=2, cursor=paged["next_cursor"])
    assert paged["items"] + rest["items"] == told["items"]
    assert rest["next_cursor"] is None


async def test_who_was_whom_is_told_as_of_any_time(shop: Shop) -> None:
    before_all = now()
    odile = (await shop.profile("pos", "P1", **ODILE))["client_id"]
    alone = now()
    basile = (await shop.profile("eshop", "E1", **BASILE))["client_id"]
    await shop.ticket(sale(customer={"phone": "0639981208"}))
    apart = now()
    decision = (await shop.merge(odile, basile)).json()["decision_id"]
    together = now()
    await shop.profile("app", "A1", given_name="Odile", family_name="Vasseur", cards=["ABC-1234"])
    await shop.staff("POST", f"identity-changes/{decision}/undo", {"reason": "two people"})

    async def told(client_id: str, as_of: str | None = None) -> tuple[str | None, list[str]]:
        body = await records(shop, client_id, **({"as_of": as_of} if as_of else {}))
        named = [record["external_id"][:3].rstrip("0123456789") for record in body["records"]]
        return body["client_id"], named

    assert await told(odile, before_all) == (None, [])
    assert await told(basile, alone) == (None, [])
    assert await told(odile, alone) == (odile, ["P"])
    assert await told(basile, apart) == (basile, ["E", "ids"])
    assert await told(basile, together) == (odile, ["P", "E", "ids"])
    assert await told(odile, together) == (odile, ["P", "E", "ids"])
    assert await told(odile) == (odile, ["P", "A"])
    assert await told(basile) == (basile, ["E", "ids"])


async def test_the_view_says_whom_its_id_stood_for(shop: Shop) -> None:
    odile = (await shop.profile("pos", "P1", **ODILE))["client_id"]
    basile = (await shop.profile("eshop", "E1", **BASILE))["client_id"]
    apart = now()
    await shop.merge(odile, basile)

    view = await shop.call("GET", f"clients/{basile}", params={"as_of": apart})
    plain = await shop.staff("GET", f"clients/{basile}")

    body = view.json()
    ClientView.model_validate(body)
    assert (body["client_id"], body["resolved_from"]) == (odile, basile)
    assert body["identity_as_of"]["client_id"] == basile
    assert [record["external_id"] for record in body["identity_as_of"]["records"]] == ["E1"]
    assert plain == body | {"identity_as_of": None}


async def test_a_record_is_told_as_soon_as_it_is_there_whatever_the_clock_of_its_machine(
    shop: Shop,
) -> None:
    odile = (await shop.profile("pos", "P1", **ODILE))["client_id"]
    await shop.run_sql("UPDATE source_record SET created_at = created_at + interval '5 seconds'")

    told = await records(shop, odile, as_of=now())
    spells = await shop.rows(
        "SELECT client_id::text FROM analytics.crosswalk WHERE valid_from <= clock_timestamp()"
    )

    assert told["client_id"] == odile
    assert [record["external_id"] for record in told["records"]] == ["P1"]
    assert spells == [(odile,)]


async def test_a_time_without_its_offset_is_refused(shop: Shop) -> None:
    odile = (await shop.profile("pos", "P1", **ODILE))["client_id"]

    for path in (f"clients/{odile}", f"clients/{odile}/records"):
        response = await shop.call("GET", path, params={"as_of": "2025-03-01T12:00:00"})
        assert response.status_code == 422
        [error] = response.json()["errors"]
        assert (error["field"], error["location"]) == ("as_of", "query")


@pytest.mark.parametrize(
    "as_of",
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2199-12-31T00:00:00Z", "noon", ""],
)
async def test_a_time_that_has_not_come_or_is_none_is_refused(shop: Shop, as_of: str) -> None:
    odile = (await shop.profile("pos", "P1", **ODILE))["client_id"]

    for path in (f"clients/{odile}", f"clients/{odile}/records"):
        response = await shop.call("GET", path, params={"as_of": as_of})
        assert response.status_code == 422
        [error] = response.json()["errors"]
        assert (error["field"], error["location"]) == ("as_of", "query")


async def test_an_id_never_given_has_no_history(shop: Shop) -> None:
    for path in ("history", "records"):
        response = await shop.call("GET", f"clients/{uuid4()}/{path}")
        assert response.status_code == 404


async def test_records_are_told_page_by_page(shop: Shop) -> None:
    odile = (await shop.profile("pos", "P1", **ODILE))["client_id"]
    for number in range(4):
        await shop.ticket(sale(token=f"token-{number}", customer={"card": "ABC-1234"}))

    whole = await records(shop, odile)
    told, cursor = [], None
    while True:
        page = await records(shop, odile, limit=2, **({"cursor": cursor} if cursor else {}))
        told += page["records"]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert told == whole["records"]
    assert len(told) == 5
