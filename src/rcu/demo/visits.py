"""A year of clicks: pages viewed, the app opened, newsletters read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from rcu.demo.catalogue import PRODUCTS
from rcu.demo.dice import Dice
from rcu.demo.dispatch import Dispatch
from rcu.demo.people import YEAR_END, YEAR_START
from rcu.demo.records import APP, ESHOP, Wallet
from rcu.demo.tills import PARIS
from rcu.ingestion.messages import CustomerIdentifiers, EventMessage

EVENTS: Final = 1_500
ANONYMOUS_DEVICES: Final = 60
"""Visitors who look round the e-shop and never sign in."""


class Visits:
    """Writes the log of the e-shop and of the app."""

    def __init__(self, dice: Dice) -> None:
        """Start an empty log."""
        self._dice = dice
        self._written = 0

    def year(self, wallets: Sequence[Wallet]) -> Iterator[Dispatch]:
        """Yield the events of the year."""
        dice = self._dice
        strangers = [f"dev-anon-{number:03}" for number in range(1, ANONYMOUS_DEVICES + 1)]
        visitors = [wallet for wallet in wallets if wallet.device]
        while self._written < EVENTS:
            if dice.happens(0.2):
                yield from self._looks_round(dice.one_of(strangers))
            else:
                yield from self._visit(dice.one_of(visitors))

    def _visit(self, wallet: Wallet) -> Iterator[Dispatch]:
        at, dice = self._moment(), self._dice
        day = at.date()
        app, shop = wallet.account(APP, day), wallet.account(ESHOP, day)
        if app and dice.happens(0.6):
            who = CustomerIdentifiers(external_id=app.external_id, device=wallet.device)
            yield self._event(APP, "app_opened", at, who)
            if dice.happens(0.5):
                yield self._event(
                    APP, "product_viewed", at + timedelta(seconds=40), who, product=True
                )
        elif shop:
            who = CustomerIdentifiers(external_id=shop.external_id, device=wallet.device)
            yield self._event(ESHOP, "signed_in", at, who)
            yield self._event(
                ESHOP, "product_viewed", at + timedelta(seconds=50), who, product=True
            )
        else:
            # A newsletter goes to an address, whether or not there is an account behind it.
            who = CustomerIdentifiers(email=wallet.person.email_on(day))
            yield self._event(ESHOP, "newsletter_clicked", at, who)

    def _looks_round(self, device: str) -> Iterator[Dispatch]:
        at, who = self._moment(), CustomerIdentifiers(device=device)
        yield self._event(ESHOP, "page_viewed", at, who)
        yield self._event(ESHOP, "product_viewed", at + timedelta(seconds=30), who, product=True)

    def _moment(self) -> datetime:
        days = (YEAR_END - YEAR_START).days
        day = YEAR_START + timedelta(days=self._dice.between(0, days))
        clock = {"hour": self._dice.between(7, 22), "minute": self._dice.between(0, 58)}
        return datetime(day.year, day.month, day.day, **clock, tzinfo=PARIS)

    def _event(
        self,
        source: str,
        name: str,
        at: datetime,
        who: CustomerIdentifiers,
        *,
        product: bool = False,
    ) -> Dispatch:
        self._written += 1
        message = EventMessage(
            message_id=f"event-{self._written:06}",
            name=name,
            occurred_at=at,
            customer=who,
            properties={"sku": self._dice.one_of(PRODUCTS).sku} if product else {},
        )
        return Dispatch(at, source, message)
