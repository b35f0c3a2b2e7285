"""Model versions: kept for ever, activated in an instant, and decisive for whoever holds locks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.engine import Database
from rcu.db.errors import StaleReadError
from rcu.db.locks import left_to_wait_for, lock_until_commit
from rcu.identity import model_versions
from rcu.identity.active_model import active_model, hold_active, read_active_model
from rcu.identity.errors import (
    ModelActiveAlreadyError,
    ModelReplacedError,
    ModelVersionNameError,
    ModelVersionNotFoundError,
    ModelVersionTakenError,
    NothingToRevertError,
)
from rcu.identity.model import Model, ModelDocument
from rcu.identity.model_version_models import ModelOrigin
from rcu.identity.model_versions import Activation
from tests.ingestion.shop import Shop, clear, open_shop, profile
from tests.people import ODILE

SHIPPED = Model.shipped()


def document(version: str, **changed: Any) -> ModelDocument:
    """Return the shipped document under another version, with changes."""
    return SHIPPED.document.model_copy(update={"version": version, **changed})


NEVER = document("never", link_weight=900.0)
"""Links nobody: a pair of any weight stays apart."""
STRICT = document("strict", link_weight=14.0)


async def keep(database: Database, *documents: ModelDocument) -> None:
    async def work(session: AsyncSession) -> None:
        for one in documents:
            await model_versions.add_version(session, one, origin=ModelOrigin.FILE, actor="ada")

    await database.run(work)


async def activate(database: Database, version: str) -> Activation:
    return await database.run(
        lambda session: model_versions.activate(session, version, actor="ada", reason="better")
    )


async def revert(database: Database) -> Activation:
    return await database.run(
        lambda session: model_versions.revert(session, actor="ada", reason="worse")
    )


@pytest.fixture(scope="module")
async def opened_shop(module_database: Database) -> AsyncIterator[Shop]:
    async with open_shop(module_database) as opened:
        yield opened


@pytest.fixture
async def shop(opened_shop: Shop) -> Shop:
    await clear(opened_shop.database)
    opened_shop.database.seen_version.is_known = False
    return opened_shop


@pytest.fixture
async def elsewhere(shop: Shop) -> AsyncIterator[Database]:
    """Give the same database as another process has it."""
    url: URL = shop.database.engine.url
    other = Database(url)
    yield other
    await other.close()


async def test_without_an_activation_the_shipped_model_decides(shop: Shop) -> None:
    assert (await read_active_model(shop.database)).document == SHIPPED.document


async def test_an_activation_decides_in_every_process_at_once(
    shop: Shop, elsewhere: Database
) -> None:
    await shop.profile("pos", "P1", **ODILE, emails=["odile@mail.example"])
    await keep(elsewhere, NEVER)

    await activate(elsewhere, "never")
    apart = await shop.profile("eshop", "E1", **ODILE, emails=["odile@mail.example"])
    await revert(elsewhere)
    joined = await shop.profile("app", "A1", **ODILE, emails=["odile@mail.example"])

    assert apart["outcome"] == "created"
    assert joined["outcome"] == "matched"


async def test_a_model_activated_between_reading_and_locking_decides(
    shop: Shop, elsewhere: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.profile("pos", "P1", **ODILE, emails=["odile@mail.example"])
    await keep(elsewhere, NEVER)

    async def activate_first(*given: Any) -> list[int]:
        monkeypatch.undo()
        await activate(elsewhere, "never")
        return await left_to_wait_for(*given)

    monkeypatch.setattr("rcu.identity.entering.left_to_wait_for", activate_first)
    answer = await shop.profile("eshop", "E1", **ODILE, emails=["odile@mail.example"])

    assert answer["outcome"] == "created"


async def test_who_waits_for_locks_during_an_activation_is_told_of_it(
    shop: Shop, elsewhere: Database
) -> None:
    await keep(elsewhere, STRICT)
    async with shop.database.transaction() as waiting:
        assert (await active_model(waiting)).version == SHIPPED.version
        async with elsewhere.transaction() as activating:
            await model_versions.activate(activating, "strict", actor="ada", reason="better")
            locks = asyncio.create_task(lock_until_commit(waiting, [1]))
            await asyncio.sleep(0.05)
            assert not locks.done()

        with pytest.raises(StaleReadError):
            await locks
        assert (await active_model(waiting)).version == "strict"


async def test_an_activation_waits_for_those_who_decide_with_the_present_model(
    shop: Shop, elsewhere: Database
) -> None:
    await keep(elsewhere, STRICT)
    async with shop.database.transaction() as deciding:
        await lock_until_commit(deciding, [1])
        change = asyncio.create_task(activate(elsewhere, "strict"))
        await asyncio.sleep(0.05)
        assert not change.done()

    assert (await change).version == "strict"


async def test_work_held_to_a_model_is_refused_once_another_is_active(shop: Shop) -> None:
    await keep(shop.database, STRICT)
    await activate(shop.database, "strict")

    async with shop.database.transaction() as session:
        await hold_active(session, Model(STRICT))
        with pytest.raises(ModelReplacedError):
            await hold_active(session, SHIPPED)


async def test_a_document_comes_back_to_the_last_digit(shop: Shop, elsewhere: Database) -> None:
    odd = document("odd", prior_bits=-17.300000000000004)
    await keep(shop.database, odd)
    await activate(shop.database, "odd")

    found = (await read_active_model(elsewhere)).document

    assert found == odd
    assert found.model_dump_json() == odd.model_dump_json()


async def test_a_version_stands_for_one_document(shop: Shop) -> None:
    async with shop.database.transaction() as session:
        add = model_versions.add_version

        assert await add(session, STRICT, origin=ModelOrigin.FILE, actor="ada")
        assert not await add(session, STRICT, origin=ModelOrigin.FILE, actor="ada")
        for taken in (document("strict"), document(SHIPPED.version, link_weight=14.0)):
            with pytest.raises(ModelVersionTakenError):
                await add(session, taken, origin=ModelOrigin.FILE, actor="ada")
        with pytest.raises(ModelVersionNameError):
            await add(session, document("a/b"), origin=ModelOrigin.FILE, actor="ada")


async def test_activations_are_taken_back_one_after_another(shop: Shop) -> None:
    await keep(shop.database, STRICT, NEVER)
    for version in ("strict", "never"):
        await activate(shop.database, version)

    back = [(await revert(shop.database)).version for _ in range(2)]

    assert back == ["strict", SHIPPED.version]
    with pytest.raises(NothingToRevertError):
        await revert(shop.database)
    async with shop.database.transaction() as session:
        kept = {one.version: one for one in await model_versions.list_versions(session)}
        states = [one.state for one in await model_versions.list_activations(session)]
    assert kept[SHIPPED.version].is_active
    assert kept[SHIPPED.version].origin == ModelOrigin.SHIPPED
    assert states == ["waiting", "superseded", "superseded", "superseded"]


async def test_what_is_active_or_unknown_is_not_activated(shop: Shop) -> None:
    with pytest.raises(ModelActiveAlreadyError):
        await activate(shop.database, SHIPPED.version)
    with pytest.raises(ModelVersionNotFoundError):
        await activate(shop.database, "unheard-of")


async def test_an_active_model_costs_a_message_no_statement_more(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keep(shop.database, STRICT)
    await activate(shop.database, "strict")
    await shop.profile("pos", "P0", **ODILE)
    asked: list[str] = []

    async def counted(_session: AsyncSession) -> None:
        asked.append("version")

    monkeypatch.setattr("rcu.db.active_version.read_version", counted)
    monkeypatch.setattr("rcu.identity.active_model.read_version", counted)
    await shop.accept("pos", "profile", profile("P1", **ODILE))

    assert asked == []
