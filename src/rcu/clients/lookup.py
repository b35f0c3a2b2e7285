"""Look-up by one exact identifier: equality of normalised values, nothing near it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

PAYMENT_TOKEN: Final = "payment_token"  # noqa: S105 - the name of a kind of identifier
MAX_CANDIDATES: Final = 20
_MASK: Final = "***"
_PHONE_DIGITS_SHOWN: Final = 2


@dataclass(frozen=True, slots=True)
class FoundClient:
    """A client that a query found, with what a summary of it needs."""

    client_id: UUID
    known: bool
    golden: Mapping[str, Any] | None
    last_purchase_at: datetime | None


@dataclass(frozen=True, slots=True)
class Summary:
    """Enough of a client to tell it from another; e-mails and phones are masked."""

    client_id: UUID
    known: bool
    title: str | None
    given_name: str | None
    family_name: str | None
    birth_name: str | None
    birth_year: int | None
    postcode: str | None
    city: str | None
    emails: list[str]
    phones: list[str]
    last_purchase_at: datetime | None


SEPARATING: Final = (
    "given_name",
    "family_name",
    "birth_year",
    "city",
    "postcode",
    "last_purchase_at",
)
"""What tells candidates apart, the easiest to ask a person first."""


def choose(found: Sequence[FoundClient], *, kind: str | None) -> list[FoundClient]:
    """Return the clients a look-up may name: the known ones.

    A payment token names an anonymous client too, when no known client has it: the till sees
    that this card has been here before, though not whose it is.
    """
    known = [client for client in found if client.known]
    if known or kind != PAYMENT_TOKEN:
        return known
    return list(found)


def summarise(client: FoundClient) -> Summary:
    """Return the summary of a client."""
    golden = client.golden or {}
    address: Mapping[str, Any] = next((one["value"] for one in golden.get("addresses", ())), {})
    born = _value(golden, "birth_date")
    return Summary(
        client_id=client.client_id,
        known=client.known,
        title=_value(golden, "title"),
        given_name=_value(golden, "given_name"),
        family_name=_value(golden, "family_name"),
        birth_name=_value(golden, "birth_name"),
        birth_year=int(born[:4]) if born else None,
        postcode=address.get("postcode"),
        city=address.get("city"),
        emails=[mask_email(one["value"]) for one in golden.get("emails", ())],
        phones=[mask_phone(one["value"]) for one in golden.get("phones", ())],
        last_purchase_at=client.last_purchase_at,
    )


def separating_fields(candidates: Sequence[Summary]) -> list[str]:
    """Return the fields in which candidates differ, in the order in which to ask them."""
    return [
        name
        for name in SEPARATING
        if len({getattr(candidate, name) for candidate in candidates}) > 1
    ]


def mask_email(email: str) -> str:
    """Return an e-mail of which only the first letter and the domain can be read."""
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}{_MASK}@{domain}"


def mask_phone(phone: str) -> str:
    """Return a phone number of which only the last two digits can be read."""
    return _MASK + phone[-_PHONE_DIGITS_SHOWN:]


def _value(golden: Mapping[str, Any], attribute: str) -> Any:
    held = golden.get(attribute)
    return held["value"] if held else None
