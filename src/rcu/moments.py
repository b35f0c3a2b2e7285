"""Times as text and back, remembered: what one person is known by came at few different times."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=4096)
def utc_moment(text: str) -> datetime:
    """Return the time that an ISO 8601 text with its offset says, in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


@lru_cache(maxsize=4096)
def utc_text(moment: datetime) -> str:
    """Return an aware time as ISO 8601 in UTC, written as PostgreSQL writes it in JSON."""
    return moment.astimezone(UTC).isoformat()
