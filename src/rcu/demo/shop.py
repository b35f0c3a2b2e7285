"""A year of the stores: who comes, what they buy, and what the till learns of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

from rcu.demo import trouble
from rcu.demo.catalogue import brought_back, fill_basket
from rcu.demo.dice import Dice
from rcu.demo.people import YEAR_END, YEAR_START
from rcu.demo.places import STORES
from rcu.demo.records import APP, POS, Wallet
from rcu.demo.tills import PARIS, Sale
from rcu.ingestion.messages import CustomerIdentifiers, Payment, TicketKind, TicketLine

ADULT: Final = 16
STRANGERS: Final = 420
"""People who buy in the stores and never left a name."""
LOST_RETURNS: Final = 6

_VISITS_A_YEAR = {0: 12, 2: 22, 5: 26, 10: 20, 18: 13, 30: 7}
_SEASON = {1: 12, 2: 7, 3: 7, 4: 7, 5: 8, 6: 9, 7: 9, 8: 5, 9: 8, 10: 8, 11: 11, 12: 18}
"""Sales in January and June, presents in December."""
SUNDAY: Final = 6


def give_payment_cards(wallets: Sequence[Wallet], dice: Dice) -> None:
    """Give each grown person payment cards; couples with a joint account share one token.

    A token stands for the account behind a card (a PAR, payment account reference), so that
    two cards of one joint account show the same.
    """
    joint: dict[str, str] = {}
    for wallet in wallets:
        if wallet.person.age_on(YEAR_END) < ADULT:
            continue
        wallet.tokens.append(new_token(dice))
        if dice.happens(0.2):
            wallet.tokens.append(new_token(dice))
        household = wallet.person.household
        if household.joint_account:
            wallet.tokens[0] = joint.setdefault(household.id, wallet.tokens[0])


def new_token(dice: Dice) -> str:
    """Return a payment-account token that nobody else has."""
    return "par_" + "".join(f"{dice.between(0, 15):x}" for _ in range(28))


def some_day(dice: Dice) -> date:
    """Return a day of the year on which the stores are open, busy months more often."""
    month = dice.weighted(_SEASON)
    day = date(YEAR_START.year, month, dice.between(1, 28)) + timedelta(days=dice.between(0, 2))
    day = min(max(day, YEAR_START + timedelta(days=1)), YEAR_END)
    return day - timedelta(days=1) if day.weekday() == SUNDAY else day


def some_hour(day: date, dice: Dice, *, first: int = 10, last: int = 18) -> datetime:
    """Return a moment of a day, by default while the stores are open."""
    moment = time(dice.between(first, last), dice.between(0, 59), dice.between(0, 59))
    return datetime.combine(day, moment, tzinfo=PARIS)


def visits_a_year(wallet: Wallet, dice: Dice) -> int:
    """Return how often a person buys in the year; children do not."""
    if wallet.person.age_on(YEAR_END) < ADULT:
        return 0
    usual = dice.weighted(_VISITS_A_YEAR)
    return dice.between(usual, usual + usual // 2)


class Stores:
    """Rings up a year of store sales, returns and voids."""

    def __init__(self, dice: Dice) -> None:
        """Open the stores."""
        self._dice = dice

    def visit(self, wallet: Wallet) -> Iterator[Sale]:
        """Yield one purchase of a person in a store, and what follows from it."""
        dice = self._dice
        day = some_day(dice)
        home_store = wallet.person.household.home_on(day).town.store
        store = home_store if dice.happens(0.93) else dice.one_of(STORES).code
        evidence, customer = self._shown(wallet, day)
        lines = fill_basket(dice)
        sale = Sale(
            sold_at=some_hour(day, dice),
            owner=wallet.person.id,
            evidence=evidence,
            lines=lines,
            payments=self._payments(wallet.tokens, lines),
            store=store,
            till=f"{dice.between(1, 3):02}",
            customer=customer,
        )
        if evidence == "none" and sale.payments[0].payment_token:
            sale.evidence = "token"
        yield sale
        yield from self._afterwards(sale, wallet)

    def strangers(self) -> Iterator[Sale]:
        """Yield the purchases of people whom no source knows, some of whom come again."""
        dice = self._dice
        for _ in range(STRANGERS):
            token, store = new_token(dice), dice.one_of(STORES).code
            for _ in range(dice.weighted({1: 55, 2: 20, 3: 15, 6: 10})):
                lines = fill_basket(dice)
                yield Sale(
                    sold_at=some_hour(some_day(dice), dice),
                    owner=None,
                    evidence="none",
                    lines=lines,
                    payments=self._payments([token], lines),
                    store=store,
                    till=f"{dice.between(1, 3):02}",
                )

    def lost_returns(self) -> Iterator[Sale]:
        """Yield returns of tickets of the year before, which the service was never sent."""
        dice = self._dice
        for number in range(LOST_RETURNS):
            store = dice.one_of(STORES).code
            lines = brought_back(fill_basket(dice), dice)
            sold_on = YEAR_START - timedelta(days=dice.between(5, 20))
            yield Sale(
                sold_at=some_hour(YEAR_START + timedelta(days=dice.between(1, 12)), dice),
                owner=None,
                evidence="none",
                lines=lines,
                payments=[Payment(method="cash", amount_cents=lines[0].amount_cents)],
                store=store,
                kind=TicketKind.RETURN,
                lost_original=f"{store}-01-{sold_on:%Y%m%d}-{number + 11:04}",
            )

    def bring_back(self, sale: Sale, wallet: Wallet, store: str) -> Iterator[Sale]:
        """Yield the return of part of a sale to a store, if it happens within the year."""
        dice = self._dice
        day = sale.sold_at.date() + timedelta(days=dice.between(2, 25))
        day -= timedelta(days=1 if day.weekday() == SUNDAY else 0)
        if day > YEAR_END:
            return
        lines = brought_back(sale.lines, dice)
        known = dice.happens(0.8)
        evidence, customer = ("original", None) if known else self._shown(wallet, day)
        yield Sale(
            sold_at=some_hour(day, dice),
            owner=sale.owner,
            evidence=evidence,
            lines=lines,
            payments=[Payment(method="voucher", amount_cents=lines[0].amount_cents)],
            store=store,
            kind=TicketKind.RETURN,
            customer=customer,
            original=sale if known else None,
        )

    def _afterwards(self, sale: Sale, wallet: Wallet) -> Iterator[Sale]:
        dice = self._dice
        if dice.happens(0.05):
            yield from self.bring_back(sale, wallet, sale.store or "")
        elif dice.happens(0.006):
            yield Sale(
                sold_at=sale.sold_at + timedelta(minutes=dice.between(1, 9)),
                owner=sale.owner,
                evidence="original",
                lines=[],
                payments=[],
                store=sale.store,
                till=sale.till,
                kind=TicketKind.VOID,
                original=sale,
            )

    def _shown(self, wallet: Wallet, day: date) -> tuple[str, CustomerIdentifiers | None]:
        """Return what a client shows at the till on a day: mostly nothing, or the loyalty card."""
        dice, person = self._dice, wallet.person
        card, form, app = wallet.card_on(day), wallet.account(POS, day), wallet.account(APP, day)
        if card and dice.happens(0.42):
            typed_wrong = dice.happens(0.015)
            shown = trouble.misdial(card, dice) if typed_wrong else card
            return ("card_typo" if typed_wrong else "card"), CustomerIdentifiers(card=shown)
        if app and dice.happens(0.2):
            return "app_scan", CustomerIdentifiers(app_user=app.external_id)
        if form and dice.happens(0.12):
            return "account", CustomerIdentifiers(external_id=form.external_id)
        if dice.happens(0.05):
            return "email", CustomerIdentifiers(email=person.email_on(day))
        if dice.happens(0.04):
            phone = trouble.written_phone(person.mobile, dice)
            return "phone", CustomerIdentifiers(phone=phone)
        return "none", None

    def _payments(self, tokens: Sequence[str], lines: Sequence[TicketLine]) -> list[Payment]:
        dice = self._dice
        total = sum(line.amount_cents for line in lines)
        method = dice.weighted({"card": 80, "cash": 14, "cheque": 2, "gift_card": 4})
        token = None
        if method == "card" and dice.happens(0.95):
            token = tokens[0] if dice.happens(0.8) else dice.one_of(tokens)
        return [Payment(method=method, amount_cents=total, payment_token=token)]
