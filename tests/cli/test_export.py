"""`rcu export`: what it says, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rcu.cli.running import ExitCode
from rcu.db.engine import Database
from tests.cli.conftest import Rcu
from tests.factories import make_ticket


@pytest.fixture
async def ticket(database: Database) -> None:
    """Add a ticket of the first of March 2025."""
    await database.run(make_ticket)


@pytest.mark.usefixtures("ticket")
def test_an_export_says_what_it_wrote(rcu: Rcu, tmp_path: Path) -> None:
    first = rcu("export", "--to", tmp_path / "out")
    second = rcu("export", "--to", tmp_path / "out", "--tables", "tickets, stores")

    assert (first.exit_code, second.exit_code) == (ExitCode.OK, ExitCode.OK)
    assert "2025-03" in (tmp_path / "out" / "manifest.json").read_text()
    assert "0 of 2 months or tables differed: 0 rows" in second.stderr
    tables = json.loads((tmp_path / "out" / "manifest.json").read_text())["tables"]
    assert tables["tickets"]["files"][0].startswith("tickets/month=2025-03/part-000-")


def test_what_cannot_be_exported_is_said_in_one_line(rcu: Rcu, tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("something else")

    folder = rcu("export", "--to", tmp_path)
    table = rcu("export", "--to", tmp_path / "out", "--tables", "tickts")
    personal = rcu("export", "--to", tmp_path / "out", "--tables", "client_contacts")

    assert {r.exit_code for r in (folder, table, personal)} == {ExitCode.PROBLEM}
    assert "holds other files" in " ".join(folder.stderr.split())
    assert "There are: attach_rate_daily" in " ".join(table.stderr.split())
    assert "say --personal" in " ".join(personal.stderr.split())
