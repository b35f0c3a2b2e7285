"""Consents as they are sent, kept, and told of a client."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from tests.ingestion.shop import Shop, at_minute, consent, typed

ODILE: dict[str, Any] = {
    "given_name": "Odile",
    "family_name": "Vasseur",
    "emails": ["odile.vasseur@mail.example"],
    "phones": ["06 39 98 12 08"],
}
EMAIL = "odile.vasseur@mail.example"


async def in_force(shop: Shop, client_id: str) -> dict[tuple[str, str | None], str]:
    """Return what holds for a client, as the proof tells it."""
    told = await shop.staff("GET", f"clients/{client_id}/consents")
    return {(one["purpose"], one["channel"]): one["status"] for one in told["in_force"]}


async def test_a_consent_is_kept_under_the_record_of_the_person(shop: Shop) -> None:
    odile = await shop.profile("eshop", "E1", **ODILE)
    message = consent(external_id="E1") | {"how": "app", "store": "S009", "actor": "seller-7"}

    answer = await shop.accept("eshop", "consent", message)

    assert answer == {
        "message_id": message["message_id"],
        "type": "consent",
        "outcome": "recorded",
        "purpose": "newsletter",
        "status": "granted",
        "client_id": odile["client_id"],
        "method": "own_record",
        "reason": None,
    }
    told = await shop.staff("GET", f"clients/{odile['client_id']}/consents")
    [statement] = told["statements"]
    assert statement.pop("received_at")
    assert statement.pop("id")
    assert statement == {
        "purpose": "newsletter",
        "channel": None,
        "status": "granted",
        "occurred_at": "2025-03-01T12:00:00Z",
        "how": "app",
        "wording": "newsletter-2025-01",
        "store": "S009",
        "actor": "seller-7",
        "source": "eshop",
        "external_id": "E1",
        "message_id": message["message_id"],
    }
    [holds] = told["in_force"]
    assert (holds["purpose"], holds["channel"], holds["status"]) == (
        "newsletter", "email", "granted",
    )  # fmt: skip
    assert (holds["source"], holds["external_id"]) == ("eshop", "E1")


async def test_a_consent_sent_again_is_answered_the_same_and_kept_once(shop: Shop) -> None:
    message = consent(external_id="E1")
    first = await shop.accept("eshop", "consent", message)

    again = await shop.send("eshop", "consent", message)

    assert (again.status_code, again.json()) == (201, first)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert await shop.scalar("SELECT count(*) FROM consent_record") == 1
    other = await shop.send("eshop", "consent", message | {"status": "withdrawn"})
    assert (other.status_code, other.json()["type"]) == (409, "/problems/message-id-reused")


async def test_who_unsubscribes_by_address_alone_is_the_client_who_holds_it(shop: Shop) -> None:
    odile = await shop.profile("pos", "P1", **ODILE)
    await shop.accept("pos", "consent", consent("granted", external_id="P1"))

    answer = await shop.accept("eshop", "consent", consent("withdrawn", minute=5, email=EMAIL))

    assert (answer["client_id"], answer["method"]) == (odile["client_id"], "email")
    assert await in_force(shop, odile["client_id"]) == {("newsletter", "email"): "withdrawn"}


async def test_a_consent_from_before_the_profile_is_the_clients_when_it_comes(shop: Shop) -> None:
    answer = await shop.accept("eshop", "consent", consent("withdrawn", external_id="E1"))
    assert (answer["client_id"], answer["method"], answer["reason"]) == (None, None, "unknown")
    await shop.accept("app", "consent", consent("granted", "profiling", email=EMAIL))

    odile = await shop.profile("eshop", "E1", **ODILE)

    assert await in_force(shop, odile["client_id"]) == {
        ("newsletter", "email"): "withdrawn",
        ("profiling", None): "granted",
    }


async def test_who_unsubscribes_by_an_address_of_two_people_is_told_that_it_holds_for_neither(
    shop: Shop,
) -> None:
    for external_id, name in (("E1", "Odile"), ("E2", "Basile")):
        said = {"given_name": name, "family_name": "Vasseur", "emails": [EMAIL]}
        await shop.profile("eshop", external_id, **said)

    answer = await shop.accept("eshop", "consent", consent("withdrawn", email=EMAIL))

    assert (answer["client_id"], answer["reason"]) == (None, "ambiguous")


async def test_a_statement_without_channel_is_about_every_channel_of_the_purpose(
    shop: Shop,
) -> None:
    odile = await shop.profile("eshop", "E1", **ODILE)
    all_of_them = {("marketing", channel) for channel in ("email", "sms", "phone", "post", "push")}
    granted = consent("granted", "marketing", channel="sms", external_id="E1")

    await shop.accept("eshop", "consent", consent("denied", "marketing", external_id="E1"))
    assert await in_force(shop, odile["client_id"]) == dict.fromkeys(all_of_them, "denied")
    await shop.accept("eshop", "consent", granted | {"occurred_at": at_minute(1)})

    told = await in_force(shop, odile["client_id"])
    assert {key for key, status in told.items() if status == "granted"} == {("marketing", "sms")}


async def test_boxes_of_a_form_come_with_the_profile(shop: Shop) -> None:
    boxes = [
        {"purpose": "newsletter", "status": "granted", "wording": "form-12"},
        {"purpose": "profiling", "status": "denied", "occurred_at": at_minute(-60), "how": "till"},
    ]

    odile = await shop.profile("eshop", "E1", **ODILE, consents=boxes)

    told = await shop.staff("GET", f"clients/{odile['client_id']}/consents")
    assert [
        (one["purpose"], one["status"], one["occurred_at"], one["how"], one["wording"])
        for one in told["statements"]
    ] == [
        ("newsletter", "granted", "2025-03-01T12:00:00Z", "form", "form-12"),
        ("profiling", "denied", "2025-03-01T11:00:00Z", "till", None),
    ]
    assert "consents" not in (await shop.rows("SELECT profile FROM source_record"))[0][0]
    # Another form adds to what was said, and takes nothing back.
    await shop.profile("eshop", "E1", minute=9, language="fr")
    assert len(await in_force(shop, odile["client_id"])) == 2


async def test_an_unknown_purpose_is_refused_by_name_and_nothing_of_the_message_is_kept(
    shop: Shop,
) -> None:
    response = await shop.send("eshop", "consent", consent(purpose="sorcery", external_id="E1"))

    assert response.status_code == 422
    assert response.json()["type"] == "/problems/unknown-purpose"
    assert "sorcery" in response.json()["detail"]
    assert response.json()["errors"][0]["field"] == "/purpose"
    box = {"purpose": "sorcery", "status": "granted"}
    profile = {"message_id": "p-1", "external_id": "E1", "occurred_at": at_minute(0)}
    response = await shop.send("eshop", "profile", profile | ODILE_WIRE | {"consents": [box]})
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "/consents/0/purpose"
    assert await shop.scalar("SELECT count(*) FROM source_record") == 0
    assert await shop.scalar("SELECT count(*) FROM inbox_message") == 0


ODILE_WIRE: dict[str, Any] = {"given_name": "Odile", "family_name": "Vasseur"}

REFUSED = [
    ({"channel": "sms"}, "/channel"),
    ({"purpose": "profiling", "channel": "email"}, "/channel"),
    ({"channel": "pigeon"}, "/channel"),
    ({"status": "maybe"}, "/status"),
    ({"occurred_at": "2199-01-01T00:00:00Z"}, "/occurred_at"),
    ({"customer": {}}, ""),
    ({"customer": {"given_name": "Odile"}}, ""),
    ({"customer": {"email": "not an address"}}, "/customer"),
    ({"customer": None}, "/customer"),
]


@pytest.mark.parametrize(("said", "field"), REFUSED)
async def test_a_consent_that_proves_nothing_is_refused_with_field_and_reason(
    shop: Shop, said: dict[str, Any], field: str
) -> None:
    response = await shop.send("eshop", "consent", consent(external_id="E1") | said)

    assert response.status_code == 422, response.text
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert "not an address" not in response.text


async def test_one_that_is_refused_harms_no_other_of_a_batch(shop: Shop) -> None:
    messages = [
        typed("consent", consent(purpose="sorcery", external_id="E1")),
        typed("consent", consent(external_id="E1")),
        typed("profile", {"message_id": "p-1", "external_id": "E1", "occurred_at": at_minute(0)}),
        typed("consent", consent("denied", "profiling", external_id="E1")),
    ]

    results = await shop.batch("eshop", messages)

    assert [result["status"] for result in results] == [422, 201, 201, 201]
    assert results[1]["answer"]["client_id"] == results[2]["answer"]["client_id"]
    assert len(await in_force(shop, results[2]["answer"]["client_id"])) == 2


async def test_proof_is_told_page_by_page_by_any_id_of_the_client(shop: Shop) -> None:
    odile = await shop.profile("eshop", "E1", **ODILE)
    for minute, status in enumerate(("granted", "withdrawn", "granted", "denied")):
        await shop.accept("eshop", "consent", consent(status, minute=minute, external_id="E1"))
    path = f"clients/{odile['client_id']}/consents?limit=3"

    first = await shop.staff("GET", path)
    second = await shop.staff("GET", f"{path}&cursor={first['next_cursor']}")

    pages = first["statements"] + second["statements"]
    assert [one["status"] for one in pages] == ["denied", "granted", "withdrawn", "granted"]
    assert second["next_cursor"] is None
    unknown = "0190f3a0-0000-7000-8000-000000000000"
    assert (await shop.call("GET", f"clients/{unknown}/consents")).status_code == 404


@pytest.mark.parametrize("table", ["consent_record", "purpose"])
async def test_neither_a_proof_nor_a_purpose_can_be_changed(shop: Shop, table: str) -> None:
    await shop.accept("eshop", "consent", consent(external_id="E1"))

    for change in (f"UPDATE {table} SET channels = '{{}}'", f"DELETE FROM {table}"):
        with pytest.raises(DBAPIError, match="append-only"):
            await shop.run_sql(change)


async def test_purposes_are_listed_and_added_and_never_changed(shop: Shop) -> None:
    listed = (await shop.call("GET", "purposes", who="eshop")).json()["purposes"]
    assert {one["code"]: one["legal_basis"] for one in listed} == {
        "loyalty_programme": "contract",
        "marketing": "consent",
        "newsletter": "consent",
        "profiling": "consent",
        "service_messages": "contract",
    }
    workshop: dict[str, Any] = {
        "code": f"workshop_{len(listed)}",
        "name_fr": "Ateliers",
        "name_en": "Workshops",
        "legal_basis": "legitimate_interests",
        "channels": ["email", "post"],
    }

    for _ in range(2):
        response = await shop.call("POST", "purposes", workshop)
        assert response.status_code == 201, response.text
    response = await shop.call("POST", "purposes", workshop | {"channels": ["email"]})

    assert (response.status_code, response.json()["type"]) == (409, "/problems/purpose-exists")
    await shop.accept("eshop", "consent", consent(purpose=workshop["code"], external_id="E1"))
