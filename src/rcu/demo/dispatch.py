"""A message on its way: who sends it, and when it reaches the service."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rcu.demo.people import YEAR_START
from rcu.demo.records import APP, ESHOP, LOYALTY, POS
from rcu.ingestion.messages import Message

_TURN: Final = {LOYALTY: 0, ESHOP: 1, APP: 2, POS: 3}


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One message of one source, and the moment it arrives: at once, or late."""

    arrives_at: datetime
    source: str
    message: Message


def in_deliveries(dispatches: Iterable[Dispatch]) -> list[Dispatch]:
    """Return the messages as the sources deliver them: month by month, one source after the other.

    All that is older than the year comes first, as one delivery: the files a retailer starts with.
    """
    return sorted(dispatches, key=_place)


def _place(dispatch: Dispatch) -> tuple[int, int, datetime, str]:
    arrival = dispatch.arrives_at
    months = (arrival.year - YEAR_START.year) * 12 + arrival.month
    return max(months, 0), _TURN[dispatch.source], arrival, dispatch.message.message_id
