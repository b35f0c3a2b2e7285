"""The servers that are measured: each a process of its own, over one scratch database."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import date
from pathlib import Path
from urllib.error import URLError

from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import AsyncSession

from bench.load import HOST
from bench.people import STORES
from rcu.access import service as access
from rcu.access.models import Scope, SourceKind
from rcu.db.engine import Database
from rcu.db.migrations import migrate
from rcu.db.opening import open_database
from rcu.loyalty import programmes
from rcu.loyalty.programme import Programme
from rcu.sales.stores import StoreDetails, add_store
from rcu.settings import Settings

START_SECONDS = 30.0
PRELOADED, POSTING = "till", "shop"
"""The source that the clients already there came from, and the one that posts."""


def scratch_settings(folder: Path) -> Settings:
    """Return the settings of a service of its own in a folder, whatever the environment says."""
    return Settings(_env_file=None, data_dir=folder, database_url=None)


def scratch_environment(folder: Path) -> dict[str, str]:
    """Return the environment in which `rcu` works in a folder, with the defaults of a service."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RCU_")}
    return kept | {"RCU_DATA_DIR": str(folder)}


@asynccontextmanager
async def empty_database(settings: Settings) -> AsyncIterator[Database]:
    """Give a migrated database with two sources and some stores, on the embedded server."""
    async with open_database(settings) as database:
        await migrate(database)

        async def work(session: AsyncSession) -> None:
            for source, kind in ((PRELOADED, SourceKind.POS), (POSTING, SourceKind.ECOMMERCE)):
                await access.add_source(session, code=source, name=source, kind=kind)
            for store in STORES:
                await add_store(session, StoreDetails(store, f"Store {store}"))

        await database.run(work)
        yield database


async def put_programme_in_force(session: AsyncSession) -> None:
    """Have sales earn points, by the programme that comes with the service."""
    programme = Programme.shipped()
    await programmes.activate(session, programme, effective_on=date(2020, 1, 1), actor="bench")


async def make_keys(database: Database) -> tuple[str, str]:
    """Return an API key that posts and one that reads."""

    async def work(session: AsyncSession) -> tuple[str, str]:
        posts = await access.create_key(
            session, name="bench", scopes=[Scope.INGEST], source=POSTING
        )
        reads = await access.create_key(
            session, name="bench", scopes=[Scope.CLIENTS_READ], reader="bench"
        )
        return posts.text, reads.text

    return await database.run(work)


async def settle(database: Database) -> None:
    """Do at once what autovacuum would have done by the time a base has grown so large."""
    async with database.read() as connection:
        # Of a million records it takes longer than a statement of the service may.
        await connection.execute(text("SET statement_timeout = 0"))
        try:
            await connection.execute(text("VACUUM (ANALYZE)"))
        finally:
            await connection.execute(text("RESET statement_timeout"))


@contextmanager
def service(folder: Path, log: Path, *, workers: int = 1) -> Iterator[int]:
    """Run the service as `rcu serve` does, and give its port."""
    port = _free_port()
    command = [sys.executable, "-m", "rcu", "serve", "--port", str(port)]
    command += ["--workers", str(workers)] if workers > 1 else []
    with _running(command, scratch_environment(folder), log):
        _wait_until_up(port, "/readyz")
        yield port


@contextmanager
def bare_server(
    url: URL, *, pool_size: int, a_path: str = "/", log: Path, workers: int = 1
) -> Iterator[int]:
    """Run the bare server under uvicorn as the service runs, and give its port."""
    port = _free_port()
    command = [
        *(sys.executable, "-m", "uvicorn", "bench.bare:app", "--port", str(port)),
        *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"),
        *("--workers", str(workers)),
    ]
    environment = {
        "BENCH_DATABASE": json.dumps(driver_arguments(url)),
        "BENCH_POOL_SIZE": str(pool_size),
    }
    with _running(command, os.environ | environment, log):
        _wait_until_up(port, a_path)
        yield port


def driver_arguments(url: URL) -> dict[str, object]:
    """Return where a database is, in asyncpg's words."""
    host = url.host or url.query.get("host")
    named = {"host": host, "port": url.port or url.query.get("port"), "password": url.password}
    arguments = {"user": url.username, "database": url.database} | named
    return {name: value for name, value in arguments.items() if value}


@contextmanager
def _running(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[None]:
    with log.open("ab") as stream:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            command, env=environment, stdout=stream, stderr=stream
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=START_SECONDS)


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _wait_until_up(port: int, path: str) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=2):
                return
        except (URLError, OSError):
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
