"""A field of a message, and how its value is read from the cells of a row."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from rcu.ingestion.files.birth_dates import to_birth_date
from rcu.ingestion.files.codes import to_country, to_language
from rcu.ingestion.files.full_addresses import split_full_address
from rcu.ingestion.files.full_names import split_full_name
from rcu.ingestion.files.mapping import Part
from rcu.ingestion.files.reading import Cells
from rcu.ingestion.files.targets import Kind
from rcu.ingestion.files.values import (
    NOT_AVAILABLE,
    Reading,
    to_cents,
    to_day,
    to_number,
    to_scalar,
    to_structure,
    to_text,
    to_time,
)

OPEN_FIELDS: Final = frozenset({"identifiers", "attributes", "properties"})
"""Those with parts that the file names."""
_OF_A_PERSON: Final = frozenset(
    """
    external_id title given_name family_name full_name birth_name birth_date emails phones cards
    identifiers address customer
    """.split()  # noqa: SIM905 - a block of words reads better than a quoted list
)
ROW_NUMBER: Final = "(row number)"
"""Where the cells of a row hold its place in the file, when a field asks for it."""
_BETWEEN_EMAILS: Final = re.compile(r"[\s;,|/<>]+")
_SEVERAL: Final = 2
_YES: Final = frozenset({"1", "true", "yes", "y", "oui", "o", "vrai", "x"})


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the message, and the parts of the row that fill it."""

    target: str
    kind: Kind
    parts: tuple[Part, ...]

    @property
    def is_companion(self) -> bool:
        """Whether it only goes with others: `FR` alone is no address, a method no payment."""
        whole, dot, _ = self.target.partition(".")
        return bool(dot) and whole not in OPEN_FIELDS and all(part.constant for part in self.parts)

    def columns(self) -> list[str]:
        """Return the columns that the field reads."""
        return [name for part in self.parts for name in part.column_names()]


def _reading_of(field: Field, reading: Reading) -> Reading:
    """Return how the cells of a field are read.

    `nan` may be a free attribute; `NA` a country, or the store of Nantes.
    """
    whole = field.target.partition(".")[0]
    if whole in {"attributes", "properties"}:
        return replace(reading, usual_empty_values=frozenset())
    if field.target == "address.country" or whole not in _OF_A_PERSON:
        return replace(reading, usual_empty_values=reading.usual_empty_values - {NOT_AVAILABLE})
    return reading


def reader_of(field: Field, reading: Reading) -> Callable[[Cells], Any]:
    """Return how the field is read: lists gather all their parts, others take the first."""
    reading = _reading_of(field, reading)
    if field.kind is Kind.IDENTIFIERS:
        read = _identifiers_reader(field, reading)
        return _one_by_one(read) if field.target == "emails" else read
    if field.kind is Kind.LINES:
        if (column := _plain_column(field)) is not None:
            return _single_line(column, reading)
        return lambda cells: (
            [line for part in field.parts for line in _texts(part, cells, reading)] or None
        )
    readers = [_single(field.kind, part, reading) for part in field.parts]
    if len(readers) == 1:
        return readers[0]
    return lambda cells: next((v for read in readers if (v := read(cells)) is not None), None)


def _identifiers_reader(field: Field, reading: Reading) -> Callable[[Cells], Any]:
    if (column := _plain_column(field)) is not None:
        return _single_identifier(column, reading)
    return lambda cells: (
        [one for part in field.parts for one in _identifiers(part, cells, reading)] or None
    )


def _one_by_one(read: Callable[[Cells], Any]) -> Callable[[Cells], Any]:
    """Return how e-mails are read: two in one cell are two, whatever stands between them.

    The name before an address in brackets is none of it: `Zoé Rey <zoe@example.org>`.
    """

    def read_emails(cells: Cells) -> Any:
        found = read(cells)
        if found is None or not any(map(_holds_more, found)):
            return found
        return [
            one | {"value": piece}
            for one in found
            for piece in _BETWEEN_EMAILS.split(str(one.get("value")))
            if "@" in piece
        ]

    return read_emails


def _holds_more(email: dict[str, Any]) -> bool:
    text = str(email.get("value"))
    return text.count("@") >= _SEVERAL or ("@" in text and text.endswith(">"))


def _plain_column(field: Field) -> str | None:
    """Return the column that fills a field by itself, when nothing but its text is looked at."""
    part, *others = field.parts
    if others or part.split or part.verified or part.verified_at:
        return None
    return _column_as_it_is(part)


def _column_as_it_is(part: Part) -> str | None:
    """Return the column of a part that is the text of one cell, neither split nor translated."""
    if part.column is None or "." in part.column or part.values or part.default is not None:
        return None
    return part.column


def _single_identifier(column: str, reading: Reading) -> Callable[[Cells], Any]:
    """Return how the commonest of all columns is read: one identifier a cell, or none."""
    several, empty = Part(column=column), reading.empty_texts

    def read_identifier(cells: Cells) -> Any:
        cell = cells.get(column)
        if cell == "":
            return None
        if type(cell) is str and "[" not in cell:
            text = cell.strip()
            return None if text in empty else [{"value": text}]
        return _identifiers(several, cells, reading) or None

    return read_identifier


