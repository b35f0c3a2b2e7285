"""What a process remembers of a sender never decides: it is verified with the locks."""

from typing import Any

from tests.ingestion.shop import Shop, sale

LATE: dict[str, Any] = {"store": "S001", "till": "01", "sold_at": "2025-03-01T23:30:00+00:00"}


async def test_a_message_sent_again_is_answered_as_before_though_nothing_was_read_first(
    shop: Shop, statements: list[str]
) -> None:
    await shop.ticket(sale())
    statements.clear()
    sent = sale()
    first = await shop.send("pos", "ticket", sent)
    read_first = [statement for statement in statements if "read_receipts" in statement]

    again = await shop.send("pos", "ticket", sent)
    other = await shop.send("pos", "ticket", sent | {"total_cents": 1})

    assert read_first == []
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert other.status_code == 409
    assert await shop.scalar("SELECT count(*) FROM ticket") == 2


async def test_a_time_zone_that_another_process_corrected_gives_the_next_sale_its_day(
    shop: Shop,
) -> None:
    before = await shop.ticket(sale(number=1, **LATE))
    await shop.run_sql("UPDATE store SET timezone = 'America/Cayenne' WHERE code = 'S001'")

    after = await shop.ticket(sale(number=2, **LATE))

    assert before["ticket_id"] == "S001-01-20250302-1"
    assert after["ticket_id"] == "S001-01-20250301-2"


async def test_a_store_that_is_there_no_more_parks_the_next_sale(shop: Shop) -> None:
    await shop.run_sql("INSERT INTO store (code, name) VALUES ('S900', 'Passing')")
    await shop.ticket(sale(number=1, **LATE | {"store": "S900"}))
    await shop.run_sql("UPDATE ticket SET store = NULL")
    await shop.run_sql("DELETE FROM store WHERE code = 'S900'")

    answer = await shop.send("pos", "ticket", sale(number=2, **LATE | {"store": "S900"}))

    assert answer.json()["reason"] == "unknown_store"


async def test_the_kind_of_a_source_that_was_changed_gives_the_next_sale_its_channel(
    shop: Shop,
) -> None:
    await shop.ticket(sale())
    await shop.run_sql("UPDATE source SET kind = 'ecommerce' WHERE code = 'pos'")

    await shop.ticket(sale())

    channels = await shop.rows("SELECT channel FROM ticket ORDER BY id")
    assert [channel for (channel,) in channels] == ["store", "web"]
