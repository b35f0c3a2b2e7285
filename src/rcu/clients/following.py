"""Who else acts when clients change: what is built on clients, told in the same transaction.

Imports go from what is built on to what it is built of, so that the clients domain cannot call the
points ledger. The assembly (`rcu.app`) introduces the followers once, at start.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

Follower = Callable[[AsyncSession, Collection[UUID]], Awaitable[object]]
"""Is told which clients changed, and does what follows, in the transaction that changed them."""

_followers: Final[list[Follower]] = []


def introduce(follower: Follower) -> None:
    """Have a follower told of every decision from now on; once, however often it is introduced."""
    if follower not in _followers:
        _followers.append(follower)


async def tell_followers(session: AsyncSession, client_ids: Collection[UUID]) -> None:
    """Tell all followers which clients have changed."""
    for follower in _followers:
        await follower(session, client_ids)
