"""Use cases of stores: add one, bring one up to date, list them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.sales.errors import StoreExistsError
from rcu.sales.models import Store


@dataclass(frozen=True, slots=True)
class StoreDetails:
    """What a retailer says of a shop."""

    code: str
    name: str
    postcode: str | None = None
    city: str | None = None
    country: str = "FR"
    timezone: str = "Europe/Paris"
    """IANA name; it decides which business day a sale belongs to."""


class StoreOutcome(StrEnum):
    """What saving a store did."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


async def add_store(
    session: AsyncSession, details: StoreDetails, *, replace: bool = False
) -> tuple[Store, StoreOutcome]:
    """Add a store; the same again changes nothing.

    A code that exists and says something else is refused, or brought up to date with
    `replace`. Sales recorded before keep the business day they were given.
    """
    statement = insert(Store).values(**asdict(details)).on_conflict_do_nothing()
    added = await session.scalar(statement.returning(Store.code))
    store = await session.get_one(Store, details.code, with_for_update=added is None)
    if added is not None:
        return store, StoreOutcome.ADDED
    changes = {k: v for k, v in asdict(details).items() if getattr(store, k) != v}
    if not changes:
        return store, StoreOutcome.UNCHANGED
    if not replace:
        raise StoreExistsError(details.code)
    for name, value in changes.items():
        setattr(store, name, value)
    await session.flush()
    return store, StoreOutcome.UPDATED


async def list_stores(session: AsyncSession) -> Sequence[Store]:
    """Return all stores by code."""
    return (await session.scalars(select(Store).order_by(Store.code))).all()
