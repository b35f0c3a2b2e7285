"""What the recording of facts has in common: the transaction, and placing what was presented."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.writes import Writes
from rcu.identity.adoption import Cause
from rcu.identity.holders import PresentedRead
from rcu.identity.model import Model
from rcu.identity.placing import IdentifierKey
from rcu.identity.presentation import Presentation
from rcu.identity.presented import PlacedRecords, place_presented
from rcu.sales.rehanging import Rehung


@dataclass(slots=True)
class Recording:
    """One transaction that records facts."""

    session: AsyncSession
    model: Model
    at: datetime
    cause: Cause
    touched_client_ids: set[UUID] = field(default_factory=set)
    gathering_client_ids: set[UUID] = field(default_factory=set)
    """Those of them that were there before: earlier facts may have come to them."""
    writes: Writes = field(init=False)
    """What is written of the facts at the end, unless something has to read it before."""
    presented: PresentedRead | None = None
    """What was read of the facts after their locks, until something is placed."""
    rehung: list[Rehung] = field(default_factory=list)
    """Tickets of earlier messages that hang on another record from now on."""
    tied: dict[UUID, UUID] = field(default_factory=dict)
    """Returns of earlier messages, and the sales that they are known to bring back from now on."""

    def __post_init__(self) -> None:
        """Begin with nothing to write."""
        self.writes = Writes(self.session)

    async def place(
        self,
        presentations: Iterable[Presentation | None],
        *,
        touched: Iterable[IdentifierKey] = (),
        stating: int = 0,
    ) -> PlacedRecords:
        """Return the record of each presentation, found or made, placed, and whose it is.

        `touched` names identifiers that changed hands by other means, such as one of
        the `stating` profiles that this transaction writes.
        """
        named = [presentation for presentation in presentations if presentation is not None]
        read, self.presented = self.presented, None
        placed = await place_presented(
            self.session,
            named,
            model=self.model,
            at=self.at,
            cause=self.cause,
            touched=frozenset(touched),
            stating=stating,
            read=None if touched else read,
        )
        self.touched_client_ids |= placed.touched_client_ids
        self.gathering_client_ids |= placed.touched_client_ids - placed.new_record_ids
        return placed
