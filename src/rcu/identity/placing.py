"""Which client owns a record that is known by identifiers only; pure rules, no database.

Tickets, orders and events that name no record of their source hang on an *identifiers record*,
one for each set of identifiers presented together. Such a record is never matched by
weights. It is placed, anew whenever the holders of its identifiers change, by rules that are
a function of who holds what:

1. Identifiers of a person (card, app scan, e-mail, phone, in this order): the first one that
   exactly one known client holds decides. Holders whose names contradict a name on the ticket
   do not count. Several holders narrow the choice for the identifiers after it.
2. A payment account or a device decides only when nothing of the first kind was presented,
   and only when every client who was seen with it is the same one: a joint account is
   *shared* and attaches nothing by itself.
3. Else the record stays with an anonymous client, which gathers all that carries the same
   token, device or other strongest identifier, until somebody known is found to own it.
"""

from collections.abc import Callable, Collection, Mapping
from uuid import UUID

from rcu.identity.models import Placement

IdentifierKey = tuple[str, str]
"""`(kind, normalised value)`."""

PERSONAL: Mapping[str, Placement] = {
    "card": Placement.CARD,
    "app_user": Placement.APP_SCAN,
    "email": Placement.EMAIL,
    "phone": Placement.PHONE,
}
"""Kinds that designate a person, strongest first."""

INSTRUMENTAL: Mapping[str, Placement] = {
    "payment_token": Placement.PAYMENT_TOKEN,
    "device": Placement.DEVICE,
}
"""Kinds that designate a thing which a person uses, strongest first."""

DIRECT_PLACEMENTS = frozenset({Placement.MATCHING, Placement.OWN_RECORD, *PERSONAL.values()})
"""Placements that are evidence of who uses a token or a device."""


def personal_identifiers(identifiers: Collection[IdentifierKey]) -> list[IdentifierKey]:
    """Return those that designate a person, strongest first."""
    return _ranked(identifiers, PERSONAL)


def instrumental_identifiers(identifiers: Collection[IdentifierKey]) -> list[IdentifierKey]:
    """Return those that designate a thing which a person uses, strongest first."""
    return _ranked(identifiers, INSTRUMENTAL)


def _ranked(
    identifiers: Collection[IdentifierKey], kinds: Mapping[str, Placement]
) -> list[IdentifierKey]:
    rank = {kind: position for position, kind in enumerate(kinds)}
    return sorted(
        (identifier for identifier in identifiers if identifier[0] in rank),
        key=lambda identifier: (rank[identifier[0]], identifier[1]),
    )


def place_by_person(
    identifiers: Collection[IdentifierKey],
    owners: Callable[[IdentifierKey], Collection[UUID]],
) -> tuple[UUID, Placement] | None:
    """Return the one known client that the personal identifiers lead to, and by which.

    `owners` says which known clients hold an identifier and do not contradict the names
    that came with it. An identifier that nobody holds says nothing.
    """
    choice: frozenset[UUID] | None = None
    for identifier in personal_identifiers(identifiers):
        holding = frozenset(owners(identifier))
        if not holding:
            continue
        choice = holding if choice is None else choice & holding
        if len(choice) == 1:
            return next(iter(choice)), PERSONAL[identifier[0]]
        if not choice:
            return None
    return None


def place_by_instrument(
    identifiers: Collection[IdentifierKey],
    users: Callable[[IdentifierKey], Collection[UUID]],
) -> tuple[UUID, Placement] | None:
    """Return the one client that uses the token or device, if nothing personal was presented.

    `users` says which known clients were seen with it.
    """
    if personal_identifiers(identifiers):
        return None
    for kind, placement in INSTRUMENTAL.items():
        using: set[UUID] = set()
        for identifier in identifiers:
            if identifier[0] == kind:
                using.update(users(identifier))
        if using:
            return (using.pop(), placement) if len(using) == 1 else None
    return None


def anchor(identifiers: Collection[IdentifierKey]) -> IdentifierKey | None:
    """Return the identifier by which an anonymous client gathers its records."""
    ranked = instrumental_identifiers(identifiers) + personal_identifiers(identifiers)
    return ranked[0] if ranked else min(identifiers, default=None)


def anonymous_clients(
    anchors: Mapping[UUID, IdentifierKey | None],
) -> Mapping[UUID, UUID]:
    """Return the client of each unplaced record: the oldest record with the same anchor."""
    oldest: dict[IdentifierKey, UUID] = {}
    for record_id, held in anchors.items():
        if held is not None:
            oldest[held] = min(record_id, oldest.get(held, record_id))
    return {
        record_id: oldest[held] if held is not None else record_id
        for record_id, held in anchors.items()
    }
