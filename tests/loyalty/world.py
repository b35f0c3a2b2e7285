"""The service on a database, for tests that Hypothesis drives: they are no coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from sqlalchemy import URL

from rcu.db.engine import Database
from tests.ingestion.shop import Shop, open_shop
from tests.loyalty.club import activate

T = TypeVar("T")


class World:
    """The service on a database, driven from outside any event loop."""

    def __init__(self, url: URL, rules: dict[str, Any]) -> None:
        """Start it with a programme, in stores whose days are those of UTC."""
        self._runner = asyncio.Runner()
        self.database = Database(url)
        self._opened = open_shop(self.database)
        self.shop: Shop = self.run(self._opened.__aenter__())
        self.run(self.shop.run_sql("UPDATE store SET timezone = 'UTC'"))
        self.run(activate(self.database, rules))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something to its end, and return what it returns."""
        return self._runner.run(work)

    def close(self) -> None:
        """Stop it."""
        self.run(self._opened.__aexit__(None, None, None))
        self.run(self.database.close())
        self._runner.close()
