"""A points programme for tests, and what people of it do."""

from __future__ import annotations

import itertools
from datetime import date
from typing import Any

import httpx
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.engine import Database
from rcu.loyalty import programmes
from rcu.loyalty.programme import Programme
from tests.ingestion.shop import Shop

START = date(2025, 1, 1)

_numbers = itertools.count(1)

CLUB: dict[str, Any] = {
    "version": "club-1",
    "name": "The club",
    "points_per_unit": {"EUR": 1},
    "tiers": {
        "levels": [
            {"code": "classic", "label": "Classic", "from": 0},
            {"code": "gold", "label": "Gold", "from": 500},
        ]
    },
}
"""One point for one euro, and no rule beside: points are easy to reckon."""


async def activate(database: Database, document: dict[str, Any]) -> None:
    """Put a programme in force from the first day of the test year on."""
    programme = Programme.from_document(document)

    async def work(session: AsyncSession) -> bool:
        return await programmes.activate(session, programme, effective_on=START, actor="test")

    await database.run(work)


async def account(shop: Shop, source: str, external_id: str) -> tuple[int, int]:
    """Return balance and debt of the account of a record; of none, zeros."""
    rows = await shop.rows(
        "SELECT balance, debt FROM points_account a JOIN source_record r ON r.id = a.record_id "
        "WHERE source = :s AND external_id = :e",
        s=source,
        e=external_id,
    )
    return (rows[0][0], rows[0][1]) if rows else (0, 0)


async def spend(
    shop: Shop, points: int, *, who: str = "pos", message_id: str = "", **spender: str
) -> httpx.Response:
    """Redeem a free amount as a source."""
    body = {
        "message_id": message_id or f"spend-{next(_numbers)}",
        "spender": spender,
        "points": points,
    }
    return await shop.call("POST", "loyalty/redeem", body, who=who)


async def ask(shop: Shop, path: str, body: dict[str, Any], *, who: str = "pos") -> Any:
    """Post to a route of points, which has to answer well."""
    response = await shop.call("POST", f"loyalty/{path}", body, who=who)
    assert response.status_code == 200, response.text
    return response.json()


async def loyalty_of(shop: Shop, client_id: str) -> Any:
    """Return what the service tells of the points of a client."""
    return await shop.staff("GET", f"clients/{client_id}/loyalty")
