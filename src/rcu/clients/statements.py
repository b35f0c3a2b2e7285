"""What source records state of a client, one value each, and the order of such statements.

The order is that of a *set*: it depends neither on when statements arrived nor on how the database
returns them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

from rcu.moments import utc_text

T = TypeVar("T")


class Statement(NamedTuple):
    """One value that one source record states, and since when."""

    value: Any
    source: str
    external_id: str
    occurred_at: datetime

    @property
    def record(self) -> tuple[str, str]:
        """Return the key of the source record that states the value."""
        return self.source, self.external_id

    def provenance(self) -> dict[str, Any]:
        """Return who stated the value and when (UTC, ISO 8601), as JSON."""
        return {
            "source": self.source,
            "external_id": self.external_id,
            "occurred_at": utc_text(self.occurred_at),
        }


def grouped(
    statements: Iterable[Statement], key: Callable[[Statement], T | None]
) -> dict[T, list[Statement]]:
    """Return the statements by key, without those that have none."""
    groups: dict[T, list[Statement]] = {}
    for stated in statements:
        found = key(stated)
        if found is not None:
            groups.setdefault(found, []).append(stated)
    return groups


class _ByText:
    """A value in the order of its text, which is written only for values that it is next to."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: _ByText) -> bool:
        return _text(self.value) < _text(other.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByText) and _text(self.value) == _text(other.value)

    def __hash__(self) -> int:
        return hash(_text(self.value))


def newest_of(statements: Sequence[Statement]) -> Statement:
    """Return the first of some statements in the order `newest_first`."""
    return in_order(statements)[0]


def oldest_of(statements: Sequence[Statement]) -> Statement:
    """Return the first of some statements in the order `oldest_first`."""
    if _differ_in_time(statements):
        return min(statements, key=_OCCURRED_AT)
    return min(statements, key=oldest_first)


def in_order(statements: Sequence[Statement]) -> Sequence[Statement]:
    """Return statements the newest first."""
    if len(statements) == 1:
        return statements
    if _differ_in_time(statements):
        return sorted(statements, key=_OCCURRED_AT, reverse=True)
    return sorted(statements, key=newest_first)


_OCCURRED_AT = itemgetter(Statement._fields.index("occurred_at"))


def _differ_in_time(statements: Sequence[Statement]) -> bool:
    """Tell whether times alone, which are soon compared, put statements in order."""
    return len(set(map(_OCCURRED_AT, statements))) == len(statements)


def newest_first(stated: Statement) -> tuple[float, tuple[str, str], _ByText]:
    """Return what puts the newest statement first; of one time, by record, then by value."""
    return -stated.occurred_at.timestamp(), stated.record, _ByText(stated.value)


def oldest_first(stated: Statement) -> tuple[float, tuple[str, str], _ByText]:
    """Return what puts the oldest statement first; of one time, by record, then by value."""
    return stated.occurred_at.timestamp(), stated.record, _ByText(stated.value)


def _text(value: Any) -> str:
    """Return any JSON value as text that is the same whatever the order of its keys."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return repr(sorted((key, _text(inner)) for key, inner in value.items()))
    return repr(value)
