"""What each source knows of the invented people: source records, with their troubles."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from rcu.demo import trouble
from rcu.demo.dice import Dice
from rcu.demo.names import DIMINUTIVES
from rcu.demo.people import YEAR_END, YEAR_START, Home, Person
from rcu.demo.trouble import ean13

POS: Final = "pos"
ESHOP: Final = "eshop"
APP: Final = "app"
LOYALTY: Final = "loyalty"

ACCOUNT_AGE: Final = 15
"""Younger children have no account of their own."""

FIRST_RECORDS: Final = date(2022, 3, 1)

_HOLDS = {POS: 0.66, ESHOP: 0.62, APP: 0.44, LOYALTY: 0.64}
_TWICE = {POS: 0.28, ESHOP: 0.16, APP: 0.04, LOYALTY: 0.04}
_STATES: dict[str, dict[str, float]] = {
    POS: {"birth_date": 0.3, "email": 0.5, "phone": 0.75, "street": 0.3, "town": 0.75, "card": 0.5},
    ESHOP: {"birth_date": 0.35, "email": 1, "phone": 0.75, "street": 0.92, "town": 1, "card": 0.2},
    APP: {"birth_date": 0.6, "email": 0.97, "phone": 0.6, "street": 0.1, "town": 0.4, "card": 0.7},
    LOYALTY: {
        "birth_date": 0.88,
        "email": 0.7,
        "phone": 0.78,
        "street": 0.8,
        "town": 0.95,
        "card": 1,
    },
}
"""How often a source asks for and gets a field."""


@dataclass(slots=True)
class Account:
    """One source record of one person, with the fields it states and the troubles it carries."""

    source: str
    external_id: str
    person: Person
    created_on: date
    created_at: datetime
    fields: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)

    def exists_on(self, day: date) -> bool:
        """Say whether the account had been opened before a day."""
        return self.created_on < day


@dataclass(slots=True)
class Wallet:
    """What a person carries to the till: accounts, a loyalty card, payment cards, a telephone."""

    person: Person
    accounts: dict[str, list[Account]] = field(default_factory=dict)
    card: str | None = None
    tokens: list[str] = field(default_factory=list)
    device: str | None = None

    def account(self, source: str, day: date) -> Account | None:
        """Return the newest account of a source that existed on a day, if any."""
        known = [held for held in self.accounts.get(source, []) if held.exists_on(day)]
        return known[-1] if known else None

    def card_on(self, day: date) -> str | None:
        """Return the loyalty card, once the programme had been joined."""
        return self.card if self.account(LOYALTY, day) else None


class Clerk:
    """Opens accounts in the four sources, with the care that tills and web forms take."""

    def __init__(self, dice: Dice) -> None:
        """Start with no account opened."""
        self._dice = dice
        self._opened = dict.fromkeys((POS, ESHOP, APP, LOYALTY), 0)

    def open_accounts(self, person: Person) -> Wallet:
        """Open the accounts that one person has, oldest first in each source."""
        wallet = Wallet(person)
        for source, chance in _HOLDS.items():
            if person.age_on(YEAR_END) < ACCOUNT_AGE or not self._dice.happens(chance):
                continue
            times = 2 if self._dice.happens(_TWICE[source]) else 1
            days = sorted(self._opening_day() for _ in range(times))
            wallet.accounts[source] = [self._account(source, person, day) for day in days]
        if wallet.accounts.get(LOYALTY):
            wallet.card = ean13(f"29900{self._dice.between(0, 9_999_999):07}")
        if wallet.accounts.get(APP) or wallet.accounts.get(ESHOP):
            wallet.device = f"dev-{self._hexadecimal(16)}"
        for accounts in wallet.accounts.values():
            for account in accounts:
                self._fill(account, wallet)
        return wallet

    def _opening_day(self) -> date:
        if self._dice.happens(0.62):
            return FIRST_RECORDS + timedelta(
                days=self._dice.between(0, (YEAR_START - FIRST_RECORDS).days - 1)
            )
        return YEAR_START + timedelta(days=self._dice.between(0, 330))

    def _account(self, source: str, person: Person, day: date) -> Account:
        self._opened[source] += 1
        number = self._opened[source]
        store = person.household.home_on(day).town.store
        external_id = {
            POS: f"{store}-{number:05}",
            ESHOP: f"{100_200 + number * 7}",
            APP: f"u_{self._hexadecimal(8)}",
            LOYALTY: f"MG{number:06}",
        }[source]
        hour = self._dice.between(8, 18 if source == POS else 21)
        moment = time(hour, self._dice.between(0, 59), self._dice.between(0, 59), tzinfo=UTC)
        return Account(source, external_id, person, day, datetime.combine(day, moment))

    def _hexadecimal(self, length: int) -> str:
        return "".join(f"{self._dice.between(0, 15):x}" for _ in range(length))

    # --- what is written down -------------------------------------------------------------------

    def _fill(self, account: Account, wallet: Wallet) -> None:
        dice, person = self._dice, account.person
        states = _STATES[account.source]
        thin = account.source == POS and dice.happens(0.05)
        self._write_names(account)
        if (dice.happens(states["birth_date"]) or person.namesake) and not thin:
            self._write_birth_date(account)
        if dice.happens(states["email"]) and not thin:
            self._write_email(account)
        if dice.happens(states["phone"]) and not thin:
            self._write_phone(account)
        if dice.happens(states["town"]) or thin:
            self._write_address(account, whole=dice.happens(states["street"]) and not thin)
        card = wallet.card_on(account.created_on + timedelta(days=1))
        if card and dice.happens(states["card"]) and not thin:
            self._write_card(account, card)
        if thin:
            account.tags.append("thin")
        self._write_the_rest(account, wallet)

    def _write_names(self, account: Account) -> None:
        dice, person, tags = self._dice, account.person, account.tags
        given = person.given_name
        family = person.family_name_on(account.created_on)
        if family != person.birth_name and dice.happens(0.15):
            family = person.birth_name
            tags.append("birth_name")
        elif family != person.birth_name and dice.happens(0.25):
            account.fields["birth_name"] = person.birth_name
        given, family = self._with_troubles(account, given, family)
        if account.source == POS and dice.happens(0.5):
            given, family = (trouble.without_accents(part).upper() for part in (given, family))
            tags.append("upper")
        elif account.source == POS and dice.happens(0.5):
            given, family = trouble.without_accents(given), trouble.without_accents(family).upper()
            tags.append("no_accents")
        if account.source in (POS, LOYALTY) or dice.happens(0.3):
            account.fields["title"] = "Mme" if person.woman else "M."
        account.fields |= {"given_name": given, "family_name": family}

    def _with_troubles(self, account: Account, given: str, family: str) -> tuple[str, str]:
        dice, tags = self._dice, account.tags
        if given in DIMINUTIVES and account.source in (ESHOP, APP) and dice.happens(0.18):
            given = DIMINUTIVES[given]
            tags.append("diminutive")
        elif "-" in given and dice.happens(0.3):
            given = trouble.first_part(given)
            tags.append("compound")
        elif account.source == POS and dice.happens(0.05):
            given = f"{given[0]}."
            tags.append("initial")
        elif dice.happens(0.025):
            given = trouble.mistype(given, dice)
            tags.append("typo_given")
        if "-" in family and dice.happens(0.2):
            family = trouble.first_part(family)
            tags.append("compound")
        elif dice.happens(0.04):
            family = trouble.mistype(family, dice)
            tags.append("typo_family")
        if account.source in (POS, ESHOP) and dice.happens(0.035):
            given, family = family, given
            tags.append("swapped")
        return given, family

    def _write_birth_date(self, account: Account) -> None:
        dice, day, tags = self._dice, account.person.birth_date, account.tags
        by_hand = account.source in (POS, LOYALTY)
        if by_hand and dice.happens(0.04) and not account.person.namesake:
            day = trouble.JUNK_BIRTH_DATE
            tags.append("junk_birth_date")
        elif by_hand and dice.happens(0.03):
            day = trouble.day_and_month_swapped(day) or day
            tags.append("swapped_birth_date")
        account.fields["birth_date"] = f"{day:%d/%m/%Y}" if by_hand else day.isoformat()

    def _write_email(self, account: Account) -> None:
        dice, person, tags = self._dice, account.person, account.tags
        shared = person.household.shared_email
        address = person.email_on(account.created_on)
        if shared and dice.happens(0.55):
            address = shared
            tags.append("shared_email")
        elif account.source == POS and dice.happens(0.05):
            address = dice.one_of(trouble.JUNK_EMAILS)
            tags.append("junk_email")
        elif account.source in (POS, LOYALTY) and dice.happens(0.04):
            address = trouble.mistype_mailbox(address, dice)
            tags.append("typo_email")
        if account.source == POS and dice.happens(0.4):
            address = address.upper()
        value: dict[str, Any] = {"value": address}
        if account.source == APP:
            value |= {"verified": True, "verified_at": account.created_at}
        account.fields["emails"] = [value]

    def _write_phone(self, account: Account) -> None:
        dice, person, tags = self._dice, account.person, account.tags
        number = person.mobile
        shared = person.household.shared_mobile
        if shared and shared != number and dice.happens(0.6):
            number = shared
            tags.append("shared_phone")
        elif account.source != APP and dice.happens(0.12):
            number = person.household.landline
            tags.append("landline")
        elif account.source in (POS, LOYALTY) and dice.happens(0.04):
            number = dice.one_of(trouble.JUNK_PHONES)
            tags.append("junk_phone")
        elif account.source in (POS, ESHOP) and dice.happens(0.03):
            number = trouble.misdial(number, dice)
            tags.append("typo_phone")
        value: dict[str, Any] = {"value": trouble.written_phone(number, dice)}
        if account.source == APP and "shared_phone" not in tags and dice.happens(0.5):
            value |= {"verified": True, "verified_at": account.created_at}
        account.fields["phones"] = [value]

    def _write_address(self, account: Account, *, whole: bool) -> None:
        household = account.person.household
        home = household.home_on(account.created_on)
        if home is not household.homes[-1]:
            account.tags.append("old_address")
        account.fields["addresses"] = [written_address(account, home, self._dice, whole=whole)]

    def _write_card(self, account: Account, card: str) -> None:
        if account.source == POS and self._dice.happens(0.03):
            card = trouble.misdial(card, self._dice)
            account.tags.append("typo_card")
        verified = account.source in (LOYALTY, APP)
        value: dict[str, Any] = {"value": card, "verified": verified}
        if verified:
            value["verified_at"] = account.created_at
        account.fields["cards"] = [value]

    def _write_the_rest(self, account: Account, wallet: Wallet) -> None:
        fields = account.fields
        if account.source == APP:
            fields["identifiers"] = [
                {"kind": "app_user", "value": account.external_id, "verified": True},
                {"kind": "device", "value": wallet.device},
            ]
            fields["language"] = "fr"
        if account.source in (POS, LOYALTY):
            home = account.person.household.home_on(account.created_on)
            fields["preferred_store"] = home.town.store
        if account.source in (ESHOP, APP):
            fields["attributes"] = {"newsletter": self._dice.happens(0.55)}


def written_address(account: Account, home: Home, dice: Dice, *, whole: bool) -> dict[str, Any]:
    """Return a home as an account writes it; not `whole`: postcode and town only."""
    street, city = home.street, home.town.city
    if dice.happens(0.3):
        street = trouble.abbreviated(street)
    if account.source == POS:
        city = trouble.without_accents(city).upper().replace("-", " ")
    lines = [f"{home.number} {street}"]
    if home.building and dice.happens(0.6):
        lines.insert(0, home.building)
    address = {"postcode": home.town.postcode, "city": city, "country": "FR"}
    return {"lines": lines, **address} if whole else address
