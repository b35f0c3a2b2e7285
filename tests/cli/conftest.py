"""Running `rcu` on a database of the test's own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import URL
from typer.testing import CliRunner, Result

from rcu.cli.main import app

Rcu = Callable[..., Result]


@pytest.fixture
def rcu(anyio_backend: str, database_url: URL, monkeypatch: pytest.MonkeyPatch) -> Rcu:
    """Give the command `rcu`, on an empty migrated database; each argument is a word."""
    address = database_url.set(drivername="postgresql").render_as_string(hide_password=False)
    monkeypatch.setenv("RCU_DATABASE_URL", address)
    monkeypatch.setenv("RCU_ALLOW_UNSAFE_DURABILITY", "true")
    monkeypatch.setenv("COLUMNS", "200")
    assert anyio_backend == "asyncio"
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])
