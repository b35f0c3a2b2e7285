"""Stewards and sources at work at the same instant: nobody sees a deadlock, and all ends sound."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from rcu.identity import repository
from tests.ingestion.shop import Shop, profile, sale

NAMES = ["Vasseur", "Kermadec", "Touzeau", "Delobelle", "Houzelot", "Wambergue", "Quaegebeur",
         "Lestrade", "Montagnier", "Fauquembergue", "Oosterlinck", "Pruvost", "Zwertvaegher",
         "Yvonnet", "Rabouille", "Ulrich", "Beaucamps", "Xaintrailles"]  # fmt: skip


async def people(shop: Shop) -> list[str]:
    """Send eighteen different people, with a ticket each; return their clients."""
    clients = []
    for number, name in enumerate(NAMES, start=1001):
        card = f"C-{number}"
        sent = profile(f"P{number}", given_name=name[:4], family_name=name, cards=[card])
        clients.append((await shop.accept("pos", "profile", sent))["client_id"])
        await shop.ticket(sale(customer={"card": card}, token=f"token-{number // 3}"))
    return clients


async def test_sixteen_merges_of_overlapping_triples_at_once_end_in_one_client(shop: Shop) -> None:
    clients = await people(shop)

    async def merge_triple(first: int) -> list[int]:
        one, two, three = clients[first : first + 3]
        return [
            (await shop.merge(one, two)).status_code,
            (await shop.merge(three, two)).status_code,
        ]

    told = await asyncio.gather(*(merge_triple(first) for first in range(16)))

    statuses = Counter(status for both in told for status in both)
    # Seventeen joins make one client of eighteen; whoever comes later is told that it is done.
    assert statuses == {200: 17, 409: 15}
    assert await shop.clients() == 1
    assert {await shop.client_of("pos", f"P{n}") for n in range(1001, 1019)} == {clients[0]}
    assert await shop.scalar("SELECT count(*) FROM decision") == 17


async def test_all_of_them_undone_at_once_are_the_clients_of_before(shop: Shop) -> None:
    clients = await people(shop)
    placed = "SELECT id, client_id, placement FROM source_record ORDER BY id"
    before = await shop.rows(placed)
    decisions = [
        (await shop.merge(one, two)).json()["decision_id"] for one, two in pairwise(clients)
    ]
    random.Random(7).shuffle(decisions)  # noqa: S311 - a fixed disorder

    async def undo(decision: str) -> int:
        body = {"reason": "eighteen people"}
        response = await shop.call("POST", f"identity-changes/{decision}/undo", body)
        return response.status_code

    told = await asyncio.gather(*(undo(decision) for decision in decisions for _ in range(2)))

    assert Counter(told) == {200: 17, 409: 17}
    assert await shop.rows(placed) == before


async def test_stewards_and_sources_at_once_end_sound(shop: Shop) -> None:
    clients = await people(shop)
    dice = random.Random(11)  # noqa: S311 - the same mix every time
    statuses: Counter[int] = Counter()

    async def steward() -> None:
        for _ in range(5):
            one, two = dice.sample(clients, 2)
            response = await shop.merge(one, two)
            statuses[response.status_code] += 1
            if response.status_code == 200 and dice.random() < 0.7:
                path = f"identity-changes/{response.json()['decision_id']}/undo"
                undone = await shop.call("POST", path, {"reason": "two people"})
                statuses[undone.status_code] += 1

    async def source() -> None:
        for _ in range(5):
            number = dice.randrange(len(NAMES))
            card = f"C-{1001 + number}"
            message: dict[str, Any] = profile(
                f"E{number}", given_name=NAMES[number][:4], family_name=NAMES[number], cards=[card]
            )
            statuses[(await shop.send("eshop", "profile", message)).status_code] += 1
            sold = sale(customer={"card": card}, token=f"token-{1001 + dice.randrange(6)}")
            statuses[(await shop.send("pos", "ticket", sold)).status_code] += 1

    await asyncio.gather(*(steward() for _ in range(4)), *(source() for _ in range(4)))

    assert set(statuses) <= {200, 201, 409}


async def test_a_client_that_goes_elsewhere_while_a_steward_waits_is_looked_up_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, one, two = (await people(shop))[:3]
    lock_clients = repository.lock_clients
    overtaken = False

    async def lock_after_a_message(*args: Any) -> dict[UUID, int]:
        nonlocal overtaken
        if not overtaken:
            overtaken = True
            # The third person turns out to be the first: their client goes over to the older one.
            same = {"given_name": NAMES[0][:4], "family_name": NAMES[0], "cards": ["C-1001"]}
            await shop.profile("pos", "P1003", minute=1, **same)
        return await lock_clients(*args)

    monkeypatch.setattr(repository, "lock_clients", lock_after_a_message)
    answer = await shop.merge(one, two)

    assert answer.status_code == 200
    assert answer.json()["client_ids"] == [older]
    assert await shop.clients() == len(NAMES) - 2
