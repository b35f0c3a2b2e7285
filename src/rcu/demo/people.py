"""The invented people: who they truly are, in which household, and what was once different."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from rcu.demo import names
from rcu.demo.dice import Dice
from rcu.demo.places import LANDLINE_PREFIXES, MOBILE_PREFIX, STREETS, TOWNS, Town

YEAR_START: Final = date(2025, 1, 1)
YEAR_END: Final = date(2025, 12, 31)
PEOPLE: Final = 400

MAIL_DOMAINS = (
    "courrier-lilas.example", "poste-azur.example", "boite-bleue.example",
    "net-ardoise.example", "lettre-mirabelle.example",
)  # fmt: skip
"""Invented providers under the top-level domain that RFC 2606 keeps from existing."""

OLDEST_CLIENT_BORN: Final = 1938
BORN_BEFORE_1965: Final = 1965
BORN_BEFORE_1990: Final = 1990


@dataclass(frozen=True, slots=True)
class Home:
    """A postal address that a household has, or had until it moved."""

    number: int
    street: str
    town: Town
    building: str | None = None


@dataclass(slots=True)
class Household:
    """People under one roof, and what they share."""

    id: str
    homes: list[Home]
    """One home, or the former and the present one."""
    moved_on: date | None
    landline: str
    shared_email: str | None = None
    shared_mobile: str | None = None
    joint_account: bool = False
    people: list[Person] = field(default_factory=list)

    def home_on(self, day: date) -> Home:
        """Return the home of the household on a day."""
        moved = self.moved_on is None or day >= self.moved_on
        return self.homes[-1] if moved else self.homes[0]


@dataclass(slots=True)
class Person:
    """One person, as they truly are."""

    id: str
    household: Household
    woman: bool
    given_name: str
    birth_name: str
    family_name: str
    birth_date: date
    mobile: str
    emails: list[str]
    """One address, or the former and the present one."""
    married_on: date | None = None
    new_email_on: date | None = None
    namesake: bool = False
    """Somebody of the household bears the same given and family name."""
    twin: bool = False

    def age_on(self, day: date) -> int:
        """Return the age in whole years on a day."""
        had_birthday = (day.month, day.day) >= (self.birth_date.month, self.birth_date.day)
        return day.year - self.birth_date.year - (not had_birthday)

    def family_name_on(self, day: date) -> str:
        """Return the family name in use on a day: the birth name until the wedding."""
        married = self.married_on is None or day >= self.married_on
        return self.family_name if married else self.birth_name

    def email_on(self, day: date) -> str:
        """Return the person's own e-mail address on a day."""
        changed = self.new_email_on is None or day >= self.new_email_on
        return self.emails[-1] if changed else self.emails[0]


def plain(text: str) -> str:
    """Return the text without accents and in small letters, as people write their own e-mail."""
    decomposed = unicodedata.normalize("NFKD", text.lower().replace("œ", "oe"))
    return "".join(c for c in decomposed if c.isascii() and (c.isalnum() or c == "-"))


