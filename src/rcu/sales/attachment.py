"""Whose a fact is: the known client of the record that it hangs on, and how that is known."""

from dataclasses import dataclass
from uuid import UUID

from rcu.sales.repository import Holding

RETURN_LINK = "return_link"
ORDER_REFERENCE = "order_reference"

_LINK_METHODS = {"original": RETURN_LINK, "order": ORDER_REFERENCE}


@dataclass(frozen=True, slots=True)
class Attachment:
    """The tie of a fact to a known client."""

    client_id: UUID
    method: str
    """A placement of the record (`own_record`, `card`, `email`, ...), or a link between facts."""


def attachment(holding: Holding | None, *, link: str) -> Attachment | None:
    """Return the attachment of a fact, or None when nobody known is behind its record.

    `link` says how the fact came to its record: by the `identifiers` it carried, through the
    `original` ticket that it returns, or through its `order`.
    """
    if holding is None or not holding.known:
        return None
    through_record = "own_record" if holding.is_profile else holding.placement
    return Attachment(holding.client_id, _LINK_METHODS.get(link, through_record))
