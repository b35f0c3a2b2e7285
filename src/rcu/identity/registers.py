"""A source's profile as last-writer-wins registers, so that any order of arrival ends the same.

Each attribute is a register of its own: `{"value", "occurred_at", "message_id"}`. The newest
`occurred_at` wins; at the same instant the greater message id does, so that the winner never
depends on which message came first (Shapiro et al., "Conflict-free replicated data types",
2011, section 3.2.1).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rcu.identity.features import describe
from rcu.identity.person import Person, PostalAddress

Registers = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ProfileStatement:
    """What one profile message states of one source record."""

    source: str
    external_id: str
    values: Mapping[str, Any]
    """Attribute to wire value; an attribute that is absent is not stated, `None` removes it."""
    occurred_at: datetime
    message_id: str


def merge(registers: Registers, statement: ProfileStatement) -> Registers:
    """Return the registers after a statement; the argument stays as it is.

    The operation is commutative, associative and idempotent.
    """
    stamp = (statement.occurred_at, statement.message_id)
    since = statement.occurred_at.isoformat()
    merged = dict(registers)
    for attribute, value in statement.values.items():
        held = registers.get(attribute)
        if held is None or stamp > _stamp(held):
            merged[attribute] = {
                "value": value or None,
                "occurred_at": since,
                "message_id": statement.message_id,
            }
    return merged


def values_of(registers: Registers) -> dict[str, Any]:
    """Return the values that are held, without those that were removed."""
    return {
        name: register["value"]
        for name, register in registers.items()
        if register["value"] is not None
    }


def person_of(registers: Registers) -> Person:
    """Return the person that the registers describe, for the identity engine."""
    held = values_of(registers)
    return Person(
        title=held.get("title"),
        given_name=held.get("given_name"),
        family_name=held.get("family_name"),
        birth_name=held.get("birth_name"),
        birth_date=held.get("birth_date"),
        emails=_identifier_values(held, "emails"),
        phones=_identifier_values(held, "phones"),
        cards=_identifier_values(held, "cards"),
        addresses=tuple([_address(address) for address in held.get("addresses", ())]),
        identifiers=tuple(
            [(other["kind"], other["value"]) for other in held.get("identifiers", ())]
        ),
    )


_IDENTIFIER_ATTRIBUTES = ("emails", "phones", "cards", "identifiers")


def verified_identifiers(registers: Registers, *, region: str) -> dict[tuple[str, str], datetime]:
    """Return the normalised identifiers that the source says it has verified, and since when.

    A source that gives no date is taken to have verified it by the time it said so.
    """
    found: dict[tuple[str, str], datetime] = {}
    for attribute in _IDENTIFIER_ATTRIBUTES:
        register = registers.get(attribute)
        for held in (register["value"] or ()) if register else ():
            if register and is_verified(held):
                since = held.get("verified_at") or register["occurred_at"]
                alone = person_of({attribute: {"value": [held]}})
                for identifier in describe(alone, region=region).identifiers:
                    found[identifier] = datetime.fromisoformat(since)
    return found


def is_verified(held: Mapping[str, Any]) -> bool:
    """Tell whether the source says that an identifier, as it was received, is verified.

    A date says so where nothing else does. Beside `"verified": false` it tells when the identifier
    had been verified once, which proves nothing of now.
    """
    return bool(held.get("verified", held.get("verified_at")))


def _stamp(register: Mapping[str, Any]) -> tuple[datetime, str]:
    return datetime.fromisoformat(register["occurred_at"]), register["message_id"]


def _identifier_values(held: Mapping[str, Any], attribute: str) -> tuple[str, ...]:
    return tuple([identifier["value"] for identifier in held.get(attribute, ())])


def _address(address: Mapping[str, Any]) -> PostalAddress:
    return PostalAddress(
        lines=tuple(address.get("lines", ())),
        postcode=address.get("postcode"),
        city=address.get("city"),
        country=address.get("country"),
    )
