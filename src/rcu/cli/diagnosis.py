"""The checks behind `rcu doctor`: each looks at one thing and returns what it found."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import zoneinfo
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from rcu.db.durability import unsafe_parameters
from rcu.db.migrations import current_revision, head_revision
from rcu.db.opening import open_database
from rcu.db.readers import find_readers
from rcu.errors import RcuError
from rcu.settings import Settings

OLDEST_PYTHON = (3, 11)
OLDEST_POSTGRESQL = 160_000
FEWEST_LOCKS = 256
LEAST_FREE_BYTES = 2 * 1024**3
LONGEST_CLOCK_DIFFERENCE_SECONDS = 5.0


class Verdict(Enum):
    """What a finding means."""

    OK = "ok"
    WARNING = "warning"
    """The service works; something deserves attention."""
    FAILURE = "failure"
    """The service does not work, or not safely."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, and how to mend it when it is not well."""

    subject: str
    verdict: Verdict
    found: str
    remedy: str = ""


def judged(
    subject: str, found: str, *, well: bool, remedy: str, otherwise: Verdict = Verdict.FAILURE
) -> Finding:
    """Return a finding that is OK when `well`, else `otherwise` with its remedy."""
    return Finding(subject, Verdict.OK if well else otherwise, found, "" if well else remedy)


async def examine(settings: Settings) -> list[Finding]:
    """Return the findings of every check; those of the database only when it is reached."""
    findings = [
        check_python(),
        check_data_dir(settings.data_dir),
        check_account(),
        check_time_zones(),
        check_port(settings.host, settings.port),
    ]
    # Opened even when unsafe: the durability is one of the findings.
    lenient = settings.model_copy(update={"allow_unsafe_durability": True})
    kind = "embedded" if settings.database_url is None else "at RCU_DATABASE_URL"
    try:
        async with open_database(lenient) as database, database.read() as connection:
            findings += [finding async for finding in _examine_database(connection, settings, kind)]
    except RcuError as error:
        findings.append(Finding("Database", Verdict.FAILURE, f"not reached ({kind})", str(error)))
    return findings


async def _examine_database(
    connection: AsyncConnection, settings: Settings, kind: str
) -> AsyncIterator[Finding]:
    yield await check_version(connection, kind)
    yield await check_encoding(connection)
    yield await check_durability(connection, allowed=settings.allow_unsafe_durability)
    yield await check_locks(connection)
    yield await check_clock(connection)
    migrated = await check_migrations(connection)
    yield migrated
    if migrated.verdict is Verdict.OK:
        for table, subject, command in (
            ("source", "Sources", "rcu sources add"),
            ("store", "Stores", "rcu stores add, or rcu stores import"),
            ("api_key", "API keys", "rcu keys create"),
        ):
            yield await check_rows(connection, table, subject, command)
        yield await check_readers(connection)


def check_python() -> Finding:
    """Check that Python is new enough."""
    version = ".".join(map(str, sys.version_info[:3]))
    return judged(
        "Python",
        version,
        well=sys.version_info >= OLDEST_PYTHON,
        remedy="Install Python 3.11 or newer, remove .venv, and run `make setup PYTHON=...`.",
    )


def check_data_dir(folder: Path) -> Finding:
    """Check that the data folder, or the nearest folder above it, can be written and has room."""
    existing = next(
        path for path in (folder.absolute(), *folder.absolute().parents) if path.exists()
    )
    if not os.access(existing, os.W_OK | os.X_OK):
        return Finding(
            "Data folder",
            Verdict.FAILURE,
            f"{folder}: not writable",
            f"Give {existing} to this account (chown), or set RCU_DATA_DIR to another folder.",
        )
    free = shutil.disk_usage(existing).free
    return judged(
        "Data folder",
        f"{folder}, {free / 1024**3:.1f} GiB free",
        well=free >= LEAST_FREE_BYTES,
        otherwise=Verdict.WARNING,
        remedy="Free some space, or set RCU_DATA_DIR to a larger disk: PostgreSQL stops when full.",
    )


def check_account() -> Finding:
    """Check that the service does not run as root."""
    return judged(
        "Account",
        f"user id {os.geteuid()}",
        well=os.geteuid() != 0,
        otherwise=Verdict.WARNING,
        remedy="Fine for a trial. In production, run as a user of the service's own.",
    )


def check_time_zones() -> Finding:
    """Check that the time zones of the stores are known."""
    try:
        zoneinfo.ZoneInfo("Europe/Paris")
    except zoneinfo.ZoneInfoNotFoundError:
        return Finding(
            "Time zones", Verdict.FAILURE, "Europe/Paris is unknown", "pip install tzdata"
        )
    return Finding("Time zones", Verdict.OK, "known")


