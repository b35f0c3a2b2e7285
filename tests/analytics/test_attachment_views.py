"""Whose each ticket is, as the views tell it: at the sale, now, and at every change between."""

from __future__ import annotations

from typing import Any

import pytest

from tests.analytics.random_history import make_history
from tests.ingestion.shop import Shop

_NOW = """
    SELECT a.*, t.received_at
    FROM analytics.attachments a JOIN analytics.tickets t USING (ticket_id)
    ORDER BY a.ticket_id
"""
_CHANGES = """
    SELECT ticket_id, client_id, method, reason, changed_at FROM analytics.attachment_changes
    ORDER BY changed_at
"""


async def replayed(shop: Shop) -> dict[Any, tuple[Any, ...]]:
    """Return whose each ticket is in the end: as at the sale, then each change in its order."""
    state = {
        row.ticket_id: (row.sale_client_id, row.sale_method, row.sale_reason, row.received_at)
        for row in await shop.rows(_NOW)
    }
    for ticket_id, *after in await shop.rows(_CHANGES):
        state[ticket_id] = tuple(after)
    return state


@pytest.mark.parametrize("seed", range(4))
async def test_the_sale_and_the_changes_after_it_end_in_what_is_so_now(
    shop: Shop, seed: int
) -> None:
    await make_history(shop, seed)

    now = await shop.rows(_NOW)
    ended = await replayed(shop)

    assert {row.ticket_id: (row.client_id, row.method, row.reason) for row in now} == {
        ticket_id: state[:3] for ticket_id, state in ended.items()
    }
    assert {row.ticket_id: row.since for row in now} == {
        ticket_id: state[3] for ticket_id, state in ended.items()
    }


@pytest.mark.parametrize("seed", range(2))
async def test_a_ticket_is_told_by_the_view_as_by_the_api(shop: Shop, seed: int) -> None:
    await make_history(shop, seed)

    for row in await shop.rows(_NOW):
        told = await shop.staff("GET", f"tickets/{row.ticket_id}")
        client_id = str(row.client_id) if row.client_id else None
        sale_client_id = str(row.sale_client_id) if row.sale_client_id else None
        assert told["attachment"] == {
            "client_id": client_id,
            "method": row.method,
            "reason": row.reason,
        }
        assert told["at_sale"] == {
            "client_id": sale_client_id,
            "method": row.sale_method,
            "reason": row.sale_reason,
        }
