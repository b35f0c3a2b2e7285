"""Shared identifiers: found by their holders or declared by stewards, remembered, and undone."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tests.identity.test_undo import export, undone
from tests.ingestion.shop import Shop, sale

TABLET = "tablette@magasin-dunes.example"
FAMILY = "foyer.kervella@mail.example"

STRANGERS = (
    ("Enora", "Kervella", "1984-03-17"),
    ("Moussa", "Tavernier", "1961-11-02"),
    ("Sylvie", "Goarnig", "1975-08-23"),
    ("Yanis", "Aubrac", "1999-12-30"),
    ("Odette", "Meulen", "1949-06-11"),
)


async def declare(shop: Shop, value: str, status: str, **said: Any) -> httpx.Response:
    body = {"kind": "email", "value": value, "status": status, "reason": "seen in store"} | said
    return await shop.call("POST", "identifiers/declarations", body)


async def declared(shop: Shop, value: str, status: str, **said: Any) -> Any:
    response = await declare(shop, value, status, **said)
    assert response.status_code == 200, response.text
    return response.json()


async def looked_up(shop: Shop, value: str, kind: str = "email") -> Any:
    return await shop.staff("POST", "identifiers/lookup", {"kind": kind, "value": value})


async def strangers(shop: Shop, email: str) -> list[str]:
    """Send five strangers who all leave one e-mail; return their clients."""
    clients = []
    for number, (given, family, born) in enumerate(STRANGERS):
        placed = await shop.profile(
            "pos", f"T{number}", given_name=given, family_name=family, birth_date=born,
            emails=[email],
        )  # fmt: skip
        clients.append(placed["client_id"])
    return clients


# --- found by the holders -------------------------------------------------------------------------


async def test_a_tablet_that_says_one_email_for_everybody_links_nobody(shop: Shop) -> None:
    nameless = await shop.profile("eshop", "W1", emails=[TABLET])
    clients = await strangers(shop, TABLET)

    late = await shop.profile("eshop", "W2", emails=[TABLET])

    assert len(set(clients)) == 5
    assert await shop.clients() == 7
    assert await shop.client_of("eshop", "W1") == nameless["client_id"]
    assert late["outcome"] == "created"
    state = await looked_up(shop, "Tablette@Magasin-Dunes.example")
    assert (state["status"], state["declared"]) == ("shared", None)
    assert (state["holders"], state["people"]) == (7, 5)
    [turned] = state["changes"]
    assert (turned["status"], turned["cause"], turned["people"]) == ("shared", "message", 5)


async def test_what_a_shared_email_had_linked_is_parted_when_it_turns(shop: Shop) -> None:
    nameless = await shop.profile("eshop", "W1", emails=[TABLET])
    enora = await shop.profile(
        "pos", "T0", given_name="Enora", family_name="Kervella", emails=[TABLET]
    )
    assert enora["client_id"] == nameless["client_id"]

    for number, (given, family, born) in enumerate(STRANGERS[1:], start=1):
        await shop.profile(
            "pos", f"T{number}", given_name=given, family_name=family, birth_date=born,
            emails=[TABLET],
        )  # fmt: skip

    assert await shop.client_of("pos", "T0") != await shop.client_of("eshop", "W1")


async def test_a_family_email_turns_shared_and_back_when_two_profiles_drop_it(shop: Shop) -> None:
    await strangers(shop, FAMILY)
    await shop.profile("eshop", "W1", emails=[FAMILY], cards=["FAM-0001"])
    await shop.profile("app", "A1", given_name="Enora", family_name="Kervella", emails=[FAMILY])
    assert await shop.client_of("app", "A1") != await shop.client_of("eshop", "W1")

    for number in (3, 4):
        await shop.profile("pos", f"T{number}", minute=5, emails=[f"own{number}@mail.example"])

    state = await looked_up(shop, FAMILY)
    assert state["status"] == "personal"
    assert [change["status"] for change in state["changes"]] == ["personal", "shared"]
    assert [change["people"] for change in state["changes"]] == [4, 5]


async def test_a_ticket_with_a_shared_email_attaches_nobody_by_it(shop: Shop) -> None:
    clients = await strangers(shop, TABLET)
    await shop.profile("pos", "T0", minute=1, cards=["TAB-0001"])
    by_name = sale(customer={"email": TABLET, "given_name": "Enora", "family_name": "Kervella"})
    by_card = sale(customer={"email": TABLET, "card": "TAB-0001"})

    paid = sale(token="token-t1", customer={"card": "TAB-0001"})
    by_token = sale(token="token-t1", customer={"email": TABLET})

    for ticket in (by_name, by_card, paid, by_token):
        await shop.ticket(ticket)

    assert await shop.attached(by_name) == (None, "ambiguous")
    assert await shop.attached(by_card) == (clients[0], "card")
    assert await shop.attached(by_token) == (clients[0], "payment_token")


# --- declared -------------------------------------------------------------------------------------


async def two_of_one_email(shop: Shop) -> tuple[Any, Any]:
    """Send a person and a nameless account that only an e-mail ties, with a ticket by it."""
    one = await shop.profile(
        "pos", "P1", given_name="Odile", family_name="Vasseur", emails=[FAMILY]
    )
    other = await shop.profile("eshop", "E1", emails=[FAMILY])
    assert other["client_id"] == one["client_id"]
    return one, other


async def test_a_declared_email_parts_what_it_linked_and_its_tickets(shop: Shop) -> None:
    one, _ = await two_of_one_email(shop)
    ticket = sale(customer={"email": FAMILY})
    await shop.ticket(ticket)
    assert (await shop.attached(ticket))[0] == one["client_id"]

    answer = await declared(shop, FAMILY, "shared")

    assert answer["effects"]["totals"]["records"] == 2
    assert await shop.clients() == 2
    assert await shop.attached(ticket) == (None, "ambiguous")
    state = await looked_up(shop, FAMILY)
    assert (state["status"], state["declared"]["status"]) == ("shared", "shared")
    assert state["declared"]["decision_id"] == answer["decision_id"]


async def test_a_declaration_undone_leaves_everything_as_it_was_to_the_byte(shop: Shop) -> None:
    await two_of_one_email(shop)
    await shop.ticket(sale(customer={"email": FAMILY}))
    together = await export(shop)
    last = await declared(shop, FAMILY, "shared")
    apart = await export(shop)
    assert apart != together

    for depth in range(4):
        last = await undone(shop, last["decision_id"])
        assert await export(shop) == (apart if depth % 2 else together)

    state = await looked_up(shop, FAMILY)
    assert [change["cause"] for change in state["changes"]] == ["steward"] * 5


async def test_a_rehearsed_declaration_says_what_would_move_and_changes_nothing(shop: Shop) -> None:
    await two_of_one_email(shop)
    before = await export(shop)

    said = await declared(shop, FAMILY, "shared", dry_run=True)

    assert await export(shop) == before
    assert said["decision_id"] is None
    done = await declared(shop, FAMILY, "shared")
    assert done["effects"]["totals"] == said["effects"]["totals"]


async def test_an_email_declared_personal_links_however_many_hold_it(shop: Shop) -> None:
    await strangers(shop, FAMILY)
    first = await shop.profile("eshop", "W1", emails=[FAMILY], cards=["FAM-0001"])
    second = await shop.profile("app", "A1", emails=[FAMILY], cards=["FAM-0002"])
    assert first["client_id"] != second["client_id"]

    answer = await declared(shop, FAMILY, "personal")

    assert await shop.client_of("app", "A1") == first["client_id"]
    assert (await looked_up(shop, FAMILY))["status"] == "personal"
    await declared(shop, FAMILY, "automatic")
    assert (await looked_up(shop, FAMILY))["status"] == "shared"
    assert await shop.client_of("app", "A1") == second["client_id"]
    assert answer["client_ids"]


async def test_to_declare_shared_what_is_shared_already_waits_for_none_of_its_holders(
    shop: Shop,
) -> None:
    await strangers(shop, TABLET)
    await shop.ticket(sale(customer={"email": TABLET}))
    before = await export(shop)

    async with shop.database.transaction() as session:
        await session.execute(text("SELECT FROM client FOR UPDATE"))
        async with asyncio.timeout(5):
            answer = await declared(shop, TABLET, "shared")

    assert len(answer["client_ids"]) == len(STRANGERS)
    assert answer["effects"]["records"] == []
    assert await export(shop) == before
    state = await looked_up(shop, TABLET)
    assert (state["status"], state["declared"]["status"]) == ("shared", "shared")
    assert [change["cause"] for change in state["changes"]] == ["steward", "message"]
    await declared(shop, TABLET, "personal")
    await declared(shop, TABLET, "automatic")
    assert await export(shop) == before


async def test_the_last_declaration_holds_and_an_older_one_comes_back(shop: Shop) -> None:
    await two_of_one_email(shop)
    await declared(shop, FAMILY, "shared")
    personal = await declared(shop, FAMILY, "personal")
    assert await shop.clients() == 1

    await undone(shop, personal["decision_id"])

    assert await shop.clients() == 2
    assert (await looked_up(shop, FAMILY))["declared"]["status"] == "shared"


async def test_a_declaration_holds_for_records_that_come_later(shop: Shop) -> None:
    await declared(shop, FAMILY, "shared")

    one = await shop.profile("pos", "P1", given_name="Odile", emails=[FAMILY])
    other = await shop.profile("eshop", "E1", emails=[FAMILY])
    both = await shop.batch(
        "app",
        [
            {"type": "profile", "message_id": f"b-{n}", "external_id": f"B{n}",
             "occurred_at": "2025-03-01T12:00:00Z", "emails": [{"value": FAMILY}]}
            for n in range(2)
        ],
    )  # fmt: skip

    assert one["client_id"] != other["client_id"]
    assert len(both) == 2
    assert await shop.clients() == 4


async def test_a_declaration_seen_at_another_version_is_refused(shop: Shop) -> None:
    await two_of_one_email(shop)
    version = (await looked_up(shop, FAMILY))["version"]
    await declared(shop, FAMILY, "shared", expected_version=version)

    refused = await declare(shop, FAMILY, "personal", expected_version=version)

    assert refused.status_code == 409
    assert refused.json()["current_version"] == version + 1


async def test_a_declaration_sent_again_is_answered_the_same(shop: Shop) -> None:
    await two_of_one_email(shop)

    first = await declared(shop, FAMILY, "shared", message_id="d-1")
    again = await declared(shop, FAMILY, "shared", message_id="d-1")
    other = await declare(shop, FAMILY, "personal", message_id="d-1")

    assert again == first
    assert other.status_code == 409


@pytest.mark.parametrize(("kind", "value"), [("email", "no such"), ("email", "noreply@noreply.fr"),
                                             ("phone", "0600000000"), ("card", "..")])  # fmt: skip
async def test_what_designates_nobody_cannot_be_declared(shop: Shop, kind: str, value: str) -> None:
    refused = await declare(shop, value, "shared", kind=kind)

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "/value"
    assert value not in refused.text


async def test_status_changes_are_listed_newest_first_and_paged(shop: Shop) -> None:
    await declared(shop, FAMILY, "shared")
    await declared(shop, "0639981208", "shared", kind="phone")
    await declared(shop, FAMILY, "personal")

    first = await shop.staff("GET", "identifiers/status-changes?limit=2")
    rest = await shop.staff(
        "GET", f"identifiers/status-changes?limit=2&cursor={first['next_cursor']}"
    )
    shared = await shop.staff("GET", "identifiers/status-changes?status=shared&kind=email")

    told = [(one["kind"], one["status"]) for one in [*first["changes"], *rest["changes"]]]
    assert told == [("email", "personal"), ("phone", "shared"), ("email", "shared")]
    assert rest["next_cursor"] is None
    assert [one["value"] for one in shared["changes"]] == [FAMILY]


async def test_why_says_that_an_email_is_shared_by_whose_declaration_and_since_when(
    shop: Shop,
) -> None:
    await two_of_one_email(shop)
    await declared(shop, FAMILY, "shared")

    why = await shop.staff("POST", "explanations/why", {
        "left": {"source": "pos", "external_id": "P1"},
        "right": {"source": "eshop", "external_id": "E1"},
    })  # fmt: skip

    [shared] = why["strongest"]["match"]["shared"]
    assert shared["is_declared"]
    assert shared["declared_by"].startswith("key:")
    assert shared["since"] is not None
    assert "by declaration of key:" in shared["sentence"]["en"]
    assert "par déclaration de key:" in shared["sentence"]["fr"]
    assert why["is_up_to_date"]


async def test_declarations_and_messages_at_once_end_as_if_one_after_another(shop: Shop) -> None:
    """Whatever came first: what is stored is what forming all clients anew would give."""
    dice = random.Random(5)  # noqa: S311 - the same mix every time

    async def send(number: int) -> None:
        await shop.profile(
            "eshop", f"E{number % 7}", minute=number, emails=[FAMILY], cards=[f"FAM-000{number}"]
        )

    async def steward(status: str) -> None:
        response = await declare(shop, FAMILY, status)
        assert response.status_code == 200, response.text

    work = [send(number) for number in range(1, 10)]
    work += [steward(status) for status in ("shared", "personal", "shared")]
    dice.shuffle(work)
    await asyncio.gather(*work)

    state = await looked_up(shop, FAMILY)
    last = await shop.scalar("SELECT status FROM identifier_declaration WHERE revoked_at IS NULL")
    assert state["declared"]["status"] == last
    records = await shop.scalar("SELECT count(*) FROM source_record")
    expected = {"shared": records, "personal": 1}[last]
    await declared(shop, FAMILY, last)
    assert await shop.clients() == expected
