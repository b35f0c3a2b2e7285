"""Recording tickets: each once, on the record it belongs to, and counted in its totals."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from rcu.db.statements import as_read, to_json
from rcu.identity.holding import Holding, find_holdings
from rcu.ids import uuid7
from rcu.sales import repository
from rcu.sales.attachment import Attachment, attachment, missed
from rcu.sales.credits import Credit, credits_of
from rcu.sales.facts import Attached, Clash, NewTicket, Outcome, Waiting, waiting_for_store
from rcu.sales.recording import Recording
from rcu.sales.references import References
from rcu.sales.repository import KnownTicket, TicketRow, TotalRow
from rcu.sales.tying import find_returned_sales, tie_returns

IDENTIFIERS, ORIGINAL, ORDER, NONE = "identifiers", "original", "order", "none"


@dataclass(slots=True)
class ReadyTicket:
    """A ticket that can be recorded, and what it hangs on."""

    new: NewTicket
    id: UUID
    link: str
    """`identifiers` that it carried, `original` ticket, `order`, or `none`."""
    original: KnownTicket | None
    record_id: UUID | None
    """Known at once through another fact; else it is that of the presentation."""
    credits: list[Credit]


Judged = ReadyTicket | KnownTicket | Waiting | Clash


@dataclass(frozen=True, slots=True)
class RecordedTickets:
    """What became of some tickets."""

    outcomes: Mapping[int, Outcome]
    """By position among those that were given."""
    new: Mapping[int, ReadyTicket]
    """Those that are recorded now."""


def waves(tickets: Mapping[int, NewTicket]) -> list[list[int]]:
    """Return the positions of the tickets that stand by themselves, of returns, and of voids.

    Recorded in this order, a return finds the sale that came in the same batch, and a void the
    sale or the return, with the record that it hangs on.
    """
    found: tuple[list[int], ...] = [], [], []
    for position, new in tickets.items():
        stands_alone = new.original is None and new.returned_order is None
        found[0 if stands_alone else 1 + (new.kind == "void")].append(position)
    return [wave for wave in found if wave]


async def record_tickets(
    recording: Recording,
    tickets: Mapping[int, NewTicket],
    *,
    refs: References,
    stores: Collection[str],
) -> RecordedTickets:
    """Record tickets, each once, and return what became of each.

    `stores` are the known ones among those named. The tickets become known to `refs`, and are
    written with what else the recording writes; `write_voids` has to follow where there are voids.
    """
    await find_returned_sales(recording.session, tickets.values(), refs)
    outcomes: dict[int, Outcome] = {}
    recorded: dict[int, ReadyTicket] = {}
    found: dict[UUID, _Found] = {}
    for wave in waves(tickets):
        judged = {position: judge(tickets[position], refs, stores) for position in wave}
        ready = {n: ticket for n, ticket in judged.items() if isinstance(ticket, ReadyTicket)}
        holdings = await _hang(recording, ready.values(), judged.values(), refs)
        for ticket in ready.values():
            found[ticket.id] = _find(ticket.new, ticket.link, ticket.record_id, holdings)
        outcomes |= {
            n: _outcome(tickets[n], ticket, found, holdings) for n, ticket in judged.items()
        }
        recorded |= ready
    await _write(recording, list(recorded.values()), found)
    sold = {t.new.order_id for t in recorded.values() if t.new.kind == "sale" and t.new.order_id}
    await tie_returns(recording, sold, refs)
    return RecordedTickets(outcomes, recorded)


async def _hang(
    recording: Recording,
    ready: Collection[ReadyTicket],
    judged: Iterable[Judged],
    refs: References,
) -> dict[UUID, Holding]:
    """Give the tickets that are ready their records; return whose the records of all are."""
    placed = await recording.place(t.new.presentation for t in ready if t.link == IDENTIFIERS)
    for ticket in ready:
        if ticket.link == IDENTIFIERS and ticket.new.presentation is not None:
            ticket.record_id = placed.records[ticket.new.presentation.key]
        refs.know_ticket(_as_known(ticket))
    hung = {t.record_id for t in judged if isinstance(t, ReadyTicket | KnownTicket) and t.record_id}
    others = await find_holdings(recording.session, hung - placed.holdings.keys())
    return placed.holdings | others


@dataclass(frozen=True, slots=True)
class _Found:
    """Whose a ticket is, or why it is nobody's."""

    attachment: Attachment | None
    reason: str | None


