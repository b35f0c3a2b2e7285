"""Applying messages: from what they say to records, clients and facts, in one transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.clients import service as clients
from rcu.consent.recording import NewConsent, NewStatement, record_consents
from rcu.db.errors import StaleReadError
from rcu.db.locks import lock_key
from rcu.db.writes import Writes
from rcu.identity import resolution
from rcu.identity.adoption import Cause
from rcu.identity.entering import enter
from rcu.identity.model import Model
from rcu.identity.outcomes import Placed
from rcu.identity.registers import ProfileStatement
from rcu.identity.resolution import Placements
from rcu.ingestion.following import (
    follow_with_bonuses,
    follow_with_points,
    take_as_returns_of_sales,
)
from rcu.ingestion.intake import (
    Defaults,
    Intake,
    consent_of,
    consents_of,
    event_of,
    order_of,
    statement_of,
    ticket_of,
)
from rcu.ingestion.messages import (
    ConsentMessage,
    EventMessage,
    OrderMessage,
    ProfileMessage,
    TicketMessage,
)
from rcu.loyalty.accrual import TicketPoints, accrue
from rcu.loyalty.repository import HungTicket
from rcu.sales import repository as sales
from rcu.sales.entering import Assumed, NewFacts, enter_facts
from rcu.sales.events import record_events
from rcu.sales.facts import (
    Attached,
    NewEvent,
    NewOrder,
    NewTicket,
    Outcome,
    names_of_ticket,
    waiting_for_order,
    waiting_for_store,
)
from rcu.sales.orders import record_orders
from rcu.sales.recording import Recording
from rcu.sales.tickets import (
    ReadyTicket,
    must_be_written_first,
    record_tickets,
    write_voids,
)

Applied = Placed | Outcome
"""What became of a message: a profile is placed, a fact is attached, waits, or clashes."""


@dataclass(frozen=True, slots=True)
class Application:
    """The outcome of a set of messages."""

    outcomes: Mapping[int, Applied]
    """By position in the sequence that was given."""
    arrived: frozenset[str]
    """Keys of what is here now, for messages that wait."""
    writes: Writes
    """What is to be written yet, with whatever the caller writes besides."""


@dataclass(slots=True)
class _Said:
    """Messages in the domains' terms, by their position."""

    tickets: dict[int, NewTicket]
    orders: dict[int, NewOrder]
    events: dict[int, NewEvent]
    consents: dict[int, NewConsent]

    def locks(self) -> frozenset[int]:
        """Return what must be locked: whom the facts are of, and what they refer to."""
        facts: Iterable[NewTicket | NewOrder | NewEvent | NewConsent] = chain(
            self.tickets.values(),
            self.orders.values(),
            self.events.values(),
            self.consents.values(),
        )
        found = {lock for fact in facts if fact.presentation for lock in fact.presentation.locks}
        keys = set().union(*(ticket.keys for ticket in self.tickets.values()))
        keys |= {waiting_for_order(order.order_id) for order in self.orders.values()}
        return frozenset(found | {lock_key(key) for key in keys})

    def facts(self) -> NewFacts:
        """Return the facts to record."""
        return NewFacts(
            list(self.tickets.values()),
            list(self.orders.values()),
            list(self.events.values()),
            [consent.presentation for consent in self.consents.values()],
        )

    def stores(self) -> set[str]:
        """Return the stores that are named."""
        named = {t.store for t in self.tickets.values()}
        named |= {o.stated.get("store") for o in self.orders.values()}
        return {store for store in named if store is not None}


async def apply(  # noqa: PLR0913 - each is a word of one sentence
    session: AsyncSession,
    intakes: Sequence[Intake],
    *,
    timezones: Mapping[str, str],
    model: Model,
    defaults: Defaults,
    at: datetime,
    assumed: Assumed | None = None,
) -> Application:
    """Apply messages and return what became of each. Nothing is committed here.

    `timezones` are those of the stores that are named and known; when they, or other things, are
    `assumed` and it is not so, `OtherwiseError` says it before anything is written. Profiles come
    first, then orders, sales, what refers to sales, events, and consents: the outcome does not
    depend on how the sender mixed them. Raises `StaleReadError`, upon which the edge tries again,
    when something changed between reading and locking.
    """
    cause = Cause("message", f"model:{model.version}")
    statements = {
        position: statement_of(intake, intake.message)
        for position, intake in enumerate(intakes)
        if isinstance(intake.message, ProfileMessage)
    }
    said = _said(intakes, timezones, defaults)
    unknown = said.stores() - timezones.keys()
    locks = said.locks() | {lock_key(waiting_for_store(code)) for code in unknown}
    recording = Recording(session, model=model, at=at, cause=cause)
    placements = Placements({}, frozenset(), frozenset())
    if statements:
        entered = await enter(
            session,
            list(statements.values()),
            model=model,
            region=defaults.region,
            further_locks=locks,
        )
        placements = await resolution.place(
            session, entered, model=model, at=at, cause=cause, limits=defaults.brake
        )
    if placements.touched_identifiers:
        await recording.place(
            [], touched=placements.touched_identifiers, stating=len(placements.by_record)
        )
    outcomes, ready = await _record(recording, said, locks, set(timezones), assumed)
    if await sales.find_timezones(session, unknown):
        # Added while we waited for its lock: the day of its sales was reckoned without it.
        raise StaleReadError
    outcomes |= await record_consents(
        recording, said.consents, of_profiles=_of_profiles(intakes, placements)
    )
    outcomes |= _placed(statements, placements)
    touched = placements.touched_client_ids | recording.touched_client_ids
    # Before the points: a birth date that has just come counts.
    await clients.rebuild(session, placements.touched_client_ids, region=defaults.region)
    is_written = must_be_written_first(ready.values())
    if is_written:
        await write_voids(recording, ready.values())
    hung = _hung(ready, timezones, defaults)
    points = await accrue(
        recording.writes, list(hung), at=at, timezone=defaults.timezone, touched=touched
    )
    if not is_written and any(ticket.new.kind == "void" for ticket in ready.values()):
        # After the points: whoever sells locks the accounts before the totals.
        await write_voids(recording, ready.values())
    outcomes |= _earned(outcomes, ready, points)
    if recording.rehung:
        await recording.writes.send()
        await follow_with_points(session, recording.rehung, at=at, timezone=defaults.timezone)
    if recording.tied:
        await recording.writes.send()
        await take_as_returns_of_sales(session, recording.tied, at=at, timezone=defaults.timezone)
    gathering = placements.touched_client_ids | recording.gathering_client_ids
    await follow_with_bonuses(recording.writes, gathering, at=at, timezone=defaults.timezone)
    return Application(outcomes, _arrived(said, outcomes), recording.writes)