class Registry:
    """Invents people one household after the other, and hands out what must be theirs alone."""

    def __init__(self, dice: Dice) -> None:
        """Prepare the telephone numbers and an empty address book."""
        self._dice = dice
        self._lines = dice.shuffled(range(10_000))
        self._mailboxes: set[str] = set()
        self.households: list[Household] = []
        self.people: list[Person] = []

    def invent(self) -> list[Household]:
        """Invent the households of about `PEOPLE` people, the difficult ones first."""
        for _ in range(5):
            self._namesakes()
            self._twins()
        while len(self.people) < PEOPLE:
            kind = self._dice.weighted({"alone": 30, "couple": 25, "family": 35, "one_parent": 10})
            self._household_of(kind)
        return self.households

    def _household_of(self, kind: str, *, born: int | None = None) -> Household:
        dice = self._dice
        household = self._household()
        name = dice.one_of(names.FAMILY_NAMES)
        if born is None:
            parents = kind in ("family", "one_parent")
            born = dice.between(1965, 1992) if parents else dice.between(OLDEST_CLIENT_BORN, 2003)
        woman = dice.happens(0.5 if kind != "one_parent" else 0.8)
        first = self._person(household, woman=woman, family_name=name, born=born)
        if kind in ("couple", "family"):
            self._spouse_of(first)
        if kind in ("family", "one_parent"):
            for _ in range(dice.between(1, 3)):
                self._child(household, first.family_name, born + dice.between(20, 33))
        self._share(household)
        return household

    def _namesakes(self) -> None:
        """Invent a father and his grown son of one name, at one address."""
        household = self._household_of("couple", born=self._dice.between(1948, 1968))
        father = next(person for person in household.people if not person.woman)
        son = self._person(
            household,
            woman=False,
            family_name=father.birth_name,
            born=father.birth_date.year + self._dice.between(23, 29),
            given_name=father.given_name,
        )
        father.namesake = son.namesake = True

    def _twins(self) -> None:
        """Invent a family with twins old enough to have accounts."""
        household = self._household_of("one_parent", born=self._dice.between(1966, 1980))
        name = household.people[0].birth_name
        first = self._person(household, woman=self._dice.happens(0.5), family_name=name, born=2003)
        second = self._person(household, woman=self._dice.happens(0.5), family_name=name, born=2003)
        second.birth_date = first.birth_date
        first.twin = second.twin = True

    def _household(self) -> Household:
        dice = self._dice
        moved = dice.happens(0.16)
        town = dice.one_of(TOWNS)
        homes = [self._home(town)]
        if moved:
            homes.append(self._home(town if dice.happens(0.5) else dice.one_of(TOWNS)))
        household = Household(
            id=f"H{len(self.households) + 1:03}",
            homes=homes,
            moved_on=YEAR_START + timedelta(days=dice.between(-500, 330)) if moved else None,
            landline=f"{LANDLINE_PREFIXES[town.store]} {self._lines.pop():04}".replace(" ", ""),
        )
        self.households.append(household)
        return household

    def _home(self, town: Town) -> Home:
        building = self._dice.one_of(("Résidence du Parc", "Bâtiment B", "Appt 12", "3e étage"))
        return Home(
            number=self._dice.between(1, 98),
            street=self._dice.one_of(STREETS),
            town=town,
            building=building if self._dice.happens(0.2) else None,
        )

    def _person(
        self,
        household: Household,
        *,
        woman: bool,
        family_name: str,
        born: int,
        given_name: str | None = None,
    ) -> Person:
        dice = self._dice
        person = Person(
            id=f"P{len(self.people) + 1:03}",
            household=household,
            woman=woman,
            given_name=given_name or self._given_name(household, woman=woman, born=born),
            birth_name=family_name,
            family_name=family_name,
            birth_date=date(born, dice.between(1, 12), dice.between(2, 28)),
            mobile=f"{MOBILE_PREFIX}{self._lines.pop():04}".replace(" ", ""),
            emails=[],
        )
        self._give_email(person)
        household.people.append(person)
        self.people.append(person)
        return person

    def _given_name(self, household: Household, *, woman: bool, born: int) -> str:
        usual: tuple[str, ...]
        if born < BORN_BEFORE_1965:
            usual = names.WOMEN_BORN_BEFORE_1965 if woman else names.MEN_BORN_BEFORE_1965
        elif born < BORN_BEFORE_1990:
            usual = names.WOMEN_BORN_BEFORE_1990 if woman else names.MEN_BORN_BEFORE_1990
        else:
            usual = names.WOMEN_BORN_LATER if woman else names.MEN_BORN_LATER
        taken = {person.given_name for person in household.people}
        return self._dice.one_of([name for name in usual if name not in taken])

    def _spouse_of(self, first: Person) -> None:
        dice = self._dice
        born = min(first.birth_date.year + dice.between(-6, 6), 2004)
        own_name = dice.one_of(names.FAMILY_NAMES)
        second = self._person(
            first.household, woman=not first.woman, family_name=own_name, born=born
        )
        wife, husband = (first, second) if first.woman else (second, first)
        if dice.happens(0.65):
            wife.family_name = husband.family_name
            if dice.happens(0.4):
                wife.married_on = YEAR_START + timedelta(days=dice.between(-700, 250))

    def _child(self, household: Household, name: str, born: int) -> None:
        if born <= YEAR_END.year - 4:
            self._person(household, woman=self._dice.happens(0.5), family_name=name, born=born)

    def _share(self, household: Household) -> None:
        """Decide what a household of several shares: a mailbox, a telephone, a bank account."""
        if len(household.people) == 1:
            return
        dice = self._dice
        first = household.people[0]
        if dice.happens(0.3):
            local = f"famille.{plain(first.family_name)}"
            household.shared_email = self._mailbox(local)
        if dice.happens(0.25):
            household.shared_mobile = first.mobile
        household.joint_account = dice.happens(0.2)

    def _give_email(self, person: Person) -> None:
        dice = self._dice
        person.emails.append(self._mailbox(self._local_part(person)))
        if dice.happens(0.15):
            person.emails.append(self._mailbox(self._local_part(person)))
            person.new_email_on = YEAR_START + timedelta(days=dice.between(-400, 300))

    def _local_part(self, person: Person) -> str:
        given, family = plain(person.given_name), plain(person.family_name)
        style = self._dice.weighted({"full": 50, "initial": 20, "year": 20, "nickname": 10})
        if style == "initial":
            return f"{given[0]}.{family}"
        if style == "year":
            return f"{given}.{family}{person.birth_date.year % 100:02}"
        if style == "nickname":
            pet = ("papillon", "mistral", "capucine", "tournesol", "loulou", "caramel")
            return f"{self._dice.one_of(pet)}{self._dice.between(100, 9999)}"
        return f"{given}.{family}"

    def _mailbox(self, local: str) -> str:
        domain = self._dice.one_of(MAIL_DOMAINS)
        address, tries = f"{local}@{domain}", 1
        while address in self._mailboxes:
            tries += 1
            address = f"{local}{tries}@{domain}"
        self._mailboxes.add(address)
        return address
