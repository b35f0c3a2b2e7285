"""Use cases on purposes, and on what clients said of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from rcu.consent import repository
from rcu.consent.errors import PurposeExistsError
from rcu.consent.models import Purpose
from rcu.consent.repository import KnownPurpose, Place
from rcu.identity.errors import ClientNotFoundError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from rcu.db.engine import Database

__all__ = [
    "START",
    "KnownPurpose",
    "Place",
    "add_purpose",
    "find_purposes",
    "list_purposes",
    "tell_consents",
]

START: Final[Place] = (datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1))
"""Before the newest statement."""


async def list_purposes(session: AsyncSession) -> Sequence[Purpose]:
    """Return every purpose, by its code."""
    return await repository.list_purposes(session)


async def find_purposes(session: AsyncSession, codes: Collection[str]) -> dict[str, KnownPurpose]:
    """Return the purposes that there are among `codes`."""
    return await repository.find_purposes(session, codes)


async def add_purpose(
    session: AsyncSession,
    *,
    code: str,
    name_fr: str,
    name_en: str,
    legal_basis: str,
    channels: Sequence[str],
) -> Purpose:
    """Add a purpose, and return it; the same again changes nothing.

    Raises `PurposeExistsError` when there is another one of this code.
    """
    said = {
        "name_fr": name_fr,
        "name_en": name_en,
        "legal_basis": legal_basis,
        "channels": list(channels),
    }
    await repository.add_purpose(session, {"code": code} | said)
    purpose = await session.get_one(Purpose, code)
    if any(getattr(purpose, name) != value for name, value in said.items()):
        raise PurposeExistsError(code)
    return purpose


@dataclass(frozen=True, slots=True)
class ToldConsents:
    """What holds for a client, a page of what it rests on, and where the next page begins."""

    client_id: UUID
    in_force: Sequence[dict[str, Any]]
    statements: Sequence[dict[str, Any]]
    next_place: Place | None


async def tell_consents(
    database: Database, client_id: UUID, *, after: Place = START, limit: int
) -> ToldConsents:
    """Return what holds for a client, by any id it ever had, and up to `limit` statements.

    Raises `ClientNotFoundError` when the id was never given.
    """
    async with database.driver_connection() as connection:
        current = await repository.find_client(connection, client_id)
        if current is None:
            raise ClientNotFoundError(client_id)
        # By the id that was asked for: the client may be merged meanwhile.
        in_force = await repository.list_in_force(connection, client_id)
        found = await repository.list_statements(
            connection, client_id, after=after, limit=limit + 1
        )
    kept = found[:limit]
    last = kept[-1] if len(found) > limit else None
    return ToldConsents(
        client_id=current,
        in_force=in_force,
        statements=kept,
        next_place=(last["occurred_at"], last["id"]) if last else None,
    )
