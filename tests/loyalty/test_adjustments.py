"""Adjustments by an operator: once for a request, and with four eyes where the programme asks."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest

from rcu.access import service as access
from rcu.access.models import Scope
from tests.ingestion.shop import Shop
from tests.loyalty.club import account, ask

RECORD = {"source": "pos", "external_id": "P1", "reason": "a gesture"}


@pytest.fixture(autouse=True)
async def odile(shop: Shop) -> None:
    """Make somebody with no points."""
    await shop.profile("pos", "P1", given_name="Odile", family_name="Vasseur")


async def adjust(shop: Shop, message_id: str, points: int) -> Any:
    body = RECORD | {"message_id": message_id, "points": points}
    return await ask(shop, "adjustments", body, who="staff")


async def approve(shop: Shop, adjustment: Any, *, who: str) -> httpx.Response:
    path = f"loyalty/adjustments/{adjustment['adjustment_id']}/approve"
    return await shop.call("POST", path, {}, who=who)


async def test_adjustments_need_four_eyes_above_the_threshold(shop: Shop) -> None:
    small = await adjust(shop, "a", 1000)
    large = await adjust(shop, "b", 1001)
    own = await approve(shop, large, who="staff")
    other = await approve(shop, large, who="manager")
    again = await approve(shop, large, who="manager")
    too_much = await adjust(shop, "c", -2002)

    assert (small["status"], large["status"]) == ("approved", "proposed")
    assert (own.status_code, other.status_code) == (403, 200)
    assert again.json() == other.json()
    assert too_much["status"] == "proposed"
    assert await account(shop, "pos", "P1") == (2001, 0)


async def test_a_second_key_of_one_reader_is_no_second_pair_of_eyes(shop: Shop) -> None:
    second = await shop.database.run(
        lambda session: access.create_key(
            session, name="staff, at home", scopes=[Scope.LOYALTY_MANAGE], reader="staff"
        )
    )
    at_home = replace(shop, keys={**shop.keys, "staff": second.text})
    large = await adjust(shop, "a", 1001)

    refused = await approve(at_home, large, who="staff")

    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/four-eyes")
    assert await account(shop, "pos", "P1") == (0, 0)


async def test_a_large_adjustment_cut_up_needs_four_eyes_too(shop: Shop) -> None:
    parts = [await adjust(shop, f"part-{n}", points) for n, points in enumerate([600, -400, 1])]

    assert [part["status"] for part in parts] == ["approved", "approved", "proposed"]
    assert await account(shop, "pos", "P1") == (200, 0)


async def test_what_was_approved_does_not_count_towards_the_threshold(shop: Shop) -> None:
    await approve(shop, await adjust(shop, "a", 5000), who="manager")

    assert (await adjust(shop, "b", 1000))["status"] == "approved"


async def test_an_adjustment_sent_eight_times_at_once_is_made_once(shop: Shop) -> None:
    answers = await asyncio.gather(*(adjust(shop, "a", 10) for _ in range(8)))

    assert all(answer == answers[0] for answer in answers)
    assert await account(shop, "pos", "P1") == (10, 0)


async def test_adjustments_at_once_do_not_pass_the_threshold_together(shop: Shop) -> None:
    answers = await asyncio.gather(*(adjust(shop, f"part-{n}", 400) for n in range(6)))

    assert sorted(answer["status"] for answer in answers) == ["approved"] * 2 + ["proposed"] * 4
    assert await account(shop, "pos", "P1") == (800, 0)
