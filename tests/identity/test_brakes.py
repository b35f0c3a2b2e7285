"""The merge brake: what merges too much at once stops, waits for a steward, and can be reverted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from rcu import metrics
from rcu.db.engine import Database
from tests.identity.test_undo import undone
from tests.ingestion.shop import Shop, assert_sound, clear, open_shop
from tests.service_client import TEST_SETTINGS

SETTINGS = TEST_SETTINGS.model_copy(
    update={"merge_brake_identifier_merges": 3, "merge_brake_source_merges": 5}
)
PHONE = "0639981208"


@pytest.fixture(scope="module")
async def opened_shop(module_database: Database) -> AsyncIterator[Shop]:
    """Give a retailer whose brakes trip at the fourth merge by one value, the sixth by a source."""
    async with open_shop(module_database, settings=SETTINGS) as opened:
        yield opened


@pytest.fixture
async def shop(opened_shop: Shop) -> AsyncIterator[Shop]:
    await clear(opened_shop.database)
    yield opened_shop
    await assert_sound(opened_shop.database)


async def accounts(shop: Shop, count: int, source: str = "eshop") -> list[str]:
    """Send accounts that know an e-mail each, and nothing else; return their clients."""
    placed = [
        await shop.profile(source, f"N{n}", emails=[f"account{n}@mail.example"])
        for n in range(count)
    ]
    return [one["client_id"] for one in placed]


async def give_phone(shop: Shop, number: int, source: str = "eshop") -> Any:
    """Have one account say the phone that all of them come to say."""
    return await shop.profile(source, f"N{number}", minute=1, phones=[PHONE])


async def tripped(shop: Shop) -> tuple[list[str], Any]:
    """Send six accounts of which five are merged by one phone, the last of them one too many."""
    clients = await accounts(shop, 6)
    for number in range(5):
        await give_phone(shop, number)
    return clients, (await brakes(shop))[0]


async def brakes(shop: Shop, query: str = "active=true") -> list[Any]:
    page = await shop.staff("GET", f"brakes?{query}")
    found: list[Any] = page["brakes"]
    return found


async def decide(shop: Shop, brake: Any, what: str, **said: Any) -> Any:
    body = {"reason": "looked at"} | said
    return await shop.staff("POST", f"brakes/{brake['id']}/{what}", body)


async def where(shop: Shop) -> list[Any]:
    return await shop.rows("SELECT id, client_id, placement FROM source_record ORDER BY id")


def tripped_count(scope: str) -> float:
    families = text_string_to_metric_families(metrics.exposition().decode())
    samples = [sample for family in families for sample in family.samples]
    return sum(
        sample.value
        for sample in samples
        if sample.name == "rcu_merge_brakes_tripped_total" and sample.labels["scope"] == scope
    )


async def test_an_identifier_that_merges_too_many_clients_is_stopped(shop: Shop) -> None:
    before = tripped_count("identifier")

    clients, brake = await tripped(shop)

    assert (brake["scope"], brake["kind"], brake["merges"]) == ("identifier", "phone", 4)
    assert brake["value"].endswith(PHONE.removeprefix("0"))
    assert await shop.clients() == 2
    assert tripped_count("identifier") == before + 1
    last = await give_phone(shop, 5)
    assert last["client_id"] == clients[5]
    assert [review["client_id"] for review in last["reviews"]] == [clients[0]]
    assert await shop.clients() == 2


async def test_what_a_brake_holds_back_waits_in_the_queue_and_why_says_so(shop: Shop) -> None:
    await tripped(shop)
    await give_phone(shop, 5)

    queue = await shop.staff("GET", "reviews?guard=brake")
    why = await shop.staff("POST", "explanations/why", {
        "left": {"source": "eshop", "external_id": "N0"},
        "right": {"source": "eshop", "external_id": "N5"},
    })  # fmt: skip

    [group] = queue["groups"]
    assert group["pairs"] == 5
    assert why["strongest"]["match"]["guard"]["code"] == "brake"
    assert "frein" in why["strongest"]["match"]["guard"]["sentence"]["fr"]
    assert why["is_up_to_date"]
    assert (await brakes(shop))[0]["held_pairs"] == 5


async def test_clients_that_were_merged_before_stay_as_they_are(shop: Shop) -> None:
    clients, _ = await tripped(shop)

    await shop.profile("eshop", "N2", minute=2, emails=["other@mail.example"])

    assert await shop.client_of("eshop", "N2") == clients[0]
    assert await shop.clients() == 2


async def test_a_release_merges_what_waited_and_merging_goes_on(shop: Shop) -> None:
    clients, brake = await tripped(shop)
    await give_phone(shop, 5)

    said = await decide(shop, brake, "release", dry_run=True)
    assert await shop.clients() == 2
    done = await decide(shop, brake, "release")

    assert done["effects"] == said["effects"]
    assert await shop.clients() == 1
    assert await brakes(shop) == []
    assert (await brakes(shop, "active=false"))[0]["released_by"] == done["decision_id"]
    late = await shop.profile("app", "L1", phones=[PHONE])
    assert late["client_id"] == clients[0]
    again = await shop.call("POST", f"brakes/{brake['id']}/release", {"reason": "again"})
    assert (again.status_code, again.json()["type"].rsplit("/", 1)[-1]) == (409, "brake-released")


async def test_a_release_undone_puts_the_brake_on_again(shop: Shop) -> None:
    _, brake = await tripped(shop)
    released = await decide(shop, brake, "release")

    last = await undone(shop, released["decision_id"])
    assert [one["id"] for one in await brakes(shop)] == [brake["id"]]
    await give_phone(shop, 5)
    assert await shop.clients() == 2

    await undone(shop, last["decision_id"])
    assert await brakes(shop) == []


async def test_a_revert_restores_the_clients_exactly_and_is_undone_as_one(shop: Shop) -> None:
    clients = await accounts(shop, 6)
    before = await where(shop)
    for number in range(5):
        await give_phone(shop, number)
    merged = await where(shop)
    [brake] = await brakes(shop)

    said = await decide(shop, brake, "revert", dry_run=True)
    assert await where(shop) == merged
    done = await decide(shop, brake, "revert")

    assert done["effects"] == said["effects"]
    assert await where(shop) == before
    assert done["client_ids"] == clients[:5]
    history = await shop.staff("GET", f"clients/{clients[3]}/history")
    assert [item["kind"] for item in history["items"]] == ["split", "merge"]
    await undone(shop, done["decision_id"])
    assert await where(shop) == merged
    refused = await shop.call("POST", f"brakes/{brake['id']}/revert", {"reason": "once more"})
    assert refused.status_code == 200


async def test_what_was_reverted_stays_apart_when_the_brake_is_released(shop: Shop) -> None:
    clients, brake = await tripped(shop)
    await decide(shop, brake, "revert")
    await give_phone(shop, 5)

    await decide(shop, brake, "release")

    assert await shop.client_of("eshop", "N1") == clients[1]
    nothing = await shop.call("POST", f"brakes/{brake['id']}/revert", {"reason": "again"})
    assert nothing.status_code == 409


async def test_a_source_that_merges_too_many_clients_is_stopped(shop: Shop) -> None:
    before = tripped_count("source")
    for number in range(8):
        await shop.profile("pos", f"P{number}", cards=[f"CRD-100{number}"])
        await shop.profile("eshop", f"N{number}", emails=[f"account{number}@mail.example"])
    for number in range(6):
        await shop.profile("eshop", f"N{number}", minute=1, cards=[f"CRD-100{number}"])

    [brake] = await brakes(shop)
    held = await shop.profile("eshop", "N6", minute=1, cards=["CRD-1006"])
    other = await shop.profile("app", "A7", cards=["CRD-1007"])

    assert (brake["scope"], brake["kind"], brake["value"]) == ("source", None, "eshop")
    assert tripped_count("source") == before + 1
    assert held["client_id"] != await shop.client_of("pos", "P6")
    assert other["client_id"] == await shop.client_of("pos", "P7")
    await decide(shop, brake, "release")
    assert await shop.client_of("eshop", "N6") == await shop.client_of("pos", "P6")


async def test_a_first_load_does_not_trip_the_brake_of_its_source(shop: Shop) -> None:
    """Sixty new profiles may merge twelve clients on the way: the share of a first load."""
    for number in range(60):
        await shop.profile("pos", f"S{number}", emails=[f"new{number}@mail.example"])
    for number in range(8):
        await shop.profile("loyalty", f"C{number}", cards=[f"CRD-200{number}"])

    for number in range(8):
        await shop.profile("pos", f"S{number}", minute=1, cards=[f"CRD-200{number}"])

    assert await brakes(shop, "") == []
    assert await shop.scalar("SELECT count(*) FROM merge_basis") > 0


async def test_merges_of_stewards_trip_nothing(shop: Shop) -> None:
    clients = await accounts(shop, 6)

    for client_id in clients[1:]:
        assert (await shop.merge(clients[0], client_id)).status_code == 200

    assert await brakes(shop, "") == []


async def test_brakes_are_paged_and_unknown_ones_refused(shop: Shop) -> None:
    _, brake = await tripped(shop)
    await decide(shop, brake, "release")

    page = await shop.staff("GET", "brakes?limit=1")
    unknown = await shop.call(
        "POST", "brakes/00000000-0000-7000-8000-000000000000/release", {"reason": "none"}
    )

    assert [one["id"] for one in page["brakes"]] == [brake["id"]]
    assert page["next_cursor"] is None
    assert unknown.status_code == 404


async def test_a_release_among_messages_leaves_no_pair_waiting(shop: Shop) -> None:
    clients, brake = await tripped(shop)
    late = [
        shop.profile("app", f"L{number}", phones=[PHONE], cards=[f"CRD-300{number}"])
        for number in range(5)
    ]

    await asyncio.gather(*late[:2], decide(shop, brake, "release"), *late[2:])

    held = await shop.scalar("SELECT count(*) FROM record_pair WHERE contradiction = 'brake'")
    assert held == 0
    assert {await shop.client_of("app", f"L{number}") for number in range(5)} == {clients[0]}
