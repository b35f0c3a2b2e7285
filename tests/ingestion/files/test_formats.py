"""Format, compression, encoding and delimiter are told by content."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from rcu.ingestion.files.errors import FileRefusedError
from rcu.ingestion.files.formats import Encoding, Format, detect


def put(folder: Path, content: bytes, *, name: str = "data.bin") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_cuts_every_row_alike(tmp_path: Path, delimiter: str) -> None:
    rows = [["id", "name", "amount"], ["1", "Zoé", "12.50"], ["2", "Ana", "3.00"]]
    text = "\n".join(delimiter.join(row) for row in rows)

    assert detect(put(tmp_path, text.encode())).delimiter == delimiter


def test_decimal_commas_do_not_pass_for_delimiters(tmp_path: Path) -> None:
    text = "id;price;total\n1;12,50;25,00\n2;3,20;6,40\n"

    assert detect(put(tmp_path, text.encode())).delimiter == ";"


def test_a_delimiter_inside_quotes_does_not_count(tmp_path: Path) -> None:
    text = 'id;note\n1;"a, b, c"\n2;"d, e, f"\n'

    assert detect(put(tmp_path, text.encode())).delimiter == ";"


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("id,nom\n1,Zoé\n".encode(), Encoding.UTF8),
        ("id,nom\n1,Zoé\n".encode("utf-8-sig"), Encoding.UTF8_BOM),
        ("id,nom\n1,Zoé\n".encode("cp1252"), Encoding.WINDOWS_1252),
        ("id,nom\n1,Zoé\n".encode("utf-16"), Encoding.UTF16),
    ],
)
def test_the_encoding_is_told_by_the_bytes(tmp_path: Path, content: bytes, encoding: str) -> None:
    found = detect(put(tmp_path, content))

    assert (found.format, found.encoding, found.damaged) == (Format.CSV, encoding, False)


def test_an_accent_far_behind_the_first_megabyte_still_tells_the_encoding(tmp_path: Path) -> None:
    content = b"id,nom\n" + b"1,Dupont\n" * 200_000 + "2,Zoé\n".encode("cp1252")

    assert detect(put(tmp_path, content)).encoding == Encoding.WINDOWS_1252


def test_utf8_with_a_few_broken_bytes_is_damaged_utf8_and_not_windows_1252(tmp_path: Path) -> None:
    content = b"id,nom\n" + "1,Zoé\n".encode() * 100 + b"2,Zo\xe9\n"

    found = detect(put(tmp_path, content))

    assert (found.encoding, found.damaged) == (Encoding.UTF8, True)


def test_the_name_of_a_file_does_not_count(tmp_path: Path) -> None:
    content = gzip.compress(b'{"external_id": "1"}\n', mtime=0)

    found = detect(put(tmp_path, content, name="export.csv"))

    assert (found.format, found.gzipped) == (Format.JSON_LINES, True)


def test_what_was_found_is_said_in_words(tmp_path: Path) -> None:
    found = detect(put(tmp_path, gzip.compress("id;nom\n1;Zoé\n".encode("cp1252"), mtime=0)))

    assert str(found) == "CSV, delimiter semicolon, Windows-1252, gzipped"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \n", "empty"),
        (b'[{"a": 1}]', "JSON Lines"),
        (b"PK\x03\x04" + bytes(40), "workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(40), "workbook"),
        (gzip.compress(b"id\n1\n" * 9000, mtime=0)[:-9], "cut short|decompressed"),
    ],
)
def test_what_is_no_list_of_records_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(FileRefusedError, match=reason):
        detect(put(tmp_path, content))


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_told_by_its_zeros(tmp_path: Path, codec: str) -> None:
    found = detect(put(tmp_path, "id;name\n1;Zoé\n2;Ann\n".encode(codec)))

    assert (found.encoding, found.delimiter) == (codec, ";")


def test_the_line_that_tells_a_spreadsheet_the_delimiter_tells_it_us_too(tmp_path: Path) -> None:
    assert detect(put(tmp_path, b"sep=|\nid|names\n1|a;b;c\n")).delimiter == "|"
