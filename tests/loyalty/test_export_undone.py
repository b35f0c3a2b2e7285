"""What is exported after a merge that was undone: what was exported before it."""

from __future__ import annotations

from rcu.analytics.views import list_views
from tests.ingestion.shop import Shop, consent, event, order_step, sale
from tests.loyalty.club import spend

HISTORY = frozenset({"attachment_changes", "crosswalk", "identity_changes"})
"""Views that tell each change, that of an undo too: they grow, and no row of them changes."""
CHANGED_AT = {"attachments": "since", "clients": "changed_at"}
"""The columns that say when a row was last changed; an undo is a change."""


async def exported(shop: Shop) -> dict[str, list[str]]:
    """Return the rows of every view that `rcu export` writes, but for when they last changed."""
    async with shop.database.transaction() as session:
        views = await list_views(session)
    found = {}
    for view in views:
        columns = ", ".join(
            f'"{column.name}"'
            for column in view.columns
            if column.name != CHANGED_AT.get(view.name)
        )
        rows = await shop.rows(f"SELECT {columns} FROM analytics.{view.name}")
        found[view.name] = sorted(map(repr, rows))
    return found


async def two_members(shop: Shop) -> tuple[str, str]:
    """Send two people who buy, click, spend and consent, with one means of payment between them."""
    odile = await shop.profile("pos", "P1", given_name="Odile", cards=["ABC-1234"])
    basile = await shop.profile("eshop", "E1", given_name="Basile", phones=["0639981208"])
    await shop.ticket(sale(token="token-1", customer={"external_id": "P1"}))
    await shop.ticket(sale(token="token-1", customer={"phone": "0639981208"}))
    await shop.ticket(sale(token="token-1"))
    await shop.accept("eshop", "order", order_step("O1", "placed", customer={"external_id": "E1"}))
    await shop.accept("app", "event", event(card="ABC-1234"))
    await shop.accept("pos", "consent", consent("granted", external_id="P1"))
    await shop.accept("app", "consent", consent("withdrawn", minute=5, phone="0639981208"))
    spent = await spend(shop, 5, external_id="P1")
    assert spent.status_code == 200, spent.text
    return odile["client_id"], basile["client_id"]


async def test_a_merge_undone_changes_no_exported_row_but_its_history(shop: Shop) -> None:
    one, two = await two_members(shop)
    before = await exported(shop)
    assert len(before["points_entries"]) > 1

    merged = (await shop.merge(one, two)).json()
    together = await exported(shop)
    body = {"reason": "a mistake"}
    await shop.staff("POST", f"identity-changes/{merged['decision_id']}/undo", body)
    after = await exported(shop)

    assert together["clients"] != before["clients"]
    assert together["attachments"] != before["attachments"]
    assert together["consents"] != before["consents"]
    assert together["client_consents"] != before["client_consents"]
    for view in before.keys() - HISTORY:
        assert after[view] == before[view], view
    for view in HISTORY - {"crosswalk"}:
        assert set(after[view]) > set(before[view]), view
