"""All that comparing two people needs, normalised once per record and stored with it."""

from __future__ import annotations

from collections.abc import Collection, Container
from dataclasses import dataclass, field
from typing import Any

from rcu.identity.normalise.addresses import Address, normalise_address
from rcu.identity.normalise.cards import CardCheck, check_card, normalise_card
from rcu.identity.normalise.dates import comparable_birth_date
from rcu.identity.normalise.emails import is_placeholder_email, normalise_email
from rcu.identity.normalise.names import gender_of_title, name_words
from rcu.identity.normalise.other_identifiers import normalise_identifier
from rcu.identity.normalise.phones import foreign_phone, is_placeholder_phone, normalise_phone
from rcu.identity.person import Person

_FIRST_OF_JANUARY = "-01-01"
EMAIL, PHONE, CARD = "email", "phone", "card"
MISTYPED_CARD = "mistyped_card"
"""Kind of a card number whose check digit fails.

Who presents it digit for digit is the one whose profile states it so: a till reads it from its own
file of clients, errors and all. Links between profiles are for `compare_cards` to weigh.
"""


@dataclass(slots=True, unsafe_hash=True)
class Features:
    """One record, normalised, without junk. Equal features compare equally with everybody.

    Never changed once made, though not declared frozen: a frozen one takes three times as long to
    make, and a new record makes some thirty.
    """

    given_name: tuple[str, ...] = ()
    family_name: tuple[str, ...] = ()
    birth_name: tuple[str, ...] = ()
    gender: str | None = None
    birth_date: str | None = None
    """As `yyyy-mm-dd`; as written, a day that does not exist may be one (see `normalise.dates`)."""
    birth_date_is_vague: bool = False
    """A first of January: perhaps only the year is known."""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    cards: tuple[str, ...] = ()
    suspicious_cards: tuple[str, ...] = ()
    """Cards whose check digit fails: found and compared, never an identifier."""
    addresses: tuple[Address, ...] = ()
    others: tuple[tuple[str, str], ...] = ()
    _identifiers: tuple[tuple[str, str], ...] | None = field(
        default=None, init=False, repr=False, compare=False
    )
    """Made when they are first asked for, which is often."""

    @property
    def identifiers(self) -> tuple[tuple[str, str], ...]:
        """The exact identifiers as `(kind, normalised value)`."""
        found = self._identifiers
        if found is None:
            found = (
                *[(EMAIL, value) for value in self.emails],
                *[(PHONE, value) for value in self.phones],
                *[(CARD, value) for value in self.cards],
                *self.others,
            )
            self._identifiers = found
        return found

    @property
    def held(self) -> tuple[tuple[str, str], ...]:
        """What facts find the record by: its identifiers, and its mistyped cards just so."""
        if not self.suspicious_cards:
            return self.identifiers
        return *self.identifiers, *((MISTYPED_CARD, value) for value in self.suspicious_cards)

    def face(self, single_valued_kinds: Container[str] = ()) -> Features:
        """Return what can part one person from another: names, gender, birth date.

        Also the identifiers of the kinds of which a person has only one.
        """
        return Features(
            given_name=self.given_name,
            family_name=self.family_name,
            birth_name=self.birth_name,
            gender=self.gender,
            birth_date=self.birth_date,
            birth_date_is_vague=self.birth_date_is_vague,
            others=tuple(other for other in self.others if other[0] in single_valued_kinds),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the features as plain JSON values; what is absent is left out."""
        packed = (
            ("given", self.given_name),
            ("family", self.family_name),
            ("birth", self.birth_name),
            ("gender", self.gender),
            ("born", self.birth_date),
            ("vague", self.birth_date_is_vague),
            ("emails", self.emails),
            ("phones", self.phones),
            ("cards", self.cards),
            ("suspicious_cards", self.suspicious_cards),
            ("addresses", [list(address) for address in self.addresses]),
            ("others", [list(other) for other in self.others]),
        )
        return {
            name: list(value) if type(value) is tuple else value for name, value in packed if value
        }

    @classmethod
    def from_json(cls, packed: dict[str, Any]) -> Features:
        """Return the features that `to_json` packed."""
        get = packed.get
        return cls(
            tuple(get("given", ())),
            tuple(get("family", ())),
            tuple(get("birth", ())),
            get("gender"),
            get("born"),
            get("vague", False),
            tuple(get("emails", ())),
            tuple(get("phones", ())),
            tuple(get("cards", ())),
            tuple(get("suspicious_cards", ())),
            # `_make` takes a third of the time of the call of a class with names for its members.
            tuple([Address._make(parts) for parts in get("addresses", ())]),
            tuple([(kind, value) for kind, value in get("others", ())]),
        )


def describe(person: Person, *, region: str = "FR") -> Features:
    """Return the features of a person: every value normalised, junk left out.

    `region` reads phones without a country code and postcodes without a country. The result
    is a pure function of its arguments; values keep no order but their own.
    """
    born = comparable_birth_date(person.birth_date) if person.birth_date else None
    family = name_words(person.family_name)
    birth = name_words(person.birth_name)
    cards, suspicious = _cards(person)
    return Features(
        name_words(person.given_name),
        family or birth,
        birth if birth != family and family else (),
        gender_of_title(person.title),
        born,
        born is not None and born.endswith(_FIRST_OF_JANUARY),
        _sorted([email for text in person.emails if (email := _email(text))]),
        _sorted([phone for text in person.phones if (phone := _phone(text, region))]),
        cards,
        suspicious,
        _addresses(person, region),
        _others(person),
    )


def identifier_of(
    kind: str, text: str, *, region: str = "FR", as_written: bool = False
) -> tuple[str, str] | None:
    """Return an identifier in normal form as `(kind, value)`, or None for what designates nobody.

    Junk is None: a placeholder, what is not well-formed, and, unless `as_written`, a card whose
    check digit fails.
    """
    person = {
        EMAIL: Person(emails=(text,)),
        PHONE: Person(phones=(text,)),
        CARD: Person(cards=(text,)),
    }.get(kind) or Person(identifiers=((kind, text),))
    features = describe(person, region=region)
    return next(iter(features.held if as_written else features.identifiers), None)


def _email(text: str) -> str | None:
    email = normalise_email(text)
    return None if email is None or is_placeholder_email(email) else email


def _phone(text: str, region: str) -> str | None:
    phone = normalise_phone(text, region=region) or foreign_phone(text)
    return None if phone is None or is_placeholder_phone(phone) else phone


def _cards(person: Person) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the cards, and those of them whose check digit fails."""
    if not person.cards:
        return (), ()
    cards = {card for text in person.cards if (card := normalise_card(text))}
    suspicious = {card for card in cards if check_card(card) is CardCheck.SUSPICIOUS}
    return _sorted(cards - suspicious), _sorted(suspicious)


def _addresses(person: Person, region: str) -> tuple[Address, ...]:
    if not person.addresses:
        return ()
    found = {
        address
        for a in person.addresses
        if (address := normalise_address(a.lines, a.postcode, a.city, a.country, region=region))
    }
    return tuple(sorted(found) if len(found) > 1 else found)


def _others(person: Person) -> tuple[tuple[str, str], ...]:
    if not person.identifiers:
        return ()
    found = {
        (kind, value)
        for kind, text in person.identifiers
        if kind not in {EMAIL, PHONE, CARD} and (value := normalise_identifier(text))
    }
    return tuple(sorted(found))


def _sorted(values: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values))) if len(values) > 1 else tuple(values)
