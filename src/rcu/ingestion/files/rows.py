"""From a row to a message: the fields of a plan, compiled once and read for every row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

import orjson
from pydantic import ValidationError

from rcu.ingestion.files.full_names import FullName, split_full_name
from rcu.ingestion.files.mapping import Part
from rcu.ingestion.files.reading import Cells
from rcu.ingestion.files.targets import Kind
from rcu.ingestion.files.values import (
    CellRefusedError,
    Reading,
    to_birth_date,
    to_cents,
    to_day,
    to_number,
    to_scalar,
    to_structure,
    to_text,
    to_time,
)
from rcu.ingestion.messages import MESSAGE_MODELS, Message, MessageType
from rcu.validation import field_errors

MESSAGE_ID_PREFIX: Final = "file-"
_NUL: Final = rb"\u0000"
_NEVER_CLEARED: Final = frozenset({"message_id", "external_id", "occurred_at"})
_OPEN: Final = frozenset({"identifiers", "attributes", "properties"})
_YES: Final = frozenset({"1", "true", "yes", "y", "oui", "o", "vrai", "x"})


class RowRefusedError(Exception):
    """A row does not become a message; the reasons name fields and columns, never values."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = tuple(reasons)


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
        return bool(dot) and whole not in _OPEN and all(part.constant for part in self.parts)

    def columns(self) -> list[str]:
        """Return the columns that the field reads."""
        return [name for part in self.parts for name in part.column_names()]


class RowMapper:
    """Makes messages of one type out of rows.

    The message id is a digest of the message itself, unless a column gives one: the same
    row makes the same message however often the file is read, so that a second import
    changes nothing.
    """

    def __init__(
        self,
        message_type: MessageType,
        fields: Sequence[Field],
        *,
        reading: Reading,
        clear_empty: bool = False,
        fallback: Mapping[str, Any] | None = None,
    ) -> None:
        """Compile `fields`; `fallback` holds values for fields that a row leaves empty."""
        self._type = message_type
        self._model = MESSAGE_MODELS[message_type]
        ordered = sorted(fields, key=lambda f: (f.is_companion, f.kind is Kind.FULL_NAME))
        self._readers = [
            (
                field,
                _reader(field, reading),
                _writer(field),
                _whole(field.target) if field.is_companion else None,
            )
            for field in ordered
        ]
        self._cleared = _clearable(fields) if clear_empty else frozenset()
        self._fallback = dict(fallback or {})
        self._columns: dict[str, list[str]] = {}
        for field in fields:
            for name in _members(field):
                self._columns.setdefault(name, []).extend(field.columns())

    def message(self, cells: Cells) -> Message:
        """Return the message that a row says, or raise RowRefusedError with every reason."""
        values = self._values(cells)
        try:
            canonical = orjson.dumps([self._type, values], option=orjson.OPT_SORT_KEYS)
        except TypeError as error:
            raise RowRefusedError(["A value cannot be written as JSON."]) from error
        if _NUL in canonical and _holds_nul(values):
            raise RowRefusedError(["A value holds a NUL character."])
        if "message_id" not in values:
            digest = blake2b(canonical, digest_size=20).hexdigest()
            values["message_id"] = MESSAGE_ID_PREFIX + digest
        try:
            return self._model.model_validate(values)
        except ValidationError as error:
            raise RowRefusedError(self._told(error, values)) from error

    def _values(self, cells: Cells) -> dict[str, Any]:
        values: dict[str, Any] = {}
        reasons: list[str] = []
        for field, read, write, companion_of in self._readers:
            try:
                value = read(cells)
            except CellRefusedError as error:
                reasons.append(f"{field.target} (column {', '.join(field.columns())}): {error}")
                continue
            if value is not None and (companion_of is None or companion_of in values):
                write(values, value)
        if reasons:
            raise RowRefusedError(reasons)
        for name in self._cleared - values.keys():
            values[name] = None
        for name, value in self._fallback.items():
            values.setdefault(name, value)
        return values

    def _told(self, error: ValidationError, values: dict[str, Any]) -> list[str]:
        reasons = []
        problems = error.errors(include_url=False, include_input=False)
        for told in field_errors([dict(one) for one in problems], values):
            path = told.field.removeprefix("/")
            columns = ", ".join(self._columns.get(path.split("/")[0], []))
            place = path.replace("/", ".") + (f" (column {columns})" if columns else "")
            reasons.append(f"{place}: {told.reason}" if place else told.reason)
        return reasons


def _whole(target: str) -> str:
    """Return the member of the message that a target stands in."""
    first = target.partition(".")[0]
    return {"address": "addresses", "payment": "payments"}.get(first, first)


def _members(field: Field) -> tuple[str, ...]:
    """Return the members of the message that a field fills."""
    if field.kind is Kind.FULL_NAME:
        return "given_name", "family_name"
    return (_whole(field.target),)


