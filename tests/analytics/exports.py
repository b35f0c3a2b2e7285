"""Reading an export back, and checking it against its manifest."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow.parquet as pq

from rcu.analytics.export_folder import MANIFEST
from rcu.analytics.export_manifest import Manifest, read_manifest
from tests.ingestion.shop import Shop


def quiet(_what: str, _done: int, _rows: int) -> None:
    """Show no progress."""


def manifest_of(folder: Path) -> Manifest:
    return read_manifest((folder / MANIFEST).read_bytes())


def rows_of(folder: Path, table: str) -> list[tuple[Any, ...]]:
    """Return the rows of a table, from the files that the manifest names, sorted."""
    found: list[tuple[Any, ...]] = []
    for path in manifest_of(folder).tables[table].files:
        # Not as a dataset: its folder would add a column.
        content = pq.ParquetFile(folder / path).read()
        found += [tuple(row.values()) for row in content.to_pylist()]
    return sorted(found, key=repr)


async def view_rows(shop: Shop, view: str) -> list[tuple[Any, ...]]:
    """Return the rows of a view as an export has them, sorted."""
    rows = await shop.rows(f"SELECT * FROM analytics.{view}")
    return sorted((tuple(map(_as_exported, row)) for row in rows), key=repr)


def _as_exported(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value


def assert_intact(folder: Path) -> Manifest:
    """Check that every file of the manifest is there, whole."""
    manifest = manifest_of(folder)
    for file in manifest.all_files():
        content = (folder / file.path).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file.bytes, file.sha256)
        assert pq.ParquetFile(folder / file.path).metadata.num_rows == file.rows
    for table in manifest.tables.values():
        for part in table.parts.values():
            assert sum(file.rows for file in part.files) == part.rows
    return manifest


def files_in(folder: Path) -> set[str]:
    """Return the paths of everything in a folder but the mark of who writes."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".rcu-export"
    }
