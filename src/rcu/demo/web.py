"""A year of the e-shop: orders, the steps of their life, and the tickets they end in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from rcu.demo.catalogue import brought_back, fill_basket
from rcu.demo.dice import Dice
from rcu.demo.dispatch import Dispatch
from rcu.demo.people import YEAR_END
from rcu.demo.places import STORES
from rcu.demo.records import ESHOP, Wallet
from rcu.demo.shop import SUNDAY, some_day, some_hour
from rcu.demo.tills import PARIS, Sale
from rcu.ingestion.messages import (
    CustomerIdentifiers,
    Fulfilment,
    OrderMessage,
    OrderStatus,
    Payment,
    TicketKind,
)


@dataclass(slots=True)
class Order:
    """One web order: its messages, and the sales that come of it."""

    steps: list[Dispatch] = field(default_factory=list)
    sales: list[Sale] = field(default_factory=list)


class Eshop:
    """Takes orders from account holders, and now and then from a guest."""

    def __init__(self, dice: Dice) -> None:
        """Open the e-shop."""
        self._dice = dice
        self._taken = 0

    def order(self, wallet: Wallet) -> Order:
        """Take one order of a person and follow it to its end, or to the end of the year."""
        dice, person = self._dice, wallet.person
        placed_at = some_hour(some_day(dice), dice, first=8, last=22)
        day = placed_at.date()
        self._taken += 1
        order_id = f"{2_500_000 + self._taken * 3}"
        evidence, customer = self._customer(wallet, day)
        how = dice.weighted(
            {
                Fulfilment.DELIVERY: 58,
                Fulfilment.CLICK_AND_COLLECT: 27,
                Fulfilment.SHIP_FROM_STORE: 15,
            }
        )
        home_store = person.household.home_on(day).town.store
        store = None
        if how is Fulfilment.CLICK_AND_COLLECT:
            store = home_store
        elif how is Fulfilment.SHIP_FROM_STORE:
            store = dice.one_of(STORES).code
        lines = fill_basket(dice)
        total = sum(line.amount_cents for line in lines)
        payment = Payment(
            method="card", amount_cents=total, payment_token=dice.one_of(wallet.tokens)
        )
        sale = Sale(
            sold_at=placed_at,
            owner=person.id,
            evidence=evidence if store is None else "order",
            lines=lines,
            payments=[payment] if store is None else [Payment(method="online", amount_cents=total)],
            store=store,
            till="09",
            customer=customer if store is None else None,
            order_id=order_id,
            fulfilment=how,
        )
        taken = Order()
        placed = _step(
            sale,
            OrderStatus.PLACED,
            placed_at,
            currency="EUR",
            total_cents=total,
            lines=lines,
            payments=[payment],
            fulfilment=how,
            customer=customer,
        )
        taken.steps.append(placed)
        self._follow(taken, sale, placed_at)
        return taken

    def _customer(self, wallet: Wallet, day: date) -> tuple[str, CustomerIdentifiers]:
        person, account = wallet.person, wallet.account(ESHOP, day)
        if account:
            return "account", CustomerIdentifiers(external_id=account.external_id)
        return "email", CustomerIdentifiers(
            email=person.email_on(day),
            given_name=person.given_name,
            family_name=person.family_name_on(day),
        )

    def _follow(self, taken: Order, sale: Sale, placed_at: datetime) -> None:
        dice = self._dice
        paid_at = placed_at + timedelta(minutes=dice.between(1, 9))
        taken.steps.append(_step(sale, OrderStatus.PAID, paid_at))
        if dice.happens(0.05):
            taken.steps.append(_step(sale, OrderStatus.CANCELLED, paid_at + timedelta(hours=3)))
            return
        ready_at = self._later(placed_at, 1, 2)
        if sale.fulfilment is Fulfilment.CLICK_AND_COLLECT:
            taken.steps.append(_step(sale, OrderStatus.READY_FOR_PICKUP, ready_at))
            ready_at = self._later(ready_at, 1, 5)
        if ready_at.date() > YEAR_END:
            return
        done = {Fulfilment.CLICK_AND_COLLECT: OrderStatus.PICKED_UP}
        status = done.get(sale.fulfilment or Fulfilment.DELIVERY, OrderStatus.SHIPPED)
        taken.steps.append(_step(sale, status, ready_at))
        sale.sold_at = ready_at
        taken.sales.append(sale)
        if sale.store is None and dice.happens(0.06):
            self._send_back(taken, sale)

    def _send_back(self, taken: Order, sale: Sale) -> None:
        at = self._later(sale.sold_at, 5, 14)
        if at.date() > YEAR_END:
            return
        taken.steps.append(_step(sale, OrderStatus.RETURNED, at))
        lines = brought_back(sale.lines, self._dice)
        refund = Payment(
            method="card",
            amount_cents=lines[0].amount_cents,
            payment_token=sale.payments[0].payment_token,
        )
        taken.sales.append(
            Sale(
                sold_at=at,
                owner=sale.owner,
                evidence="original",
                lines=lines,
                payments=[refund],
                kind=TicketKind.RETURN,
                order_id=sale.order_id,
                original=sale,
            )
        )

    def _later(self, moment: datetime, first: int, last: int) -> datetime:
        """Return a moment of a working day, so many days later."""
        day = moment.date() + timedelta(days=self._dice.between(first, last))
        day += timedelta(days=1 if day.weekday() == SUNDAY else 0)
        return datetime.combine(
            day, time(self._dice.between(10, 18), self._dice.between(0, 59)), tzinfo=PARIS
        )


def _step(sale: Sale, status: OrderStatus, at: datetime, **said: Any) -> Dispatch:
    """Return one step of an order: its id, its status, and what the step says besides."""
    if sale.store:
        said["store"] = sale.store
    message = OrderMessage(
        message_id=f"order-{sale.order_id}-{status.value}",
        order_id=sale.order_id or "",
        status=status,
        occurred_at=at,
        **said,
    )
    return Dispatch(at, ESHOP, message)
