"""Rows come one by one, with the line where they stand; unreadable ones say why."""

from __future__ import annotations

import gzip
import tracemalloc
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rcu.ingestion.files.errors import FileRefusedError
from rcu.ingestion.files.formats import detect
from rcu.ingestion.files.reading import REST, Row, read_rows, read_sample


def rows_of(path: Path) -> list[Row]:
    return list(read_rows(path, detect(path)))


def put(folder: Path, content: str | bytes, *, gzipped: bool = False) -> Path:
    data = content.encode() if isinstance(content, str) else content
    path = folder / "data"
    path.write_bytes(gzip.compress(data) if gzipped else data)
    return path


@pytest.mark.parametrize("gzipped", [False, True])
def test_a_quoted_newline_stays_in_its_cell_and_lines_are_counted(
    tmp_path: Path, gzipped: bool
) -> None:
    path = put(tmp_path, 'id,note\r\n1,"two\nlines"\r\n2,one\r\n', gzipped=gzipped)

    assert [(row.line, row.cells) for row in rows_of(path)] == [
        (2, {"id": "1", "note": "two\nlines"}),
        (4, {"id": "2", "note": "one"}),
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    path = put(tmp_path, "id,nom\n1,Zoé\n".encode("utf-8-sig"))

    assert rows_of(path)[0].cells == {"id": "1", "nom": "Zoé"}


def test_windows_1252_keeps_its_letters(tmp_path: Path) -> None:
    path = put(tmp_path, "id;nom\n1;Œuvré €\n".encode("cp1252"))

    assert rows_of(path)[0].cells["nom"] == "Œuvré €"


def test_a_row_of_another_width_is_refused_and_keeps_its_cells(tmp_path: Path) -> None:
    short, long, padded = rows_of(put(tmp_path, "a,b\n1\n1,2,3\n1,2,\n"))

    assert short.fault == "The row has 1 cells, the header 2."
    assert (long.fault is not None, long.cells[REST]) == (True, '["3"]')
    assert padded.fault is None


def test_a_quote_left_open_costs_its_own_rows_only(tmp_path: Path) -> None:
    text = 'a,b\n1,ok\n2,"open\n' + "3,lost\n" * 200_000 + "4,ok\n"

    rows = rows_of(put(tmp_path, text))

    assert rows[0].cells == {"a": "1", "b": "ok"}
    assert any(row.fault for row in rows)
    assert rows[-1].cells == {"a": "4", "b": "ok"}


def test_a_row_with_damaged_bytes_is_refused_and_its_neighbours_are_not(tmp_path: Path) -> None:
    rows = rows_of(put(tmp_path, b"id,nom\n" + "1,Zoé\n".encode() * 50 + b"2,Zo\xe9\n"))

    assert [row.fault is None for row in rows] == [True] * 50 + [False]
    assert rows[-1].cells["nom"] == "Zo\N{REPLACEMENT CHARACTER}"


def test_a_column_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefusedError, match="email"):
        rows_of(put(tmp_path, "id,email,email\n1,a,b\n"))


def test_a_line_that_is_no_json_object_costs_itself_only(tmp_path: Path) -> None:
    good, broken, number, last = rows_of(put(tmp_path, '{"a": 1}\n{"a": \n5\n\n{"a": 2}\n'))

    assert (good.cells, last.cells, last.line) == ({"a": 1}, {"a": 2}, 5)
    assert (broken.fault, broken.cells) == ("The line is no JSON.", {REST: '{"a":'})
    assert number.fault == "The line is no JSON object."


def test_json_lines_have_the_columns_of_all_rows_of_the_sample(tmp_path: Path) -> None:
    path = put(tmp_path, '{"a": 1}\n{"b": 2}\n')

    assert read_sample(path, detect(path)).columns == ("a", "b")


@pytest.mark.parametrize("gzipped", [False, True])
def test_parquet_keeps_its_types(tmp_path: Path, gzipped: bool) -> None:
    moment = datetime(2025, 3, 1, 10, 20, tzinfo=UTC)
    table = pa.table({"id": [1, None], "at": [moment, None], "price": [Decimal("1.50"), None]})
    path = tmp_path / "data"
    pq.write_table(table, path)
    if gzipped:
        path.write_bytes(gzip.compress(path.read_bytes()))

    first, second = rows_of(path)

    assert first.cells == {"id": 1, "at": moment, "price": Decimal("1.50")}
    assert second.cells == {"id": None, "at": None, "price": None}


def test_a_damaged_parquet_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefusedError, match="Parquet"):
        rows_of(put(tmp_path, b"PAR1 and nothing else"))


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = put(tmp_path, "id,name\n" + "1,somebody\n" * 400_000)
    file_format = detect(path)

    tracemalloc.start()
    count = sum(1 for _ in read_rows(path, file_format))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert count == 400_000
    assert peak_bytes < 1_000_000 < path.stat().st_size


def test_the_position_in_the_file_is_told_while_reading(tmp_path: Path) -> None:
    path = put(tmp_path, "id,name\n" + "1,somebody\n" * 20_000, gzipped=True)
    heard: list[int] = []

    for _ in read_rows(path, detect(path), on_bytes=heard.append):
        pass

    assert heard == sorted(heard)
    assert heard[-1] == path.stat().st_size


def test_rows_are_numbered_and_a_refused_one_counts(tmp_path: Path) -> None:
    path = put(tmp_path, 'a,b\n1,"x\ny"\n2\n3,z\n')

    assert [(row.number, row.line) for row in rows_of(path)] == [(1, 2), (2, 4), (3, 5)]


def test_a_file_whose_first_row_names_nothing_is_read_from_there(tmp_path: Path) -> None:
    file_format = detect(put(tmp_path, "1,Zoé\n2,Ann\n"), header=["id", "name"])

    sample = read_sample(tmp_path / "data", file_format)

    assert sample.columns == ("id", "name")
    assert [row.cells["name"] for row in sample.rows] == ["Zoé", "Ann"]


def test_a_line_for_spreadsheets_is_no_header(tmp_path: Path) -> None:
    assert [row.cells for row in rows_of(put(tmp_path, "sep=;\nid;name\n1;a\n"))] == [
        {"id": "1", "name": "a"}
    ]
