"""Tickets: what the tills of the stores and the e-shop ring up, numbered as tills number them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from rcu.demo.dispatch import Dispatch
from rcu.demo.records import ESHOP, POS
from rcu.ingestion.messages import (
    CustomerIdentifiers,
    Fulfilment,
    Payment,
    TicketKind,
    TicketLine,
    TicketMessage,
    TicketReference,
)

PARIS: Final = ZoneInfo("Europe/Paris")


@dataclass(slots=True, eq=False)
class Sale:
    """A ticket before it is printed. Without a store it is one of the e-shop."""

    sold_at: datetime
    owner: str | None
    """Who truly bought; None for somebody whom no source has a record of."""
    evidence: str
    """What the message itself says of the buyer: card, account, e-mail, token, ... or none."""
    lines: list[TicketLine]
    payments: list[Payment]
    store: str | None = None
    till: str = "01"
    kind: TicketKind = TicketKind.SALE
    customer: CustomerIdentifiers | None = None
    order_id: str | None = None
    fulfilment: Fulfilment | None = None
    original: Sale | None = None
    lost_original: str | None = None
    """The number of a ticket older than everything that was sent: its return has to wait."""
    ticket_id: str = field(default="", init=False)
    number: int | None = field(default=None, init=False)

    @property
    def source(self) -> str:
        """The source that sends the ticket."""
        return POS if self.store else ESHOP

    @property
    def total_cents(self) -> int:
        """What was paid, or given back when negative; 0 for a void."""
        return sum(line.amount_cents for line in self.lines)


def print_tickets(sales: Iterable[Sale]) -> Iterator[tuple[Sale, Dispatch]]:
    """Number the tickets of each till and day in order of time, and yield their messages."""
    in_order = sorted(sales, key=lambda sale: (sale.sold_at, sale.source, sale.order_id or ""))
    numbers: Counter[tuple[str, str, date]] = Counter()
    for sale in in_order:
        if sale.store is None:
            sale.ticket_id = f"WEB-{sale.order_id}"
            if sale.kind is TicketKind.RETURN:
                sale.ticket_id += "-R"
            continue
        till = (sale.store, sale.till, sale.sold_at.date())
        numbers[till] += 1
        sale.number = numbers[till]
        sale.ticket_id = f"{sale.store}-{sale.till}-{till[2]:%Y%m%d}-{sale.number:04}"
    for sale in in_order:
        yield sale, Dispatch(sale.sold_at, sale.source, _message(sale))


def _message(sale: Sale) -> TicketMessage:
    printed: dict[str, Any] = {}
    if sale.store:
        cashier = f"{sale.store}-V{sale.sold_at.day % 4 + 1}"
        printed = {
            "store": sale.store,
            "till": sale.till,
            "number": sale.number,
            "cashier": cashier,
        }
    said: dict[str, Any] = {
        "customer": sale.customer,
        "order_id": sale.order_id,
        "fulfilment": sale.fulfilment,
        "original": _reference(sale),
    }
    return TicketMessage(
        message_id=f"ticket-{sale.ticket_id}",
        ticket_id=sale.ticket_id,
        kind=sale.kind,
        business_date=sale.sold_at.date(),
        sold_at=sale.sold_at,
        currency="EUR",
        total_cents=sale.total_cents,
        lines=sale.lines,
        payments=sale.payments,
        **printed,
        **{name: value for name, value in said.items() if value is not None},
    )


def _reference(sale: Sale) -> TicketReference | None:
    if sale.lost_original:
        return TicketReference(source=POS, ticket_id=sale.lost_original)
    if sale.original is None:
        return None
    return TicketReference(source=sale.original.source, ticket_id=sale.original.ticket_id)