def _said(intakes: Sequence[Intake], timezones: Mapping[str, str], defaults: Defaults) -> _Said:
    """Return the facts that messages tell."""
    said = _Said({}, {}, {}, {})
    for position, intake in enumerate(intakes):
        message = intake.message
        if isinstance(message, TicketMessage):
            said.tickets[position] = ticket_of(
                intake, message, timezones=timezones, defaults=defaults
            )
        elif isinstance(message, OrderMessage):
            said.orders[position] = order_of(intake, message, defaults=defaults)
        elif isinstance(message, EventMessage):
            said.events[position] = event_of(intake, message, defaults=defaults)
        elif isinstance(message, ConsentMessage):
            consent = consent_of(intake, message, defaults=defaults)
            if consent is not None:  # else it was refused
                said.consents[position] = consent
    return said


def _of_profiles(
    intakes: Sequence[Intake], placements: Placements
) -> dict[UUID, list[NewStatement]]:
    """Return what was said of purposes with profiles, by the record of the profile."""
    found: dict[UUID, list[NewStatement]] = {}
    for intake in intakes:
        message = intake.message
        if isinstance(message, ProfileMessage) and message.consents:
            record_id = placements.by_record[intake.source, message.external_id].record_id
            found.setdefault(record_id, []).extend(consents_of(intake, message))
    return found


async def _record(
    recording: Recording,
    said: _Said,
    locks: Collection[int],
    stores: Collection[str],
    assumed: Assumed | None,
) -> tuple[dict[int, Applied], Mapping[int, ReadyTicket]]:
    """Record facts; return what became of each, and the tickets that are new."""
    facts = said.facts()
    outcomes: dict[int, Applied] = {}
    if facts.are_none:
        return outcomes, {}
    entered = await enter_facts(recording.session, facts, locks=locks, assumed=assumed)
    recording.presented = entered.presented
    if said.orders:
        steps = await record_orders(recording, facts.orders, refs=entered.refs, stores=stores)
        outcomes |= dict(zip(said.orders, steps, strict=True))
    recorded = await record_tickets(recording, said.tickets, refs=entered.refs, stores=stores)
    outcomes |= recorded.outcomes
    happened = await record_events(recording, facts.events)
    outcomes |= dict(zip(said.events, happened, strict=True))
    return outcomes, recorded.new


def _hung(
    ready: Mapping[int, ReadyTicket], timezones: Mapping[str, str], defaults: Defaults
) -> Iterable[HungTicket]:
    """Return the new tickets that move points: of somebody, or of goods that were somebody's."""
    for ticket in ready.values():
        new = ticket.new
        if ticket.record_id is not None or ticket.original is not None:
            yield HungTicket(
                id=ticket.id,
                source=new.source,
                ticket_id=new.ticket_id,
                kind=new.kind,
                store=new.store,
                channel=new.channel,
                business_date=new.business_date,
                sold_at=new.sold_at,
                currency=new.currency,
                total_cents=new.total_cents,
                lines=new.lines,
                payments=new.payments,
                original_id=ticket.original.id if ticket.original else None,
                record_id=ticket.record_id,
                timezone=timezones.get(new.store or "", defaults.timezone),
            )


def _earned(
    outcomes: Mapping[int, Applied],
    ready: Mapping[int, ReadyTicket],
    points: Mapping[UUID, TicketPoints],
) -> dict[int, Applied]:
    """Return the outcomes of the tickets that moved points, which say so."""
    return {
        position: replace(outcome, points=points[ticket.id].to_json())
        for position, ticket in ready.items()
        if ticket.id in points and isinstance(outcome := outcomes[position], Attached)
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
            keys |= names_of_ticket(ticket.ticket_id, ticket.printed)
    for position, order in said.orders.items():
        if isinstance(outcomes[position], Attached):
            keys.add(waiting_for_order(order.order_id))
    return frozenset(keys)
