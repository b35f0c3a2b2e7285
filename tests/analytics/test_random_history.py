"""What holds of the views, and of an export of them, whatever has happened."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from rcu.analytics.export import Wanted, export
from tests.analytics.exports import assert_intact, files_in, quiet, rows_of, view_rows
from tests.analytics.histories import NOW, History
from tests.ingestion.shop import Shop, assert_sound, clear

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "analytics.md"


HISTORIES = int(os.environ.get("RCU_TEST_VIEWS", "3"))


@pytest.fixture(scope="module", params=range(HISTORIES))
async def shop(opened_shop: Shop, request: pytest.FixtureRequest) -> AsyncIterator[Shop]:
    """Give a retailer with a history, which the tests of this module only read."""
    await clear(opened_shop.database)
    await History(opened_shop, request.param, hours=24 * 80).go(90)
    yield opened_shop
    await assert_sound(opened_shop.database)


# --- whose each ticket is -------------------------------------------------------------------------

_NOW = """
    SELECT a.*, t.received_at
    FROM analytics.attachments a JOIN analytics.tickets t USING (ticket_id)
    ORDER BY a.ticket_id
"""
_CHANGES = """
    SELECT ticket_id, client_id, method, reason, changed_at FROM analytics.attachment_changes
    ORDER BY changed_at
