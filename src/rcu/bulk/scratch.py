"""The folders in which bulk work keeps its files: of people, and therefore gone when it ends."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from time import time
from typing import Final

from rcu.bulk.errors import ScratchFullError

YOUNG_SECONDS: Final = 60.0
"""A folder younger than this may be one that its process is about to hold."""
OLD_SECONDS: Final = 86_400.0
"""One older than this, and held by nobody in this way, is of a release that did not hold them."""

_LOCK: Final = "held"
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_ROOM_IN_WORDS: Final = (
    "Could not write file",
    "No space left on device",
    "failed to offload data block",
)
"""How DuckDB says it, which has no number for it."""


class ScratchFolder(TemporaryDirectory[str]):
    """A temporary folder that only we can read, and that outlives its process for a while only.

    A process that is killed deletes nothing. Its folder is held by a lock of the system, which ends
    with the process: the next folder of the prefix that is made removes those that nobody holds.
    """

    def __init__(self, *, prefix: str, dir: Path | None = None) -> None:  # noqa: A002 - as it was
        """Make a folder in `dir`, by default the system's for temporary files."""
        remove_abandoned(Path(dir or gettempdir()), prefix)
        super().__init__(prefix=prefix, dir=dir)
        self._held: int | None = os.open(Path(self.name, _LOCK), os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._held, fcntl.LOCK_EX)

    def cleanup(self) -> None:
        """Delete the folder, and let it go."""
        super().cleanup()
        if self._held is not None:
            os.close(self._held)
            self._held = None


def remove_abandoned(parent: Path, prefix: str) -> None:
    """Delete our folders of a prefix whose processes have ended."""
    for folder in parent.glob(f"{prefix}*"):
        with suppress(OSError):
            found = folder.lstat()
            is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
            if is_ours and _is_abandoned(folder, age_seconds=time() - found.st_mtime):
                shutil.rmtree(folder)


def _is_abandoned(folder: Path, *, age_seconds: float) -> bool:
    if age_seconds < YOUNG_SECONDS:
        return False
    try:
        held = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return age_seconds > OLD_SECONDS
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(held)
    return True


def refuse_full(error: object, folder: Path) -> None:
    """Raise `ScratchFullError` when an error, or what caused it, is for want of room on disk."""
    if not isinstance(error, BaseException):
        return
    for cause in _causes(error):
        is_out_of_room = isinstance(cause, OSError) and cause.errno in _NO_ROOM
        if is_out_of_room or any(words in str(cause) for words in _NO_ROOM_IN_WORDS):
            raise ScratchFullError(folder.parent) from error


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
