"""The database engine against the engine in memory: the same records, the same clients."""

from __future__ import annotations

import random
from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.demo.generator import generate
from rcu.identity.features import describe
from rcu.identity.in_memory import resolve, resolve_in_full
from rcu.identity.model import Model
from rcu.identity.partition import partition
from rcu.identity.person import Person
from rcu.identity.registers import ProfileStatement, Registers, merge, person_of
from rcu.identity.scoring import Decision, score_pair
from rcu.ingestion import service
from rcu.ingestion.intake import Defaults
from rcu.ingestion.schemas import ProfileMessage
from rcu.ingestion.service import Context, receive_chunk
from tests.factories import make_source
from tests.ingestion.shop import Message, Shop, profile, unsound

CONTEXT = Context(Model.shipped(), Defaults())
WIRE = {"message_id", "external_id", "occurred_at"}

Key = tuple[str, str]
Sent = Sequence[tuple[str, ProfileMessage]]
Partition = set[frozenset[Key]]


def people(sent: Sent) -> dict[Key, Person]:
    """Return every record as it stands after the messages."""
    records: dict[Key, Registers] = {}
    for source, message in sent:
        key = (source, message.external_id)
        values = message.model_dump(mode="json", exclude_unset=True, exclude=WIRE)
        statement = ProfileStatement(*key, values, message.occurred_at, message.message_id)
        records[key] = merge(records.get(key, {}), statement)
    return {key: person_of(registers) for key, registers in records.items()}


async def stored_partition(session: AsyncSession) -> Partition:
    """Return the clients of the database as sets of their profile records."""
    rows = await session.execute(
        text("SELECT client_id, source, external_id FROM source_record WHERE kind = 'profile'")
    )
    clients: dict[Hashable, set[Key]] = {}
    for client_id, source, external_id in rows:
        clients.setdefault(client_id, set()).add((source, external_id))
    return set(map(frozenset, clients.values()))


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


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "title": st.sampled_from(["Mme", "M."]),
    "given_name": st.sampled_from(["Odile", "Odette", "Marc", "Marcel", "O.", "ODILE-MARIE"]),
    "family_name": st.sampled_from(["Vasseur", "Puech", "Vaseur"]),
    "birth_name": st.sampled_from(["Puech"]),
    "birth_date": st.sampled_from(["1971-05-04", "1971-04-05", "1999-12-30", "1971-01-01"]),
    "emails": st.lists(
        st.sampled_from(["vasseur@m.example", "odile.v@m.example", "marc.v@m.example"]),
        max_size=2,
        unique=True,
    ),
    "phones": st.sampled_from([["0639981208"], ["0639981209"], ["0320123456"]]),
    "cards": st.sampled_from([["ABC-123456"], ["ABC-123457"]]),
    "addresses": st.sampled_from(
        [[{"lines": ["12 rue des Lilas"], "postcode": "59000", "city": "Lille"}]]
    ),
    "identifiers": st.sampled_from(
        [[{"kind": "national_id", "value": "1710559"}], [{"kind": "app_user", "value": "u-771"}]]
    ),
}


# One e-mail on everybody: around the line at which it designates nobody any more.
SHARING: dict[str, st.SearchStrategy[Any]] = {
    "given_name": st.sampled_from(
        ["Odile", "Marc", "Capucine", "Basile", "Fantine", "Eustache", "Domitille"]
    ),
    "birth_date": st.sampled_from(["1971-05-04", "1999-12-30"]),
    "phones": st.sampled_from([["0639981208"], ["0639981209"]]),
}
SHARED: dict[str, Any] = {"emails": ["accueil@m.example"]}


@st.composite
def crowds(
    draw: st.DrawFn,
    /,
    optional: dict[str, st.SearchStrategy[Any]],
    most: int,
    **always: Any,
) -> list[list[Message]]:
    """Return chunks of profile messages on up to `most` records, some of them corrected later."""
    sent = [
        profile(f"P{n}", **always | draw(st.fixed_dictionaries({}, optional=optional)))
        for n in range(draw(st.integers(most // 2, most)))
    ]
    corrections = optional | {"emails": st.just([])}
    for n in range(draw(st.integers(0, 2))):
        corrected = draw(st.fixed_dictionaries({}, optional=corrections))
        sent.append(profile(f"P{n}", minute=1, **corrected))
    shuffled = draw(st.permutations(sent))
    cuts = sorted(draw(st.lists(st.integers(0, len(shuffled)), max_size=len(shuffled))))
    edges = [0, *cuts, len(shuffled)]
    return [shuffled[start:end] for start, end in pairwise(edges) if end > start]


def resolve_comparing_all(records: Mapping[Key, Person]) -> list[frozenset[Key]]:
    """Resolve as the database does: within a component every pair is compared, candidate or not.

    The engine in memory compares candidates only. The two can differ where a record that says
    next to nothing is linked to one member of a larger client: what it does not share with the
    others then speaks against it here, and is not looked at there.
    """
    model = Model.shipped()
    features = {key: describe(person) for key, person in records.items()}
    found = resolve_in_full(features, model)
    group_of: dict[Key, set[Key]] = {key: {key} for key in features}
    for (a, b), score in found.scores.items():
        if score.decision is Decision.LINK and group_of[a] is not group_of[b]:
            group_of[a] |= group_of[b]
            for member in group_of[b]:
                group_of[member] = group_of[a]
    scores = dict(found.scores)
    for group in {id(group): group for group in group_of.values()}.values():
        for a, b in combinations(sorted(group), 2):
            if (a, b) not in scores and (b, a) not in scores:
                scores[a, b] = score_pair(features[a], features[b], model, shared=found.shared)
    return partition(features, scores, model=model)


@given(chunks=st.one_of(crowds(VALUES, 7), crowds(SHARING, 9, **SHARED)))
@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_small_crowds_end_in_the_clients_of_the_oracle_in_any_order_and_batch(
    session: AsyncSession, chunks: list[list[Message]]
) -> None:
    await make_source(session, "pos")
    sent = [[ProfileMessage.model_validate(message) for message in chunk] for chunk in chunks]
    everybody = people([("pos", message) for chunk in sent for message in chunk])
    expected = set(resolve_comparing_all(everybody))

    async with session.begin_nested() as undone:
        for messages in sent:
            await receive_chunk(session, source="pos", messages=messages, context=CONTEXT)
        stored = await stored_partition(session)
        broken = await unsound(session)
        await undone.rollback()

    assert stored == expected
    assert broken == []
