"""Whether one euro earned the same everywhere, told by the ledger, not by the rules.

Each sale is compared with its total at the plain rate of its programme. One that earned otherwise
has to name the rule that made it so; one that names none is unexplained.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.engine import Database
from rcu.db.statements import fetch
from rcu.loyalty import programmes
from rcu.loyalty.earning import whole
from rcu.loyalty.programme import Programme

PAGE: Final = 5000
ANONYMOUS: Final = "anonymous_sales_earn:false"
"""The sale was nobody's when it came, and the programme lets such a sale earn nothing."""
ACTIVATED_LATER: Final = "activated_later"
"""The programme was put in force, from a day before the sale, after the sale had come."""
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
           t.total_cents, coalesce(p.programme_version, a.version) AS programme_version,
           p.id IS NOT NULL AS has_earned, t.sale_client_id IS NULL AS was_nobodys,
           t.received_at < a.activated_at AS is_older,
           ARRAY(SELECT q.rules FROM points_posting q
                 WHERE q.id = p.id OR (q.corrects_id = p.id AND q.kind = 'accrual')) AS rules,
           coalesce((SELECT -sum(e.points) FROM points_posting q
                     JOIN points_entry e ON e.posting_id = q.id AND e.counterpart = 'issued'
                     WHERE q.id = p.id OR (q.corrects_id = p.id AND q.kind = 'accrual')
                    ), 0)::bigint AS points
    FROM ticket t
    LEFT JOIN points_posting p
        ON p.ticket_id = t.id AND p.kind = 'accrual' AND p.corrects_id IS NULL
    LEFT JOIN source_record r ON r.id = t.record_id
    LEFT JOIN client c ON c.id = r.client_id
    LEFT JOIN LATERAL (
        SELECT version, activated_at FROM programme_activation
        WHERE effective_on <= t.business_date ORDER BY effective_on DESC, id DESC LIMIT 1
    ) a ON true
    WHERE t.id > $1 AND t.business_date BETWEEN $2 AND $3 AND (p.id IS NOT NULL OR (
        t.kind = 'sale' AND t.total_cents >= 0 AND c.known AND t.voided_by IS NULL
        AND a.version IS NOT NULL
    ))
    ORDER BY t.id LIMIT $4
"""
"""Sales that earned, and those of known clients that did not though a programme was in force."""


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
    rules = _named(row["rules"]) if row["has_earned"] else _why_nothing(row, programme)
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


def _named(postings: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the rules by which a sale earned, those of bonuses that it was given later too."""
    return (
        *(f"multiplier:{code}" for rules in postings for code in rules.get("multipliers", ())),
        *(f"bonus:{code}" for rules in postings for code in rules.get("bonuses", {})),
        *(f"excluded:{what}" for rules in postings for what in rules.get("excluded", ())),
    )


def _why_nothing(row: Any, programme: Programme) -> tuple[str, ...]:
    """Return the rule by which a sale of a known client has earned nothing, if there is one."""
    if row["is_older"]:
        return (ACTIVATED_LATER,)
    if row["was_nobodys"] and not programme.anonymous_sales_earn:
        return (ANONYMOUS,)
    return ()
