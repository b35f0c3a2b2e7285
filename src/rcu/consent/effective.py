"""What holds of all that a person said about the use of their data; pure.

GDPR article 7(3): "It shall be as easy to withdraw as to give consent", and a withdrawal may come
at any time; article 7(1): the controller has to be able to demonstrate a consent. So a grant holds
only while nothing that was said at the same time or later takes it back, whoever of the person's
records heard it.

The database tells the same by its function `effective_consents`, and in the one statement that
reads a client; tests hold them together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class ConsentStatus(StrEnum):
    """What a person said of a purpose."""

    GRANTED = "granted"
    DENIED = "denied"
    """Asked, and said no."""
    WITHDRAWN = "withdrawn"
    """Said no after a yes: unsubscribed, objected."""


_RESTRICTIVENESS: Final = {
    ConsentStatus.GRANTED: 0,
    ConsentStatus.DENIED: 1,
    ConsentStatus.WITHDRAWN: 2,
}

Key = tuple[str, str | None]
"""A purpose and one of its channels; None for a purpose that reaches nobody."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What a person said once, as one source heard it."""

    source: str
    message_id: str
    number: int
    purpose: str
    channels: frozenset[str]
    status: ConsentStatus
    occurred_at: datetime

    @property
    def keys(self) -> frozenset[Key]:
        """Return what the statement is about."""
        return frozenset((self.purpose, channel) for channel in self.channels or (None,))


def effective(statements: Iterable[Statement]) -> dict[Key, Statement]:
    """Return, for each purpose and channel of which anything was said, the statement that counts.

    - The latest counts, by when the person spoke, not by when it was received.
    - Of those of one instant the most restrictive does: withdrawn, denied, then granted.
    - Of equal ones that with the lowest source, message id and number is shown.

    So the result depends on the *set* of statements alone: not on their order of arrival, nor on
    how often one came, nor on which records of the person they hang on. Of two sets together (two
    clients made one) each key has the stronger of its two statements: a withdrawal of either ends
    every earlier grant of both, and what nobody said anything of stays without consent.
    """
    found: dict[Key, Statement] = {}
    for statement in statements:
        for key in statement.keys:
            held = found.get(key)
            if held is None or _outweighs(statement, held):
                found[key] = statement
    return found


def _outweighs(one: Statement, other: Statement) -> bool:
    weight = (one.occurred_at, _RESTRICTIVENESS[one.status])
    held = (other.occurred_at, _RESTRICTIVENESS[other.status])
    if weight != held:
        return weight > held
    # The lowest in the order of code points, as the database has it in the collation "C".
    return (one.source, one.message_id, one.number) < (
        other.source,
        other.message_id,
        other.number,
    )
