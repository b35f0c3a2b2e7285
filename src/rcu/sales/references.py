"""What a set of facts refers to: tickets, orders and stores that are known already."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

from rcu.sales.credits import Credit
from rcu.sales.facts import NewOrder, NewTicket, Printed, TicketRef
from rcu.sales.rehanging import Rehung
from rcu.sales.repository import KnownOrder, KnownTicket


class References:
    """The known tickets and orders, by every name that a fact may call them."""

    def __init__(
        self, tickets: Iterable[KnownTicket] = (), orders: Iterable[KnownOrder] = ()
    ) -> None:
        """Index what is known."""
        self._by_id: dict[str, list[KnownTicket]] = defaultdict(list)
        self._by_print: dict[Printed, list[KnownTicket]] = defaultdict(list)
        self._orders: dict[str, list[KnownOrder]] = defaultdict(list)
        self._sold: dict[str, list[KnownTicket]] = defaultdict(list)
        self._known: dict[UUID, KnownTicket] = {}
        for ticket in tickets:
            self.know_ticket(ticket)
        for order in orders:
            self.know_order(order)

    @staticmethod
    def named(tickets: Iterable[NewTicket]) -> tuple[set[str], set[Printed]]:
        """Return the ids and the printed numbers of tickets, and of those that they refer to."""
        tickets = list(tickets)
        refs = [ticket.original for ticket in tickets if ticket.original is not None]
        printed = [t.printed for t in tickets] + [r.printed for r in refs]
        return (
            {t.ticket_id for t in tickets} | {r.ticket_id for r in refs if r.ticket_id},
            {one for one in printed if one is not None},
        )

    @staticmethod
    def named_orders(tickets: Iterable[NewTicket], orders: Iterable[NewOrder]) -> set[str]:
        """Return the ids of orders, and of those that tickets are of."""
        return {o.order_id for o in orders} | {t.order_id for t in tickets if t.order_id}

    def know_ticket(self, ticket: KnownTicket) -> None:
        """Add a ticket, or what has become known of it since."""
        self._known[ticket.id] = ticket
        _put(self._by_id[ticket.ticket_id], ticket)
        if ticket.printed is not None:
            _put(self._by_print[ticket.printed], ticket)
        if not ticket.brings_back and ticket.order_id is not None:
            _put(self._sold[ticket.order_id], ticket)

    def know_rehung(self, rehung: Iterable[Rehung]) -> None:
        """Learn that tickets hang on other records than when they were read."""
        record_of = {ticket.ticket_id: ticket.record_id for ticket in rehung}
        for ticket in self._tickets():
            if ticket.id in record_of:
                self.know_ticket(replace(ticket, record_id=record_of[ticket.id]))

    def know_credits(self, credited: Mapping[UUID, Sequence[Credit]]) -> None:
        """Learn that others are credited with tickets than when they were read."""
        for ticket in self._tickets():
            if ticket.id in credited:
                self.know_ticket(replace(ticket, credits=credited[ticket.id]))

    def _tickets(self) -> list[KnownTicket]:
        return list(self._known.values())

    def know_order(self, order: KnownOrder) -> None:
        """Add an order, or what has become known of it since."""
        _put(self._orders[order.order_id], order)

    def recorded(self, new: NewTicket) -> KnownTicket | None:
        """Return the ticket of the same source that has the id or the print of a new one."""
        found = list(self._by_id.get(new.ticket_id, ()))
        if new.printed is not None:
            found += self._by_print.get(new.printed, ())
        return next((ticket for ticket in found if ticket.source == new.source), None)

    def original(self, new: NewTicket, ref: TicketRef) -> KnownTicket | None:
        """Return the ticket that a new one refers to.

        A reference without a source means the ticket of the same source if there is one,
        else the only one of that name.
        """
        if ref.ticket_id is not None:
            found = self._by_id.get(ref.ticket_id, [])
        else:
            found = self._by_print.get(ref.printed, []) if ref.printed else []
        wanted = [ticket for ticket in found if ticket.source == (ref.source or new.source)]
        if not wanted and ref.source is None and len(found) == 1:
            wanted = found
        return wanted[0] if wanted else None

    def brought_back(self, named: KnownTicket) -> KnownTicket:
        """Return the ticket whose goods a return brings back that names `named`.

        What is named may itself have brought goods back: a receipt of an exchange, or of a return
        that is shown instead of the sale's. The goods are then those of the sale that it names, if
        it names one. What it refers to has to be known.
        """
        while named.brings_back and named.original_id in self._known:
            named = self._known[named.original_id]
        return named

    def sale_of_order(self, source: str, order_id: str) -> KnownTicket | None:
        """Return the sale that a return brings back which names an order and no ticket.

        The one sale of the order, cancelled or not, or the one that is not cancelled of several;
        None where nobody can tell. The sales of the order have to be known.
        """
        order = self.order(source, order_id)
        if order is None and self._orders.get(order_id):
            return None
        of_order = [
            t for t in self._sold.get(order_id, ()) if self.order(t.source, order_id) == order
        ]
        standing = [ticket for ticket in of_order if ticket.voided_by is None]
        found = of_order if len(of_order) == 1 else standing
        return found[0] if len(found) == 1 else None

    def order(self, source: str, order_id: str) -> KnownOrder | None:
        """Return the order with this id: of the same source if there is one, else the only one."""
        found = self._orders.get(order_id, [])
        own = [order for order in found if order.source == source]
        if own:
            return own[0]
        return found[0] if len(found) == 1 else None

    def own_order(self, source: str, order_id: str) -> KnownOrder | None:
        """Return the order of this source with this id."""
        return next((o for o in self._orders.get(order_id, ()) if o.source == source), None)


Known = TypeVar("Known", KnownTicket, KnownOrder)


def _put(known: list[Known], newest: Known) -> None:
    known[:] = [other for other in known if other.id != newest.id] + [newest]