def _single_line(column: str, reading: Reading) -> Callable[[Cells], Any]:
    """Return how a column of lines is read: one a cell, none, or those of a list."""
    several, empty = Part(column=column), reading.empty_texts

    def read_line(cells: Cells) -> Any:
        cell = cells.get(column)
        if type(cell) is str:
            text = cell.strip()
            return None if text in empty else [text]
        return _texts(several, cells, reading) or None

    return read_line


def _single(kind: Kind, part: Part, reading: Reading) -> Callable[[Cells], Any]:
    if kind in {Kind.STRUCTURE, Kind.SCALAR} and part.column is not None and not part.values:
        column, default = part.column, part.default

        def read_cell(cells: Cells) -> Any:
            cell = _cell(cells, column)
            if isinstance(cell, str):
                cell = to_text(cell, reading)
            cell = default if cell is None else cell
            if cell is None:
                return None
            return to_structure(cell) if kind is Kind.STRUCTURE else to_scalar(cell, reading)

        return read_cell
    convert = _converter(kind, part, reading)
    if (plain := _column_as_it_is(part)) is not None:
        return _text_of_column(plain, convert, reading)

    def read_text(cells: Cells) -> Any:
        text = text_of(part, cells, reading)
        return None if text is None else convert(text)

    return read_text


def _text_of_column(
    column: str, convert: Callable[[str], Any], reading: Reading
) -> Callable[[Cells], Any]:
    empty = reading.empty_texts

    def read_column(cells: Cells) -> Any:
        cell = cells.get(column)
        if cell is None or cell == "":  # as many are
            return None
        text = cell.strip() if type(cell) is str else to_text(cell, reading)
        return None if text is None or text in empty else convert(text)

    return read_column


def _converter(kind: Kind, part: Part, reading: Reading) -> Callable[[str], Any]:
    converters: dict[Kind, Callable[[str], Any]] = {
        # The days of a file come back row after row.
        Kind.TIME: lru_cache(maxsize=4096)(lambda text: to_time(text, reading, part.format)),
        Kind.DAY: lambda text: to_day(text, reading, part.format),
        Kind.BIRTH_DATE: lru_cache(maxsize=16384)(
            lambda text: to_birth_date(text, reading, part.format)
        ),
        Kind.AMOUNT: lambda text: to_cents(text, in_euros=part.unit == "euros"),
        Kind.NUMBER: to_number,
        Kind.STRUCTURE: to_structure,
        Kind.FULL_NAME: lambda text: split_full_name(text, part.order),
        Kind.FULL_ADDRESS: split_full_address,
        Kind.COUNTRY: to_country,
        Kind.LANGUAGE: to_language,
    }
    return converters.get(kind, str)


def text_of(part: Part, cells: Cells, reading: Reading) -> str | None:
    """Return the text of a part: one column, several joined, or a constant."""
    if part.column is not None:
        text = to_text(_cell(cells, part.column), reading)
    elif part.columns is not None:
        texts = [to_text(_cell(cells, name), reading) for name in part.columns]
        text = part.join.join(filter(None, texts)) or None
    elif part.row_number:
        text = str(cells[ROW_NUMBER])
    else:
        text = part.constant
    if text is not None and part.values:
        text = part.values.get(text, text) or None
    return part.default if text is None else text


def _cell(cells: Cells, column: str) -> Any:
    """Return a cell; `customer.email` finds the member of a nested object too."""
    if column in cells or "." not in column:
        return cells.get(column)
    return _member(cells, column.split("."))


def _member(value: Any, path: list[str]) -> Any:
    """Return what a path leads to; in each of the objects of a list, where it comes by one."""
    for place, name in enumerate(path):
        if isinstance(value, list):
            return [_member(item, path[place:]) for item in value]
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _texts(part: Part, cells: Cells, reading: Reading) -> list[str]:
    """Return the texts of a part that may hold several: a list, or a cell to split."""
    cell = _cell(cells, part.column) if part.column is not None else None
    if isinstance(cell, list):
        return [text for item in cell if (text := to_text(item, reading))]
    text = text_of(part, cells, reading)
    if text is None:
        return []
    pieces = text.split(part.split) if part.split else [text]
    return [piece for one in pieces if (piece := one.strip())]


def _identifiers(part: Part, cells: Cells, reading: Reading) -> list[dict[str, Any]]:
    """Return the identifiers of a part, in the wire's form."""
    cell = _cell(cells, part.column) if part.column is not None else None
    if isinstance(cell, str) and cell.lstrip().startswith("["):
        cell = to_structure(cell)
    if isinstance(cell, list) and all(isinstance(item, dict) for item in cell):
        return [without for item in cell if (without := to_structure(item))]
    extra: dict[str, Any] = {}
    if part.verified is True or (
        isinstance(part.verified, str)
        and (to_text(_cell(cells, part.verified), reading) or "").lower() in _YES
    ):
        extra["verified"] = True
    if part.verified_at and (since := to_text(_cell(cells, part.verified_at), reading)):
        extra["verified_at"] = to_time(since, reading, part.format)
    return [{"value": text} | extra for text in _texts(part, cells, reading)]
