"""Explaining takes computing; what else comes to the process goes on meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from rcu.clients import explain, explain_parts
from rcu.clients.explain_schemas import HowRead
from rcu.db.engine import Database
from rcu.identity import examination
from tests.eventually import eventually
from tests.ingestion.shop import Shop, open_shop
from tests.people import BASILE, ODILE

PATIENCE_SECONDS = 5.0
"""After which computing that stops the loop gives up, for the test to fail."""
ONE, TWO = {"source": "pos", "external_id": "P1"}, {"source": "eshop", "external_id": "E1"}
PAIR = {"left": ONE, "right": TWO}


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """Give a retailer at work, with two people."""
    async with open_shop(database) as opened:
        await opened.profile("pos", "P1", **ODILE)
        await opened.profile("eshop", "E1", **BASILE)
        await opened.profile("app", "A1", **ODILE)
        yield opened


class Slow:
    """Computing that takes as long as it is not let go."""

    def __init__(self, compute: Any) -> None:
        self._compute = compute
        self._may_go_on = threading.Event()
        self._has_begun = threading.Event()

    def __call__(self, *args: Any, **options: Any) -> Any:
        self._has_begun.set()
        assert self._may_go_on.wait(PATIENCE_SECONDS)
        return self._compute(*args, **options)

    async def begun(self) -> bool:
        return self._has_begun.is_set()

    def let_go(self) -> None:
        self._may_go_on.set()


@pytest.mark.parametrize(
    ("question", "body", "module", "name"),
    [
        ("why", PAIR, examination, "retrace"),
        ("why", PAIR, explain, "explained_pair"),
        ("why-not", PAIR, explain, "find_tips"),
        ("how", {"client": ONE}, examination, "retrace"),
        ("how", {"client": ONE}, explain_parts, "explain_pair"),
        ("how", {"client": ONE}, HowRead, "model_validate"),
    ],
)
async def test_other_requests_are_answered_while_an_explanation_is_computed(
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
    question: str,
    body: dict[str, Any],
    module: Any,
    name: str,
) -> None:
    slow = Slow(getattr(module, name))
    monkeypatch.setattr(module, name, slow)

    asked = asyncio.create_task(shop.staff("POST", f"explanations/{question}", body))
    await eventually(slow.begun)
    again = asyncio.create_task(shop.staff("POST", f"explanations/{question}", body))
    told = await shop.profile("pos", "P9", given_name="Zita")

    assert told["client_id"]
    assert not asked.done()
    slow.let_go()
    assert await asked == await again
