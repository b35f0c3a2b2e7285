"""Which client owns a record that is known by identifiers only; pure rules, no database.

Tickets, orders and events that name no record of their source hang on an *identifiers record*,
one for each set of identifiers presented together. Such a record is never matched by
weights. It is placed, anew whenever the holders of its identifiers change, by rules that are
a function of who holds what:

1. Identifiers of a person (card, app scan, e-mail, phone, in this order): the first one that
   exactly one known client holds decides: states now, or has stated once (see `holding`). Last of
   all a card whose check digit fails, when a profile states it just so. Holders whose names
   contradict a name on the ticket do not count. Several holders narrow the choice for the
   identifiers after it.
2. A payment account or a device decides when nothing of the first kind was presented, or when
   it picks one of the several holders of what was; and only when every client who was seen
   with it is the same one: a joint account is *shared* and attaches nothing by itself.
3. Else the record stays with an anonymous client, which gathers all that carries the same
   token, device or other strongest identifier, until somebody known is found to own it. Why it
   has no owner is said by its placement: `none`, `ambiguous` or `shared`.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from rcu.identity.features import MISTYPED_CARD
from rcu.identity.models import Placement

IdentifierKey = tuple[str, str]
"""`(kind, normalised value)`."""

PERSONAL: Mapping[str, Placement] = {
    "card": Placement.CARD,
    "app_user": Placement.APP_SCAN,
    "email": Placement.EMAIL,
    "phone": Placement.PHONE,
    MISTYPED_CARD: Placement.CARD,
}
"""Kinds that designate a person, strongest first."""

NAMING = frozenset(PERSONAL) - {MISTYPED_CARD}
"""Those that name a person even when nobody known holds them; a typing error names nobody."""

ISSUED = frozenset({"card", "app_user"})
"""Those that are given out, each to one person, before anybody can show them."""

INSTRUMENTAL: Mapping[str, Placement] = {
    "payment_token": Placement.PAYMENT_TOKEN,
    "device": Placement.DEVICE,
}
"""Kinds that designate a thing which a person uses, strongest first."""

UNPLACED = frozenset({Placement.NONE, Placement.AMBIGUOUS, Placement.SHARED})
"""Placements of records that no known client owns: they gather with an anonymous one."""

DIRECT_PLACEMENTS = frozenset({Placement.MATCHING, Placement.OWN_RECORD, *PERSONAL.values()})
"""Placements that are evidence of who uses a token or a device."""


def personal_identifiers(identifiers: Collection[IdentifierKey]) -> list[IdentifierKey]:
    """Return those that designate a person, strongest first."""
    return _ranked(identifiers, _PERSONAL_RANKS)


def names_a_person(identifiers: Collection[IdentifierKey]) -> bool:
    """Tell whether any of the identifiers names a person, known or not."""
    return any(kind in NAMING for kind, _ in identifiers)


def instrumental_identifiers(identifiers: Collection[IdentifierKey]) -> list[IdentifierKey]:
    """Return those that designate a thing which a person uses, strongest first."""
    return _ranked(identifiers, _INSTRUMENTAL_RANKS)


_PERSONAL_RANKS = {kind: rank for rank, kind in enumerate(PERSONAL)}
_INSTRUMENTAL_RANKS = {kind: rank for rank, kind in enumerate(INSTRUMENTAL)}


def _ranked(
    identifiers: Collection[IdentifierKey], ranks: Mapping[str, int]
) -> list[IdentifierKey]:
    found = [identifier for identifier in identifiers if identifier[0] in ranks]
    if len(found) > 1:
        found.sort(key=lambda identifier: (ranks[identifier[0]], identifier[1]))
    return found


@dataclass(frozen=True, slots=True)
class Claim:
    """That a profile of a client states an identifier, or has stated it once."""

    client_id: UUID
    is_stated: bool
    """Whether it is stated now."""
    is_verified: bool
    """Whether its source has verified it, by what it last said of it."""
    since: datetime | None
    """Since when it is stated without a break; when it was stated first, if it is not now."""


def holding(claims: Collection[Claim]) -> frozenset[UUID]:
    """Return the clients who hold an identifier, by all that profiles say and have said of it.

    Who states it no more has not given away what was found by it. Where it is verified of
    somebody, what others merely say of it does not count. And what was stated unverified and given
    up, all while another stated it and does to this day, was a mistake put right: it contests
    nobody. Of an unknown time, the worse is taken.
    """
    verified = frozenset([claim.client_id for claim in claims if claim.is_verified])
    if verified or not claims:
        return verified
    standing = [claim.since for claim in claims if claim.is_stated and claim.since]
    oldest = min(standing, default=None)
    return frozenset(
        [
            claim.client_id
            for claim in claims
            if claim.is_stated or oldest is None or claim.since is None or claim.since <= oldest
        ]
    )


@dataclass(frozen=True, slots=True)
class Narrowed:
    """The known clients that the personal identifiers leave, and the one that decided."""

    among: frozenset[UUID] = frozenset()
    by: Placement | None = None
    """By which kind one client was found; None when none or several are left."""
    is_contested: bool = False
    """Whether several clients hold what was presented, also when no one holds all of it."""

    @property
    def owner(self) -> tuple[UUID, Placement] | None:
        """The one client that is left, and by which kind it was found."""
        return (next(iter(self.among)), self.by) if self.by else None


def narrow(
    identifiers: Collection[IdentifierKey],
    owners: Callable[[IdentifierKey], Collection[UUID]],
) -> Narrowed:
    """Return the known clients that the personal identifiers leave, the strongest first.

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
            return Narrowed(choice, PERSONAL[identifier[0]])
        if not choice:
            break
    return Narrowed(choice or frozenset(), is_contested=choice is not None)


def place_by_instrument(
    identifiers: Collection[IdentifierKey],
    users: Callable[[IdentifierKey], Collection[UUID]],
    narrowed: Narrowed,
) -> tuple[UUID, Placement] | None:
    """Return the one client that uses the token or device.

    `users` says which known clients were seen with it. When something personal was presented,
    the client must be one of those that it leaves.
    """
    if not narrowed.among and (narrowed.is_contested or names_a_person(identifiers)):
        return None
    for kind, placement in INSTRUMENTAL.items():
        using = _users_of_kind(identifiers, kind, users)
        if using:
            one = next(iter(using))
            is_possible = not narrowed.among or one in narrowed.among
            return (one, placement) if len(using) == 1 and is_possible else None
    return None


def why_unplaced(
    identifiers: Collection[IdentifierKey],
    users: Callable[[IdentifierKey], Collection[UUID]],
    narrowed: Narrowed,
) -> Placement:
    """Return why a record that has no owner has none: `ambiguous`, `shared` or `none`."""
    if narrowed.is_contested:
        return Placement.AMBIGUOUS
    if names_a_person(identifiers):
        return Placement.NONE
    are_shared = any(len(_users_of_kind(identifiers, kind, users)) > 1 for kind in INSTRUMENTAL)
    return Placement.SHARED if are_shared else Placement.NONE


def _users_of_kind(
    identifiers: Collection[IdentifierKey],
    kind: str,
    users: Callable[[IdentifierKey], Collection[UUID]],
) -> set[UUID]:
    return {
        client_id
        for identifier in identifiers
        if identifier[0] == kind
        for client_id in users(identifier)
    }


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
