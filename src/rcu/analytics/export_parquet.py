"""Rows on their way: from the CSV that PostgreSQL sends, over Arrow, into Parquet files by month.

CSV is what both sides read and write in C: some five times the rows a second of Python objects.
Memory is bounded whatever the number of rows: what waits for its file is limited over all months.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from rcu.analytics.export_folder import private_file
from rcu.analytics.views import ViewColumn

PART: Final = "__part"
"""The column that says to which month a row belongs; it comes last, and is not written."""
BLOCK_BYTES: Final = 2 * 1024 * 1024
MOST_BLOCKS: Final = 4
MOST_WAITING_BYTES: Final = 64 * 1024 * 1024
ROW_GROUP_BYTES: Final = 8 * 1024 * 1024
MOST_OPEN_FILES: Final = 100
MOST_FILE_BYTES: Final = 512 * 1024 * 1024

_TYPES: Final[Mapping[str, pa.DataType]] = {
    "boolean": pa.bool_(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "double precision": pa.float64(),
    "date": pa.date32(),
    "timestamp with time zone": pa.timestamp("us", tz="UTC"),
}
"""What is not here (text, ids) is text in the files."""


def arrow_schema(columns: Sequence[ViewColumn], about: str) -> pa.Schema:
    """Return the schema of the files of a view; comments go with it."""
    fields = [
        pa.field(column.name, _type_of(column), metadata={"comment": column.comment})
        for column in columns
    ]
    return pa.schema(fields, metadata={"comment": about})


def _type_of(column: ViewColumn) -> pa.DataType:
    return _TYPES.get(column.type, pa.string())


class ReaderGoneError(Exception):
    """Nobody reads the stream any more; who did says why."""


class ByteStream(io.RawIOBase):
    """Bytes that one thread puts and another one reads, some blocks apart at most."""

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self._changed = Condition()
        self._blocks: deque[bytes] = deque()
        self._is_ended = False

    def put(self, block: bytes) -> None:
        """Hand over bytes, waiting until there is room.

        Raises `ReaderGoneError` when the stream was closed by who reads it.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.closed or len(self._blocks) < MOST_BLOCKS)
            if self.closed:
                raise ReaderGoneError
            self._blocks.append(block)
            self._changed.notify_all()

    def end(self) -> None:
        """Say that nothing more comes."""
        with self._changed:
            self._is_ended = True
            self._changed.notify_all()

    def close(self) -> None:
        """Read no more."""
        with self._changed:
            super().close()
            self._blocks.clear()
            self._changed.notify_all()

    def readable(self) -> bool:
        """Return whether it can be read: it can."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as there is something, waiting for it; 0 at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._blocks or self._is_ended)
            if not self._blocks:
                return 0
            block = self._blocks.popleft()
            taken = min(len(block), len(buffer))
            buffer[:taken] = block[:taken]
            if taken < len(block):
                self._blocks.appendleft(block[taken:])
            self._changed.notify_all()
            return taken


def batches_of(stream: ByteStream, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a CSV without header; what is not quoted and empty is null."""
    types = {name: schema.field(name).type for name in schema.names} | {PART: pa.string()}
    yield from pa_csv.open_csv(
        io.BufferedReader(stream, BLOCK_BYTES),
        read_options=pa_csv.ReadOptions(column_names=list(types), block_size=BLOCK_BYTES),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types=types,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )


class _Sink(io.RawIOBase):
    """A file that is hashed while it is written."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self.digest = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        left = memoryview(data).cast("B")
        self.digest.update(left)
        self.size += len(left)
        written = len(left)
        while left:
            left = left[os.write(self._descriptor, left) :]
        return written


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that is on disk, whole."""

    path: Path
    rows: int
    bytes: int
    sha256: str


class _OpenFile:
    """A Parquet file that is being written."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._stack = ExitStack()
        self._path = path
        self._descriptor = self._stack.enter_context(private_file(path))
        self._sink = _Sink(self._descriptor)
        self._writer = self._stack.enter_context(
            pq.ParquetWriter(self._sink, schema, compression="zstd")
        )
        self.rows = 0

    @property
    def size(self) -> int:
        return self._sink.size

    def write(self, table: pa.Table) -> None:
        self._writer.write_table(table)
        self.rows += table.num_rows

    def finish(self) -> WrittenFile:
        self._writer.close()
        os.fsync(self._descriptor)
        self.abandon()
        sink = self._sink
        return WrittenFile(self._path, self.rows, sink.size, sink.digest.hexdigest())

    def abandon(self) -> None:
        self._stack.close()


@dataclass(slots=True, eq=False)
class _Month:
    """The files of one month, or of a whole table, and the rows that wait for them."""

    waiting: list[pa.RecordBatch] = field(default_factory=list)
    waiting_bytes: int = 0
    open_file: _OpenFile | None = None
    finished: list[WrittenFile] = field(default_factory=list)


class PartWriter:
    """Writes the rows of a table into the files of the months that they belong to."""

    def __init__(self, schema: pa.Schema, place: Callable[[str, int], Path]) -> None:
        """Write files of `schema`; `place` says where the nth file of a month goes."""
        self._schema = schema
        self._place = place
        self._months: dict[str, _Month] = {}
        self._open_months: deque[_Month] = deque()
        """Those with a file that is open, the one that was opened first in front."""

    def begin(self, part: str) -> None:
        """Make a month known, so that it has a file even without a row."""
        self._months.setdefault(part, _Month())

    def write(self, batch: pa.RecordBatch) -> None:
        """Take rows, each with the month that it belongs to in its last column."""
        parts = batch.column(PART)
        rows = batch.select(self._schema.names).cast(self._schema)
        months = pc.unique(parts).to_pylist()
        for month in months:
            fitting = rows if len(months) == 1 else rows.filter(pc.equal(parts, month))
            self._wait(month, fitting)
        while sum(month.waiting_bytes for month in self._months.values()) > MOST_WAITING_BYTES:
            self._flush(max(self._months, key=lambda name: self._months[name].waiting_bytes))

    def finish(self) -> dict[str, list[WrittenFile]]:
        """Write what waits, and return the files of each month, which are on disk."""
        for part, month in self._months.items():
            self._flush(part)
            if month.open_file is None and not month.finished:
                self._open(part)
            self._close(month)
        return {part: month.finished for part, month in self._months.items()}

    def abandon(self) -> None:
        """Close what is open; the files are of no use."""
        for month in self._months.values():
            if month.open_file is not None:
                month.open_file.abandon()

    def _wait(self, part: str, rows: pa.RecordBatch) -> None:
        month = self._months.setdefault(part, _Month())
        month.waiting.append(rows)
        month.waiting_bytes += rows.nbytes
        if month.waiting_bytes >= ROW_GROUP_BYTES:
            self._flush(part)

    def _flush(self, part: str) -> None:
        month = self._months[part]
        if not month.waiting:
            return
        file = month.open_file or self._open(part)
        file.write(pa.Table.from_batches(month.waiting, self._schema))
        month.waiting, month.waiting_bytes = [], 0
        if file.size >= MOST_FILE_BYTES:
            self._close(month)

    def _open(self, part: str) -> _OpenFile:
        """Open the next file of a month; of too many, the oldest is complete then."""
        if len(self._open_months) >= MOST_OPEN_FILES:
            self._close(self._open_months[0])
        month = self._months[part]
        month.open_file = _OpenFile(self._place(part, len(month.finished)), self._schema)
        self._open_months.append(month)
        return month.open_file

    def _close(self, month: _Month) -> None:
        if month.open_file is not None:
            month.finished.append(month.open_file.finish())
            month.open_file = None
            self._open_months.remove(month)
