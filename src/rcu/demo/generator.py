"""Maison Garance, an invented retailer of things for the house, and one year of its files.

Seven stores in real towns, an e-shop, an app, a loyalty programme. Nobody in it exists:
names are drawn from lists, telephone numbers come from the blocks that Arcep keeps for
fiction, e-mail addresses stand under the top-level domain `.example`, which never exists.
The same seed gives the same messages, byte for byte, on every machine and day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Final

from rcu.access.models import SourceKind
from rcu.demo.choices import Choices
from rcu.demo.dice import Dice
from rcu.demo.dispatch import Dispatch, in_deliveries
from rcu.demo.people import Person, Registry
from rcu.demo.places import STORES
from rcu.demo.profiles import profile_messages
from rcu.demo.records import APP, ESHOP, LOYALTY, POS, Account, Clerk, Wallet
from rcu.demo.shop import Stores, give_payment_cards, visits_a_year
from rcu.demo.tills import Sale, print_tickets
from rcu.demo.visits import Visits
from rcu.demo.web import Eshop
from rcu.ingestion.messages import Message
from rcu.sales.stores import StoreDetails

RETAILER: Final = "Maison Garance"
SEED: Final = 1975


@dataclass(frozen=True, slots=True)
class SourceSheet:
    """A system that sends."""

    code: str
    name: str
    kind: SourceKind


SOURCES = (
    SourceSheet(LOYALTY, "Le Cercle Garance", SourceKind.LOYALTY),
    SourceSheet(ESHOP, "maison-garance.example", SourceKind.ECOMMERCE),
    SourceSheet(APP, "Application Garance", SourceKind.APP),
    SourceSheet(POS, "Caisses Maison Garance", SourceKind.POS),
)


@dataclass(frozen=True, slots=True)
class TicketTruth:
    """Who truly bought, and what the ticket's own message says of it."""

    person: str | None
    evidence: str


@dataclass(frozen=True, slots=True)
class Truth:
    """What really is: never sent, kept to score what the service makes of the messages."""

    person_of: dict[tuple[str, str], str]
    """(source, external id) of each source record to the id of its person."""
    troubles: dict[tuple[str, str], tuple[str, ...]]
    """(source, external id) to what is wrong with the record."""
    tickets: dict[tuple[str, str], TicketTruth]
    """(source, ticket id) to its buyer."""
    people: dict[str, Person]


@dataclass(frozen=True, slots=True)
class Sample:
    """Everything there is to send, and the truth behind it."""

    retailer: str
    sources: Sequence[SourceSheet]
    stores: Sequence[StoreDetails]
    messages: Sequence[tuple[str, Message]]
    """(source code, message), in the order in which the sources deliver."""
    truth: Truth

    def deliveries(self) -> Iterator[tuple[str, list[Message]]]:
        """Yield the messages in runs of one source, as they would be sent."""
        for source, run in groupby(self.messages, key=lambda sent: sent[0]):
            yield source, [message for _, message in run]


@lru_cache(maxsize=1)
def generate(seed: int = SEED) -> Sample:
    """Invent the retailer and its year."""
    dice = Dice(seed)
    registry = Registry(dice)
    registry.invent()
    clerk = Clerk(dice)
    wallets = [clerk.open_accounts(person) for person in registry.people]
    give_payment_cards(wallets, dice)
    dispatches = [message for wallet in wallets for message in profile_messages(wallet, dice)]
    sales, steps = _a_year_of_sales(wallets, dice)
    printed = list(print_tickets(sales))
    dispatches += steps
    dispatches += [dispatch for _, dispatch in printed]
    dispatches += Visits(dice).year(wallets)
    dispatches += Choices(Dice(seed + 1)).year(wallets)
    return Sample(
        retailer=RETAILER,
        sources=SOURCES,
        stores=STORES,
        messages=[(sent.source, sent.message) for sent in in_deliveries(dispatches)],
        truth=_truth(registry.people, wallets, (sale for sale, _ in printed)),
    )


def _a_year_of_sales(wallets: Sequence[Wallet], dice: Dice) -> tuple[list[Sale], list[Dispatch]]:
    stores, eshop = Stores(dice), Eshop(dice)
    sales: list[Sale] = []
    steps: list[Dispatch] = []
    for wallet in wallets:
        online = 0.32 if wallet.accounts.get(ESHOP) else 0.03
        for _ in range(visits_a_year(wallet, dice)):
            if not dice.happens(online):
                sales += stores.visit(wallet)
                continue
            order = eshop.order(wallet)
            steps += order.steps
            sales += order.sales
            if order.sales and order.sales[0].store and dice.happens(0.08):
                sales += stores.bring_back(order.sales[0], wallet, order.sales[0].store)
    sales += stores.strangers()
    sales += stores.lost_returns()
    return sales, steps


def _truth(people: Sequence[Person], wallets: Sequence[Wallet], sales: Iterable[Sale]) -> Truth:
    accounts: list[Account] = [
        account for wallet in wallets for held in wallet.accounts.values() for account in held
    ]
    return Truth(
        person_of={(held.source, held.external_id): held.person.id for held in accounts},
        troubles={(held.source, held.external_id): tuple(held.tags) for held in accounts},
        tickets={
            (sale.source, sale.ticket_id): TicketTruth(sale.owner, sale.evidence) for sale in sales
        },
        people={person.id: person for person in people},
    )