def _find(
    new: NewTicket, link: str, record_id: UUID | None, holdings: Mapping[UUID, Holding]
) -> _Found:
    holding = holdings.get(record_id) if record_id is not None else None
    found = attachment(holding, link=link)
    is_missed = found is None and new.kind != "void"
    return _Found(found, missed(new, holding) if is_missed else None)


def judge(new: NewTicket, refs: References, stores: Collection[str]) -> Judged:
    """Say what becomes of a ticket; one that is ready is known to the references from now on."""
    recorded = refs.recorded(new)
    if recorded is not None:
        is_same = recorded.digest == new.digest
        return recorded if is_same else Clash(new.ticket_id, recorded.ticket_id)
    if new.store is not None and new.store not in stores:
        return Waiting(
            "unknown_store", waiting_for_store(new.store), f"The store {new.store} is not known."
        )
    original = _original(new, refs)
    if new.original is not None and original is None:
        return Waiting(
            "unknown_ticket",
            new.original.waiting_key,
            f"The ticket that this {new.kind} refers to is not known.",
        )
    if new.kind == "void" and original is not None and (reason := _not_to_void(original)):
        return Waiting(reason[0], f"steward:{new.ticket_id}", reason[1])
    ready = _ready(new, original, refs)
    refs.know_ticket(_as_known(ready))
    if new.kind == "void" and original is not None:
        refs.know_ticket(replace(original, voided_by=ready.id))
    return ready


def _original(new: NewTicket, refs: References) -> KnownTicket | None:
    """Return the ticket that a new one refers to: that it names, or the one sale of its order.

    A void cancels the very ticket that it names; what brings goods back, those of a sale.
    """
    if new.original is not None:
        named = refs.original(new, new.original)
        return named if named is None or new.kind == "void" else refs.brought_back(named)
    if new.returned_order is not None:
        return refs.sale_of_order(new.source, new.returned_order)
    return None


def _not_to_void(original: KnownTicket) -> tuple[str, str] | None:
    """Say why a ticket cannot be cancelled; a person then has to look."""
    if original.voided_by is not None:
        return "already_voided", "The ticket is cancelled already."
    if original.kind == "void":
        return "original_is_void", "The ticket is itself a cancellation."
    return None


def _ready(new: NewTicket, original: KnownTicket | None, refs: References) -> ReadyTicket:
    """Choose what the ticket hangs on.

    A person who is named comes first; then the ticket that is returned; then the order that
    is picked up; a bare means of payment comes last.
    """
    order = refs.order(new.source, new.order_id) if new.order_id else None
    record_id: UUID | None = None
    if new.names_a_person:
        link = IDENTIFIERS
    elif original is not None and original.record_id is not None:
        link, record_id = ORIGINAL, original.record_id
    elif order is not None and order.record_id is not None:
        link, record_id = ORDER, order.record_id
    else:
        link = IDENTIFIERS if new.presentation else NONE
    credited = credits_of(
        kind=new.kind,
        sellers=new.sellers,
        cashier=new.cashier,
        order_sellers=order.sellers if order else (),
        is_of_order=new.order_id is not None,
        original_credits=original.credits if original else (),
    )
    return ReadyTicket(new, as_read(uuid7()), link, original, record_id, credited)


def _as_known(ready: ReadyTicket) -> KnownTicket:
    new = ready.new
    return KnownTicket(
        id=ready.id,
        source=new.source,
        ticket_id=new.ticket_id,
        kind=new.kind,
        digest=new.digest,
        record_id=ready.record_id,
        store=new.store,
        till=new.till,
        business_date=new.business_date,
        number=new.number,
        channel=new.channel,
        currency=new.currency,
        total_cents=new.total_cents,
        voided_by=None,
        link=ready.link,
        credits=ready.credits,
        order_id=new.order_id,
        original_id=ready.original.id if ready.original else None,
    )


