"""Who is whom in truth, as labelled sets say it: beside the records, apart from them, in pairs."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rcu.ingestion.files.errors import FileRefusedError

if TYPE_CHECKING:
    from rcu.ingestion.files.reading import Row

Assignment = dict[Hashable, Hashable]
"""Record, as source and id, to client."""

_CLIENT_NAMES: Final = ("client_id", "client_id_assigned")
NOTHING_IN_COMMON: Final = (
    "No record of the truth is among the records measured. Do --source and --record name them as "
    "they were imported?"
)


@dataclass(frozen=True, slots=True)
class TruthLayout:
    """Where a file says whose its records are."""

    sources: tuple[str, ...] = ()
    """The source of all records, where no column says it; two for the two sides of pairs."""
    record: str = "record_id"
    client: str | None = None
    """The column that names the person; by default `client_id`."""
    pairs: tuple[str, str] | None = None
    """The columns of two records that are one person, in a file of pairs."""
    by_row: bool = False
    """The record is the place of its row in the file."""


def read_truth(path: Path, layout: TruthLayout) -> Callable[[Assignment], Assignment]:
    """Return the truth of a file, as a function of the records that there are.

    Of pairs, those records that stand in none are people of their own. Raises `FileRefusedError`
    when the file cannot be understood.
    """
    if layout.pairs is None:
        true = read_clients(path, layout)
        return lambda _: true
    tied = list(_read_pairs(path, layout.pairs, layout.sources))
    return lambda found: _closed(tied, found)


def read_clients(path: Path, layout: TruthLayout) -> Assignment:
    """Return record -> client from a file, which says each record once."""
    client, said = _client_column(path, layout)
    found: Assignment = {}
    for row in _rows(path):
        record_id = str(row.number) if layout.by_row else _text(row, layout.record)
        source = layout.sources[0] if said is None else _code(_text(row, said))
        true = _text(row, client)
        if found.setdefault((source, record_id), true) != true:
            raise FileRefusedError(
                f"{path.name}, line {row.line}: the record stands twice, with two clients."
            )
    return found


def _client_column(path: Path, layout: TruthLayout) -> tuple[str, str | None]:
    """Return the column of the clients, and that of the sources where one says them."""
    from rcu.ingestion.files.targets import find_source_column

    columns = _columns(path)
    source = None if layout.sources else find_source_column(columns)
    names = (layout.client,) if layout.client else _CLIENT_NAMES
    client = next((name for name in names if name in columns), None)
    wanted = [] if layout.by_row else [layout.record]
    missing = [name for name in wanted if name not in columns]
    if source is None and not layout.sources:
        missing.append("source")
    if client is None:
        missing.append(names[0])
    if client is None or missing:
        raise FileRefusedError(
            f"{path.name}: no column {', '.join(missing)}. Other names are told by --record and "
            "--client, the source of all records by --source."
        )
    return client, source


def _code(source: str | None) -> str | None:
    """Return the code of a source, which an import finds by a name in capitals too."""
    from rcu.ingestion.files.targets import simple_name

    return source and (simple_name(source) or source)


def _read_pairs(
    path: Path, names: tuple[str, str], sources: tuple[str, ...]
) -> Iterator[tuple[Hashable, Hashable]]:
    columns = _columns(path)
    if missing := [name for name in names if name not in columns]:
        raise FileRefusedError(f"{path.name}: no column {', '.join(missing)}.")
    if not sources:
        raise FileRefusedError("Say which source the records of the pairs are of: --source CODE.")
    left, right = names
    for row in _rows(path):
        yield (sources[0], _text(row, left)), (sources[-1], _text(row, right))


def _closed(tied: list[tuple[Hashable, Hashable]], found: Assignment) -> Assignment:
    """Return each record under the first record of those that pairs tie to it."""
    parent: Assignment = {record: record for record in found}

    def root(record: Hashable) -> Hashable:
        while (above := parent.setdefault(record, record)) != record:
            parent[record] = parent[above]
            record = above
        return record

    for left, right in tied:
        parent[root(left)] = root(right)
    return {record: root(record) for record in list(parent)}


def _columns(path: Path) -> tuple[str, ...]:
    from rcu.ingestion.files.formats import detect
    from rcu.ingestion.files.reading import read_sample

    return read_sample(path, detect(path), size=1).columns


def _rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a file, or refuse it for one that cannot be read."""
    from rcu.ingestion.files.formats import detect
    from rcu.ingestion.files.reading import read_rows

    for row in read_rows(path, detect(path)):
        if row.fault:
            raise FileRefusedError(f"{path.name}, line {row.line}: {row.fault}")
        yield row


def _text(row: Row, column: str) -> str | None:
    """Return the text of a cell, as an import would write an id; None when it is empty."""
    from rcu.ingestion.files.values import CellRefusedError, Reading, to_text

    try:
        return to_text(row.cells.get(column), Reading())
    except CellRefusedError as error:
        raise FileRefusedError(f"Line {row.line}, column {column}: {error}") from error
