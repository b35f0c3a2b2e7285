"""The attach rate counted in plain Python from exports of the plain tables.

Written from the definitions, not from the code: no statement and no table of the rollups is used.
Whatever the service answers has to equal this.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text

from rcu.db.engine import Database

Rows = list[dict[str, Any]]

_TABLES = (
    "ticket",
    "ticket_link_change",
    "source_record",
    "source",
    "store",
    "inbox_message",
)
_LINKS = {
    "original": "return_link",
    "order": "order_reference",
    "claim": "claim",
    "steward": "steward",
}


@dataclass(frozen=True)
class Counted:
    """A ticket, and what it counts as."""

    id: UUID
    day: date
    hour: int
    kind: str
    store: str | None
    till: str | None
    cashier: str | None
    channel: str
    currency: str
    cents: int
    sale_method: str | None
    sale_reason: str | None
    method: str | None
    reason: str | None
    missed: bool
    opened: bool

    def value(self, dimension: str) -> str | int | None:
        """Return the ticket's value of a dimension of the answers."""
        year, week, _ = self.day.isocalendar()
        periods = {
            "day": self.day.isoformat(),
            "week": f"{year}-W{week:02}",
            "month": f"{self.day:%Y-%m}",
        }
        found: str | int | None = periods.get(dimension) or getattr(self, dimension)
        return found


async def export(database: Database) -> dict[str, Rows]:
    """Return the rows of the plain tables, as of one instant."""
    tables: dict[str, Rows] = {}
    async with database.transaction() as session:
        await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        for table in _TABLES:
            rows = await session.execute(text(f"SELECT * FROM {table}"))
            tables[table] = [dict(row._mapping) for row in rows]
    return tables


async def count(database: Database) -> list[Counted]:
    """Return what every ticket counts as now."""
    return list(_counted(await export(database)))


def _counted(tables: Mapping[str, Rows]) -> Iterator[Counted]:
    records = {record["id"]: record for record in tables["source_record"]}
    told_at = _profiles_told(tables["inbox_message"])
    known: dict[UUID, datetime] = {}
    for record in records.values():
        if record["kind"] == "profile":
            client, at = record["client_id"], told_at[record["id"]]
            known[client] = min(at, known.get(client, at))
    zones = {store["code"]: store["timezone"] for store in tables["store"]}
    opened = _openings(tables, records, told_at)
    for ticket in tables["ticket"]:
        if ticket["kind"] == "void" or ticket["voided_by"] is not None:
            continue
        yield _counted_ticket(ticket, records, known, zones, opened)


def _profiles_told(inbox: Rows) -> dict[UUID, datetime]:
    """Return when the first profile of each record was received."""
    first: dict[UUID, datetime] = {}
    for message in inbox:
        record, at = message["record_id"], message["received_at"]
        if message["type"] == "profile" and record is not None:
            first[record] = min(at, first.get(record, at))
    return first


def _counted_ticket(
    ticket: Mapping[str, Any],
    records: Mapping[UUID, Mapping[str, Any]],
    known: Mapping[UUID, datetime],
    zones: Mapping[str, str],
    opened: set[UUID],
) -> Counted:
    record = records.get(ticket["record_id"])
    since = known.get(record["client_id"]) if record else None
    at_sale = ticket["sale_client_id"] is not None
    was = ticket["sale_reason"] or "unknown"
    evident = was in {"mistyped", "ambiguous", "shared"}
    known_then = since is not None and since <= ticket["received_at"]
    zone = ZoneInfo(zones.get(ticket["store"], "Europe/Paris"))
    return Counted(
        id=ticket["id"],
        day=ticket["business_date"],
        hour=ticket["sold_at"].astimezone(zone).hour,
        kind=ticket["kind"],
        store=ticket["store"],
        till=ticket["till"],
        cashier=ticket["cashier"],
        channel=ticket["channel"],
        currency=ticket["currency"],
        cents=ticket["total_cents"],
        sale_method=ticket["sale_method"],
        sale_reason=None if at_sale else was,
        method=_method(ticket, record) if since else None,
        reason=None if since else _reason(ticket, record, was),
        missed=not at_sale and (evident or known_then),
        opened=ticket["id"] in opened,
    )


def _method(ticket: Mapping[str, Any], record: Mapping[str, Any] | None) -> str:
    assert record is not None
    own = "own_record" if record["kind"] == "profile" else record["placement"]
    return str(_LINKS.get(ticket["link"], own))


