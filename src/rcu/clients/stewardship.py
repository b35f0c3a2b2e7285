"""Decisions of an operator on clients, with all that follows from them."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.clients.service import rebuild
from rcu.identity import stewardship
from rcu.identity.model import Model
from rcu.identity.repository import RecordKey
from rcu.identity.stewardship import Decided, Decision


async def merge(
    session: AsyncSession,
    client_id: UUID,
    other_client_id: UUID,
    *,
    expected_version: int | None,
    decision: Decision,
    region: str,
) -> Decided:
    """Make two clients one, by decision of an operator."""
    decided = await stewardship.merge_clients(
        session,
        client_id,
        other_client_id,
        expected_version=expected_version,
        decision=decision,
        model=Model.shipped(),
    )
    await rebuild(session, decided.touched_client_ids, region=region)
    return decided


async def split(
    session: AsyncSession,
    client_id: UUID,
    records: Collection[RecordKey],
    *,
    expected_version: int | None,
    decision: Decision,
    region: str,
) -> Decided:
    """Take records out of a client, by decision of an operator."""
    decided = await stewardship.split_client(
        session,
        client_id,
        records,
        expected_version=expected_version,
        decision=decision,
        model=Model.shipped(),
    )
    await rebuild(session, decided.touched_client_ids, region=region)
    return decided
