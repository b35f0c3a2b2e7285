"""`rcu rebuild`: every golden record made anew from its source records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rcu.cli.running import load_settings, run_with_database, stderr, stdout

if TYPE_CHECKING:
    from rcu.db.engine import Database


def rebuild() -> None:
    """Rebuild every golden record from its source records, and what clients are found by.

    For a release that changes a rule of survivorship, or another RCU_DEFAULT_REGION. Who is whose
    client stays as it is. Messages go on meanwhile; stopped half-way, the same command starts over.
    """
    done = run_with_database(_rebuild)
    stdout.print(f"{done:,} golden records are as their source records say.", highlight=False)


async def _rebuild(database: Database) -> int:
    from rcu.clients.service import rebuild_all

    done = 0
    with stderr.status("Rebuilding") as status:

        def add(number: int) -> None:
            nonlocal done
            done += number
            status.update(f"Rebuilding: {done:,} clients")

        await rebuild_all(database, add, region=load_settings().default_region)
    return done
