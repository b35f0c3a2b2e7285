"""What a decision moves: records with all that hangs on them, and which client ids come and go."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import fetch

_EFFECTS: Final = files("rcu.clients").joinpath("effects.sql").read_text(encoding="utf-8")

MOST_RECORDS: Final = 500
"""Records, and changes of consents, named in one answer; the totals count all."""


async def effects_of(session: AsyncSession, decision_id: UUID) -> dict[str, Any]:
    """Return what a decision of this transaction moved, as `DecisionEffects` describes it."""
    [row] = await fetch(session, _EFFECTS, decision_id, MOST_RECORDS)
    effects: dict[str, Any] = orjson.loads(row[0])
    return effects
