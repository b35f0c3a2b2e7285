"""What one source record says of a person, as received: the input of the identity engine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, unsafe_hash=True)
class PostalAddress:
    """One postal address, as received. `lines` are the free lines above postcode and city."""

    lines: tuple[str, ...] = ()
    postcode: str | None = None
    city: str | None = None
    country: str | None = None


@dataclass(slots=True, unsafe_hash=True)
class Person:
    """One person as one source record knows them, not yet normalised; anything may be absent.

    Never changed once made, though not declared frozen, for the same reason as `Features`.
    `identifiers` holds the exact identifiers that are neither e-mail, phone nor card, as
    `(kind, value)`: `national_id`, `payment_token`, `device`, or any other kind.
    """

    title: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    birth_name: str | None = None
    birth_date: str | None = None
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    cards: tuple[str, ...] = ()
    addresses: tuple[PostalAddress, ...] = ()
    identifiers: tuple[tuple[str, str], ...] = ()
