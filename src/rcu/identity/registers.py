"""A source's profile as last-writer-wins registers, so that any order of arrival ends the same.

Each attribute is a register of its own: `{"value", "occurred_at", "message_id"}`. The newest
`occurred_at` wins; at the same instant the greater message id does, so that the winner never
depends on which message came first (Shapiro et al., "Conflict-free replicated data types",
2011, section 3.2.1).

An e-mail, a phone, a card or another identifier that a record gives up stays its claim: tickets and
points of before were found by it. A register of identifiers keeps as `earlier` those that a
statement ever made and the winner does not make, each as it was last stated, with that
statement's `occurred_at` and `message_id`. So it does not matter either when a statement comes.
Since when each has been stated is remembered as `rcu.identity.standing` says.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from rcu.identity.features import MISTYPED_CARD, Features, describe
from rcu.identity.person import Person, PostalAddress
from rcu.identity.standing import first_stated, stamp_of, starts_of, what_of, with_times
from rcu.moments import utc_moment, utc_text

Registers = dict[str, dict[str, Any]]
MAX_STATED: Final = 50
"""Identifiers of one attribute that a record remembers, those that it states now among them.

Those that were stated last: a record that states more of them is of no one person.
"""
_IDENTIFIER_ATTRIBUTES: Final = ("emails", "phones", "cards", "identifiers")
_ATTRIBUTES: Final = {"email": "emails", "phone": "phones", "card": "cards", MISTYPED_CARD: "cards"}
"""The attribute by which an identifier of a kind is stated; of all other kinds, the last one."""
_STATEMENT: Final = ("value", "occurred_at", "message_id")


@dataclass(slots=True)
class ProfileStatement:
    """What one profile message states of one source record.

    Never changed once made, though not declared frozen, for the same reason as `Features`.
    """

    source: str
    external_id: str
    values: Mapping[str, Any]
    """Attribute to wire value; an attribute that is absent is not stated, `None` removes it."""
    occurred_at: datetime
    """In UTC."""
    message_id: str


def merge(registers: Registers, statement: ProfileStatement) -> Registers:
    """Return the registers after a statement; the argument stays as it is.

    The operation is commutative, associative and idempotent.
    """
    message_id = statement.message_id
    stamp = (statement.occurred_at, message_id)
    since = utc_text(statement.occurred_at)
    merged = dict(registers)
    for attribute, value in statement.values.items():
        held = registers.get(attribute)
        told = {"value": value or None, "occurred_at": since, "message_id": message_id}
        if attribute in _IDENTIFIER_ATTRIBUTES:
            if held:
                told = _merged_identifiers(held, told)
            else:
                told["told"] = []
        elif held is not None and stamp <= stamp_of(held):
            continue
        merged[attribute] = told
    return merged


def _merged_identifiers(held: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    newer, older = (told, held) if stamp_of(told) > stamp_of(held) else (held, told)
    entries = [*_earlier(held), *_entries(older)]
    merged = _with_earlier(newer, entries)
    are_all = len({what_of(e["stated"]) for e in [*entries, *_entries(newer)]}) <= MAX_STATED
    return with_times(merged, held, told) if are_all else merged


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
    current = {what_of(stated) for stated in winner["value"] or ()}
    last: dict[tuple[str, str], _Entry] = {}
    for entry in entries:
        what = what_of(entry["stated"])
        if what not in current and (what not in last or _rank(entry) > _rank(last[what])):
            last[what] = entry
    kept = sorted(last.values(), key=_rank, reverse=True)[: max(MAX_STATED - len(current), 0)]
    register = {name: winner[name] for name in _STATEMENT}
    return register | {"earlier": [_untimed(entry) for entry in kept]} if kept else register


def _untimed(entry: _Entry) -> dict[str, Any]:
    return {name: held for name, held in entry.items() if name != "first"}


def _rank(entry: _Entry) -> tuple[Any, ...]:
    """Return the order of entries: the last stated is the greatest, and no two are alike."""
    stated = entry["stated"]
    return (
        *stamp_of(entry),
        is_verified(stated),
        stated.get("verified_at") or "",
        *what_of(stated),
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
    get = values_of(registers).get
    return Person(
        get("title"),
        get("given_name"),
        get("family_name"),
        get("birth_name"),
        get("birth_date"),
        tuple([one["value"] for one in get("emails", ())]),
        tuple([one["value"] for one in get("phones", ())]),
        tuple([one["value"] for one in get("cards", ())]),
        tuple([_address(one) for one in get("addresses", ())]),
        tuple([(one["kind"], one["value"]) for one in get("identifiers", ())]),
    )


class Standing(NamedTuple):
    """What is known of an identifier that a record states, or has stated."""

    verified_at: datetime | None
    """Since when its source has verified it, by what it said last of it."""
    since: datetime | None
    """Since when it is stated without a break; of one that was withdrawn, when it was stated first.

    None when that is not known.
    """


def stated_identifiers(
    registers: Registers, held: Collection[tuple[str, str]], *, region: str
) -> dict[tuple[str, str], Standing]:
    """Return what is known of the normalised identifiers that the registers state: `held`.

    A source that gives no date is taken to have verified one by the time it said so.
    """
    if not held:
        return {}
    verified = _verified(registers, region=region)
    since = _since(registers, held, region=region)
    return {one: Standing(verified.get(one), since.get(one)) for one in held}


def _verified(registers: Registers, *, region: str) -> dict[tuple[str, str], datetime]:
    found: dict[tuple[str, str], datetime] = {}
    for attribute in _IDENTIFIER_ATTRIBUTES:
        register = registers.get(attribute)
        if register is None or not any(map(is_verified, register["value"] or ())):
            continue
        for entry in _entries(register):
            if since := _verified_since(entry):
                found |= dict.fromkeys(_normalised(attribute, entry, region).identifiers, since)
    return found


def _since(
    registers: Registers, held: Collection[tuple[str, str]], *, region: str
) -> dict[tuple[str, str], datetime]:
    found: dict[tuple[str, str], datetime] = {}
    starts: dict[str, Sequence[datetime] | None] = {}
    for one in held:
        attribute = _ATTRIBUTES.get(one[0], "identifiers")
        if attribute not in starts:
            starts[attribute] = starts_of(registers[attribute])
        ours = starts[attribute]
        if ours and ours.count(ours[0]) == len(ours):
            found[one] = ours[0]  # as nearly always: which is which needs no telling
    for attribute, ours in starts.items():
        if ours and ours.count(ours[0]) < len(ours):
            for entry, start in zip(_entries(registers[attribute]), ours, strict=True):
                for one in _normalised(attribute, entry, region).held:
                    found[one] = min(start, found.get(one, start))
    return found


def withdrawn_identifiers(
    registers: Registers, held: Collection[tuple[str, str]], *, region: str
) -> dict[tuple[str, str], Standing]:
    """Return the normalised identifiers that were stated once and are not `held` any more."""
    found: dict[tuple[str, str], Standing] = {}
    for attribute in _IDENTIFIER_ATTRIBUTES:
        register = registers.get(attribute)
        for entry in sorted(_earlier(register), key=_rank) if register else ():
            for one in _normalised(attribute, entry, region).held:
                if one not in held:
                    is_mistyped = one[0] == MISTYPED_CARD
                    verified_at = None if is_mistyped else _verified_since(entry)
                    first = first_stated(entry)
                    if first and one in found:
                        first = min(first, found[one].since or first)
                    found[one] = Standing(verified_at, first)
    return found


def _normalised(attribute: str, entry: _Entry, region: str) -> Features:
    return describe(person_of({attribute: {"value": [entry["stated"]]}}), region=region)


def _verified_since(entry: _Entry) -> datetime | None:
    stated = entry["stated"]
    if not is_verified(stated):
        return None
    return utc_moment(stated.get("verified_at") or entry["occurred_at"])


def is_verified(held: Mapping[str, Any]) -> bool:
    """Tell whether the source says that an identifier, as it was received, is verified.

    A date says so where nothing else does. Beside `"verified": false` it tells when the identifier
    had been verified once, which proves nothing of now.
    """
    return bool(held.get("verified", held.get("verified_at")))


def _address(address: Mapping[str, Any]) -> PostalAddress:
    get = address.get
    return PostalAddress(tuple(get("lines", ())), get("postcode"), get("city"), get("country"))
