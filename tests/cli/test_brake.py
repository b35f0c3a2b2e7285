"""`rcu brake`: listed without identifiers, released, reverted; refused in one line."""

from __future__ import annotations

import asyncio

import asyncpg
from sqlalchemy import URL

from rcu.cli.running import ExitCode
from tests.cli.conftest import Rcu

BRAKE_ID = "01920000-0000-7000-8000-000000000001"
_TRIPPED = """
    INSERT INTO merge_brake (id, scope, kind, value, basis, merges, counted_from, tripped_at)
    VALUES ($1, 'identifier', 'phone', '+33639981208', 1, 11, now() - interval '1 hour', now())
"""


def trip(database_url: URL) -> None:
    async def work() -> None:
        address = database_url.set(drivername="postgresql").render_as_string(hide_password=False)
        connection = await asyncpg.connect(address)
        try:
            await connection.execute(_TRIPPED, BRAKE_ID)
        finally:
            await connection.close()

    asyncio.run(work())


def test_a_brake_is_listed_without_its_identifier_and_released_once(
    rcu: Rcu, database_url: URL
) -> None:
    none = rcu("brake", "list")
    trip(database_url)

    listed = rcu("brake", "list")
    shown = rcu("brake", "list", "--values")
    rehearsed = rcu("brake", "release", BRAKE_ID, "--reason", "looked at", "--dry-run")
    released = rcu("brake", "release", BRAKE_ID, "--reason", "looked at")
    again = rcu("brake", "release", BRAKE_ID, "--reason", "looked at")

    assert "No merge brake is on." in none.stdout
    assert BRAKE_ID in listed.stdout
    assert "+33639981208" not in listed.stdout
    assert "+33639981208" in shown.stdout
    assert "Would move 0 records" in rehearsed.stdout
    assert "Decision" in released.stdout
    assert "No merge brake is on." in rcu("brake", "list").stdout
    assert BRAKE_ID in rcu("brake", "list", "--all").stdout
    assert again.exit_code == ExitCode.PROBLEM
    assert "released already" in again.output


def test_a_revert_of_nothing_is_refused(rcu: Rcu, database_url: URL) -> None:
    trip(database_url)

    result = rcu("brake", "revert", BRAKE_ID, "--reason", "looked at")

    assert result.exit_code == ExitCode.PROBLEM
    assert "still merged" in result.output
