"""A source's profile as last-writer-wins registers, so that any order of arrival ends the same.

Each attribute is a register of its own: `{"value", "occurred_at", "message_id"}`. The newest
`occurred_at` wins; at the same instant the greater message id does, so that the winner never
depends on which message came first (Shapiro et al., "Conflict-free replicated data types",
2011, section 3.2.1).

An e-mail, a phone, a card or another identifier that a record gives up stays its claim: tickets and
points of before were found by it. A register of identifiers keeps as `earlier` those that a
statement ever made and the winner does not make, each as it was last stated, with that
statement's `occurred_at` and `message_id`. So it does not matter either when a statement comes.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from rcu.identity.features import MISTYPED_CARD, Features, describe
from rcu.identity.person import Person, PostalAddress

Registers = dict[str, dict[str, Any]]
MAX_STATED: Final = 50
"""Identifiers of one attribute that a record remembers, those that it states now among them.

Those that were stated last: a record that states more of them is of no one person.
"""
_IDENTIFIER_ATTRIBUTES: Final = ("emails", "phones", "cards", "identifiers")


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
        told = {"value": value or None, "occurred_at": since, "message_id": statement.message_id}
        if held is None:
            merged[attribute] = told
            continue
        newer, older = (told, held) if stamp > _stamp(held) else (held, told)
        if attribute in _IDENTIFIER_ATTRIBUTES:
            merged[attribute] = _with_earlier(newer, [*_earlier(held), *_entries(older)])
        else:
            merged[attribute] = newer
    return merged


_Entry = Mapping[str, Any]
"""An identifier as a source stated it, and the `occurred_at` and `message_id` of the statement."""


def _earlier(register: Mapping[str, Any]) -> Collection[_Entry]:
    found: Collection[_Entry] = register.get("earlier", ())
    return found


def _entries(register: Mapping[str, Any]) -> list[_Entry]:
    """Return the identifiers that a register states."""
    when = {name: register[name] for name in ("occurred_at", "message_id")}
    return [{"stated": stated, **when} for stated in register["value"] or ()]


def _with_earlier(winner: Mapping[str, Any], entries: Iterable[_Entry]) -> dict[str, Any]:
    """Return a register that remembers of some entries the last of each that it does not state."""
    current = {_what(stated) for stated in winner["value"] or ()}
    last: dict[tuple[str, str], _Entry] = {}
    for entry in entries:
        what = _what(entry["stated"])
        if what not in current and (what not in last or _rank(entry) > _rank(last[what])):
            last[what] = entry
    kept = sorted(last.values(), key=_rank, reverse=True)[: MAX_STATED - len(current)]
    without = {name: held for name, held in winner.items() if name != "earlier"}
    return without | {"earlier": kept} if kept else without


def _what(stated: Mapping[str, Any]) -> tuple[str, str]:
    """Return what tells two identifiers of one attribute apart, as they were received."""
    return stated.get("kind", ""), stated["value"]


def _rank(entry: _Entry) -> tuple[Any, ...]:
    """Return the order of entries: the last stated is the greatest, and no two are alike."""
    stated = entry["stated"]
    return (
        *_stamp(entry),
        is_verified(stated),
        stated.get("verified_at") or "",
        *_what(stated),
    )


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


def verified_identifiers(registers: Registers, *, region: str) -> dict[tuple[str, str], datetime]:
    """Return the normalised identifiers that the source says it has verified, and since when.

    A source that gives no date is taken to have verified it by the time it said so.
    """
    found: dict[tuple[str, str], datetime] = {}
    for attribute in _IDENTIFIER_ATTRIBUTES:
        for entry in _entries(registers[attribute]) if attribute in registers else ():
            if since := _verified_since(entry):
                found |= dict.fromkeys(_normalised(attribute, entry, region).identifiers, since)
    return found


def withdrawn_identifiers(
    registers: Registers, held: Collection[tuple[str, str]], *, region: str
) -> dict[tuple[str, str], datetime | None]:
    """Return the normalised identifiers that were stated once and are not `held` any more.

    With each, since when the source has verified it, by what it said last of it, or None.
    """
    found: dict[tuple[str, str], datetime | None] = {}
    for attribute in _IDENTIFIER_ATTRIBUTES:
        register = registers.get(attribute)
        for entry in sorted(_earlier(register), key=_rank) if register else ():
            for identifier in _normalised(attribute, entry, region).held:
                if identifier not in held:
                    is_mistyped = identifier[0] == MISTYPED_CARD
                    found[identifier] = None if is_mistyped else _verified_since(entry)
    return found


def _normalised(attribute: str, entry: _Entry, region: str) -> Features:
    return describe(person_of({attribute: {"value": [entry["stated"]]}}), region=region)


def _verified_since(entry: _Entry) -> datetime | None:
    stated = entry["stated"]
    if not is_verified(stated):
        return None
    return datetime.fromisoformat(stated.get("verified_at") or entry["occurred_at"])


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
