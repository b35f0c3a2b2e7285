"""Rows of a file, one by one, whatever its format: memory does not grow with the file."""

from __future__ import annotations

import csv
import gzip
import io
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final, cast

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from rcu.ingestion.files.errors import FileRefusedError
from rcu.ingestion.files.formats import (
    MAX_CELL_CHARACTERS,
    SEPARATOR_MARK,
    FileFormat,
    Format,
)

Cells = dict[str, Any]
OnBytes = Callable[[int], None]

SAMPLE_ROWS: Final = 1000
REST: Final = "rejected_rest"
"""Where a refused row keeps what fits no column: cells beyond the header, or an odd line whole."""

_PARQUET_ROWS: Final = 2048
_MAX_LINE_CHARACTERS: Final = 8 << 20
_ESCAPED_BYTE: Final = re.compile("[\udc80-\udcff]")


@dataclass(slots=True)
class Row:
    """One record of a file as it stands there."""

    line: int
    """Line where it begins, the first being 1; for Parquet the number of the row."""
    cells: Cells
    fault: str | None = None
    """Why it cannot be read at all, if so."""
    number: int = 0
    """Its place among the records of the file, the first being 1."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The first rows of a file, and the columns that they have."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read_sample(path: Path, file_format: FileFormat, *, size: int = SAMPLE_ROWS) -> Sample:
    """Return the first rows; the columns of JSON Lines are all those that these rows have."""
    if file_format.format is Format.PARQUET:
        with _parquet(path, file_format) as file:
            columns = tuple(file.schema_arrow.names)
    elif file_format.format is Format.CSV:
        with _text(path, file_format) as (text, _):
            columns = _header(csv.reader(text, delimiter=file_format.delimiter), file_format.header)
    else:
        columns = ()
    rows = tuple(islice(read_rows(path, file_format), size))
    if not columns:
        columns = tuple(dict.fromkeys(name for row in rows for name in row.cells))
    return Sample(columns=columns, rows=rows)


def read_rows(
    path: Path, file_format: FileFormat, *, on_bytes: OnBytes | None = None
) -> Iterator[Row]:
    """Yield the rows in file order; `on_bytes` hears how far into the file on disk that is."""
    for number, row in enumerate(_READERS[file_format.format](path, file_format, on_bytes), 1):
        row.number = number
        yield row


# --- CSV ----------------------------------------------------------------------------------------


def _read_csv(path: Path, file_format: FileFormat, on_bytes: OnBytes | None) -> Iterator[Row]:
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    with _text(path, file_format) as (text, position):
        reader = csv.reader(text, delimiter=file_format.delimiter)
        columns = _header(reader, file_format.header)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                yield Row(line, {}, "The row is no CSV: a quote may be left open.")
                continue
            if cells:
                yield _csv_row(line, columns, cells, may_be_damaged=file_format.damaged)
            if on_bytes is not None:
                on_bytes(position())


def _csv_row(line: int, columns: tuple[str, ...], cells: list[str], *, may_be_damaged: bool) -> Row:
    row = Row(line, dict(zip(columns, cells, strict=False)))
    if len(cells) != len(columns):
        extra = cells[len(columns) :]
        if len(cells) < len(columns) or any(cell.strip() for cell in extra):
            row.fault = f"The row has {len(cells)} cells, the header {len(columns)}."
            if extra:
                row.cells[REST] = orjson.dumps(extra).decode()
    if may_be_damaged and any(map(_ESCAPED_BYTE.search, cells)):
        row.fault = "The row holds bytes that are not UTF-8."
        row.cells = {name: _without_escapes(cell) for name, cell in row.cells.items()}
    return row


def _header(reader: Iterator[list[str]], told: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the names of the columns; one without a name is called by its place.

    A file that has none is read from its first line on when they are `told`.
    """
    if told is not None:
        return told
    cells = next((cells for cells in reader if _is_header(cells)), None)
    if cells is None:
        raise FileRefusedError("The file has no header.")
    names = tuple(name.strip() or f"column_{place}" for place, name in enumerate(cells, 1))
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise FileRefusedError(f"Several columns are called {', '.join(twice)}.")
    return names


