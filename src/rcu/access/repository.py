"""Queries on sources and API keys."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.sql import func

from rcu.access.caller import Caller
from rcu.access.models import ApiKey, Source


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What authentication needs of one live API key."""

    secret_hash: bytes
    caller: Caller


_LIVE_KEY = select(
    ApiKey.public_id, ApiKey.secret_hash, ApiKey.source, ApiKey.reader, ApiKey.scopes
).where(ApiKey.public_id == bindparam("public_id"), ApiKey.revoked_at.is_(None))


async def find_live_key(connection: AsyncConnection, public_id: str) -> StoredKey | None:
    """Return the key with this public id, or None when there is none or it is revoked."""
    found = (await connection.execute(_LIVE_KEY, {"public_id": public_id})).one_or_none()
    if found is None:
        return None
    return StoredKey(
        secret_hash=found.secret_hash,
        caller=Caller(
            key_id=found.public_id,
            source=found.source,
            reader=found.reader,
            scopes=frozenset(found.scopes),
        ),
    )


_HOLDERS = text(
    "SELECT count(DISTINCT (source, reader)) FROM api_key"
    " WHERE 'key:' || public_id = ANY (CAST(:actors AS text[]))"
)


async def count_holders(session: AsyncSession, actors: Collection[str]) -> int:
    """Return how many sources and readers hold the keys that histories name so."""
    return int(await session.scalar(_HOLDERS, {"actors": list(actors)}) or 0)


async def list_keys(session: AsyncSession) -> Sequence[ApiKey]:
    """Return all API keys, revoked ones too, the oldest first."""
    return (
        await session.scalars(select(ApiKey).order_by(ApiKey.created_at, ApiKey.public_id))
    ).all()


async def revoke_key(session: AsyncSession, public_id: str) -> ApiKey | None:
    """Mark the key as revoked, keeping an earlier date, and return it; None when unknown."""
    return await session.scalar(
        update(ApiKey)
        .where(ApiKey.public_id == public_id)
        .values(revoked_at=func.coalesce(ApiKey.revoked_at, func.clock_timestamp()))
        .returning(ApiKey)
    )


async def find_source(session: AsyncSession, code: str) -> Source | None:
    """Return the source with this code, or None."""
    return await session.get(Source, code)


async def list_sources(session: AsyncSession) -> Sequence[Source]:
    """Return all sources by code."""
    return (await session.scalars(select(Source).order_by(Source.code))).all()