def _reason(ticket: Mapping[str, Any], record: Mapping[str, Any] | None, was: str) -> str:
    if ticket["link"] == "detached":
        return "detached"
    if was in {"mistyped", "unreadable"}:
        return was
    if record is not None and record["placement"] in {"ambiguous", "shared"}:
        return str(record["placement"])
    return "unknown" if was in {"ambiguous", "shared"} else was


def _openings(
    tables: Mapping[str, Rows],
    records: Mapping[UUID, Mapping[str, Any]],
    told_at: Mapping[UUID, datetime],
) -> set[UUID]:
    """Return the sales with which accounts were opened, and that still are their account's.

    Of the sales that named the record before its profile came, and were not cancelled or hung
    elsewhere by then, the first one sold; if there were none, the first one received since. (No
    test lasts a day.)
    """
    tills = {source["code"] for source in tables["source"] if source["kind"] == "pos"}
    arrived = {ticket["id"]: ticket["received_at"] for ticket in tables["ticket"]}
    changes: dict[UUID, Rows] = defaultdict(list)
    for change in sorted(tables["ticket_link_change"], key=lambda change: change["id"]):
        changes[change["ticket_id"]].append(change)
    sales = [ticket for ticket in tables["ticket"] if ticket["kind"] == "sale"]

    def hangs(ticket: Mapping[str, Any], record_id: UUID, at: datetime) -> bool:
        later = [change for change in changes[ticket["id"]] if change["made_at"] > at]
        hung = (
            (later[0]["old_link"], later[0]["old_record_id"])
            if later
            else (ticket["link"], ticket["record_id"])
        )
        return hung == ("identifiers", record_id)

    found = set()
    for record in records.values():
        if record["kind"] != "profile" or record["source"] not in tills:
            continue
        told = told_at[record["id"]]
        before = [
            ticket
            for ticket in sales
            if ticket["received_at"] < told
            and hangs(ticket, record["id"], told)
            and not (ticket["voided_by"] and arrived[ticket["voided_by"]] < told)
        ]
        since = [
            ticket
            for ticket in sales
            if ticket["received_at"] >= told and hangs(ticket, record["id"], ticket["received_at"])
        ]
        first = min(before, key=lambda t: (t["sold_at"], t["id"]), default=None) or min(
            since, key=lambda t: (t["received_at"], t["sold_at"], t["id"]), default=None
        )
        if first and (first["link"], first["record_id"]) == ("identifiers", record["id"]):
            found.add(first["id"])
    return found


def figures(tickets: Sequence[Counted]) -> dict[str, Any]:
    """Return the figures of some tickets, as the API tells them."""
    missed = [ticket for ticket in tickets if ticket.missed]
    reasons = ("not_asked", "unknown", "mistyped", "unreadable", "ambiguous", "shared")
    by_reason = Counter(ticket.sale_reason for ticket in missed)
    at_sale = [ticket for ticket in tickets if ticket.sale_reason is None]
    now = [ticket for ticket in tickets if ticket.reason is None]
    return {
        "tickets": len(tickets),
        "attached_at_sale": len(at_sale),
        "attached_now": len(now),
        "missed": len(missed),
        "accounts_opened": sum(ticket.opened for ticket in tickets),
        "rate_at_sale": len(at_sale) / len(tickets) if tickets else None,
        "rate_now": len(now) / len(tickets) if tickets else None,
        "missed_by_reason": {reason: by_reason[reason] for reason in reasons},
        "amounts": [
            _amounts(currency, tickets) for currency in sorted({t.currency for t in tickets})
        ],
    }


def _amounts(currency: str, tickets: Sequence[Counted]) -> dict[str, Any]:
    mine = [ticket for ticket in tickets if ticket.currency == currency]
    total = sum(ticket.cents for ticket in mine)
    at_sale = sum(ticket.cents for ticket in mine if ticket.sale_reason is None)
    now = sum(ticket.cents for ticket in mine if ticket.reason is None)
    return {
        "currency": currency,
        "total_cents": total,
        "attached_at_sale_cents": at_sale,
        "attached_now_cents": now,
        "missed_cents": sum(ticket.cents for ticket in mine if ticket.missed),
        "rate_at_sale": at_sale / total if total else None,
        "rate_now": now / total if total else None,
    }


def groups(
    tickets: Sequence[Counted], dimensions: Sequence[str]
) -> dict[tuple[str | int | None, ...], dict[str, Any]]:
    """Return the figures of each group of tickets."""
    held: dict[tuple[str | int | None, ...], list[Counted]] = defaultdict(list)
    for ticket in tickets:
        held[tuple(ticket.value(dimension) for dimension in dimensions)].append(ticket)
    return {key: figures(of) for key, of in held.items()}
