"""What a file is, told by its content: format, compression, encoding and delimiter.

Names lie (`export.csv` that is gzipped, `data.txt` that is JSON Lines), so that only bytes are
asked. The encoding is known for sure, not guessed from a sample: an export whose first accent
stands in its last line is read whole once, which costs about a second a gigabyte.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import IO, Final, cast

from rcu.ingestion.files.errors import FileRefusedError

DELIMITERS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
MAX_CELL_CHARACTERS: Final = 1 << 20
"""Longest cell: a quote that is never closed stops here instead of swallowing the file."""

SEPARATOR_MARK: Final = "sep="
"""Begins a first line that tells a spreadsheet what parts the columns: `sep=;`."""
_WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How an archive begins, which a workbook is, and how workbooks of old do."""
_GZIP_MAGIC: Final = b"\x1f\x8b"
_PARQUET_MAGIC: Final = b"PAR1"
_CHUNK_BYTES: Final = 1 << 20
_SAMPLE_BYTES: Final = 1 << 18
_SAMPLE_ROWS: Final = 200
_HIGH_BYTE: Final = re.compile(rb"[\x80-\xff]")
_UTF8_CHARACTER: Final = re.compile(
    rb"[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_MANY_NULS: Final = 0.2
_DAMAGE_RATIO: Final = 10
"""A file with ten times more UTF-8 characters than stray bytes is UTF-8 with damage."""


class Format(StrEnum):
    """How the records of a file are written."""

    CSV = "CSV"
    JSON_LINES = "JSON Lines"
    PARQUET = "Parquet"


class Encoding(StrEnum):
    """How the characters of a text file are written; the value is Python's codec."""

    UTF8 = "utf-8"
    UTF8_BOM = "utf-8-sig"
    UTF16 = "utf-16"
    UTF16_LE = "utf-16-le"
    UTF16_BE = "utf-16-be"
    WINDOWS_1252 = "cp1252"

    @property
    def label(self) -> str:
        """Return the name people know it by."""
        return _ENCODING_LABELS[self]


_ENCODING_LABELS: Final = {
    Encoding.UTF8: "UTF-8",
    Encoding.UTF8_BOM: "UTF-8 with a byte order mark",
    Encoding.UTF16: "UTF-16",
    Encoding.UTF16_LE: "UTF-16 without a byte order mark",
    Encoding.UTF16_BE: "UTF-16 without a byte order mark, big-endian",
    Encoding.WINDOWS_1252: "Windows-1252",
}


@dataclass(frozen=True, slots=True)
class FileFormat:
    """What a file was found to be."""

    format: Format
    gzipped: bool
    encoding: str
    """Python codec; without meaning for Parquet."""
    delimiter: str
    """One character; without meaning but for CSV."""
    header: tuple[str, ...] | None = None
    """The names of the columns of a CSV file that does not name them itself."""
    damaged: bool = False
    """Some bytes are not of the encoding: the rows that hold them are refused."""

    def __str__(self) -> str:
        """Return the sentence shown before the import."""
        parts = [self.format.value]
        if self.format is Format.CSV:
            parts.append(f"delimiter {DELIMITERS.get(self.delimiter, self.delimiter)}")
        if self.format is not Format.PARQUET:
            parts.append(_encoding_label(self.encoding))
        if self.damaged:
            parts.append("with damaged characters (their rows will be refused)")
        if self.gzipped:
            parts.append("gzipped")
        return ", ".join(parts)


def _encoding_label(codec: str) -> str:
    try:
        return Encoding(codec).label
    except ValueError:
        return codec


def detect(
    path: Path,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    header: Sequence[str] | None = None,
) -> FileFormat:
    """Return what the file is; an `encoding` or a `delimiter` that is given is not looked for.

    `header` names the columns of a CSV file that does not do so in its first row.
    """
    gzipped = _starts_with(path, _GZIP_MAGIC)
    with open_bytes(path, gzipped=gzipped) as stream:
        head = _read_head(stream)
    if head.startswith(_PARQUET_MAGIC):
        return FileFormat(Format.PARQUET, gzipped, Encoding.UTF8, ",")
    if head.startswith(_WORKBOOKS):
        raise FileRefusedError(
            "The file is a workbook or an archive. Save its sheet as CSV (UTF-8), or unpack it."
        )
    if not head.strip(b"\x00\xef\xbb\xbf\xff\xfe \t\r\n"):
        raise FileRefusedError("The file is empty.")
    codec, damaged = (
        (encoding, False) if encoding else _detect_encoding(path, head, gzipped=gzipped)
    )
    text = head.decode(codec, errors="replace").lstrip("\ufeff \t\r\n")
    if text.startswith("{"):
        return FileFormat(Format.JSON_LINES, gzipped, codec, ",", None, damaged)
    if text.startswith("["):
        raise FileRefusedError(
            "The file is one JSON array. Write one object a line (JSON Lines), "
            "for example with: jq -c '.[]' FILE > FILE.jsonl"
        )
    if delimiter is None:
        delimiter = _detect_delimiter(text, cut=len(head) == _SAMPLE_BYTES)
    names = tuple(header) if header else None
    return FileFormat(Format.CSV, gzipped, codec, delimiter, names, damaged)


def open_bytes(path: Path, *, gzipped: bool) -> IO[bytes]:
    """Open a file for reading its bytes, decompressed."""
    if gzipped:
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return path.open("rb")


def _starts_with(path: Path, magic: bytes) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(magic)) == magic


