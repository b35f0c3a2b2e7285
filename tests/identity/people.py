"""Invented people for the tests of the identity engine, short to write."""

from __future__ import annotations

from typing import Any

from rcu.identity.features import Features, describe
from rcu.identity.person import Person, PostalAddress


def home(street: str, postcode: str = "44000", city: str = "Nantes") -> PostalAddress:
    """Return an address of one line."""
    return PostalAddress((street,), postcode, city)


def person(given: str | None = None, family: str | None = None, **said: Any) -> Person:
    """Return a person; `email`, `phone`, `card` and `address` take one value each."""
    for single, plural in (
        ("email", "emails"),
        ("phone", "phones"),
        ("card", "cards"),
        ("address", "addresses"),
    ):
        if single in said:
            said[plural] = (said.pop(single),)
    if "born" in said:
        said["birth_date"] = said.pop("born")
    return Person(given_name=given, family_name=family, **said)


def features(given: str | None = None, family: str | None = None, **said: Any) -> Features:
    """Return the features of such a person."""
    return describe(person(given, family, **said))
