"""Whose points somebody may spend: the records of a client that verified links lead to; pure.

To state an e-mail, a phone or a card proves nothing. A person has proved what the sending source
says that it verified, and the card or app that is presented now. From there the way leads

- to a record that states the same identifier and whose own source verified it too;
- to a record that sales made of the identifiers that they showed: it is nobody's account, and what
  it earned was left to whoever owns the identifier;
- to a record that states a card which was proved: cards are handed out, not chosen;
- between two records of which a steward said that they are one person.

A profile that is reached brings what its own source verified; a record of identifiers brings
nothing, since whoever made it may have named anybody.

What a profile had verified and states no more may be another's by now: it leads to the sales of
before, and to or from no account. Where a profile that is not reached has or had the identifier
verified as well, what sales left by it may be that one's, and is nobody's to spend.
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
    is_stated: bool = True
    """Whether the record states it, or sales showed it; rather than that it did once."""


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
    people = _People(held, confirmed)
    found: set[UUID] = set()
    known, former = set(proved), set[IdentifierKey]()
    near = people.stating(known) | ({own} if own is not None else set())
    near = near or people.left_to(known, found)
    while near:
        found |= near
        told = [one for record_id in near for one in people.verified[record_id]]
        new = {one.identifier for one in told if one.is_stated} - known
        known |= new
        former |= {one.identifier for one in told if not one.is_stated}
        near = (people.beside(near) | people.stating(new)) - found
        if not near:
            near = people.left_to(known | former, found) - found
    return frozenset(found)


class _People:
    """What the records of one client hold, by record and by identifier."""

    def __init__(self, held: Iterable[Held], confirmed: Iterable[tuple[UUID, UUID]]) -> None:
        self.verified: dict[UUID, list[Held]] = defaultdict(list)
        """What accounts hold, or held, verified."""
        self._owners: dict[IdentifierKey, set[UUID]] = defaultdict(set)
        self._stating: dict[IdentifierKey, set[UUID]] = defaultdict(set)
        self._of_sales: dict[IdentifierKey, set[UUID]] = defaultdict(set)
        self._beside: dict[UUID, set[UUID]] = defaultdict(set)
        for one in held:
            self._add(one)
        for left, right in confirmed:
            self._beside[left].add(right)
            self._beside[right].add(left)

    def _add(self, one: Held) -> None:
        if not one.is_account:
            self._of_sales[one.identifier].add(one.record_id)
            return
        if one.is_verified:
            self.verified[one.record_id].append(one)
            self._owners[one.identifier].add(one.record_id)
        if one.is_stated and (one.is_verified or one.identifier[0] in CARD_KINDS):
            self._stating[one.identifier].add(one.record_id)

    def stating(self, identifiers: Iterable[IdentifierKey]) -> set[UUID]:
        """Return the accounts that identifiers which were proved open."""
        return {record_id for i in identifiers for record_id in self._stating[i]}

    def left_to(self, identifiers: Iterable[IdentifierKey], found: set[UUID]) -> set[UUID]:
        """Return the records of sales by identifiers that are nobody's but of those `found`."""
        return {
            record_id
            for i in identifiers
            if self._owners[i] <= found
            for record_id in self._of_sales[i]
        }

    def beside(self, record_ids: Iterable[UUID]) -> set[UUID]:
        """Return the records that a steward said are the same person's."""
        return {other for record_id in record_ids for other in self._beside[record_id]}
