"""The 360 view of a client: one statement, which PostgreSQL writes as JSON itself.

Everything is found by index probes on the client's few source records, so that the cost
follows what the view shows, not how much the client bought: `purchase_total` holds sums.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Final
from uuid import UUID

from rcu.db.engine import Database

VIEW: Final = files("rcu.clients").joinpath("view.sql").read_text(encoding="utf-8")
"""`$1` is any client id ever given. No row when it never was."""


async def find_view(database: Database, client_id: UUID) -> bytes | None:
    """Return the 360 view as JSON, or None when the id was never given: one round trip."""
    async with database.driver_connection() as connection:
        document: str | None = await connection.fetchval(VIEW, client_id)
    return None if document is None else document.encode()
