"""The locks of a set of facts, and all that is read of it at once when they are held.

One statement takes the locks and then reads: each of them would cost a round trip of its own, and a
plain statement sees what was committed before it began to wait.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from rcu.db.locks import ACTIVATION, left_to_wait_for, note_taken
from rcu.db.statements import arrays, fetch
from rcu.identity.holders import PresentedRead, most_read, presented_read, values_of
from rcu.sales import repository
from rcu.sales.references import References

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from rcu.identity.presentation import Presentation
    from rcu.sales.facts import NewEvent, NewOrder, NewTicket

_ENTER: Final = (
    "SELECT * FROM lock_and_admit_facts($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, "
    "$14, $15, $16, $17, $18)"
)


class OtherwiseError(Exception):
    """Something is not as it was assumed. Nothing was written; the locks are held."""


@dataclass(frozen=True, slots=True)
class Assumed:
    """What the facts were made of that was not read in this transaction."""

    source: str
    source_kind: str
    timezones: Mapping[str, str]
    """Of the stores that are named."""
    message_ids: Sequence[str]
    """Of messages that were not received before."""


@dataclass(frozen=True, slots=True)
class NewFacts:
    """Facts to record."""

    tickets: Sequence[NewTicket] = ()
    orders: Sequence[NewOrder] = ()
    events: Sequence[NewEvent] = ()
    presented: Sequence[Presentation] = ()
    """What facts of other domains carry to say whose they are."""

    @property
    def are_none(self) -> bool:
        """Whether there is nothing to record."""
        return not (self.tickets or self.orders or self.events or self.presented)

    def presentations(self) -> list[Presentation]:
        """Return what they carry to say whose they are."""
        facts: list[NewTicket | NewOrder | NewEvent] = [*self.tickets, *self.orders, *self.events]
        told = [fact.presentation for fact in facts if fact.presentation is not None]
        return told + list(self.presented)


@dataclass(frozen=True, slots=True)
class EnteredFacts:
    """Facts that hold their locks, and what was read of them then."""

    refs: References = field(default_factory=References)
    presented: PresentedRead | None = None
    """What placing them needs, as long as nothing is written."""


async def enter_facts(
    session: AsyncSession,
    facts: NewFacts,
    *,
    locks: Collection[int],
    assumed: Assumed | None = None,
) -> EnteredFacts:
    """Take the locks of facts, and read what they refer to and whose they may be.

    What is `assumed` is verified; raises `OtherwiseError` if it is not so. One round trip, and one
    more each when a ticket is there that was sent again or that another one refers to, and when an
    order is named.
    """
    presentations = facts.presentations()
    identifiers = set().union(*(p.identifiers for p in presentations))
    most = most_read(len(presentations))
    waited = await left_to_wait_for(session, locks)
    ids, printed = References.named(facts.tickets)
    rows = await fetch(
        session,
        _ENTER,
        *_assumed(assumed),
        waited,
        ACTIVATION,
        sorted(ids),
        *arrays(printed, width=4),
        *values_of({p.key for p in presentations}, identifiers),
        most,
        most,
    )
    note_taken(session, waited, active=rows[0]["source"])
    if rows[-1]["what"] == "otherwise":
        raise OtherwiseError
    has_tickets = len(rows) > 1 and rows[1]["what"] == "ticket"
    refs = References(
        await repository.find_tickets(session, ticket_ids=ids, printed=printed)
        if has_tickets
        else (),
        await repository.find_orders(session, References.named_orders(facts.tickets, facts.orders)),
    )
    presented = presented_read(rows[1 + has_tickets :], identifiers, most=most)
    return EnteredFacts(refs, presented)


def _assumed(assumed: Assumed | None) -> tuple[object, ...]:
    if assumed is None:
        return None, None, [], [], []
    zones = assumed.timezones
    return (
        assumed.source,
        assumed.source_kind,
        list(assumed.message_ids),
        list(zones),
        list(zones.values()),
    )
