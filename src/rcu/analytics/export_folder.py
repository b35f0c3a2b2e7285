"""The folder of an export: one writer, files that appear whole, and a manifest that comes last.

New files are written under `.incoming`, which no reader looks at. When all of them are on disk they
are given names that no file has had before, then the manifest is replaced in one step, and then
the files that it no longer names are deleted. Killed at any time, the manifest that is there names
files that are there, whole; what is left over is deleted by the next export.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

from rcu.analytics.export_errors import ExportFolderError
from rcu.analytics.export_manifest import Manifest, read_manifest

MANIFEST: Final = "manifest.json"
_MARK: Final = ".rcu-export"
"""Says that the folder is ours; whoever writes holds a lock on it."""
_INCOMING: Final = ".incoming"
_SUFFIX: Final = ".parquet"


class ExportFolder:
    """A folder that is held for writing."""

    def __init__(self, path: Path) -> None:
        """Take a folder that `hold` has found fit."""
        self.path = path
        self.manifest = _manifest_of(path)
        """That of the last export; None when none has ended."""
        self._name = uuid4().hex[:12]

    def incoming(self, table: str, part: str | None, number: int) -> Path:
        """Return where a file of a month, or of a whole table, is written; its folder is made."""
        folder = self.path / _INCOMING / table
        folder = folder / f"month={part}" if part is not None else folder
        self._make(folder)
        return folder / f"part-{number:03d}-{self._name}{_SUFFIX}"

    def final_path(self, incoming: Path) -> str:
        """Return the path in the export that a file under `.incoming` will have."""
        return incoming.relative_to(self.path / _INCOMING).as_posix()

    def has(self, path: str, size: int) -> bool:
        """Say whether a file of the manifest is there, by its size."""
        file = self.path / path
        return file.is_file() and file.stat().st_size == size

    def publish(self, manifest: Manifest) -> None:
        """Make the export what the manifest says, in one step for those who read it."""
        incoming = self.path / _INCOMING
        for file in sorted(incoming.rglob(f"*{_SUFFIX}")) if incoming.exists() else ():
            target = self.path / file.relative_to(incoming)
            self._make(target.parent)
            file.rename(target)
        _sync_folders(self.path)
        unfinished = self.path / f".{MANIFEST}"
        with private_file(unfinished) as descriptor:
            os.write(descriptor, manifest.to_json())
            os.fsync(descriptor)
        unfinished.replace(self.path / MANIFEST)
        _sync(self.path)
        self.manifest = manifest

    def _make(self, folder: Path) -> None:
        """Make a folder of the export, and those above it, so that only we may enter."""
        for level in reversed((folder, *folder.parents)):
            if level.is_relative_to(self.path):
                level.mkdir(mode=0o700, exist_ok=True)

    def clean(self) -> None:
        """Delete what no manifest names: unfinished files, and those of earlier exports."""
        shutil.rmtree(self.path / _INCOMING, ignore_errors=True)
        (self.path / f".{MANIFEST}").unlink(missing_ok=True)
        named = {file.path for file in self.manifest.all_files()} if self.manifest else set()
        for file in self.path.rglob(f"*{_SUFFIX}"):
            if file.relative_to(self.path).as_posix() not in named:
                file.unlink()
        for folder in sorted((p for p in self.path.rglob("*") if p.is_dir()), reverse=True):
            if not any(folder.iterdir()):
                folder.rmdir()


@contextmanager
def hold(path: Path) -> Iterator[ExportFolder]:
    """Hold a folder for writing, made if need be; what killed exports left over is deleted first.

    Raises `ExportFolderError` when it holds anything else, or another export is at work.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (path / _MARK).exists() and any(path.iterdir()):
            raise ExportFolderError.not_ours(path)
        with private_file(path / _MARK, exclusive=False) as descriptor:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ExportFolderError.in_use(path) from None
            folder = ExportFolder(path)
            folder.clean()
            try:
                yield folder
            finally:
                folder.clean()
    except OSError as error:
        raise ExportFolderError.not_written(path, error.strerror or "refused") from error


@contextmanager
def private_file(path: Path, *, exclusive: bool = True) -> Iterator[int]:
    """Open a file that only we may read, for writing; what was there is gone."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_EXCL | os.O_TRUNC if exclusive else 0)
    descriptor = os.open(path, flags, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _manifest_of(path: Path) -> Manifest | None:
    file = path / MANIFEST
    return read_manifest(file.read_bytes()) if file.exists() else None


def _sync_folders(path: Path) -> None:
    for folder in (path, *(p for p in path.rglob("*") if p.is_dir())):
        _sync(folder)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
