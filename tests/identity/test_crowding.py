"""Blocking keys that turn generic, and back: what they had found is looked at again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.identity.crowding import KeyTurns
from rcu.identity.model import Model
from rcu.ids import uuid7
from rcu.ingestion.context import Context
from rcu.ingestion.intake import Defaults
from rcu.ingestion.messages import ProfileMessage
from rcu.ingestion.service import receive_chunk
from tests.factories import make_source
from tests.identity.small_crowds import stored_partition
from tests.ingestion.shop import profile

CAP = 2
CONTEXT = Context(Model(Model.shipped().document.model_copy(update={"key_cap": CAP})), Defaults())
ODILE: dict[str, Any] = {"given_name": "Odile", "emails": ["odile@m.example"]}


async def tell(session: AsyncSession, external_id: str, *, minute: int = 0, **said: Any) -> None:
    """Send a profile of the till."""
    await make_source(session, "pos")
    message = ProfileMessage.model_validate(profile(external_id, minute=minute, **said))
    [receipt] = await receive_chunk(session, source="pos", messages=[message], context=CONTEXT)
    assert receipt.status < 300


async def clients(session: AsyncSession) -> set[str]:
    """Return the clients, each as the external ids of its records."""
    return {
        " ".join(sorted(key for _, key in members)) for members in await stored_partition(session)
    }


async def test_a_key_that_turns_generic_lets_go_of_what_it_tied(session: AsyncSession) -> None:
    await tell(session, "P1", **ODILE)
    await tell(session, "P2", **ODILE)
    before = await clients(session)

    await tell(session, "P3", **ODILE)

    assert before == {"P1 P2"}
    assert await clients(session) == {"P1", "P2", "P3"}


async def test_a_key_that_few_hold_again_ties_what_it_had_let_go(session: AsyncSession) -> None:
    for external_id in ("P1", "P2", "P3"):
        await tell(session, external_id, **ODILE)

    await tell(session, "P3", minute=1, emails=[])

    assert await clients(session) == {"P1 P2", "P3"}


async def test_a_pair_that_another_key_ties_outlives_a_key_that_turns_generic(
    session: AsyncSession,
) -> None:
    for external_id in ("P1", "P2"):
        await tell(session, external_id, **ODILE, phones=["0639981208"])

    await tell(session, "P3", **ODILE)
    await tell(session, "P4", **ODILE)

    assert await clients(session) == {"P1 P2", "P3", "P4"}


class Rekeyed:
    """A record whose keys change."""

    def __init__(self, old_keys: set[int], keys: set[int]) -> None:
        """Give it an id."""
        self.id: UUID = uuid7()
        self.old_keys, self.keys = frozenset(old_keys), frozenset(keys)


def test_keys_turn_only_where_writes_cross_the_cap() -> None:
    written = [Rekeyed(set(), {1, 2}), Rekeyed({3, 4}, {2})]
    now = {1: 3, 2: 2, 3: 2, 4: 3}  # before: 2, 0, 3 and 4 holders

    turns = KeyTurns.of(
        written, {key: [uuid7() for _ in range(count)] for key, count in now.items()}, cap=2
    )

    assert (turns.crowded, turns.cleared) == ([1], [3])
