"""The database engine against the engine in memory: the same records, the same clients."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.demo.generator import generate
from rcu.identity.in_memory import resolve
from rcu.identity.model import Model
from rcu.ingestion import service
from rcu.ingestion.context import Context
from rcu.ingestion.intake import Defaults
from rcu.ingestion.messages import ProfileMessage
from rcu.ingestion.service import receive_chunk
from tests.factories import make_source
from tests.identity.small_crowds import SHARED, SHARING, VALUES, crowds, people, stored_partition
from tests.ingestion.shop import Message, Shop, unsound

# --- the demo retailer ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chunk", "order"), [(100, "as delivered"), (7, "shuffled"), (40, "backwards")]
)
async def test_the_demo_ends_in_the_clients_of_the_oracle(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, chunk: int, order: str
) -> None:
    monkeypatch.setattr(service, "CHUNK", chunk)
    sent = [
        (source, message)
        for source, message in generate().messages
        if isinstance(message, ProfileMessage)
    ]
    mixed = list(sent)
    if order == "shuffled":
        random.Random(3).shuffle(mixed)  # noqa: S311 - no secret
    elif order == "backwards":
        mixed.reverse()

    for start in range(0, len(mixed), 3 * chunk):
        part = mixed[start : start + 3 * chunk]
        for source in sorted({source for source, _ in part}):
            of_source = [message for sender, message in part if sender == source]
            receipts = await service.receive_all(shop.database, source=source, messages=of_source)
            assert {receipt.status for receipt in receipts} <= {200, 201}

    async with shop.database.transaction() as session:
        stored = await stored_partition(session)
    assert stored == set(resolve(people(sent)))


# --- small sets of people who share what people share ---------------------------------------------


@given(
    chunks=st.one_of(crowds(VALUES, 7), crowds(SHARING, 9, **SHARED)),
    key_cap=st.sampled_from([2, 3, 5, 300]),
)
@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_small_crowds_end_in_the_clients_of_the_oracle_in_any_order_and_batch(
    session: AsyncSession, chunks: list[list[Message]], key_cap: int
) -> None:
    model = Model(Model.shipped().document.model_copy(update={"key_cap": key_cap}))
    context = Context(model, Defaults())
    await make_source(session, "pos")
    sent = [[ProfileMessage.model_validate(message) for message in chunk] for chunk in chunks]
    everybody = people([("pos", message) for chunk in sent for message in chunk])
    expected = set(resolve(everybody, model))

    async with session.begin_nested() as undone:
        for messages in sent:
            await receive_chunk(session, source="pos", messages=messages, context=context)
        stored = await stored_partition(session)
        broken = await unsound(session)
        await undone.rollback()

    assert stored == expected
    assert broken == []
