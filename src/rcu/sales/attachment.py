"""Whose a fact is: the known client of the record that it hangs on, and how that is known."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from rcu.identity.holding import Holding
from rcu.identity.models import Placement
from rcu.sales.facts import NewTicket

RETURN_LINK = "return_link"
ORDER_REFERENCE = "order_reference"
CLAIM = "claim"
STEWARD = "steward"

_LINK_METHODS = {
    "original": RETURN_LINK,
    "order": ORDER_REFERENCE,
    "claim": CLAIM,
    "steward": STEWARD,
}


@dataclass(frozen=True, slots=True)
class Attachment:
    """The tie of a fact to a known client."""

    client_id: UUID
    method: str
    """A placement of the record (`own_record`, `card`, `email`, ...), or a link between facts."""


def attachment(holding: Holding | None, *, link: str) -> Attachment | None:
    """Return the attachment of a fact, or None when nobody known is behind its record.

    `link` says how the fact came to its record: by the `identifiers` it carried, through the
    `original` ticket that it returns, through its `order`, or later by `claim` or `steward`.
    """
    if holding is None or not holding.known:
        return None
    through_record = "own_record" if holding.is_profile else holding.placement
    return Attachment(holding.client_id, _LINK_METHODS.get(link, through_record))


class Missed(StrEnum):
    """Why a ticket was attached to nobody, by what was known when it was received."""

    NOT_ASKED = "not_asked"
    """Nothing that names a person was given, and its token is of nobody known."""
    UNKNOWN = "unknown"
    """What was given is of nobody known."""
    MISTYPED = "mistyped"
    """The card that was given cannot be right: its check digit fails."""
    UNREADABLE = "unreadable"
    """What was given is no identifier: a placeholder, a fragment."""
    AMBIGUOUS = "ambiguous"
    """Several known clients hold what was given."""
    SHARED = "shared"
    """Only a token was there, and several known clients use it."""


def missed(new: NewTicket, holding: Holding | None) -> Missed:
    """Return why nobody was recognised in a ticket that is attached to nobody."""
    if new.unusable is not None:
        return Missed(new.unusable)
    if holding is not None and holding.placement == Placement.AMBIGUOUS:
        return Missed.AMBIGUOUS
    if new.names_a_person:
        return Missed.UNKNOWN
    if holding is not None and holding.placement == Placement.SHARED:
        return Missed.SHARED
    return Missed.NOT_ASKED
