"""What follows a ticket that hangs on another record than when it was received: its points.

And what follows a return that finds its sale later.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.writes import Writes
from rcu.identity.holding import find_holdings
from rcu.loyalty import late_bonuses, repository, sale_found
from rcu.loyalty.accrual import accrue
from rcu.loyalty.moving import move_points
from rcu.sales.rehanging import Rehung


async def take_as_returns_of_sales(
    session: AsyncSession, tied: Mapping[UUID, UUID], *, at: datetime, timezone: str
) -> None:
    """Take the points of returns whose sale is known by now: `{return: sale}`, both written."""
    if tied:
        found = await repository.list_to_reckon(session, (), set(tied.values()), timezone=timezone)
        returns = [ticket for ticket in found if ticket.id in tied]
        await sale_found.take_with_sale(session, returns, at=at)


async def follow_with_bonuses(
    writes: Writes, client_ids: Collection[UUID], *, at: datetime, timezone: str
) -> None:
    """Give clients the bonuses of sales that were nobody's before; `writes` is sent first."""
    if await late_bonuses.are_due(writes.session, client_ids, at=at):
        await writes.send()
        await late_bonuses.give_late_bonuses(writes.session, client_ids, at=at, timezone=timezone)


async def follow_with_points(
    session: AsyncSession, rehung: Sequence[Rehung], *, at: datetime, timezone: str
) -> None:
    """Give tickets the points that they earn where they hang now, and take them where they were.

    A ticket that earned already brings its points along; one that had no record earns, unless it is
    cancelled, less what has come back of it by now. Of a ticket that is nobody's from now on, the
    points stay where they were earned.
    """
    moved = {
        ticket.ticket_id: ticket.record_id for ticket in rehung if ticket.record_id is not None
    }
    if moved:
        posted = await repository.find_postings(session, moved)
        known = {posting.ticket_id for posting in posted}
        new = moved.keys() - known
        earning = await repository.list_to_reckon(session, new, new, timezone=timezone)
        writes = Writes(session)
        await accrue(writes, earning, at=at, timezone=timezone)
        await writes.send()
        await move_points(
            session, {ticket: moved[ticket] for ticket in moved.keys() & known}, at=at
        )
        found = await find_holdings(session, set(moved.values()))
        client_ids = {holding.client_id for holding in found.values() if holding.known}
        await follow_with_bonuses(writes, client_ids, at=at, timezone=timezone)