"""


async def test_the_sale_and_the_changes_after_it_end_in_what_is_so_now(shop: Shop) -> None:
    now = await shop.rows(_NOW)
    state = {
        row.ticket_id: (row.sale_client_id, row.sale_method, row.sale_reason, row.received_at)
        for row in now
    }

    for ticket_id, *after in await shop.rows(_CHANGES):
        state[ticket_id] = tuple(after)

    assert {row.ticket_id: (row.client_id, row.method, row.reason, row.since) for row in now} == (
        state
    )


async def test_every_kind_of_change_has_happened(shop: Shop) -> None:
    kinds = {row.change for row in await shop.rows("TABLE analytics.attachment_changes")}

    assert kinds >= {"rehung", "placed"}


async def test_a_ticket_is_told_by_the_view_as_by_the_api(shop: Shop) -> None:
    for row in (await shop.rows(_NOW))[::3]:
        told = await shop.staff("GET", f"tickets/{row.ticket_id}")
        assert told["attachment"] == _said(row.client_id, row.method, row.reason)
        assert told["at_sale"] == _said(row.sale_client_id, row.sale_method, row.sale_reason)


def _said(client_id: object, method: str | None, reason: str | None) -> dict[str, str | None]:
    told = str(client_id) if client_id is not None else None
    return {"client_id": told, "method": method, "reason": reason}


# --- who is who -----------------------------------------------------------------------------------


async def test_the_crosswalk_says_where_each_record_was_at_any_time(shop: Shop) -> None:
    gaps = await shop.rows("""
        SELECT * FROM (
            SELECT record_id, valid_from, valid_to, client_id,
                   lead(valid_from) OVER w AS next_from, lead(client_id) OVER w AS next_client_id
            FROM analytics.crosswalk WINDOW w AS (PARTITION BY record_id ORDER BY valid_from)
        ) s WHERE valid_to IS DISTINCT FROM next_from OR client_id = next_client_id
    """)
    wrong = await shop.rows("""
        SELECT * FROM analytics.source_records r
        FULL JOIN (SELECT * FROM analytics.crosswalk WHERE is_current) w USING (record_id)
        WHERE r.client_id IS DISTINCT FROM w.client_id
    """)
    changes = await shop.scalar("SELECT count(*) FROM analytics.identity_changes")
    spells = await shop.scalar("SELECT count(*) FROM analytics.crosswalk WHERE NOT is_current")

    assert (gaps, wrong) == ([], [])
    assert changes == spells > 0


async def test_every_client_id_ever_given_stands_for_the_client_that_the_api_says(
    shop: Shop,
) -> None:
    for row in await shop.rows("SELECT * FROM analytics.client_ids"):
        told = await shop.call("GET", f"clients/{row.client_id}")
        if told.status_code == 200:
            assert told.json()["client_id"] == str(row.current_client_id)
        assert row.is_current == (row.client_id == row.current_client_id)
        assert row.is_current == (row.retired_at is None)


_KEYS = {
    "stores": "store",
    "tickets": "ticket_id",
    "ticket_lines": "ticket_id, line_number",
    "ticket_payments": "ticket_id, payment_number",
    "orders": "order_id",
    "order_steps": "step_id",
    "clients": "client_id",
    "client_contacts": "client_id",
    "client_ids": "client_id",
    "source_records": "record_id",
    "crosswalk": "record_id, valid_from",
    "attachments": "ticket_id",
    "attachment_changes": "ticket_id, changed_at",
    "identity_changes": "change_id, record_id",
    "points_entries": "posting_id, number",
    "points_balances": "record_id",
    "points_lots": "lot_id",
}


async def test_rows_are_told_apart_by_their_keys(shop: Shop) -> None:
    for view, key in _KEYS.items():
        twice = await shop.rows(
            f"SELECT {key} FROM analytics.{view} GROUP BY {key} HAVING count(*) > 1"
        )
        assert twice == [], view


# --- files, and the attach rate from them ---------------------------------------------------------


async def test_an_export_holds_what_the_views_hold_and_again_writes_no_file(
    shop: Shop, tmp_path: Path
) -> None:
    done = await export(shop.database, tmp_path, Wanted(personal=True), quiet)
    first = assert_intact(tmp_path)

    assert first == done.manifest
    assert first.is_one_instant
    assert len(first.tables) > 15
    for table in first.tables:
        assert rows_of(tmp_path, table) == await view_rows(shop, table), table
    assert files_in(tmp_path) == {"manifest.json", *(file.path for file in first.all_files())}

    again = await export(shop.database, tmp_path, Wanted(personal=True), quiet)

    assert (again.written_files, again.changed_parts) == (0, 0)
    assert again.manifest.all_files() == first.all_files()
    assert again.manifest.snapshot.taken_at > first.snapshot.taken_at
    assert again.manifest.is_one_instant


def example() -> list[str]:
    """Return the statements of the example in the documentation."""
    text = DOCUMENTATION.read_text(encoding="utf-8")
    heading = "### The attach rate from the files alone"
    found = re.search(rf"{heading}.*?```sql\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return [statement for statement in found[1].split(";") if statement.strip()]


def run_example(folder: Path) -> list[dict[str, Any]]:
    """Run the example as it stands, from the folder above the export."""
    with duckdb.connect(config={"file_search_path": str(folder)}) as connection:
        for statement in example():
            answer = connection.execute(statement)
        names = [column[0] for column in answer.description or ()]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


async def counted(shop: Shop) -> dict[tuple[Any, ...], list[int]]:
    """Return the figures of the example, counted from the tables, ticket by ticket."""
    figures: dict[tuple[Any, ...], list[int]] = {}
    for row in await shop.rows("""
        SELECT t.business_date, t.channel, t.kind, t.currency, t.total_cents, t.sale_client_id,
               EXISTS (
                   SELECT FROM source_record r JOIN source_record p USING (client_id)
                   WHERE r.id = t.record_id AND p.kind = 'profile'
               ) AS attached
        FROM ticket t WHERE t.kind <> 'void' AND t.voided_by IS NULL
    """):
        key = (f"{row.business_date:%Y-%m}", row.channel, row.kind, row.currency)
        sums = figures.setdefault(key, [0] * 5)
        sums[0] += 1
        sums[1] += row.sale_client_id is not None
        sums[2] += row.attached
        sums[3] += row.total_cents
        sums[4] += row.total_cents * row.attached
    return figures


async def test_the_example_of_the_documentation_gives_the_attach_rate(
    shop: Shop, tmp_path: Path
) -> None:
    wanted = Wanted(tables=["tickets", "attachments"])
    await export(shop.database, tmp_path / "export", wanted, quiet)

    rows = run_example(tmp_path)

    assert {
        (row["month"], row["channel"], row["kind"], row["currency"]): [
            row["tickets"],
            row["attached_at_sale"],
            row["attached_now"],
            row["amount_cents"],
            row["amount_attached_now_cents"],
        ]
        for row in rows
    } == await counted(shop)
    assert len(rows) > 1
    for row in rows:
        percent = 100 * row["attached_now"] / row["tickets"]
        assert row["percent_now"] == pytest.approx(percent, abs=0.006)


async def test_the_example_gives_the_figures_of_the_api(shop: Shop, tmp_path: Path) -> None:
    wanted = Wanted(tables=["tickets", "attachments"])
    done = await export(shop.database, tmp_path / "export", wanted, quiet)
    days = {"from": (NOW - timedelta(days=90)).date(), "to": (NOW + timedelta(days=2)).date()}
    by_the_api = {}

    for kind in ("sale", "return"):
        asked: dict[str, Any] = {name: day.isoformat() for name, day in days.items()}
        asked |= {"kind": kind, "group_by": ["month", "channel"]}
        told = (await shop.call("GET", "analytics/attach-rate", params=asked)).json()
        for group in told["groups"]:
            key = (group["group"]["month"], group["group"]["channel"], kind)
            by_the_api[key] = _figures_of_the_api(group["figures"])

    by_the_files: dict[Any, Any] = {}
    for row in run_example(tmp_path):
        figures = by_the_files.setdefault(
            (row["month"], row["channel"], row["kind"]), [0, 0, 0, {}]
        )
        figures[0] += row["tickets"]
        figures[1] += row["attached_at_sale"]
        figures[2] += row["attached_now"]
        figures[3][row["currency"]] = (row["amount_cents"], row["amount_attached_now_cents"])
    assert by_the_files == by_the_api
    assert done.manifest.definitions == {"attach_rate": told["definitions"]}


def _figures_of_the_api(figures: Any) -> list[Any]:
    amounts = {
        told["currency"]: (told["total_cents"], told["attached_now_cents"])
        for told in figures["amounts"]
    }
    return [figures[name] for name in ("tickets", "attached_at_sale", "attached_now")] + [amounts]


async def test_the_daily_view_gives_the_same_figures(shop: Shop) -> None:
    rows = await shop.rows("""
        SELECT to_char(business_date, 'YYYY-MM'), channel, kind, currency,
               sum(tickets)::int, sum(tickets_attached_at_sale)::int,
               sum(tickets_attached_now)::int, sum(amount_cents)::int,
               sum(amount_attached_now_cents)::int
        FROM analytics.attach_rate_daily GROUP BY 1, 2, 3, 4
    """)

    assert {tuple(row[:4]): list(row[4:]) for row in rows} == await counted(shop)
