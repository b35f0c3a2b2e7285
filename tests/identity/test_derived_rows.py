"""What is derived from records goes with them, though no foreign key holds it to them."""

from __future__ import annotations

from typing import Any

from tests.ingestion.shop import Shop, unsound

ODILE: dict[str, Any] = {
    "given_name": "Odile",
    "family_name": "Vasseur",
    "emails": ["odile@mail.example"],
}
_DERIVED = """
    SELECT record_id FROM blocking_key
    UNION ALL SELECT left_id FROM record_pair
    UNION ALL SELECT right_id FROM record_pair
"""


async def test_the_keys_and_pairs_of_a_record_that_is_deleted_go_with_it(shop: Shop) -> None:
    for source in ("pos", "eshop", "app"):
        await shop.profile(source, "P1", **ODILE)
    # In one pair it is the younger record, and in another the older one.
    [between] = await shop.rows("SELECT id FROM source_record ORDER BY id OFFSET 1 LIMIT 1")
    assert [row[0] for row in await shop.rows(_DERIVED)].count(between[0]) > 2

    await shop.run_sql(f"DELETE FROM source_record WHERE id = '{between[0]}'")

    left = [row[0] for row in await shop.rows(_DERIVED)]
    assert left
    assert between[0] not in left


async def test_a_key_without_its_record_is_unsound(shop: Shop) -> None:
    nobody = "00000000-0000-7000-8000-000000000001"
    await shop.run_sql(f"INSERT INTO blocking_key (key, record_id) VALUES (1, '{nobody}')")

    async with shop.database.transaction() as session:
        found = await unsound(session)
    await shop.run_sql("DELETE FROM blocking_key WHERE key = 1")

    assert found == [("key or pair of a record that is not there", nobody)]