def _outcome(
    new: NewTicket,
    judged: Judged,
    known: Mapping[UUID, _Found],
    holdings: Mapping[UUID, Holding],
) -> Outcome:
    if isinstance(judged, Waiting | Clash):
        return judged
    # A ticket that came twice in one go is known by now.
    found = known.get(judged.id) or _find(new, judged.link, judged.record_id, holdings)
    return Attached(
        fact_id=judged.id,
        name=new.ticket_id if isinstance(judged, ReadyTicket) else judged.ticket_id,
        already=not isinstance(judged, ReadyTicket),
        client_id=found.attachment.client_id if found.attachment else None,
        method=found.attachment.method if found.attachment else None,
        reason=found.reason,
    )


# --- writing ------------------------------------------------------------------------------------


async def _write(
    recording: Recording, ready: Sequence[ReadyTicket], found: Mapping[UUID, _Found]
) -> None:
    rows = [_row(ticket, found[ticket.id]) for ticket in ready]
    await repository.add_tickets(recording.writes, rows, at=recording.at)
    await repository.add_to_totals(recording.writes, _totals(ready))


def must_be_written_first(ready: Collection[ReadyTicket]) -> bool:
    """Say whether tickets have to be written before what they move points of is read.

    Where one refers to another of them, and where a sale may be the first that is left.
    """
    ids, kinds = {ticket.id for ticket in ready}, {ticket.new.kind for ticket in ready}
    return kinds >= {"sale", "void"} or any(t.original and t.original.id in ids for t in ready)


async def write_voids(recording: Recording, ready: Iterable[ReadyTicket]) -> None:
    """Write all that the recording holds, and mark what the voids among new tickets cancelled.

    Once for each recording.
    """
    voids = [(t.id, t.original) for t in ready if t.new.kind == "void" and t.original]
    await recording.writes.send()
    voided = {original.id: void_id for void_id, original in voids}
    await repository.void_tickets(recording.session, voided)
    concerned = {original.record_id for _, original in voids if original.record_id}
    await repository.refresh_purchase_dates(recording.session, concerned)


def _row(ticket: ReadyTicket, found: _Found) -> TicketRow:
    new, attached = ticket.new, found.attachment
    return TicketRow(
        id=ticket.id,
        source=new.source,
        ticket_id=new.ticket_id,
        message_id=new.message_id,
        content_digest=new.digest,
        kind=new.kind,
        store=new.store,
        till=new.till,
        number=new.number,
        business_date=new.business_date,
        sold_at=new.sold_at,
        channel=new.channel,
        currency=new.currency,
        total_cents=new.total_cents,
        lines=to_json(new.lines),
        payments=to_json(new.payments),
        cashier=new.cashier,
        order_id=new.order_id,
        fulfilment=new.fulfilment,
        original_id=ticket.original.id if ticket.original else None,
        presented=to_json(new.presented) if new.presented is not None else None,
        record_id=ticket.record_id,
        link=ticket.link,
        sale_client_id=attached.client_id if attached else None,
        sale_method=attached.method if attached else None,
        sale_reason=found.reason,
        credits=to_json(ticket.credits),
    )


def _totals(ready: Iterable[ReadyTicket]) -> list[TotalRow]:
    """Return what the tickets add to the totals of their records, a row for each key, sorted."""
    sums: dict[tuple[UUID, str, str, str], dict[str, Any]] = defaultdict(
        lambda: {"sales": 0, "returns": 0, "amount_cents": 0, "first_at": None, "last_at": None}
    )
    for ticket in ready:
        new, original = ticket.new, ticket.original
        if new.kind == "void":
            if original is not None and original.record_id is not None:
                key = _total_key(original.record_id, original)
                sums[key]["sales"] -= original.kind == "sale"
                sums[key]["returns"] -= original.kind == "return"
                sums[key]["amount_cents"] -= original.total_cents
            continue
        if ticket.record_id is None:
            continue
        total = sums[_total_key(ticket.record_id, new)]
        total["sales"] += new.kind == "sale"
        total["returns"] += new.kind == "return"
        total["amount_cents"] += new.total_cents
        if new.kind == "sale":
            total["first_at"] = min(new.sold_at, total["first_at"] or new.sold_at)
            total["last_at"] = max(new.sold_at, total["last_at"] or new.sold_at)
    return [TotalRow(*key, **total) for key, total in sorted(sums.items())]


def _total_key(record_id: UUID, ticket: NewTicket | KnownTicket) -> tuple[UUID, str, str, str]:
    return record_id, ticket.channel, ticket.store or "", ticket.currency
