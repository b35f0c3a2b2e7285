"""Consents of clients that are merged, split, and given back: each goes with its record alone."""

from __future__ import annotations

from typing import Any

from tests.consent.test_consents import in_force
from tests.ingestion.shop import Shop, consent

ODILE: dict[str, Any] = {
    "given_name": "Odile",
    "family_name": "Vasseur",
    "birth_date": "1971-05-04",
}
BASILE: dict[str, Any] = {
    "given_name": "Basile",
    "family_name": "Kermadec",
    "birth_date": "1990-10-30",
    "emails": ["basile.k@mail.example"],
}
NEWSLETTER = ("newsletter", "email")


async def two_people(shop: Shop) -> tuple[str, str]:
    """Send two people: one granted the newsletter, the other withdrew it later."""
    odile = await shop.profile("pos", "P1", **ODILE)
    basile = await shop.profile("eshop", "E1", **BASILE)
    await shop.accept("pos", "consent", consent("granted", external_id="P1"))
    await shop.accept("pos", "consent", consent("granted", "profiling", external_id="P1"))
    await shop.accept("eshop", "consent", consent("granted", minute=-9, external_id="E1"))
    withdrawn = consent("withdrawn", minute=5, email="basile.k@mail.example")
    await shop.accept("eshop", "consent", withdrawn)
    return odile["client_id"], basile["client_id"]


def changed(answer: Any) -> set[tuple[Any, ...]]:
    """Return what a decision says becomes of consents."""
    return {tuple(change.values()) for change in answer["effects"]["consent_changes"]}


async def test_a_steward_is_told_what_a_merge_would_withdraw(shop: Shop) -> None:
    odile, basile = await two_people(shop)

    rehearsed = (await shop.merge(odile, basile, dry_run=True)).json()

    assert await in_force(shop, odile) == {NEWSLETTER: "granted", ("profiling", None): "granted"}
    assert changed(rehearsed) == {
        (odile, odile, "newsletter", "email", "granted", "withdrawn"),
        (basile, odile, "profiling", None, None, "granted"),
    }
    assert rehearsed["effects"]["totals"]["consents"] == 2
    moved = {
        record["external_id"][:4]: record["consents"] for record in rehearsed["effects"]["records"]
    }
    assert moved == {"E1": 1, "ids:": 1}
    done = (await shop.merge(odile, basile)).json()
    assert done["effects"] == rehearsed["effects"]


async def test_a_withdrawal_under_one_record_ends_the_grant_under_another(shop: Shop) -> None:
    odile, basile = await two_people(shop)

    await shop.merge(odile, basile)

    assert await in_force(shop, basile) == {NEWSLETTER: "withdrawn", ("profiling", None): "granted"}
    view = await shop.staff("GET", f"clients/{odile}")
    assert [
        (one["purpose"], one["status"], one["since"], one["source"]) for one in view["consents"]
    ] == [
        ("newsletter", "withdrawn", "2025-03-01T12:05:00+00:00", "eshop"),
        ("profiling", "granted", "2025-03-01T12:00:00+00:00", "pos"),
    ]
    # Who says yes again afterwards has said yes.
    await shop.accept("pos", "consent", consent("granted", minute=6, external_id="P1"))
    assert (await in_force(shop, odile))[NEWSLETTER] == "granted"


async def test_an_undo_gives_back_to_each_what_it_had_said(shop: Shop) -> None:
    odile, basile = await two_people(shop)
    before = [await in_force(shop, client_id) for client_id in (odile, basile)]
    decision = (await shop.merge(odile, basile)).json()
    await shop.accept("pos", "consent", consent("denied", "marketing", external_id="P1"))

    body = {"reason": "a mistake"}
    undone = await shop.staff("POST", f"identity-changes/{decision['decision_id']}/undo", body)

    assert (odile, odile, "newsletter", "email", "withdrawn", "granted") in changed(undone)
    assert (odile, basile, "profiling", None, "granted", None) in changed(undone)
    after = [await in_force(shop, client_id) for client_id in (odile, basile)]
    # What came in between stays with the record under which it came.
    denied = {key: status for key, status in after[0].items() if key[0] == "marketing"}
    assert set(denied.values()) == {"denied"}
    assert [after[0], after[1]] == [before[0] | denied, before[1]]


async def test_records_taken_out_take_their_consents_along(shop: Shop) -> None:
    odile = (await shop.profile("pos", "P1", **ODILE))["client_id"]
    await shop.profile("eshop", "E1", **ODILE, emails=["odile.vasseur@mail.example"])
    assert await shop.client_of("eshop", "E1") == odile
    await shop.accept("pos", "consent", consent("granted", external_id="P1"))
    await shop.accept("eshop", "consent", consent("withdrawn", minute=5, external_id="E1"))
    assert await in_force(shop, odile) == {NEWSLETTER: "withdrawn"}

    answer = (await shop.split(odile, [("eshop", "E1")])).json()

    [other] = answer["effects"]["appeared_client_ids"]
    assert changed(answer) == {(odile, odile, "newsletter", "email", "withdrawn", "granted")}
    assert await in_force(shop, odile) == {NEWSLETTER: "granted"}
    assert await in_force(shop, other) == {NEWSLETTER: "withdrawn"}


async def test_a_client_without_a_word_on_it_has_no_consent_in_its_view(shop: Shop) -> None:
    odile = await shop.profile("pos", "P1", **ODILE)

    view = await shop.staff("GET", f"clients/{odile['client_id']}")

    assert view["consents"] == []


async def test_the_timeline_tells_what_was_said(shop: Shop) -> None:
    odile, _ = await two_people(shop)

    page = await shop.staff("GET", f"clients/{odile}/timeline?type=consent")

    assert [item["details"]["purpose"] for item in page["items"]] == ["profiling", "newsletter"]
    assert page["items"][1] | {"id": ""} == {
        "id": "",
        "at": "2025-03-01T12:00:00+00:00",
        "type": "consent",
        "source": "pos",
        "channel": None,
        "details": {
            "purpose": "newsletter",
            "channel": None,
            "status": "granted",
            "how": "form",
            "wording": "newsletter-2025-01",
            "store": None,
        },
    }
