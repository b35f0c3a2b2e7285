"""Writes that nothing reads before the transaction ends: kept back, and sent in one statement.

A ticket writes to a dozen tables, of three domains. Each domain says what it writes as a list of
queries for a WITH; they go to the server together, in one round trip instead of one each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from rcu.db.statements import fetch

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

_VALUE: Final = re.compile(r"\$(\d+)")

Check = Callable[[Sequence[Any]], None]
"""Looks at what a write tells, and raises when it is not what had to be written."""


@dataclass(frozen=True, slots=True)
class Write:
    """Queries that change tables, each under a name of its own, with `$1` in the place of values.

    All see the tables as they were before the statement; what they do to one another's tables is
    checked at its end.
    """

    queries: str
    told: tuple[str, ...] = ()
    """What the statement selects for the check of the write."""


@dataclass(slots=True)
class Writes:
    """The writes of a transaction that were not sent yet."""

    session: AsyncSession
    _kept: list[tuple[Write, Sequence[object], Check | None]] = field(default_factory=list)

    @property
    def are_sent(self) -> bool:
        """Whether all that was added is written."""
        return not self._kept

    async def add(self, write: Write, *values: object, check: Check | None = None) -> None:
        """Keep a write back until `send`; what is kept of the same kind is sent first."""
        if any(kept is write for kept, _, _ in self._kept):
            await self.send()
        self._kept.append((write, values, check))

    async def send(self) -> None:
        """Write all that was kept back, in one round trip, and check what it tells."""
        if not self._kept:
            return
        kept, self._kept = self._kept, []
        values = [value for _, values, _ in kept for value in values]
        statement = _together(tuple((write, len(values)) for write, values, _ in kept))
        [told] = await fetch(self.session, statement, *values)
        at = 0
        for write, _, check in kept:
            after = at + len(write.told)
            if check is not None:
                check(told[at:after])
            at = after


@lru_cache(maxsize=256)
def _together(writes: tuple[tuple[Write, int], ...]) -> str:
    """Return the statement of some writes, each with the number of its values."""
    queries, told, before = [], [], 0
    for write, values in writes:
        shift = before
        queries.append(_shifted(write.queries, shift))
        told += [_shifted(one, shift) for one in write.told]
        before += values
    return f"WITH {', '.join(queries)} SELECT {', '.join(told) or 'true'}"


def _shifted(sql: str, shift: int) -> str:
    return _VALUE.sub(lambda found: f"${int(found[1]) + shift}", sql)
