"""Matching over HTTP: the client whom a profile is of, with nothing written down."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any

import pytest

from rcu.access.models import Scope
from rcu.db.engine import Database
from rcu.ingestion.match_endpoints import router
from rcu.logs import configure_logs
from tests.ingestion.shop import Shop, assert_sound, clear, open_shop
from tests.service_client import TEST_SETTINGS, bearer, issue_key

ODILE = {"given_name": "Odile", "family_name": "Vasseur", "birth_date": "1984-05-17"}
MAIL = "odile.vasseur@mail.example"


@pytest.fixture(scope="module")
async def opened_shop(module_database: Database) -> AsyncIterator[Shop]:
    """Give a retailer whose brakes trip at the fourth merge by one value."""
    settings = TEST_SETTINGS.model_copy(update={"merge_brake_identifier_merges": 3})
    async with open_shop(module_database, settings=settings) as opened:
        yield opened


@pytest.fixture
async def shop(opened_shop: Shop) -> AsyncIterator[Shop]:
    await clear(opened_shop.database)
    yield opened_shop
    await assert_sound(opened_shop.database)


def mails(*values: str) -> list[dict[str, str]]:
    return [{"value": value} for value in values]


async def match(shop: Shop, **said: Any) -> Any:
    return await shop.staff("POST", "clients/match", said)


async def test_a_profile_is_matched_with_the_client_it_is_of(shop: Shop) -> None:
    known = await shop.profile("pos", "P1", **ODILE, emails=[MAIL])

    answer = await match(shop, given_name="Odile", family_name="Vasseur", emails=mails(MAIL))

    assert (answer["decision"], answer["client_id"]) == ("link", known["client_id"])
    [found] = answer["matches"]
    assert found["decision"] == "link"
    assert found["client"]["client_id"] == known["client_id"]
    assert found["client"]["emails"] == ["o***@mail.example"]
    assert found["probability"] > 0.99
    levels = {item["attribute"]: item["level"] for item in found["evidence"]}
    assert levels == {"given_name": "exact", "family_name": "exact", "email": "exact"}
    assert (found["guard"], found["obstacle"], found["explanation"]) == (None, None, None)


async def test_nothing_is_written(shop: Shop) -> None:
    await shop.profile("pos", "P1", **ODILE, emails=[MAIL])
    tables = await shop.rows(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    )

    async def rows() -> dict[str, int]:
        counts = {}
        for (table,) in tables:
            counts[table] = await shop.scalar(f"SELECT count(*) FROM {table}")
        return counts

    before, changed = await rows(), await shop.rows("SELECT xmin::text FROM client")
    await match(shop, **ODILE, emails=mails(MAIL, "another@mail.example"), explain=True)

    assert await rows() == before
    assert await shop.rows("SELECT xmin::text FROM client") == changed


async def test_somebody_nobody_knows_is_told_apart(shop: Shop) -> None:
    await shop.profile("pos", "P1", **ODILE, emails=[MAIL])

    answer = await match(shop, given_name="Basile", family_name="Puech")

    assert (answer["decision"], answer["client_id"], answer["matches"]) == ("apart", None, [])


async def test_what_carries_no_evidence_finds_nobody(shop: Shop) -> None:
    await shop.profile("pos", "P1", emails=["client@magasin.fr"], phones=["0600000000"])

    answer = await match(
        shop,
        emails=mails("client@magasin.fr"),
        phones=[{"value": "0600000000"}],
        birth_date="1900-01-01",
    )

    assert answer["matches"] == []
    assert (await match(shop))["matches"] == []


async def test_who_would_be_merged_is_told_with_the_id_that_would_survive(shop: Shop) -> None:
    first = await shop.profile("pos", "P1", **ODILE, emails=[MAIL])
    second = await shop.profile("eshop", "E1", given_name="Odile", phones=["0639981208"])
    assert second["client_id"] != first["client_id"]

    answer = await match(shop, **ODILE, emails=mails(MAIL), phones=[{"value": "0639981208"}])

    assert answer["client_id"] == first["client_id"]
    assert [one["decision"] for one in answer["matches"]] == ["link", "link"]
    assert {one["client"]["client_id"] for one in answer["matches"]} == {
        first["client_id"],
        second["client_id"],
    }


async def test_who_is_for_a_steward_is_told_as_such_with_the_guard(shop: Shop) -> None:
    known = await shop.profile("pos", "P1", given_name="Bruno", family_name="Vasseur",
                               birth_date="1980-01-12", emails=[MAIL])  # fmt: skip

    answer = await match(
        shop,
        given_name="Claire",
        family_name="Vasseur",
        birth_date="1980-01-12",
        emails=mails(MAIL),
    )

    assert (answer["decision"], answer["client_id"]) == ("review", None)
    [found] = answer["matches"]
    assert found["client"]["client_id"] == known["client_id"]
    assert (found["decision"], found["guard"]) == ("review", "given_name")


async def test_a_judgement_between_two_clients_keeps_the_second_for_review(shop: Shop) -> None:
    first = await shop.profile("pos", "P1", **ODILE, emails=[MAIL])
    await shop.profile("eshop", "E1", **ODILE, emails=[MAIL])
    response = await shop.split(first["client_id"], [("eshop", "E1")])
    assert response.status_code < 300, response.text

    answer = await match(shop, **ODILE, emails=mails(MAIL))
    placed = await shop.profile("app", "A1", **ODILE, emails=[MAIL])

    assert answer["client_id"] == placed["client_id"]
    joined, kept = answer["matches"]
    assert (joined["decision"], kept["decision"]) == ("link", "review")
    assert kept["guard"] is None
    assert kept["obstacle"]["reason"] == "judgement"
    assert "steward" in kept["obstacle"]["sentence"]["en"]


async def test_an_identifier_declared_shared_counts_for_nothing(shop: Shop) -> None:
    await shop.profile("pos", "P1", given_name="Odile", emails=[MAIL])
    said = {"given_name": "Odile", "emails": mails(MAIL)}
    assert (await match(shop, **said))["decision"] == "link"
    body = {"kind": "email", "value": MAIL, "status": "shared", "reason": "counter"}
    await shop.staff("POST", "identifiers/declarations", body)

    answer = await match(shop, **said, explain=True)

    assert answer["decision"] != "link"
    assert (await shop.profile("eshop", "E1", **said))["outcome"] == "created"


async def test_what_a_brake_stops_is_for_review(shop: Shop) -> None:
    phone = [{"value": "0639981208"}]
    for n in range(6):
        await shop.profile("eshop", f"N{n}", emails=[f"account{n}@mail.example"])
    for n in range(5):
        await shop.profile("eshop", f"N{n}", minute=1, phones=phone)
    assert await shop.scalar("SELECT count(*) FROM merge_brake") == 1

    answer = await match(shop, emails=mails("account5@mail.example"), phones=phone)

    [joined, braked] = answer["matches"]
    assert joined["client"]["client_id"] == await shop.client_of("eshop", "N5")
    assert (braked["decision"], braked["guard"]) == ("review", "brake")
    placed = await shop.profile("app", "A1", emails=["account5@mail.example"], phones=phone)
    assert placed["client_id"] == joined["client"]["client_id"] == answer["client_id"]


async def test_an_explanation_adds_up_and_shows_no_value(shop: Shop) -> None:
    await shop.profile("pos", "P1", **ODILE, emails=[MAIL])

    answer = await match(shop, **ODILE, emails=mails(MAIL), explain=True)

    [found] = answer["matches"]
    told = found["explanation"]
    running = told["prior"] + sum(step["counted"] for step in told["steps"])
    assert told["weight"] == pytest.approx(running)
    assert found["weight"] == round(told["weight"], 3)
    assert all(step["left"] is step["right"] is None for step in told["steps"])
    assert told["sentence"]["fr"].startswith("Les deux fiches sont rapprochées.")


async def test_so_many_are_told_as_are_asked_for_the_likeliest_first(shop: Shop) -> None:
    for n, given in enumerate(["Odile", "Odette", "Odilon"]):
        await shop.profile("pos", f"P{n}", given_name=given, family_name="Vasseur", emails=[MAIL])

    every = (await match(shop, family_name="Vasseur", emails=mails(MAIL)))["matches"]
    one = (await match(shop, family_name="Vasseur", emails=mails(MAIL), limit=1))["matches"]

    assert len(every) > 1
    weights = [found["weight"] for found in every]
    assert weights == sorted(weights, reverse=True)
    assert one == every[:1]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param({"emails": [{"value": ""}]}, "emails", id="an empty e-mail"),
        pytest.param({"emails": "odile@mail.example"}, "emails", id="no list"),
        pytest.param({"email": "odile@mail.example"}, "email", id="a misspelt field"),
        pytest.param({"limit": 0}, "limit", id="none to be told"),
        pytest.param({"limit": 21}, "limit", id="too many to be told"),
        pytest.param({"external_id": "P1"}, "external_id", id="a record of a source"),
    ],
)
async def test_what_is_not_a_profile_is_refused_with_the_field(
    shop: Shop, body: dict[str, Any], field: str
) -> None:
    response = await shop.call("POST", "clients/match", body)

    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert any(field in str(error) for error in response.json()["errors"])
    assert "odile@mail.example" not in response.text


async def test_it_takes_the_scope_of_a_search(shop: Shop) -> None:
    for scope, status in ((Scope.CLIENTS_SEARCH, 200), (Scope.CLIENTS_READ, 403)):
        key = await issue_key(shop.database, scope)
        response = await shop.http.post("/v1/clients/match", json=ODILE, headers=bearer(key))
        assert response.status_code == status


async def test_no_log_line_holds_what_was_asked(shop: Shop) -> None:
    lines = io.StringIO()
    configure_logs(level="debug", stream=lines)

    await match(shop, **ODILE, emails=mails(MAIL), explain=True)
    await shop.call("POST", "clients/match", {"emails": [{"value": MAIL, "odile": 1}]})

    assert lines.getvalue().count("http.request") == 2
    assert not [said for said in ("Odile", "Vasseur", "vasseur", MAIL) if said in lines.getvalue()]


def test_it_is_asked_in_a_body_only() -> None:
    methods = {method for route in router.routes for method in getattr(route, "methods", ())}
    assert methods == {"POST"}