def _clearable(fields: Sequence[Field]) -> frozenset[str]:
    """Return the members of a profile that an empty cell may remove."""
    return frozenset(name for field in fields for name in _members(field)) - _NEVER_CLEARED


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_holds_nul(item) for pair in value.items() for item in pair)
    return isinstance(value, list) and any(map(_holds_nul, value))


# --- writing a value into the message ---------------------------------------------------------


def _writer(field: Field) -> Callable[[dict[str, Any], Any], None]:
    whole, dot, name = field.target.partition(".")
    if field.kind is Kind.FULL_NAME:
        return _write_full_name
    if not dot:
        return lambda message, value: message.__setitem__(whole, value)
    if whole in {"address", "payment"}:
        listed = _whole(whole)

        def write_first(message: dict[str, Any], value: Any) -> None:
            message.setdefault(listed, [{}])[0][name] = value

        return write_first
    if whole == "identifiers":

        def write_identifiers(message: dict[str, Any], value: Any) -> None:
            message.setdefault(whole, []).extend(one | {"kind": name} for one in value)

        return write_identifiers

    def write_member(message: dict[str, Any], value: Any) -> None:
        message.setdefault(whole, {})[name] = value

    return write_member


def _write_full_name(message: dict[str, Any], value: FullName) -> None:
    """Write the parts of a name; columns of their own, read before, say better."""
    for name, part in value._asdict().items():
        if part is not None:
            message.setdefault(name, part)


# --- reading a value from the row -------------------------------------------------------------


def _reader(field: Field, reading: Reading) -> Callable[[Cells], Any]:
    """Return how the field is read: lists gather all their parts, others take the first."""
    if field.kind is Kind.IDENTIFIERS:
        if (column := _plain_column(field)) is not None:
            return _single_identifier(column, reading)
        return lambda cells: (
            [one for part in field.parts for one in _identifiers(part, cells, reading)] or None
        )
    if field.kind is Kind.LINES:
        return lambda cells: (
            [line for part in field.parts for line in _texts(part, cells, reading)] or None
        )
    readers = [_single(field.kind, part, reading) for part in field.parts]
    if len(readers) == 1:
        return readers[0]
    return lambda cells: next((v for read in readers if (v := read(cells)) is not None), None)


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
    several = Part(column=column)

    def read_identifier(cells: Cells) -> Any:
        cell = cells.get(column)
        if type(cell) is str and "[" not in cell:
            text = cell.strip()
            return [{"value": text}] if text and text not in reading.empty_values else None
        return _identifiers(several, cells, reading) or None

    return read_identifier


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
        text = _text(part, cells, reading)
        return None if text is None else convert(text)

    return read_text


def _text_of_column(
    column: str, convert: Callable[[str], Any], reading: Reading
) -> Callable[[Cells], Any]:
    empty_values = reading.empty_values

    def read_column(cells: Cells) -> Any:
        cell = cells.get(column)
        if type(cell) is str:
            text: str | None = cell.strip()
            if not text or text in empty_values:
                return None
        else:
            text = to_text(cell, reading)
            if text is None:
                return None
        return convert(text)

    return read_column


def _converter(kind: Kind, part: Part, reading: Reading) -> Callable[[str], Any]:
    converters: dict[Kind, Callable[[str], Any]] = {
        # The days of a file come back row after row.
        Kind.TIME: lru_cache(maxsize=4096)(lambda text: to_time(text, reading, part.format)),
        Kind.DAY: lambda text: to_day(text, reading, part.format),
        Kind.BIRTH_DATE: lambda text: to_birth_date(text, reading, part.format),
        Kind.AMOUNT: lambda text: to_cents(text, in_euros=part.unit == "euros"),
        Kind.NUMBER: to_number,
        Kind.STRUCTURE: to_structure,
        Kind.FULL_NAME: lambda text: split_full_name(text, part.order),
    }
    return converters.get(kind, str)


def _text(part: Part, cells: Cells, reading: Reading) -> str | None:
    """Return the text of a part: one column, several joined, or a constant."""
    if part.column is not None:
        text = to_text(_cell(cells, part.column), reading)
    elif part.columns is not None:
        texts = [to_text(_cell(cells, name), reading) for name in part.columns]
        text = part.join.join(filter(None, texts)) or None
    else:
        text = part.constant
    if text is not None and part.values:
        text = part.values.get(text, text) or None
    return part.default if text is None else text


def _cell(cells: Cells, column: str) -> Any:
    """Return a cell; `customer.email` finds the member of a nested object too."""
    if column in cells or "." not in column:
        return cells.get(column)
    value: Any = cells
    for name in column.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _texts(part: Part, cells: Cells, reading: Reading) -> list[str]:
    """Return the texts of a part that may hold several: a list, or a cell to split."""
    cell = _cell(cells, part.column) if part.column is not None else None
    if isinstance(cell, list):
        return [text for item in cell if (text := to_text(item, reading))]
    text = _text(part, cells, reading)
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
