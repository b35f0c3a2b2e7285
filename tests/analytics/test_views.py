"""The views of `analytics` are a contract: described column by column, and as the tables say."""

from __future__ import annotations

from typing import Any

from rcu.analytics.views import DescribedView, as_markdown, list_views
from tests.analytics.test_random_history import DOCUMENTATION
from tests.ingestion.shop import Shop, order_step, profile, sale


async def described(shop: Shop) -> dict[str, DescribedView]:
    async with shop.database.transaction() as session:
        return {view.name: view for view in await list_views(session)}


async def test_every_view_and_every_column_says_what_it_is(shop: Shop) -> None:
    silent = [
        f"{view.name}.{column.name}" if column else view.name
        for view in (await described(shop)).values()
        for column in (None, *view.columns)
        if not (column.comment if column else view.comment)
    ]

    assert silent == []


async def test_the_documentation_shows_the_views_as_they_are(shop: Shop) -> None:
    found = (await described(shop)).values()

    assert as_markdown(list(found)) in DOCUMENTATION.read_text(encoding="utf-8")


async def test_a_ticket_is_told_with_its_lines_and_its_payments(shop: Shop) -> None:
    lines = [
        {"sku": "A", "label": "Saladier", "amount_cents": 900, "discount_cents": 100},
        {"sku": "B", "category": "linge", "quantity": 2.5, "amount_cents": 100},
    ]
    message = sale(7, token="par_tok_1", customer={"email": "o.v@mail.example"}, lines=lines)
    # Half past eleven at night in Paris is still the first of March.
    message |= {"sold_at": "2025-03-01T22:30:00Z", "payments": [*message["payments"], {}]}
    await shop.ticket(message)

    [told] = await shop.rows("SELECT * FROM analytics.tickets")
    sold = await shop.rows("SELECT * FROM analytics.ticket_lines ORDER BY line_number")
    paid = await shop.rows("SELECT * FROM analytics.ticket_payments ORDER BY payment_number")

    assert (told.business_date.isoformat(), told.sold_hour) == ("2025-03-01", 23)
    assert (told.gave_email, told.gave_card, told.gave_payment_token) == (True, False, True)
    assert [tuple(line[3:]) for line in sold] == [
        ("A", "Saladier", None, 1.0, "EUR", 900, 100),
        ("B", None, "linge", 2.5, "EUR", 100, 0),
    ]
    assert [(p.method, p.amount_cents, p.has_payment_token) for p in paid] == [
        ("card", None, True),
        ("card", None, False),
    ]


async def test_an_order_is_told_with_its_steps_by_the_days_of_its_store(shop: Shop) -> None:
    placed = order_step("O1", "placed", store="S001") | {"occurred_at": "2025-03-01T23:30:00Z"}
    await shop.accept("eshop", "order", placed)
    await shop.accept("eshop", "order", order_step("O1", "paid", minute=3000))

    [told] = await shop.rows("SELECT * FROM analytics.orders")
    steps = await shop.rows("SELECT * FROM analytics.order_steps ORDER BY occurred_at")

    assert (told.status, told.placed_on.isoformat()) == ("paid", "2025-03-02")
    assert [(step.status, step.store) for step in steps] == [("placed", "S001"), ("paid", None)]


async def test_what_names_or_reaches_a_client_stands_apart(shop: Shop) -> None:
    said: dict[str, Any] = {
        "title": "Mme",
        "given_name": "Odile",
        "family_name": "Vasseur",
        "birth_date": "1971-05-04",
        "emails": [{"value": "odile.v@mail.example", "verified": True}],
        "phones": ["01 99 00 12 08"],
        "addresses": [{"lines": ["12 rue des Lilas"], "postcode": "97411", "city": "Saint-Paul"}],
    }
    await shop.accept("pos", "profile", profile("P1", **said))

    [client] = await shop.rows("SELECT * FROM analytics.clients")
    [contact] = await shop.rows("SELECT * FROM analytics.client_contacts")

    assert (client.birth_year, client.department, client.country) == (1971, "974", "FR")
    assert (client.has_email, client.has_verified_email, client.has_card) == (True, True, False)
    told = str(client)
    assert not [word for word in ("Vasseur", "mail.example", "199001208", "Lilas") if word in told]
    assert contact[1:] == (
        *("Odile", "Vasseur", None, contact.birth_date, "odile.v@mail.example", True),
        *("+33199001208", False, None, "12 rue des Lilas", "97411", "Saint-Paul", None),
    )
