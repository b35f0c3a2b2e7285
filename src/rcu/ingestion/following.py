"""What follows a ticket that hangs on another record than when it was received: its points."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.loyalty import repository
from rcu.loyalty.accrual import accrue
from rcu.sales.rehanging import Rehung


async def follow_with_points(
    session: AsyncSession, rehung: Sequence[Rehung], *, at: datetime, timezone: str
) -> None:
    """Give tickets that moved no points yet the points that they earn where they hang now.

    Points that a ticket moved already stay with the record that they were earned under.
    """
    on_a_record = {ticket.ticket_id for ticket in rehung if ticket.record_id is not None}
    if on_a_record:
        posted = await repository.find_postings(session, on_a_record)
        fresh = on_a_record - {posting.ticket_id for posting in posted}
        await accrue(session, fresh, at=at, timezone=timezone)
