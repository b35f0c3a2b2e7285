"""What a process remembers of who sends: the kind of a source, and the time zones of stores.

It is assumed for the next message, and verified with its locks: to read it first would be a round
trip each time, for what hardly ever changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from rcu.db.active_version import SEEN, SeenVersion
from rcu.ingestion.messages import Message, ProfileMessage, stores_named
from rcu.ingestion.repository import Known

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

MOST_REMEMBERED: Final = 50_000
"""Stores; a retailer has fewer."""


@dataclass(slots=True)
class _Memory:
    kinds: dict[str, str] = field(default_factory=dict)
    timezones: dict[str, str] = field(default_factory=dict)


_memories: Final[WeakKeyDictionary[SeenVersion, _Memory]] = WeakKeyDictionary()
"""By the connections of a process to one database."""


def recall(session: AsyncSession, source: str, messages: Sequence[Message]) -> Known | None:
    """Return what is remembered of the sender of messages, as if none of them was received before.

    None when something is not remembered, or when a message is a profile: what it says is worked
    out before there is a lock to verify it with.
    """
    seen: SeenVersion | None = session.info.get(SEEN)
    memory = _memories.get(seen) if seen is not None else None
    if memory is None or source not in memory.kinds:
        return None
    named = stores_named(messages)
    if not named <= memory.timezones.keys():
        return None
    if any(isinstance(message, ProfileMessage) for message in messages):
        return None
    timezones = {store: memory.timezones[store] for store in named}
    return Known(memory.kinds[source], {}, timezones, is_assumed=True)


def remember(session: AsyncSession, source: str, known: Known) -> None:
    """Keep what was read of a sender."""
    seen: SeenVersion | None = session.info.get(SEEN)
    if seen is None:
        return
    memory = _memories.setdefault(seen, _Memory())
    if len(memory.timezones) > MOST_REMEMBERED:
        memory.timezones.clear()
    memory.kinds[source] = known.kind
    memory.timezones.update(known.timezones)
