"""Undoing decisions, and what the service did by itself: exact, in any order, and again."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.ingestion.shop import Shop, consent, event, order_step, sale

ODILE: dict[str, Any] = {
    "given_name": "Odile",
    "family_name": "Vasseur",
    "birth_date": "1971-05-04",
    "cards": ["ABC-1234"],
}
BASILE: dict[str, Any] = {
    "given_name": "Basile",
    "family_name": "Kermadec",
    "birth_date": "1990-10-30",
    "phones": ["0639981208"],
}
EMAIL = "odile.vasseur@mail.example"

_EXPORT = (
    """SELECT id, source, external_id, client_id, placement, profile::text
       FROM source_record ORDER BY id""",
    "SELECT client_id, golden::text, search_terms FROM golden_record ORDER BY client_id",
    "SELECT id, known FROM client WHERE retired_at IS NULL ORDER BY id",
    "SELECT kind, value, record_id, origin FROM identifier ORDER BY 1, 2, 3, 4",
    """SELECT t.ticket_id, t.link, t.sale_client_id, r.client_id, r.placement
       FROM ticket t LEFT JOIN source_record r ON r.id = t.record_id ORDER BY 1""",
    """SELECT o.order_id, r.client_id
       FROM sales_order o LEFT JOIN source_record r ON r.id = o.record_id ORDER BY 1""",
    """SELECT e.message_id, r.client_id
       FROM event e LEFT JOIN source_record r ON r.id = e.record_id ORDER BY 1""",
    """SELECT c.source, c.message_id, c.number, r.source, r.external_id, r.client_id
       FROM consent_record c JOIN source_record r ON r.id = c.record_id ORDER BY 1, 2, 3""",
    """SELECT e.* FROM (
           SELECT array_agg(client_id) AS clients, array_agg(id) AS ids FROM source_record
       ) whole CROSS JOIN LATERAL effective_consents(clients, ids) e ORDER BY 1, 2, 3""",
    "SELECT left_id, right_id, verdict FROM judgement WHERE revoked_at IS NULL ORDER BY 1, 2",
    "SELECT left_id, right_id, weight, decision FROM record_pair ORDER BY 1, 2",
)


async def export(shop: Shop) -> bytes:
    """Return everything that an undo has to put back, to the byte."""
    found = [repr(await shop.rows(statement)) for statement in _EXPORT]
    return "\n".join(found).encode()


async def undo(shop: Shop, change_id: str, **said: Any) -> httpx.Response:
    body = {"reason": "a mistake"} | said
    return await shop.call("POST", f"identity-changes/{change_id}/undo", body)


async def undone(shop: Shop, change_id: str, **said: Any) -> Any:
    response = await undo(shop, change_id, **said)
    assert response.status_code == 200, response.text
    return response.json()


async def merged(shop: Shop, one: Any, two: Any) -> Any:
    response = await shop.merge(one["client_id"], two["client_id"])
    assert response.status_code == 200, response.text
    return response.json()


async def two_people(shop: Shop) -> tuple[Any, Any]:
    """Send two people who buy, order and click, with one means of payment between them."""
    odile = await shop.profile("pos", "P1", **ODILE)
    basile = await shop.profile("eshop", "E1", **BASILE)
    await shop.ticket(sale(token="token-1", customer={"card": "ABC-1234"}))
    await shop.ticket(sale(token="token-1", customer={"phone": "0639981208"}))
    await shop.ticket(sale(token="token-1"))
    await shop.accept("eshop", "order", order_step("O1", "placed", customer={"external_id": "E1"}))
    await shop.accept("app", "event", event(card="ABC-1234"))
    await shop.accept("pos", "consent", consent("granted", external_id="P1"))
    await shop.accept("eshop", "consent", consent("granted", "profiling", external_id="E1"))
    await shop.accept("app", "consent", consent("withdrawn", minute=5, phone="0639981208"))
    return odile, basile


async def automatic_changes(shop: Shop, kind: str) -> list[str]:
    found = await shop.rows(
        "SELECT id FROM identity_change WHERE kind = :kind AND decision_id IS NULL "
        "ORDER BY recorded_at",
        kind=kind,
    )
    return [str(row[0]) for row in found]


# --- decisions ------------------------------------------------------------------------------------


async def test_a_merge_undone_leaves_everything_as_it_was_to_the_byte(shop: Shop) -> None:
    odile, basile = await two_people(shop)
    before = await export(shop)

    decision = await merged(shop, basile, odile)
    assert await export(shop) != before
    answer = await undone(shop, decision["decision_id"])

    assert await export(shop) == before
    assert answer["client_ids"] == [odile["client_id"], basile["client_id"]]


async def test_a_split_undone_leaves_everything_as_it_was_to_the_byte(shop: Shop) -> None:
    odile = await shop.profile("pos", "P1", **ODILE)
    await shop.profile("eshop", "E1", **ODILE, emails=[EMAIL])
    await shop.ticket(sale(customer={"email": EMAIL}))
    await shop.ticket(sale(customer={"card": "ABC-1234"}))
    before = await export(shop)

    answer = (await shop.split(odile["client_id"], [("eshop", "E1")])).json()
    assert await shop.clients() == 2
    await undone(shop, answer["decision_id"])

    assert await export(shop) == before


async def test_what_came_in_between_stays_with_its_own_record(shop: Shop) -> None:
    odile, basile = await two_people(shop)
    decision = await merged(shop, odile, basile)
    by_card = sale(customer={"card": "ABC-1234"})
    by_phone = sale(customer={"phone": "0639981208"})
    for message in (by_card, by_phone):
        await shop.ticket(message)
        assert (await shop.attached(message))[0] == odile["client_id"]
    await shop.profile("eshop", "E1", minute=1, emails=[EMAIL])
    by_email = sale(customer={"email": EMAIL})
    await shop.ticket(by_email)

    await undone(shop, decision["decision_id"])

    assert (await shop.attached(by_card))[0] == odile["client_id"]
    assert (await shop.attached(by_phone))[0] == basile["client_id"]
    assert (await shop.attached(by_email))[0] == basile["client_id"]
    view = await shop.staff("GET", f"clients/{basile['client_id']}")
    assert [email["value"] for email in view["golden"]["emails"]] == [EMAIL]


async def test_an_undo_can_be_undone_to_any_depth(shop: Shop) -> None:
    odile, basile = await two_people(shop)
    apart = await export(shop)
    last = await merged(shop, odile, basile)
    together = await export(shop)

    for depth in range(8):
        last = await undone(shop, last["decision_id"])
        assert await export(shop) == (together if depth % 2 else apart)


async def test_a_decision_that_is_overruled_holds_again_when_that_is_undone(shop: Shop) -> None:
    odile, basile = await two_people(shop)
    await merged(shop, odile, basile)
    together = await export(shop)
    parted = (await shop.split(odile["client_id"], [("eshop", "E1")])).json()
    apart = await export(shop)
    rejoined = await merged(shop, odile, basile)

    await undone(shop, rejoined["decision_id"])
    assert await export(shop) == apart
    await undone(shop, parted["decision_id"])
    assert await export(shop) == together


async def test_a_merge_leaves_nothing_in_force_that_says_otherwise(shop: Shop) -> None:
    same: dict[str, Any] = {"given_name": "Odile", "family_name": "Vasseur", "emails": [EMAIL]}
    for source in ("pos", "eshop", "app", "loyalty"):
        await shop.profile(source, "1", **same)
    client_id = await shop.client_of("pos", "1")
    answer = (await shop.split(client_id, [("app", "1"), ("loyalty", "1")])).json()
    assert len(answer["client_ids"]) == 2

    await shop.merge(*answer["client_ids"])

    in_force = "SELECT DISTINCT verdict FROM judgement WHERE revoked_at IS NULL"
    assert await shop.rows(in_force) == [("match",)]


async def test_decisions_may_be_undone_in_any_order(shop: Shop) -> None:
    odile, basile = await two_people(shop)
    ines = await shop.profile("app", "A1", given_name="Ines", family_name="Touzeau")
    before = await export(shop)
    first = await merged(shop, odile, basile)
    second = await merged(shop, odile, ines)

    await undone(shop, first["decision_id"])
    # The second joined Ines to both, and still does: none of that was undone.
    assert await shop.clients() == 1
    await undone(shop, second["decision_id"])

    assert await export(shop) == before


async def test_a_decision_is_undone_once_by_its_own_id_or_that_of_any_of_its_changes(
    shop: Shop,
) -> None:
    odile, basile = await two_people(shop)
    decision = await merged(shop, odile, basile)
    changes = await shop.rows("SELECT id FROM identity_change WHERE kind = 'merge'")
    change_id = str(changes[-1][0])

    answer = await undone(shop, change_id)

    for again in (change_id, decision["decision_id"]):
        response = await undo(shop, again)
        assert response.status_code == 409
        assert response.json()["type"] == "/problems/already-undone"
        assert response.json()["undone_by"] == answer["decision_id"]


async def test_an_id_of_nothing_is_not_found(shop: Shop) -> None:
    response = await undo(shop, str(uuid4()))

    assert response.status_code == 404
    assert response.json()["type"] == "/problems/change-not-found"


async def test_an_undo_of_clients_that_changed_since_is_refused(shop: Shop) -> None:
    odile, basile = await two_people(shop)
    decision = await merged(shop, odile, basile)
    seen = await undone(shop, decision["decision_id"], dry_run=True)
    await shop.profile("eshop", "E1", minute=1, language="fr")

    response = await undo(shop, decision["decision_id"], expected_versions=seen["versions"])

    assert response.status_code == 409
    assert response.json()["type"] == "/problems/client-changed"
    assert response.json()["current_version"] > seen["versions"][odile["client_id"]]
    seen = await undone(shop, decision["decision_id"], dry_run=True)
    await undone(shop, decision["decision_id"], expected_versions=seen["versions"])


# --- what the service did by itself ---------------------------------------------------------------


async def test_what_the_service_joined_is_parted_and_stays_so(shop: Shop) -> None:
    same = {"given_name": "Odile", "family_name": "Vasseur"}
    one = await shop.profile("pos", "P1", **same)
    two = await shop.profile("eshop", "E1", **same)
    await shop.profile("pos", "P1", minute=1, emails=[EMAIL])
    await shop.profile("eshop", "E1", minute=1, emails=[EMAIL])
    assert await shop.clients() == 1
    [change] = await automatic_changes(shop, "merge")

    answer = await undone(shop, change)

    assert answer["client_ids"] == [one["client_id"], two["client_id"]]
    await shop.profile("eshop", "E1", minute=2, phones=["0639981208"])
    await shop.profile("pos", "P1", minute=2, phones=["0639981208"])
    assert await shop.clients() == 2
    await undone(shop, answer["decision_id"])
    assert await shop.clients() == 1


async def test_what_the_service_joined_is_parted_although_the_clocks_of_machines_differ(
    shop: Shop,
) -> None:
    same = {"given_name": "Odile", "family_name": "Vasseur"}
    one = await shop.profile("pos", "P1", **same, emails=[EMAIL])
    two = await shop.profile("eshop", "E1", **same)
    # One was served by a machine whose clock is ahead of that of the next message.
    await shop.run_sql("UPDATE source_record SET created_at = created_at + interval '5 seconds'")
    await shop.profile("eshop", "E1", minute=1, emails=[EMAIL])
    assert await shop.clients() == 1
    [change] = await automatic_changes(shop, "merge")

    answer = await undone(shop, change)

    assert answer["client_ids"] == [one["client_id"], two["client_id"]]


async def test_the_last_decision_holds_although_the_clock_was_put_back(shop: Shop) -> None:
    odile = await shop.profile("pos", "P1", **ODILE)
    basile = await shop.profile("eshop", "E1", **BASILE)
    await merged(shop, odile, basile)
    for table in ("decision", "judgement"):
        await shop.run_sql(f"UPDATE {table} SET made_at = made_at + interval '1 hour'")

    split = await shop.split(odile["client_id"], [("eshop", "E1")])

    assert await shop.clients() == 2
    undoing = await undone(shop, split.json()["decision_id"])
    assert await shop.clients() == 1
    await undone(shop, undoing["decision_id"])
    assert await shop.clients() == 2


async def test_a_record_that_came_later_goes_to_the_side_that_its_evidence_names(
    shop: Shop,
) -> None:
    same = {"given_name": "Odile", "family_name": "Vasseur", "emails": [EMAIL]}
    await shop.profile("pos", "P1", **same, cards=["ABC-1234"])
    two = await shop.profile("eshop", "E1", given_name="Odile", family_name="Vasseur")
    await shop.profile("eshop", "E1", minute=1, emails=[EMAIL], birth_date="1971-05-04")
    assert await shop.clients() == 1
    await shop.profile("app", "A1", **same, birth_date="1971-05-04", phones=["0639981208"])
    [change] = await automatic_changes(shop, "merge")

    await undone(shop, change)

    assert await shop.client_of("app", "A1") == two["client_id"]
    assert await shop.clients() == 2


async def test_a_record_that_left_as_others_came_is_on_neither_side(shop: Shop) -> None:
    await shop.profile("pos", "P1", **ODILE)
    await shop.profile("eshop", "E1", **BASILE)
    third = await shop.profile("app", "A1", **ODILE)
    await shop.profile("pos", "P1", minute=1, **BASILE | {"cards": []})
    assert await shop.client_of("pos", "P1") == await shop.client_of("eshop", "E1")
    assert await shop.client_of("app", "A1") == await shop.scalar(
        "SELECT id::text FROM source_record WHERE external_id = 'A1'"
    )
    assert third["client_id"] != await shop.client_of("app", "A1")
    [change] = await automatic_changes(shop, "merge")

    await undone(shop, change)

    judged = await shop.rows("SELECT DISTINCT verdict FROM judgement WHERE revoked_at IS NULL")
    assert judged == [("no_match",)]
    assert await shop.scalar("SELECT count(*) FROM judgement") == 1


async def test_what_the_service_parted_is_joined_again(shop: Shop) -> None:
    thin = {"given_name": "Odile", "emails": [EMAIL]}
    one = await shop.profile("pos", "P1", **thin)
    await shop.profile("eshop", "E1", **thin, family_name="Vasseur")
    await shop.profile("eshop", "E1", minute=1, emails=[])
    assert await shop.clients() == 2
    [change] = await automatic_changes(shop, "split")

    answer = await undone(shop, change)

    assert answer["client_ids"] == [one["client_id"]]
    again = await undo(shop, change)
    assert again.json()["undone_by"] == answer["decision_id"]
    await undone(shop, answer["decision_id"])
    assert await shop.clients() == 2


async def test_facts_that_follow_a_rule_are_no_mistake_to_undo(shop: Shop) -> None:
    await shop.ticket(sale(token="token-1"))
    await shop.profile("pos", "P1", **ODILE)
    await shop.ticket(sale(token="token-1", customer={"card": "ABC-1234"}))
    [change] = await automatic_changes(shop, "merge")

    response = await undo(shop, change)

    assert response.status_code == 409
    assert response.json()["type"] == "/problems/placed-by-rule"


# --- rehearsals and repeats -----------------------------------------------------------------------


async def test_a_rehearsal_says_what_the_deed_then_does_and_changes_nothing(shop: Shop) -> None:
    odile, basile = await two_people(shop)
    before = await export(shop)
    versions = await shop.rows("SELECT id, version FROM client ORDER BY id")

    rehearsed = (await shop.merge(odile["client_id"], basile["client_id"], dry_run=True)).json()

    assert await export(shop) == before
    assert await shop.rows("SELECT id, version FROM client ORDER BY id") == versions
    assert await shop.scalar("SELECT count(*) FROM decision") == 0
    assert rehearsed["decision_id"] is None
    done = await merged(shop, odile, basile)
    assert done["effects"] == rehearsed["effects"]
    assert done["client_ids"] == rehearsed["client_ids"]
    effects = done["effects"]
    # Basile's record with his order, his tickets by phone, and those of the token they share.
    assert basile["client_id"] in effects["retired_client_ids"]
    assert effects["totals"] == {
        "records": 4, "tickets": 2, "orders": 1, "events": 0, "consents": 2
    }  # fmt: skip
    back = await undone(shop, done["decision_id"], dry_run=True)
    assert basile["client_id"] in back["effects"]["appeared_client_ids"]
    assert back["effects"]["totals"] == effects["totals"]
    assert {record["from_client_id"] for record in back["effects"]["records"]} == {
        odile["client_id"]
    }


async def test_a_split_can_be_rehearsed_too(shop: Shop) -> None:
    odile = await shop.profile("pos", "P1", **ODILE)
    second = await shop.profile("eshop", "E1", **ODILE, emails=[EMAIL])
    await shop.ticket(sale(customer={"email": EMAIL}))
    before = await export(shop)

    answer = (await shop.split(odile["client_id"], [("eshop", "E1")], dry_run=True)).json()

    assert await export(shop) == before
    assert second["client_id"] == odile["client_id"]
    assert [record["external_id"] for record in answer["effects"]["records"]][:1] == ["E1"]
    assert answer["effects"]["totals"] == {
        "records": 2, "tickets": 1, "orders": 0, "events": 0, "consents": 0
    }  # fmt: skip
    assert answer["effects"]["appeared_client_ids"] == answer["client_ids"][1:]


async def test_a_merge_sent_again_is_answered_the_same(shop: Shop) -> None:
    odile, basile = await two_people(shop)
    ids = odile["client_id"], basile["client_id"]

    first = await shop.merge(*ids, message_id="d-1")
    second = await shop.merge(*ids, message_id="d-1")
    third = await shop.merge(*ids, message_id="d-1", reason="another reason")

    assert (first.status_code, first.json()) == (200, second.json())
    assert (third.status_code, third.json()["type"]) == (409, "/problems/message-id-reused")
    assert await shop.scalar("SELECT count(*) FROM decision") == 1


@pytest.mark.parametrize("field", ["expected_version", "other_expected_version"])
async def test_a_merge_of_a_client_that_changed_since_is_refused(shop: Shop, field: str) -> None:
    odile, basile = await two_people(shop)

    response = await shop.merge(odile["client_id"], basile["client_id"], **{field: 99})

    assert response.status_code == 409
    assert response.json()["type"] == "/problems/client-changed"
    assert await shop.clients() == 2
