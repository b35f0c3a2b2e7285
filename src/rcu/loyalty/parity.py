"""Whether one euro earned the same everywhere, told by the ledger, not by the rules.

Each sale is compared with its total at the plain rate of its programme. One that earned otherwise
has to name the rule that made it so; one that names none is unexplained.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.engine import Database
from rcu.db.statements import fetch
from rcu.loyalty import programmes
from rcu.loyalty.earning import whole
from rcu.loyalty.programme import Programme

PAGE: Final = 5000
MOST_TOLD: Final = 10_000
"""Deviating tickets that one report lists; it counts all."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """A ticket that earned otherwise than its total at the plain rate."""

    source: str
    ticket_id: str
    business_date: date
    channel: str
    store: str | None
    total_cents: int
    plain_points: int
    points: int
    rules: tuple[str, ...]
    """Those that made the difference; none is a fault."""


@dataclass(slots=True)
class Earnings:
    """What one channel and currency sold and earned."""

    tickets: int = 0
    amount_cents: int = 0
    plain_points: int = 0
    points: int = 0


@dataclass(slots=True)
class Parity:
    """The report."""

    by_channel: dict[tuple[str, str], Earnings] = field(
        default_factory=lambda: defaultdict(Earnings)
    )
    """By channel and currency."""
    deviating: int = 0
    unexplained: int = 0
    deviations: list[Deviation] = field(default_factory=list)


_SALES: Final = """
    SELECT t.id, t.source, t.ticket_id, t.business_date, t.channel, t.store, t.currency,
           t.total_cents, p.programme_version, p.rules,
           coalesce((SELECT -sum(e.points) FROM points_entry e
                     WHERE e.posting_id = p.id AND e.counterpart = 'issued'), 0)::bigint AS points
    FROM ticket t JOIN points_posting p ON p.ticket_id = t.id AND p.kind = 'accrual'
    WHERE t.id > $1 AND t.business_date BETWEEN $2 AND $3
    ORDER BY t.id LIMIT $4
"""


async def report_parity(database: Database, *, first: date, last: date) -> Parity:
    """Return the report on the sales of some business days, both included."""
    parity = Parity()
    async for rows, loaded in _pages(database, first, last):
        for row in rows:
            _add(parity, row, loaded[row["programme_version"]])
    return parity


async def _pages(
    database: Database, first: date, last: date
) -> AsyncIterator[tuple[list[Any], dict[str, Programme]]]:
    after = UUID(int=0)
    while True:

        async def work(
            session: AsyncSession, after: UUID = after
        ) -> tuple[list[Any], dict[str, Programme]]:
            rows = list(await fetch(session, _SALES, after, first, last, PAGE))
            return rows, await programmes.load(session, {row["programme_version"] for row in rows})

        rows, loaded = await database.run(work)
        if not rows:
            return
        yield rows, loaded
        after = rows[-1]["id"]


def _add(parity: Parity, row: Any, programme: Programme) -> None:
    rate = programme.points_per_unit.get(row["currency"], 0)
    plain = whole(Fraction(max(row["total_cents"], 0)) * Fraction(rate) / 100, programme.rounding)
    earnings = parity.by_channel[row["channel"], row["currency"]]
    earnings.tickets += 1
    earnings.amount_cents += row["total_cents"]
    earnings.plain_points += plain
    earnings.points += row["points"]
    if row["points"] == plain:
        return
    rules = _named(orjson.loads(row["rules"]) if isinstance(row["rules"], str) else row["rules"])
    parity.deviating += 1
    parity.unexplained += not rules
    if len(parity.deviations) < MOST_TOLD:
        parity.deviations.append(
            Deviation(
                source=row["source"],
                ticket_id=row["ticket_id"],
                business_date=row["business_date"],
                channel=row["channel"],
                store=row["store"],
                total_cents=row["total_cents"],
                plain_points=plain,
                points=row["points"],
                rules=rules,
            )
        )


def _named(rules: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        *(f"multiplier:{code}" for code in rules.get("multipliers", ())),
        *(f"bonus:{code}" for code in rules.get("bonuses", {})),
        *(f"excluded:{what}" for what in rules.get("excluded", ())),
    )
