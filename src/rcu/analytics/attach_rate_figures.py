"""The attach rate, asked for: over business days, grouped and filtered, now or as known at a time.

A figure is the sum of the cells and of what they do not know yet, read in one statement: it is that
of one instant, to the ticket, whatever is posted or folded meanwhile. As known at a time, it is
what the cells knew at the nearest boundary of a period, and what differs between the two.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

import asyncpg

from rcu.analytics.attach_rate_dimensions import Dimension
from rcu.analytics.attach_rate_errors import FiguresTooCostlyError, TooManyGroupsError
from rcu.analytics.attach_rate_models import Grain
from rcu.analytics.attach_rate_periods import nearest_boundary
from rcu.analytics.attach_rate_sql import changes_between
from rcu.db.engine import Database
from rcu.sales.attachment import Missed

MOST_GROUPS: Final = 10_000
"""Rows of one answer."""
LONGEST_SECONDS: Final = 20
"""Of one statement; with `as_of`, a part of what changed is read ticket by ticket."""
_SETTINGS: Final = (
    f"SET LOCAL statement_timeout = '{LONGEST_SECONDS}s'; "
    "SET LOCAL plan_cache_mode = force_custom_plan"
)
"""Of a question's transaction. How to read a week and how three years is decided each time: the
plan for any period, which a statement that is asked often gets otherwise, takes minutes for some.
"""
_FEW_CHANGES: Final = "SET LOCAL enable_seqscan = off"
"""What waits for the fold is little, and its statistics are old: each ticket of it is read by its
key. Measured beside five million tickets, 10,000 of which wait: 0.7 s, and 3.1 s by reading all.
"""


_EXPRESSIONS: Final[Mapping[Dimension, str]] = {
    Dimension.STORE: "store",
    Dimension.TILL: "till",
    Dimension.CASHIER: "cashier",
    Dimension.CHANNEL: "channel",
    Dimension.DAY: "to_char(business_date, 'YYYY-MM-DD')",
    Dimension.WEEK: """to_char(business_date, 'IYYY-"W"IW')""",
    Dimension.MONTH: "to_char(business_date, 'YYYY-MM')",
    Dimension.HOUR: "hour",
    Dimension.METHOD: "method",
    Dimension.REASON: "reason",
    Dimension.SALE_METHOD: "sale_method",
    Dimension.SALE_REASON: "sale_reason",
}
_STAFF: Final = frozenset({Dimension.TILL, Dimension.CASHIER})

FILTERS: Final = tuple(
    dimension
    for dimension in Dimension
    if dimension not in {Dimension.DAY, Dimension.WEEK, Dimension.MONTH}
)
"""Dimensions of which an answer may be of some values only."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which tickets, and told apart by what."""

    first: date
    """First business day."""
    last: date
    """Last business day."""
    as_of: datetime | None = None
    """What was known at this time; None for all that is known now."""
    kind: str = "sale"
    """`sale` or `return`."""
    group_by: Sequence[Dimension] = ()
    only: Mapping[Dimension, Sequence[str]] = field(default_factory=dict)
    """Values of a dimension, one of which a ticket has; the empty text is the lack of one."""

    @property
    def grain(self) -> Grain:
        """The coarsest cells that can answer."""
        asked = {*self.group_by, *self.only}
        by_hour, by_staff = Dimension.HOUR in asked, bool(asked & _STAFF)
        if by_hour:
            return Grain.ALL if by_staff else Grain.HOUR
        return Grain.STAFF if by_staff else Grain.DAY


@dataclass(slots=True)
class Amounts:
    """Totals of tickets in cents, in one currency."""

    total: int = 0
    attached_at_sale: int = 0
    attached_now: int = 0
    missed: int = 0

    def add(self, other: Amounts) -> None:
        """Add the amounts of other tickets in the same currency."""
        self.total += other.total
        self.attached_at_sale += other.attached_at_sale
        self.attached_now += other.attached_now
        self.missed += other.missed


@dataclass(slots=True)
class Figures:
    """Tickets counted."""

    tickets: int = 0
    attached_at_sale: int = 0
    attached_now: int = 0
    missed: int = 0
    accounts_opened: int = 0
    missed_by_reason: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(map(str, Missed), 0)
    )
    amounts: dict[str, Amounts] = field(default_factory=dict)
    """By currency."""

    def add(self, other: Figures) -> None:
        """Add the figures of other tickets."""
        self.tickets += other.tickets
        self.attached_at_sale += other.attached_at_sale
        self.attached_now += other.attached_now
        self.missed += other.missed
        self.accounts_opened += other.accounts_opened
        for reason, number in other.missed_by_reason.items():
            self.missed_by_reason[reason] += number
        for currency, amounts in other.amounts.items():
            self.amounts.setdefault(currency, Amounts()).add(amounts)


GroupKey = tuple[str | int | None, ...]
"""The values of the dimensions of a group, in the order in which they were asked for."""


@dataclass(frozen=True, slots=True)
class AttachRate:
    """The answer to a question."""

    totals: Figures
    groups: Mapping[GroupKey, Figures]
    """Ordered by their keys; empty when nothing was to be told apart."""


_SUMS: Final = (
    "sum(tickets)",
    "sum(tickets) FILTER (WHERE sale_reason IS NULL)",
    "sum(tickets) FILTER (WHERE reason IS NULL)",
    "sum(tickets) FILTER (WHERE is_missed)",
    "sum(accounts_opened)",
    *(f"sum(tickets) FILTER (WHERE is_missed AND sale_reason = '{reason}')" for reason in Missed),
    "sum(amount_cents)",
    "sum(amount_cents) FILTER (WHERE sale_reason IS NULL)",
    "sum(amount_cents) FILTER (WHERE reason IS NULL)",
    "sum(amount_cents) FILTER (WHERE is_missed)",
)
_COUNTS: Final = 5
_REASONS: Final = _COUNTS + len(Missed)

