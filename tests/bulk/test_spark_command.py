"""`rcu resolve --all --engine spark`, as an operator gives it, on a database that ingested."""

from __future__ import annotations

import asyncio
import os
import sys

from sqlalchemy import URL

from rcu.bulk.duckdb_engine import DuckDBEngine
from rcu.bulk.whole_database import resolve_database
from rcu.db.engine import Database
from rcu.identity.in_memory import resolve
from rcu.identity.model import Model, ModelDocument
from tests.bulk.crowd import crowd, described
from tests.bulk.sending import profile_messages, rows, send, stored_clients

SHIPPED = Model.shipped()
STRICT = Model(
    ModelDocument.model_validate(
        SHIPPED.document.model_dump() | {"version": "strict", "link_weight": 14.0}
    )
)


async def rcu(database_url: URL, *words: str) -> str:
    """Run `rcu` in a process of its own; return what it printed."""
    address = database_url.set(drivername="postgresql").render_as_string(hide_password=False)
    settings = {"RCU_DATABASE_URL": address, "RCU_ALLOW_UNSAFE_DURABILITY": "true"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rcu", *words),
        env=os.environ | settings,
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return printed.decode()


async def test_spark_adopts_the_partition_that_messages_made_and_duckdb_finds_no_difference(
    open_database: Database, database_url: URL
) -> None:
    people = crowd(60, seed=22)
    await send(open_database, profile_messages(people))
    one_by_one = await stored_clients(open_database)
    with DuckDBEngine(processes=1) as engine:
        await resolve_database(open_database, engine, model=STRICT, region="FR")
    assert await stored_clients(open_database) != one_by_one

    printed = await rcu(database_url, "resolve", "--all", "--engine", "spark")

    assert "Resolved" in printed
    assert await stored_clients(open_database) == one_by_one
    assert one_by_one == set(resolve(described(people)))
    [(changes,)] = await rows(
        open_database, "SELECT count(*) FROM identity_change WHERE cause = 'resolution'"
    )
    assert changes > 0
    with DuckDBEngine(processes=1) as engine:
        found = await resolve_database(open_database, engine, model=SHIPPED, region="FR")
    assert (found.moved_records, found.changed_pairs, found.records) == (0, 0, 0)
