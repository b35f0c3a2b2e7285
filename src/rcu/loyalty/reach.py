"""Whose points somebody may spend: the records of a client that verified links lead to; pure.

To state an e-mail, a phone or a card proves nothing. A person has proved what the sending source
says that it verified, and the card or app that is presented now. From there the way leads

- to a record that holds the same identifier and whose own source verified it too;
- to a record that a sale made of the identifiers it showed: it is nobody's account, and what it
  earned was left to whoever owns the identifier;
- to a record that states a card which was proved: cards are handed out, not chosen;
- between two records of which a steward said that they are one person.

A profile that is reached brings what its own source verified; a record of identifiers brings
nothing, since whoever made it may have named anybody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

IdentifierKey = tuple[str, str]
CARD_KINDS = frozenset({"card"})


@dataclass(frozen=True, slots=True)
class Held:
    """An identifier that a record holds."""

    record_id: UUID
    is_account: bool
    """Whether somebody can stand behind the record: a profile, or a source's own reference."""
    identifier: IdentifierKey
    is_verified: bool


def reachable(
    *,
    own: UUID | None,
    proved: Collection[IdentifierKey],
    held: Iterable[Held],
    confirmed: Iterable[tuple[UUID, UUID]],
) -> frozenset[UUID]:
    """Return the records whose points may be spent, out of those of one client.

    `own` is the record under which the person stands, as its source says; `proved` is what is
    presented now; `confirmed` are the pairs that a steward said are one person.
    """
    by_record: dict[UUID, list[Held]] = defaultdict(list)
    by_identifier: dict[IdentifierKey, list[Held]] = defaultdict(list)
    for one in held:
        by_record[one.record_id].append(one)
        by_identifier[one.identifier].append(one)
    beside: dict[UUID, set[UUID]] = defaultdict(set)
    for left, right in confirmed:
        beside[left].add(right)
        beside[right].add(left)
    found: set[UUID] = set()
    known = set(proved)
    records: set[UUID] = {own} if own is not None else set()
    identifiers = set(proved)
    while records or identifiers:
        for record_id in records:
            found.add(record_id)
            identifiers |= {
                one.identifier for one in by_record[record_id] if one.is_account and one.is_verified
            } - known
        known |= identifiers
        near = {b for record_id in records for b in beside[record_id]}
        near |= {
            one.record_id
            for identifier in identifiers
            for one in by_identifier[identifier]
            if _opens(one)
        }
        records, identifiers = near - found, set()
    return frozenset(found)


def _opens(one: Held) -> bool:
    return one.is_verified or not one.is_account or one.identifier[0] in CARD_KINDS