_AS_OF: Final = "$5::timestamptz"
_BOUNDARY: Final = "$6::timestamptz"
_NEVER: Final = "timestamptz 'infinity'"
"""No change is dated after it: the state at it is that of now."""

_CELLS: Final = """
    SELECT business_date, store, till, cashier, channel, currency, hour, sale_method, sale_reason,
           method, reason, is_missed, {sign}tickets AS tickets, {sign}amount_cents AS amount_cents,
           {sign}accounts_opened AS accounts_opened
    FROM {cells}
    WHERE grain = $3 AND business_date BETWEEN $1 AND $2 AND kind = $4
"""
_CHANGED: Final = """
    UNION ALL
    SELECT business_date, store, till, cashier, channel, currency, hour, sale_method, sale_reason,
           method, reason, is_missed, sign, sign * amount_cents, sign * accounts_opened
    FROM {changes} AS changed
    WHERE business_date BETWEEN $1 AND $2 AND kind = $4
"""
_NOW: Final = _CELLS.format(cells="attach_rate_cell", sign="") + _CHANGED.format(
    changes="attach_rate_pending"
)
_BACK_FROM_NOW: Final = _NOW + _CHANGED.format(
    changes=f"({changes_between(_NEVER, _AS_OF, first='$1', last='$2')})"
)
_FROM_BOUNDARY: Final = f"""
    {_CELLS.format(cells="attach_rate_cell", sign="")}
    UNION ALL
    {_CELLS.format(cells="attach_rate_cell_change", sign="-")} AND since >= $6
    {_CHANGED.format(changes=f"({changes_between(_BOUNDARY, _AS_OF, first='$1', last='$2')})")}
"""


async def find_attach_rate(database: Database, question: Question) -> AttachRate:
    """Return the attach rate of some business days.

    Raises `TooManyGroupsError` when the answer would have more than `MOST_GROUPS` rows, and
    `FiguresTooCostlyError` when it takes too long to work out.
    """
    keys = [_EXPRESSIONS[dimension] for dimension in question.group_by]
    groups = ", ".join(str(place + 1) for place in range(len(keys) + 1))
    async with asking(database, question) as connection:
        source, values = await selection(connection, question)
        statement = (
            f"SELECT {', '.join([*keys, 'currency', *_SUMS])} {source} "
            f"GROUP BY {groups} HAVING sum(tickets) <> 0 ORDER BY {groups} LIMIT {MOST_GROUPS + 1}"
        )
        rows = await connection.fetch(statement, *values)
    if len(rows) > MOST_GROUPS:
        raise TooManyGroupsError(MOST_GROUPS)
    return _answer(rows, len(question.group_by))


_DAYS: Final = """
    SELECT min(business_date), max(business_date) FROM attach_rate_cell
    WHERE grain = 'day' AND kind = $1
"""


async def find_days(database: Database, kind: str) -> tuple[date, date] | None:
    """Return the first and the last business day of the tickets in the cells; None without any."""
    async with database.driver_connection() as connection:
        first, last = await connection.fetchrow(_DAYS, kind)
    return (first, last) if first else None


async def selection(
    connection: asyncpg.Connection[asyncpg.Record], question: Question
) -> tuple[str, list[Any]]:
    """Return what a question is answered from, `FROM ... WHERE ...`, and the values of it."""
    values: list[Any] = [question.first, question.last, question.grain, question.kind]
    told = _NOW
    if question.as_of is not None:
        values.append(question.as_of)
        boundary = await nearest_boundary(connection, question.as_of)
        told = _BACK_FROM_NOW
        if boundary is not None:
            values.append(boundary)
            told = _FROM_BOUNDARY
    conditions = ["true"]
    for dimension, wanted in question.only.items():
        values.append(list(wanted))
        conditions.append(f"coalesce({_EXPRESSIONS[dimension]}::text, '') = ANY (${len(values)})")
    return f"FROM ({told}) AS told WHERE {' AND '.join(conditions)}", values


@asynccontextmanager
async def asking(
    database: Database, question: Question
) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Give a connection that sees one instant, for a question that may take its time.

    Raises `FiguresTooCostlyError` when that is over.
    """
    async with (
        database.driver_connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await connection.execute(_SETTINGS)
        if question.as_of is None:
            await connection.execute(_FEW_CHANGES)
        try:
            yield connection
        except asyncpg.QueryCanceledError as error:
            raise FiguresTooCostlyError from error


def _answer(rows: Sequence[Any], dimensions: int) -> AttachRate:
    totals = Figures()
    groups: dict[GroupKey, Figures] = {}
    for row in rows:
        key, currency, sums = row[:dimensions], row[dimensions], row[dimensions + 1 :]
        found = _figures(str(currency), [int(number or 0) for number in sums])
        totals.add(found)
        if dimensions:
            groups.setdefault(tuple(key), Figures()).add(found)
    return AttachRate(totals, groups)


def _figures(currency: str, sums: Sequence[int]) -> Figures:
    tickets, attached_at_sale, attached_now, missed, accounts_opened = sums[:_COUNTS]
    return Figures(
        tickets=tickets,
        attached_at_sale=attached_at_sale,
        attached_now=attached_now,
        missed=missed,
        accounts_opened=accounts_opened,
        missed_by_reason=dict(zip(map(str, Missed), sums[_COUNTS:_REASONS], strict=True)),
        amounts={currency: Amounts(*sums[_REASONS:])},
    )
