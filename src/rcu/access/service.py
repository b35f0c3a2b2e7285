"""Use cases of access: add a source; make, list and revoke API keys."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.access import repository
from rcu.access.errors import (
    ApiKeyNotFoundError,
    ApiKeyOwnerError,
    SourceCodeError,
    SourceExistsError,
    SourceNotFoundError,
)
from rcu.access.keys import new_key
from rcu.access.models import SOURCE_CODE_PATTERN, ApiKey, Scope, Source, SourceKind
from rcu.ids import uuid7


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key just made: its text is shown this once and cannot be had again."""

    id: UUID
    public_id: str
    text: str

    def __repr__(self) -> str:
        """Leave the secret out of logs and tracebacks."""
        return f"IssuedKey(public_id={self.public_id!r})"


async def add_source(session: AsyncSession, *, code: str, name: str, kind: SourceKind) -> Source:
    """Add a source, or return the one there is when it says the same."""
    if re.fullmatch(SOURCE_CODE_PATTERN, code) is None:
        raise SourceCodeError
    statement = insert(Source).values(code=code, name=name, kind=kind.value)
    await session.execute(statement.on_conflict_do_nothing())
    source = await session.get_one(Source, code)
    if (source.name, source.kind) != (name, kind.value):
        raise SourceExistsError(code)
    return source


async def create_key(
    session: AsyncSession,
    *,
    name: str,
    scopes: Collection[Scope],
    source: str | None = None,
    reader: str | None = None,
) -> IssuedKey:
    """Make an API key for one source, or for one reader."""
    if (source is None) == (reader is None):
        raise ApiKeyOwnerError("An API key is for one source or for one reader: name exactly one.")
    if not scopes:
        raise ApiKeyOwnerError("An API key needs one scope at least.")
    if source is None and Scope.INGEST in scopes:
        raise ApiKeyOwnerError("Only a source's API key may hold the scope ingest.")
    if source is not None and await repository.find_source(session, source) is None:
        raise SourceNotFoundError(source)
    made = new_key()
    key = ApiKey(
        id=uuid7(),
        public_id=made.public_id,
        secret_hash=made.secret_hash,
        source=source,
        reader=reader,
        scopes=sorted(scope.value for scope in scopes),
        name=name,
    )
    session.add(key)
    await session.flush()
    return IssuedKey(id=key.id, public_id=made.public_id, text=made.text)


async def revoke_key(session: AsyncSession, public_id: str) -> ApiKey:
    """Revoke a key. When the transaction has committed, every process refuses it."""
    key = await repository.revoke_key(session, public_id)
    if key is None:
        raise ApiKeyNotFoundError(public_id)
    return key


async def are_two_people(session: AsyncSession, actor: str, other: str) -> bool:
    """Tell whether the keys of two actors are held by two: two keys of one reader are one."""
    return await repository.count_holders(session, {actor, other}) > 1


async def list_keys(session: AsyncSession) -> Sequence[ApiKey]:
    """Return all API keys, revoked ones too, without their secrets."""
    return await repository.list_keys(session)


async def list_sources(session: AsyncSession) -> Sequence[Source]:
    """Return all sources by code."""
    return await repository.list_sources(session)
