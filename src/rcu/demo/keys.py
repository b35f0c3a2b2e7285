"""The ready-made API keys of the demo, the same at every start."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.access import repository, service
from rcu.access.keys import read_key
from rcu.access.models import Scope
from rcu.db.engine import Database
from rcu.demo.records import POS

FILE_NAME: Final = "demo-keys.json"
READER: Final = "demo"
_EVERYTHING_BUT_WRITING: Final = frozenset(Scope) - {Scope.INGEST}


@dataclass(frozen=True, slots=True)
class DemoKeys:
    """The plain text of the demo's keys."""

    reader: str
    """Reads, searches, judges and administers."""
    till: str
    """Sends as the source `pos`."""

    def __repr__(self) -> str:
        """Leave the secrets out of logs and tracebacks."""
        return "DemoKeys()"


async def ensure_keys(database: Database, data_dir: Path) -> DemoKeys:
    """Return the keys kept in the data folder, or make new ones when they no longer open.

    The database holds hashes, as of every key. The plain text stays in a file that only its
    owner reads: a demo whose keys change at every start would be tiresome, and its people
    do not exist.
    """
    path = data_dir / FILE_NAME
    kept = _read(path)
    if kept and await _opens(database, kept.reader) and await _opens(database, kept.till):
        return kept
    made = await database.run(_make)
    _write(path, made)
    return made


async def _make(session: AsyncSession) -> DemoKeys:
    reader = await service.create_key(
        session, name="demo", scopes=_EVERYTHING_BUT_WRITING, reader=READER
    )
    till = await service.create_key(
        session, name="demo", scopes=(Scope.INGEST, Scope.LOYALTY_SPEND), source=POS
    )
    return DemoKeys(reader=reader.text, till=till.text)


async def _opens(database: Database, text: str) -> bool:
    presented = read_key(text)
    if presented is None:
        return False
    async with database.read() as connection:
        stored = await repository.find_live_key(connection, presented.public_id)
    return stored is not None and presented.opens(stored.secret_hash)


def _read(path: Path) -> DemoKeys | None:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        return DemoKeys(reader=str(held["reader"]), till=str(held["till"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, keys: DemoKeys) -> None:
    """Write the file whole or not at all, readable by its owner only from the first byte."""
    draft = path.with_suffix(f".{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(keys), file, indent=2)
    draft.replace(path)