def check_port(host: str, port: int) -> Finding:
    """Check that the service's port is free."""
    try:
        with socket.create_server((host, port)):
            pass
    except OSError as error:
        return Finding(
            "Port",
            Verdict.WARNING,
            f"{host}:{port}: {error.strerror}",
            "When it is the service itself that listens there, all is well. Else set RCU_PORT.",
        )
    return Finding("Port", Verdict.OK, f"{host}:{port} is free")


async def check_version(connection: AsyncConnection, kind: str) -> Finding:
    """Check that PostgreSQL is new enough."""
    number = int(await _show(connection, "server_version_num"))
    return judged(
        "Database",
        f"PostgreSQL {await _show(connection, 'server_version')}, {kind}",
        well=number >= OLDEST_POSTGRESQL,
        remedy="Upgrade to PostgreSQL 16 or newer, or leave RCU_DATABASE_URL empty.",
    )


async def check_encoding(connection: AsyncConnection) -> Finding:
    """Check that the database keeps any letter of any name."""
    encoding = await _show(connection, "server_encoding")
    return judged(
        "Encoding",
        encoding,
        well=encoding == "UTF8",
        remedy="Create the database again: CREATE DATABASE rcu ENCODING 'UTF8' TEMPLATE template0.",
    )


async def check_durability(connection: AsyncConnection, *, allowed: bool) -> Finding:
    """Check that what is acknowledged survives a power failure."""
    unsafe = await unsafe_parameters(connection)
    return judged(
        "Durability",
        ", ".join(f"{name}={value}" for name, value in unsafe.items()) or "on",
        well=not unsafe,
        otherwise=Verdict.WARNING if allowed else Verdict.FAILURE,
        remedy="ALTER SYSTEM RESET the setting, then SELECT pg_reload_conf(). To lose "
        "acknowledged work knowingly: RCU_ALLOW_UNSAFE_DURABILITY=true.",
    )


async def check_locks(connection: AsyncConnection) -> Finding:
    """Check that a large import finds room for its locks."""
    locks = int(await _show(connection, "max_locks_per_transaction"))
    return judged(
        "Lock table",
        f"max_locks_per_transaction={locks}",
        well=locks >= FEWEST_LOCKS,
        otherwise=Verdict.WARNING,
        remedy="ALTER SYSTEM SET max_locks_per_transaction = 512, then restart PostgreSQL: large "
        "imports lock thousands of keys in one transaction.",
    )


async def check_clock(connection: AsyncConnection) -> Finding:
    """Check that the machine and the database agree on the time."""
    theirs = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    difference = abs((datetime.now(UTC) - theirs).total_seconds())
    return judged(
        "Clock",
        f"{difference:.1f} s from the database's",
        well=difference <= LONGEST_CLOCK_DIFFERENCE_SECONDS,
        otherwise=Verdict.WARNING,
        remedy="Set the clocks by a time server (NTP) on both machines.",
    )


async def check_migrations(connection: AsyncConnection) -> Finding:
    """Check that the tables are those of this release."""
    found, expected = await current_revision(connection), head_revision()
    return judged(
        "Tables",
        f"revision {found or 'none'}" + ("" if found == expected else f", {expected} needed"),
        well=found == expected,
        remedy="Run `rcu migrate`.",
    )


async def check_rows(
    connection: AsyncConnection, table: str, subject: str, command: str
) -> Finding:
    """Check that a table without which nothing can be sent is not empty."""
    if await connection.scalar(text("SELECT to_regclass(:table)"), {"table": table}) is None:
        return Finding(subject, Verdict.WARNING, "no such table in this release")
    count = await connection.scalar(text(f'SELECT count(*) FROM "{table}"'))  # noqa: S608
    return judged(
        subject,
        str(count),
        well=bool(count),
        otherwise=Verdict.WARNING,
        remedy=f"None yet: {command}.",
    )


async def check_readers(connection: AsyncConnection) -> Finding:
    """Say who may read the views of `analytics`; nobody has to."""
    async with AsyncSession(connection) as session:
        members = (await find_readers(session)).members
    told = "; ".join(f"{role}: {', '.join(users) or 'nobody'}" for role, users in members.items())
    return Finding("Readers", Verdict.OK, told or "no role (rcu analytics grant --to USER)")


async def _show(connection: AsyncConnection, parameter: str) -> str:
    """Return the value of a parameter of the server."""
    statement = text("SELECT current_setting(:name)")
    return str(await connection.scalar(statement, {"name": parameter}))
