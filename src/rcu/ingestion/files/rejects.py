"""The file of the rows that were refused, each with its line and its reasons."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import orjson

from rcu.ingestion.files.plan import REJECTED_LINE, REJECTED_REASON
from rcu.ingestion.files.reading import REST, Row


class RejectsFile:
    """A CSV file with the refused rows as they were, ready to be mended and imported again.

    It holds personal data as the imported file does, so that only its owner may read it. It
    is made with the first refused row; when none is refused, an earlier one is removed.
    """

    def __init__(self, path: Path, columns: Sequence[str], *, delimiter: str = ",") -> None:
        self.path = path
        self.count = 0
        self._columns = [name for name in columns if name not in _ADDED]
        self._delimiter = delimiter
        self._stream: IO[str] | None = None
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._stream is not None:
            self._stream.close()
        elif kind is None:
            self.path.unlink(missing_ok=True)

    def write(self, row: Row, reasons: Sequence[str]) -> None:
        """Add a refused row."""
        if self._stream is None:
            self._open()
        rest: Any = row.cells.get(REST)
        unknown = {name: row.cells[name] for name in row.cells.keys() - {*self._columns, *_ADDED}}
        if unknown:
            rest = orjson.dumps(unknown, default=str).decode()
        cells = [_as_text(row.cells.get(name)) for name in self._columns]
        self._writer.writerow([row.line, "; ".join(reasons), *cells, rest])
        self.count += 1

    def _open(self) -> None:
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.fchmod(handle, 0o600)
        self._stream = os.fdopen(handle, "w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._stream, delimiter=self._delimiter)
        self._writer.writerow([REJECTED_LINE, REJECTED_REASON, *self._columns, REST])


_ADDED = frozenset({REJECTED_LINE, REJECTED_REASON, REST})


def _as_text(cell: object) -> object:
    """Return a cell as CSV holds it; a list or an object as JSON, which an import reads back."""
    if isinstance(cell, list | dict):
        return orjson.dumps(cell, default=str).decode()
    return cell