def _is_header(cells: list[str]) -> bool:
    """Tell whether a row names columns: not an empty one, nor the `sep=;` of a spreadsheet."""
    return any(cell.strip() for cell in cells) and cells[0].strip().lower() != SEPARATOR_MARK


# --- JSON Lines -----------------------------------------------------------------------------------


def _read_json_lines(
    path: Path, file_format: FileFormat, on_bytes: OnBytes | None
) -> Iterator[Row]:
    with _text(path, file_format) as (text, position):
        number = 0
        while line := text.readline(_MAX_LINE_CHARACTERS):
            number += 1
            if len(line) == _MAX_LINE_CHARACTERS:
                _skip_line(text, line)
                yield Row(number, {}, "The line is longer than 8 million characters.")
            elif not line.isspace():
                yield _json_row(number, line)
            if on_bytes is not None:
                on_bytes(position())


def _json_row(number: int, line: str) -> Row:
    if _ESCAPED_BYTE.search(line):
        cells = {REST: _without_escapes(line.strip())}
        return Row(number, cells, "The line holds bytes that are not UTF-8.")
    try:
        cells = orjson.loads(line)
    except orjson.JSONDecodeError:
        return Row(number, {REST: line.strip()}, "The line is no JSON.")
    if not isinstance(cells, dict):
        return Row(number, {REST: line.strip()}, "The line is no JSON object.")
    return Row(number, cells)


def _skip_line(text: IO[str], line: str) -> None:
    while line and not line.endswith("\n"):
        line = text.readline(_MAX_LINE_CHARACTERS)


# --- Parquet --------------------------------------------------------------------------------------


def _read_parquet(path: Path, file_format: FileFormat, on_bytes: OnBytes | None) -> Iterator[Row]:
    size = path.stat().st_size
    with _parquet(path, file_format) as file:
        total = max(file.metadata.num_rows, 1)
        number = 0
        for batch in file.iter_batches(batch_size=_PARQUET_ROWS):
            for cells in batch.to_pylist():
                number += 1
                yield Row(number, cells)
            if on_bytes is not None:
                on_bytes(size * number // total)


@contextmanager
def _parquet(path: Path, file_format: FileFormat) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file; a gzipped one is unpacked to disk first, its end must be read first."""
    with path.open("rb") as raw, tempfile.TemporaryFile() as unpacked:
        stream: IO[bytes] = raw
        if file_format.gzipped:
            shutil.copyfileobj(gzip.GzipFile(fileobj=raw), unpacked)
            stream = unpacked
        try:
            file = pq.ParquetFile(stream)
        except pa.ArrowException as error:
            raise FileRefusedError("The Parquet file is cut short or damaged.") from error
        yield file


# --- text -----------------------------------------------------------------------------------------


@contextmanager
def _text(path: Path, file_format: FileFormat) -> Iterator[tuple[IO[str], Callable[[], int]]]:
    """Open the characters of a file, with a function that says how many bytes were read."""
    with path.open("rb") as raw:
        stream = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if file_format.gzipped else raw
        text = io.TextIOWrapper(
            stream,
            encoding=file_format.encoding,
            errors="surrogateescape" if file_format.damaged else "strict",
            newline="",
        )
        try:
            yield text, raw.tell
        except UnicodeError as error:
            raise FileRefusedError(f"The file is not written in {file_format.encoding}.") from error
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise FileRefusedError("The compressed file is cut short or damaged.") from error


def _without_escapes(text: object) -> object:
    """Show a byte that could not be read as the replacement character."""
    return _ESCAPED_BYTE.sub("\N{REPLACEMENT CHARACTER}", text) if isinstance(text, str) else text


_READERS: Final[Mapping[Format, Callable[[Path, FileFormat, OnBytes | None], Iterator[Row]]]] = {
    Format.CSV: _read_csv,
    Format.JSON_LINES: _read_json_lines,
    Format.PARQUET: _read_parquet,
}
