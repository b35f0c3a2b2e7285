"""Undoing decisions, and what the service did by itself: exact, in any order, and again."""

from __future__ import annotations

from typing import Any

from tests.ingestion.shop import Shop, event, order_step, profile, sale

ODILE = {"given_name": "Odile", "family_name": "Vasseur", "cards": ["ABC-1234"]}
ELODIE = {"given_name": "Elodie", "family_name": "Vasseur-Petit", "phones": ["0639981208"]}


async def export(shop: Shop) -> str:
    """Return everything that an undo has to put back, as text."""
    found = []
    for statement in (
        "SELECT id, source, external_id, client_id, placement, profile::text FROM source_record "
        "ORDER BY id",
        "SELECT client_id, golden::text, search_terms FROM golden_record ORDER BY client_id",
        "SELECT id, known, retired_at IS NULL FROM client WHERE retired_at IS NULL ORDER BY id",
        "SELECT kind, value, record_id, origin FROM identifier ORDER BY 1, 2, 3, 4",
        "SELECT t.ticket_id, t.link, t.sale_client_id, r.client_id, r.placement "
        "FROM ticket t LEFT JOIN source_record r ON r.id = t.record_id ORDER BY 1",
        "SELECT left_id, right_id, verdict FROM judgement WHERE revoked_at IS NULL ORDER BY 1, 2",
        "SELECT left_id, right_id, weight, decision FROM record_pair ORDER BY 1, 2",
    ):
        found.append(repr(await shop.rows(statement)))
    return "\n".join(found)


async def undo(shop: Shop, change_id: str, **said: Any) -> Any:
    body = {"reason": "a mistake"} | said
    return await shop.staff("POST", f"identity-changes/{change_id}/undo", body)


async def test_a_merge_undone_leaves_everything_as_it_was(shop: Shop) -> None:
    one = await shop.profile("pos", "P1", **ODILE)
    two = await shop.profile("eshop", "E1", **ELODIE)
    await shop.ticket(sale(token="tok-0001", customer={"card": "ABC-1234"}))
    await shop.ticket(sale(token="tok-0001", customer={"phone": "0639981208"}))
    await shop.ticket(sale(token="tok-0001"))
    await shop.accept("eshop", "order", order_step("O1", "placed", customer={"external_id": "E1"}))
    await shop.accept("app", "event", event(card="ABC-1234"))
    before = await export(shop)

    merged = (await shop.merge(two["client_id"], one["client_id"])).json()
    assert await export(shop) != before
    undone = await undo(shop, merged["decision_id"])

    assert await export(shop) == before
    assert undone["client_ids"] == [one["client_id"], two["client_id"]]
