"""Sales as the sales domain takes them, whatever wire format they came in; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from rcu.identity.presentation import Presentation

Printed = tuple[str, str, date, int]
"""What is printed on a ticket: store, till, business date, number."""


@dataclass(frozen=True, slots=True)
class TicketRef:
    """Names another ticket, by the id its source gave or by what is printed on it."""

    source: str | None
    ticket_id: str | None
    printed: Printed | None

    @property
    def waiting_key(self) -> str:
        """What a message that needs this ticket waits for."""
        return waiting_for_ticket(self.ticket_id, self.printed)


def waiting_for_ticket(ticket_id: str | None, printed: Printed | None) -> str:
    """Return the key under which messages wait for a ticket."""
    if ticket_id is not None:
        return f"ticket:{ticket_id}"
    return "printed:" + "/".join(map(str, printed or ()))


def names_of_ticket(ticket_id: str, printed: Printed | None) -> frozenset[str]:
    """Return all keys under which messages wait for a ticket that is there."""
    own = waiting_for_ticket(ticket_id, None)
    return frozenset({own} if printed is None else {own, waiting_for_ticket(None, printed)})


def waiting_for_order(order_id: str) -> str:
    """Return the key under which messages wait for an order."""
    return f"order:{order_id}"


def waiting_for_store(store: str) -> str:
    """Return the key under which messages wait for a store."""
    return f"store:{store}"


@dataclass(frozen=True, slots=True)
class NewTicket:
    """A ticket to record."""

    source: str
    message_id: str
    digest: bytes
    """SHA-256 of the content without the message id: tells a ticket sent twice from a clash."""
    ticket_id: str
    kind: str
    store: str | None
    till: str | None
    number: int | None
    business_date: date
    sold_at: datetime
    channel: str
    currency: str
    total_cents: int
    lines: list[dict[str, Any]]
    payments: list[dict[str, Any]]
    cashier: str | None
    order_id: str | None
    fulfilment: str | None
    original: TicketRef | None
    presented: Mapping[str, Any] | None
    presentation: Presentation | None
    unusable: str | None = None
    """`mistyped` or `unreadable` when something was given to say whose it is, and none of it is
    an identifier: a card whose check digit fails, a placeholder."""
    sellers: Sequence[Mapping[str, Any]] = ()
    """Staff to credit, `{staff, percent}`, when the sender names them."""

    @property
    def names_a_person(self) -> bool:
        """Whether the ticket itself says whose it is, not only how it was paid."""
        return self.presentation is not None and self.presentation.names_a_person

    @property
    def printed(self) -> Printed | None:
        """What is printed on the ticket, if it came from a till."""
        if self.store is None or self.till is None or self.number is None:
            return None
        return self.store, self.till, self.business_date, self.number

    @property
    def returned_order(self) -> str | None:
        """The order of which something is brought back, when the return names no ticket."""
        return self.order_id if self.kind == "return" and self.original is None else None

    @property
    def keys(self) -> frozenset[str]:
        """What others may wait for, and what this ticket refers to."""
        found = {*names_of_ticket(self.ticket_id, self.printed)}
        if self.original is not None:
            found.add(self.original.waiting_key)
        if self.order_id is not None:
            found.add(waiting_for_order(self.order_id))
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A step in the life of a web order."""

    source: str
    message_id: str
    order_id: str
    status: str
    occurred_at: datetime
    channel: str | None
    stated: Mapping[str, Any]
    """What the step says of the order itself: currency, total_cents, lines, store, ..."""
    presentation: Presentation | None


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something a person did that is no sale."""

    source: str
    message_id: str
    name: str
    occurred_at: datetime
    channel: str
    properties: Mapping[str, Any]
    presentation: Presentation | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A fact that cannot be applied yet: why, and what it waits for."""

    reason: str
    waits_for: str
    detail: str


@dataclass(frozen=True, slots=True)
class Clash:
    """A ticket whose id or print another ticket of its source, with other content, has already."""

    ticket_id: str
    recorded_id: str
    """The `ticket_id` of the other one."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A fact that is recorded, and the known client it is attached to, if any."""

    fact_id: UUID
    name: str
    """The ticket id, the order id, or the name of the event."""
    already: bool
    client_id: UUID | None
    method: str | None
    status: str | None = None
    """The state of an order."""
    points: Mapping[str, Any] | None = None
    """What the points ledger says of a ticket, as the answer tells it."""
    reason: str | None = None
    """Why a ticket is attached to nobody."""


Outcome = Attached | Waiting | Clash
