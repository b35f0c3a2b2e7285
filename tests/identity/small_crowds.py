"""Small sets of people who share what people share, sent in any order and any batches."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.identity.person import Person
from rcu.identity.registers import ProfileStatement, Registers, merge, person_of
from rcu.ingestion.messages import ProfileMessage
from tests.ingestion.shop import Message, profile

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
