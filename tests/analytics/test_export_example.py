"""The example of the documentation, run on an export: the attach rate from the files alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from rcu.analytics.export import Wanted, export
from tests.analytics.random_history import make_history
from tests.analytics.test_export import quiet
from tests.analytics.test_views import DOCUMENTATION
from tests.ingestion.shop import Shop


def example() -> list[str]:
    """Return the statements of the example."""
    text = DOCUMENTATION.read_text(encoding="utf-8")
    found = re.search(
        r"### The attach rate from the files alone.*?```sql\n(.*?)```", text, re.DOTALL
    )
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
    """Return the same figures, counted from the tables, ticket by ticket."""
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


@pytest.mark.parametrize("seed", range(2))
async def test_the_example_of_the_documentation_gives_the_attach_rate(
    shop: Shop, tmp_path: Path, seed: int
) -> None:
    await make_history(shop, seed)
    await export(shop.database, tmp_path / "export", Wanted(), quiet)

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
        assert row["percent_now"] == pytest.approx(
            100 * row["attached_now"] / row["tickets"], abs=0.006
        )


@pytest.mark.parametrize("seed", range(2))
async def test_the_daily_view_gives_the_same_figures(shop: Shop, seed: int) -> None:
    await make_history(shop, seed)

    rows = await shop.rows("""
        SELECT to_char(business_date, 'YYYY-MM'), channel, kind, currency,
               sum(tickets)::int, sum(tickets_attached_at_sale)::int,
               sum(tickets_attached_now)::int, sum(amount_cents)::int,
               sum(amount_attached_now_cents)::int
        FROM analytics.attach_rate_daily GROUP BY 1, 2, 3, 4
    """)

    assert {tuple(row[:4]): list(row[4:]) for row in rows} == await counted(shop)
