"""The timeline of a client: everything that happened, newest first, page by page.

The place of a page is the time and the id of its last item, so that things that happen
meanwhile, or are recorded late, neither repeat nor shift what was already told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Final
from uuid import UUID

from rcu.db.engine import Database

TIMELINE: Final = files("rcu.clients").joinpath("timeline.sql").read_text(encoding="utf-8")

Place = tuple[datetime, UUID]
"""Time and id of an item."""

START: Final[Place] = (datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1))
"""Before the newest item."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page: the present id of the client, items as JSON, and where the next page begins."""

    client_id: UUID
    items: list[str]
    next_place: Place | None


async def find_page(
    database: Database,
    client_id: UUID,
    *,
    types: Sequence[str] | None,
    channels: Sequence[str] | None,
    after: Place = START,
    limit: int,
) -> Page | None:
    """Return up to `limit` items after a place, or None when the id was never a client's.

    `types` and `channels` keep only these; None keeps all. What has no channel (consents, profile
    messages, identity changes) goes when channels are asked for.
    """
    async with database.driver_connection() as connection:
        rows = await connection.fetch(TIMELINE, client_id, types, channels, *after, limit + 1)
    if not rows:
        return None
    told = [row for row in rows if row["id"] is not None]
    kept = told[:limit]
    more = len(told) > limit
    return Page(
        client_id=rows[0]["client_id"],
        items=[row["item"] for row in kept],
        next_place=(kept[-1]["at"], kept[-1]["id"]) if more else None,
    )