def _read_head(stream: IO[bytes]) -> bytes:
    try:
        return stream.read(_SAMPLE_BYTES)
    except (EOFError, OSError, zlib.error) as error:
        raise FileRefusedError("The file looks gzipped, but cannot be decompressed.") from error


def _detect_encoding(path: Path, head: bytes, *, gzipped: bool) -> tuple[str, bool]:
    """Return the codec of the whole file, and whether some of its bytes do not fit."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Encoding.UTF16, False
    if half := _half_of_nuls(head):
        return half, False
    utf8 = Encoding.UTF8_BOM if head.startswith(codecs.BOM_UTF8) else Encoding.UTF8
    if _is_utf8(_chunks(path, gzipped=gzipped)):
        return utf8, False
    whole, stray = _count_characters(_chunks(path, gzipped=gzipped))
    if utf8 is Encoding.UTF8_BOM or whole > stray * _DAMAGE_RATIO:
        return utf8, True
    return Encoding.WINDOWS_1252, False


def _half_of_nuls(head: bytes) -> str | None:
    """Return which UTF-16 the bytes are: in ours every other one is zero, bar a few letters."""
    if head.count(0, 0, len(head) // 2 * 2) < len(head) * _MANY_NULS:
        return None
    high, low = head[0::2].count(0), head[1::2].count(0)
    return Encoding.UTF16_BE if high > low else Encoding.UTF16_LE


def _chunks(path: Path, *, gzipped: bool) -> Iterator[bytes]:
    with open_bytes(path, gzipped=gzipped) as stream:
        try:
            while chunk := stream.read(_CHUNK_BYTES):
                yield chunk
        except (EOFError, OSError, zlib.error) as error:
            raise FileRefusedError("The compressed file is cut short or damaged.") from error


def _is_utf8(chunks: Iterator[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in chunks:
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _count_characters(chunks: Iterator[bytes]) -> tuple[int, int]:
    """Count the characters that are UTF-8 beyond ASCII, and the bytes beyond ASCII that are not.

    A character on the border of two chunks counts as stray: one in a megabyte, too few to matter.
    """
    whole = stray = 0
    for chunk in chunks:
        found = _UTF8_CHARACTER.findall(chunk)
        whole += len(found)
        stray += len(_HIGH_BYTE.findall(chunk)) - sum(map(len, found))
    return whole, stray


def _detect_delimiter(text: str, *, cut: bool) -> str:
    """Return the delimiter that cuts the first rows into as many columns as the header has.

    A first line `sep=;` tells it.
    """
    first = text.split("\n", 1)[0].strip("\r")
    if first.lower().startswith(SEPARATOR_MARK) and len(first) == len(SEPARATOR_MARK) + 1:
        return first[-1]
    return max(DELIMITERS, key=lambda delimiter: _delimiter_fit(text, delimiter, cut=cut))


def _delimiter_fit(text: str, delimiter: str, *, cut: bool) -> tuple[float, int]:
    """Return how well a delimiter fits: share of the rows as wide as the header, then its width.

    When the text is `cut` somewhere, its last row may be half a row and does not count.
    """
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        rows = [row for row in islice(reader, _SAMPLE_ROWS) if row]
    except csv.Error:
        return (0.0, 0)
    if cut and 1 < len(rows) < _SAMPLE_ROWS:
        rows.pop()
    width = len(rows[0]) if rows else 0
    if width < 2:  # noqa: PLR2004 -- one column: this delimiter cuts nothing
        return (0.0, width)
    body = rows[1:]
    alike = sum(len(row) == width for row in body) / len(body) if body else 1.0
    return (alike, width)
