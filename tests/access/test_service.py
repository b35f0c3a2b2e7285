"""Use cases of access."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.access import repository, service
from rcu.access.caller import Caller
from rcu.access.errors import (
    ApiKeyNotFoundError,
    ApiKeyOwnerError,
    ForeignSourceError,
    SourceCodeError,
    SourceExistsError,
    SourceNotFoundError,
)
from rcu.access.keys import read_key
from rcu.access.models import ApiKey, Scope, SourceKind
from rcu.ids import uuid7


async def test_adding_a_source_twice_changes_nothing(session: AsyncSession) -> None:
    for _ in range(2):
        await service.add_source(session, code="pos", name="Tills", kind=SourceKind.POS)

    assert [source.code for source in await service.list_sources(session)] == ["pos"]


async def test_a_source_code_is_not_reused_for_another_source(session: AsyncSession) -> None:
    await service.add_source(session, code="pos", name="Tills", kind=SourceKind.POS)

    with pytest.raises(SourceExistsError):
        await service.add_source(session, code="pos", name="Shop", kind=SourceKind.ECOMMERCE)


@pytest.mark.parametrize("code", ["", "Pos", "1pos", "p os", "pos\n", "p" * 33])
async def test_a_source_code_is_a_short_lower_case_name(session: AsyncSession, code: str) -> None:
    with pytest.raises(SourceCodeError):
        await service.add_source(session, code=code, name="Tills", kind=SourceKind.POS)


async def test_the_stored_key_holds_no_secret(session: AsyncSession) -> None:
    issued = await service.create_key(session, name="BI", scopes=[Scope.CLIENTS_READ], reader="bi")

    stored = await session.get_one(ApiKey, issued.id)

    presented = read_key(issued.text)
    assert presented is not None
    assert presented.opens(stored.secret_hash)
    assert issued.text.split("_")[2].encode() not in stored.secret_hash


async def test_a_key_is_for_one_source_or_one_reader(session: AsyncSession) -> None:
    for owners in ({}, {"source": "pos", "reader": "bi"}):
        with pytest.raises(ApiKeyOwnerError):
            await service.create_key(session, name="x", scopes=[Scope.ADMIN], **owners)


async def test_a_reader_cannot_get_a_key_that_ingests(session: AsyncSession) -> None:
    with pytest.raises(ApiKeyOwnerError):
        await service.create_key(session, name="x", scopes=[Scope.INGEST], reader="bi")


async def test_the_table_itself_refuses_a_reader_that_ingests(session: AsyncSession) -> None:
    session.add(
        ApiKey(
            id=uuid7(),
            public_id="00000000",
            secret_hash=bytes(32),
            reader="bi",
            scopes=["ingest"],
            name="x",
        )
    )

    with pytest.raises(IntegrityError, match="only_sources_ingest"):
        await session.flush()


async def test_a_key_of_an_unknown_source_is_refused(session: AsyncSession) -> None:
    with pytest.raises(SourceNotFoundError):
        await service.create_key(session, name="x", scopes=[Scope.INGEST], source="nowhere")


async def test_a_revoked_key_is_found_no_more_and_keeps_its_first_date(
    session: AsyncSession,
) -> None:
    issued = await service.create_key(session, name="x", scopes=[Scope.ADMIN], reader="bi")
    connection = await session.connection()
    assert await repository.find_live_key(connection, issued.public_id) is not None

    first = (await service.revoke_key(session, issued.public_id)).revoked_at
    again = (await service.revoke_key(session, issued.public_id)).revoked_at

    assert await repository.find_live_key(connection, issued.public_id) is None
    assert first is not None
    assert again == first


async def test_revoking_an_unknown_key_says_so(session: AsyncSession) -> None:
    with pytest.raises(ApiKeyNotFoundError):
        await service.revoke_key(session, "00000000")


def test_a_caller_writes_as_its_own_source_only() -> None:
    till = Caller(key_id="k", source="pos", reader=None, scopes=frozenset({Scope.INGEST}))
    reader = Caller(key_id="k", source=None, reader="bi", scopes=frozenset())

    assert till.writes_as() == till.writes_as("pos") == "pos"
    with pytest.raises(ForeignSourceError):
        till.writes_as("ecommerce")
    with pytest.raises(ForeignSourceError):
        reader.writes_as("pos")
