"""Rows with defaults, for tests: each `make_` adds one row and what it cannot stand without.

Everything goes through the session given and is flushed; nothing is committed here. People are
invented.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.access.models import Source
from rcu.clients import service as clients
from rcu.identity.change_models import IdentityChange
from rcu.identity.features import describe
from rcu.identity.models import Client, Identifier, SourceRecord
from rcu.identity.registers import ProfileStatement, merge, person_of
from rcu.ids import uuid7
from rcu.ingestion.models import InboxMessage
from rcu.sales.models import Event, OrderStep, PurchaseTotal, SalesOrder, Store, Ticket

NOON = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
"""The time of everything that says no other."""

_numbers = itertools.count(1)

_SOURCE_KINDS = {"pos": "pos", "eshop": "ecommerce", "app": "app", "loyalty": "loyalty"}


async def make_source(session: AsyncSession, code: str = "pos") -> str:
    """Add a source, unless it is there already; return its code."""
    await session.execute(
        insert(Source)
        .values(code=code, name=code, kind=_SOURCE_KINDS.get(code, "other"))
        .on_conflict_do_nothing()
    )
    return code


async def make_store(session: AsyncSession, code: str = "S001", **values: Any) -> str:
    """Add a store, unless it is there already; return its code."""
    row = {"name": f"Store {code}", "city": "Lille", "postcode": "59000"} | values
    await session.execute(insert(Store).values(code=code, **row).on_conflict_do_nothing())
    return code


@dataclass(frozen=True)
class Place:
    """Which source record a new row belongs to: a source, and an id in it or a new one."""

    source: str = "pos"
    external_id: str = field(default_factory=lambda: f"R{next(_numbers):06d}")


async def make_record(
    session: AsyncSession,
    place: Place | None = None,
    *,
    client_id: UUID | None = None,
    kind: str = "profile",
    at: datetime = NOON,
    **profile: Any,
) -> SourceRecord:
    """Add a source record with its identifiers, of a new client or of the one given.

    `profile` holds wire values of the profile message; for `emails`, `phones` and `cards`
    plain texts will do. The golden record of the client is rebuilt.
    """
    place = place or Place()
    await make_source(session, place.source)
    record_id = uuid7()
    stated = {name: _wire(name, value) for name, value in profile.items()}
    registers = merge({}, ProfileStatement(place.source, place.external_id, stated, at, "m1"))
    features = describe(person_of(registers))
    record = SourceRecord(
        id=record_id,
        source=place.source,
        external_id=place.external_id,
        kind=kind,
        client_id=client_id or record_id,
        placement="matching" if kind == "profile" else "none",
        profile=registers if kind == "profile" else {},
        features=features.to_json(),
        created_at=at,
        changed_at=at,
    )
    await _make_client(session, record)
    session.add(record)
    await session.flush()
    for identifier_kind, value in features.held:
        await make_identifier(
            session,
            record,
            identifier_kind,
            value,
            origin="profile" if kind == "profile" else "ticket",
            verified_at=at if _is_verified(stated) else None,
        )
    await clients.rebuild(session, [record.client_id])
    return record


def _wire(name: str, value: Any) -> Any:
    if name in {"emails", "phones", "cards"} and isinstance(value, Sequence):
        return [{"value": one} if isinstance(one, str) else one for one in value]
    return value


def _is_verified(stated: Mapping[str, Any]) -> bool:
    lists = (stated.get(name) or () for name in ("emails", "phones", "cards", "identifiers"))
    return any(one.get("verified") for values in lists for one in values)


async def _make_client(session: AsyncSession, record: SourceRecord) -> None:
    """Keep the rows of `client` as the service keeps them: one for each id ever given."""
    joined = record.client_id != record.id
    if not joined:
        session.add(
            Client(
                id=record.id,
                known=record.kind == "profile",
                created_at=record.created_at,
                changed_at=record.changed_at,
            )
        )
        return
    client = await session.get_one(Client, record.client_id)
    client.known = client.known or record.kind == "profile"


async def make_former_client(session: AsyncSession, record: SourceRecord) -> UUID:
    """Say that a record that is with another client was a client of its own before."""
    session.add(
        Client(
            id=record.id,
            known=False,
            created_at=record.created_at,
            changed_at=NOON,
            retired_at=NOON,
        )
    )
    await session.flush()
    return record.id


async def make_identifier(
    session: AsyncSession, record: SourceRecord, kind: str, value: str, **values: Any
) -> Identifier:
    """Add a normalised identifier that a record holds."""
    row = {"origin": "ticket", "verified_at": None, "first_seen_at": NOON} | values
    identifier = Identifier(kind=kind, value=value, record_id=record.id, **row)
    session.add(identifier)
    await session.flush()
    return identifier


async def make_ticket(
    session: AsyncSession, record: SourceRecord | None = None, **values: Any
) -> Ticket:
    """Add a ticket, 20.00 EUR in a store at noon unless said otherwise, and its total."""
    number = next(_numbers)
    row: dict[str, Any] = {
        "id": uuid7(),
        "source": record.source if record else "pos",
        "ticket_id": f"T{number:06d}",
        "message_id": f"ticket-{number}",
        "content_digest": b"\0" * 32,
        "kind": "sale",
        "store": "S001",
        "till": "1",
        "number": number,
        "sold_at": NOON,
        "channel": "store",
        "currency": "EUR",
        "total_cents": 2000,
        "lines": [],
        "payments": [],
        "record_id": record.id if record else None,
        "link": "identifiers" if record else "none",
    } | values
    row = {"business_date": row["sold_at"].date(), "received_at": row["sold_at"]} | row
    await make_source(session, row["source"])
    if row["store"] is not None:
        await make_store(session, row["store"])
    ticket = Ticket(**row)
    session.add(ticket)
    await session.flush()
    await _add_to_totals(session, ticket)
    return ticket


async def _add_to_totals(session: AsyncSession, ticket: Ticket) -> None:
    if ticket.record_id is None or ticket.kind == "void":
        return
    key = (ticket.record_id, ticket.channel, ticket.store or "", ticket.currency)
    total = await session.get(PurchaseTotal, key)
    if total is None:
        total = PurchaseTotal(
            record_id=key[0],
            channel=key[1],
            store=key[2],
            currency=key[3],
            sales=0,
            returns=0,
            amount_cents=0,
            first_at=ticket.sold_at,
            last_at=ticket.sold_at,
        )
        session.add(total)
    total.sales += ticket.kind == "sale"
    total.returns += ticket.kind == "return"
    total.amount_cents += ticket.total_cents
    total.first_at = min(total.first_at or ticket.sold_at, ticket.sold_at)
    total.last_at = max(total.last_at or ticket.sold_at, ticket.sold_at)
    await session.flush()


async def make_order(
    session: AsyncSession, record: SourceRecord | None = None, **values: Any
) -> SalesOrder:
    """Add a web order of 50.00 EUR, placed at noon unless said otherwise, with that step."""
    number = next(_numbers)
    row: dict[str, Any] = {
        "id": uuid7(),
        "source": record.source if record else "eshop",
        "order_id": f"O{number:06d}",
        "status": "placed",
        "placed_at": NOON,
        "channel": "web",
        "currency": "EUR",
        "total_cents": 5000,
        "lines": [],
        "payments": [],
        "record_id": record.id if record else None,
    } | values
    row = {"changed_at": row["placed_at"], "received_at": row["placed_at"]} | row
    await make_source(session, row["source"])
    if row.get("store") is not None:
        await make_store(session, row["store"])
    order = SalesOrder(**row)
    session.add(order)
    await session.flush()
    await make_order_step(session, order, status="placed", at=order.placed_at)
    return order


async def make_order_step(
    session: AsyncSession, order: SalesOrder, *, status: str, at: datetime = NOON
) -> OrderStep:
    """Add a step in the life of an order, which moves the order when it is its newest."""
    step = OrderStep(
        id=uuid7(),
        order_id=order.id,
        status=status,
        occurred_at=at,
        message_id=f"step-{next(_numbers)}",
        stated={},
    )
    session.add(step)
    if at >= order.changed_at:
        order.status, order.changed_at = status, at
    await session.flush()
    return step


async def make_event(session: AsyncSession, record: SourceRecord, **values: Any) -> Event:
    """Add an event of a record: a page viewed on the web at noon unless said otherwise."""
    row: dict[str, Any] = {
        "id": uuid7(),
        "source": record.source,
        "message_id": f"event-{next(_numbers)}",
        "name": "page.viewed",
        "occurred_at": NOON,
        "channel": "web",
        "properties": {},
    } | values
    event = Event(received_at=row["occurred_at"], record_id=record.id, **row)
    session.add(event)
    await session.flush()
    return event


async def make_profile_message(
    session: AsyncSession, record: SourceRecord, *, at: datetime = NOON
) -> InboxMessage:
    """Add the receipt of a profile message about a record."""
    message = InboxMessage(
        source=record.source,
        message_id=f"profile-{next(_numbers)}",
        type="profile",
        digest=b"\0" * 32,
        received_at=at,
        status=200,
        answer={},
        record_id=record.id,
    )
    session.add(message)
    await session.flush()
    return message


async def make_identity_change(
    session: AsyncSession, *, kind: str, client_id: UUID, other_client_id: UUID, at: datetime = NOON
) -> IdentityChange:
    """Add a change of the partition; the records themselves stay as they are."""
    change = IdentityChange(
        id=uuid7(),
        kind=kind,
        client_id=client_id,
        other_client_id=other_client_id,
        record_ids=[other_client_id],
        cause="message",
        actor="service",
        reason=None,
        made_at=at,
    )
    session.add(change)
    await session.flush()
    return change


async def count(session: AsyncSession, table: type[Any]) -> int:
    """Return the number of rows of a table."""
    return await session.scalar(select(func.count()).select_from(table)) or 0
