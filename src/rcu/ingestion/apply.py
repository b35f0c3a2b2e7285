"""Applying messages: from what they say to records, clients and facts, in one transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.clients import service as clients
from rcu.db.errors import StaleReadError
from rcu.db.locks import lock_key
from rcu.identity import resolution
from rcu.identity.adoption import Cause
from rcu.identity.entering import enter
from rcu.identity.model import Model
from rcu.identity.outcomes import Placed
from rcu.identity.registers import ProfileStatement
from rcu.identity.resolution import Placements
from rcu.ingestion.following import follow_with_points
from rcu.ingestion.intake import (
    Defaults,
    Intake,
    event_of,
    order_of,
    statement_of,
    ticket_of,
)
from rcu.ingestion.messages import EventMessage, OrderMessage, ProfileMessage, TicketMessage
from rcu.loyalty.accrual import accrue
from rcu.loyalty.settlement import settle
from rcu.sales import repository as sales
from rcu.sales.events import record_events
from rcu.sales.facts import (
    Attached,
    NewEvent,
    NewOrder,
    NewTicket,
    Outcome,
    waiting_for_order,
    waiting_for_store,
    waiting_for_ticket,
)
from rcu.sales.orders import record_orders
from rcu.sales.recording import Recording
from rcu.sales.references import References
from rcu.sales.tickets import record_tickets, waves

Applied = Placed | Outcome
"""What became of a message: a profile is placed, a fact is attached, waits, or clashes."""


@dataclass(frozen=True, slots=True)
class Application:
    """The outcome of a set of messages."""

    outcomes: Mapping[int, Applied]
    """By position in the sequence that was given."""
    arrived: frozenset[str]
    """Keys of what is here now, for messages that wait."""


@dataclass(slots=True)
class _Said:
    """Messages in the domains' terms, by their position."""

    tickets: dict[int, NewTicket]
    orders: dict[int, NewOrder]
    events: dict[int, NewEvent]

    def locks(self) -> frozenset[int]:
        """Return what must be locked: whom the facts are of, and what they refer to."""
        facts: Iterable[NewTicket | NewOrder | NewEvent] = chain(
            self.tickets.values(), self.orders.values(), self.events.values()
        )
        found = {lock for fact in facts if fact.presentation for lock in fact.presentation.locks}
        keys = set().union(*(ticket.keys for ticket in self.tickets.values()))
        keys |= {waiting_for_order(order.order_id) for order in self.orders.values()}
        return frozenset(found | {lock_key(key) for key in keys})

    def stores(self) -> set[str]:
        """Return the stores that are named."""
        named = {t.store for t in self.tickets.values()}
        named |= {o.stated.get("store") for o in self.orders.values()}
        return {store for store in named if store is not None}


async def apply(
    session: AsyncSession,
    intakes: Sequence[Intake],
    *,
    model: Model,
    defaults: Defaults,
    at: datetime,
) -> Application:
    """Apply messages and return what became of each. Nothing is committed here.

    Profiles come first, then orders, sales, what refers to sales, and events: the outcome
    does not depend on how the sender mixed them. Raises `StaleReadError`, upon which the edge
    tries again, when something changed between reading and locking.
    """
    cause = Cause("message", f"model:{model.version}")
    statements = {
        position: statement_of(intake, intake.message)
        for position, intake in enumerate(intakes)
        if isinstance(intake.message, ProfileMessage)
    }
    said, stores = await _read(session, intakes, defaults)
    unknown = said.stores() - stores.keys()
    entered = await enter(
        session,
        list(statements.values()),
        model=model,
        region=defaults.region,
        further_locks=said.locks() | {lock_key(waiting_for_store(code)) for code in unknown},
    )
    if await sales.find_timezones(session, unknown):
        # Added while we waited for its lock: the day of its sales was reckoned without it.
        raise StaleReadError
    placements = await resolution.place(
        session, entered, model=model, at=at, cause=cause, limits=defaults.brake
    )
    recording = Recording(session, model=model, at=at, cause=cause)
    if placements.touched_identifiers:
        await recording.place(
            [], touched=placements.touched_identifiers, stating=len(placements.by_record)
        )
    outcomes = await _record(recording, said, set(stores))
    outcomes |= _placed(statements, placements)
    # Before anything is earned or taken: who was parted from whom spends no more of the other's.
    await settle(session, placements.touched_client_ids | recording.touched_client_ids)
    outcomes |= await _earn(session, said, outcomes, defaults=defaults, at=at)
    await follow_with_points(session, recording.rehung, at=at, timezone=defaults.timezone)
    await clients.rebuild(
        session,
        placements.touched_client_ids | recording.touched_client_ids,
        region=defaults.region,
    )
    return Application(outcomes, _arrived(said, outcomes))


