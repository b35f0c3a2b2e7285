"""What the recording of facts has in common: the transaction, and placing what was presented."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.identity.adoption import Cause
from rcu.identity.model import Model
from rcu.identity.placing import IdentifierKey
from rcu.identity.presentation import Presentation
from rcu.identity.presented import place_presented
from rcu.identity.repository import RecordKey
from rcu.sales.rehanging import Rehung


@dataclass(slots=True)
class Recording:
    """One transaction that records facts."""

    session: AsyncSession
    model: Model
    at: datetime
    cause: Cause
    touched_client_ids: set[UUID] = field(default_factory=set)
    rehung: list[Rehung] = field(default_factory=list)
    """Tickets of earlier messages that hang on another record from now on."""

    async def place(
        self,
        presentations: Iterable[Presentation | None],
        *,
        touched: Iterable[IdentifierKey] = (),
        stating: int = 0,
    ) -> dict[RecordKey, UUID]:
        """Return the record of each presentation, found or made, and placed.

        `touched` names identifiers that changed hands by other means, such as one of
        the `stating` profiles that this transaction writes.
        """
        placed = await place_presented(
            self.session,
            [presentation for presentation in presentations if presentation is not None],
            model=self.model,
            at=self.at,
            cause=self.cause,
            touched=frozenset(touched),
            stating=stating,
        )
        self.touched_client_ids |= placed.touched_client_ids
        return placed.records
