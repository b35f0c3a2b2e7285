"""Profile records and statements in memory, for tests of pure modules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from rcu.clients.golden import ProfileRecord
from rcu.clients.statements import Statement

FIRST_DAY = datetime(2025, 1, 1, tzinfo=UTC)


def on_day(day: int) -> datetime:
    """Return midnight UTC of a day of 2025, counted from 0."""
    return FIRST_DAY + timedelta(days=day)


def stated(value: Any, source: str = "pos", *, day: int = 0, external_id: str = "1") -> Statement:
    """Return a statement of a source, made on a day of 2025."""
    return Statement(value, source, external_id, on_day(day))


def profile(source: str, *, external_id: str = "1", day: int = 0, **values: Any) -> ProfileRecord:
    """Return a profile record whose attributes were all stated on one day of 2025."""
    at = on_day(day).isoformat()
    return ProfileRecord(
        source,
        external_id,
        {
            name: {"value": value, "occurred_at": at, "message_id": "m"}
            for name, value in values.items()
        },
    )