async def _read(
    session: AsyncSession, intakes: Sequence[Intake], defaults: Defaults
) -> tuple[_Said, dict[str, str]]:
    """Return the facts that messages tell, and the time zones of the stores that they name."""
    named = {
        intake.message.store
        for intake in intakes
        if isinstance(intake.message, TicketMessage | OrderMessage)
    }
    stores = await sales.find_timezones(session, {store for store in named if store is not None})
    said = _Said({}, {}, {})
    for position, intake in enumerate(intakes):
        message = intake.message
        if isinstance(message, TicketMessage):
            said.tickets[position] = ticket_of(intake, message, timezones=stores, defaults=defaults)
        elif isinstance(message, OrderMessage):
            said.orders[position] = order_of(intake, message, defaults=defaults)
        elif isinstance(message, EventMessage):
            said.events[position] = event_of(intake, message, defaults=defaults)
    return said, stores


async def _record(recording: Recording, said: _Said, stores: Collection[str]) -> dict[int, Applied]:
    outcomes: dict[int, Applied] = {}
    if said.tickets or said.orders:
        refs = await References.read(
            recording.session,
            tickets=list(said.tickets.values()),
            orders=list(said.orders.values()),
        )
        if said.orders:
            steps = await record_orders(
                recording, list(said.orders.values()), refs=refs, stores=stores
            )
            outcomes |= dict(zip(said.orders, steps, strict=True))
        for wave in waves(said.tickets):
            if wave:
                recorded = await record_tickets(
                    recording, [said.tickets[p] for p in wave], refs=refs, stores=stores
                )
                outcomes |= dict(zip(wave, recorded, strict=True))
    if said.events:
        happened = await record_events(recording, list(said.events.values()))
        outcomes |= dict(zip(said.events, happened, strict=True))
    return outcomes


async def _earn(
    session: AsyncSession,
    said: _Said,
    outcomes: Mapping[int, Applied],
    *,
    defaults: Defaults,
    at: datetime,
) -> dict[int, Applied]:
    """Move the points of the tickets that are recorded now, and say so in their outcomes."""
    recorded = {
        position: outcome
        for position in said.tickets
        if isinstance(outcome := outcomes[position], Attached) and not outcome.already
    }
    points = await accrue(
        session, {o.fact_id for o in recorded.values()}, at=at, timezone=defaults.timezone
    )
    return {
        position: replace(outcome, points=points[outcome.fact_id].to_json())
        for position, outcome in recorded.items()
        if outcome.fact_id in points
    }


def _placed(
    statements: Mapping[int, ProfileStatement], placements: Placements
) -> dict[int, Applied]:
    """Return the outcome of each profile; a record stated twice was created by the first."""
    outcomes: dict[int, Applied] = {}
    seen: set[UUID] = set()
    for position, statement in statements.items():
        placed = placements.by_record[statement.source, statement.external_id]
        outcomes[position] = placed.again() if placed.record_id in seen else placed
        seen.add(placed.record_id)
    return outcomes


def _arrived(said: _Said, outcomes: Mapping[int, Applied]) -> frozenset[str]:
    """Return the keys that messages may wait for of everything that was recorded."""
    keys: set[str] = set()
    for position, ticket in said.tickets.items():
        if isinstance(outcomes[position], Attached):
            keys.add(waiting_for_ticket(ticket.ticket_id, None))
            if ticket.printed is not None:
                keys.add(waiting_for_ticket(None, ticket.printed))
    for position, order in said.orders.items():
        if isinstance(outcomes[position], Attached):
            keys.add(waiting_for_order(order.order_id))
    return frozenset(keys)
