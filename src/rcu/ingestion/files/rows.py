"""From a row to a message: the fields of a plan, compiled once and read for every row."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

import orjson
from pydantic import TypeAdapter, ValidationError

from rcu.ingestion.files.fields import ROW_NUMBER, Field, reader_of
from rcu.ingestion.files.full_addresses import FullAddress, split_full_address
from rcu.ingestion.files.full_names import FullName
from rcu.ingestion.files.reading import Cells
from rcu.ingestion.files.targets import Kind
from rcu.ingestion.files.values import CellRefusedError, Reading
from rcu.ingestion.messages import MESSAGE_MODELS, Message, MessageType
from rcu.validation import field_errors

MESSAGE_ID_PREFIX: Final = "file-"
_NUL: Final = rb"\u0000"
_WITH_DECIMAL: Final = re.compile(r"-?\d+\.0")
_TAKEN_APART: Final = frozenset({Kind.FULL_NAME, Kind.FULL_ADDRESS})
_NO_LIST: Final = "The {} beside it are no list of objects."
_PLACE: Final = frozenset({"postcode", "city"})
_NEVER_CLEARED: Final = frozenset({"message_id", "external_id", "occurred_at"})


class RowRefusedError(Exception):
    """A row does not become a message; the reasons name fields and columns, never values."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = tuple(reasons)


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
        decimals: Collection[str] = (),
    ) -> None:
        """Compile `fields`; `fallback` holds values for fields that a row leaves empty.

        The numbers in the columns `decimals` end in a `.0` that is no part of them.
        """
        self._type = message_type
        # As `model_validate`, which asks about its options for every message.
        self._validate: Callable[[Any], Message] = TypeAdapter(
            MESSAGE_MODELS[message_type]
        ).validator.validate_python
        ordered = sorted(fields, key=lambda f: (f.is_companion, f.kind in _TAKEN_APART))
        self._readers = [
            (
                field,
                reader_of(field, reading),
                _writer(field),
                _whole(field.target) if field.is_companion else None,
            )
            for field in ordered
        ]
        self._cleared = _clearable(fields) if clear_empty else frozenset()
        self._fallback = dict(fallback or {})
        self._decimals = tuple(decimals)
        self._has_lines = any(field.target == "address.lines" for field in fields)
        self._numbered = any(part.row_number for field in fields for part in field.parts)
        self._columns: dict[str, list[str]] = {}
        for field in fields:
            for name in _members(field):
                self._columns.setdefault(name, []).extend(field.columns())

    def message(self, cells: Cells, number: int = 0) -> Message:
        """Return the message that a row says, or raise RowRefusedError with every reason.

        `number` is the place of the row in its file.
        """
        if self._numbered:
            cells = cells | {ROW_NUMBER: number}
        if self._decimals:
            cells = _without_decimals(cells, self._decimals)
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
            return self._validate(values)
        except ValidationError as error:
            raise RowRefusedError(self._told(error, values)) from error

    def _values(self, cells: Cells) -> dict[str, Any]:
        values: dict[str, Any] = {}
        reasons: list[str] = []
        for field, read, write, companion_of in self._readers:
            try:
                value = read(cells)
                if value is None or (companion_of is not None and companion_of not in values):
                    continue
                if write is None:
                    values[field.target] = value
                else:
                    write(values, value)
            except CellRefusedError as error:
                reasons.append(f"{field.target} (column {', '.join(field.columns())}): {error}")
        if reasons:
            raise RowRefusedError(reasons)
        if self._has_lines:
            _take_line_apart(values)
        if self._cleared:
            values |= dict.fromkeys(self._cleared - values.keys())
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


def _without_decimals(cells: Cells, columns: Collection[str]) -> Cells:
    """Return the cells of a row, a `.0` behind the numbers of these columns being dropped."""
    mended = {
        name: cell.strip().removesuffix(".0")
        for name in columns
        if isinstance(cell := cells.get(name), str) and _WITH_DECIMAL.fullmatch(cell.strip())
    }
    return cells | mended


# --- writing a value into the message ---------------------------------------------------------


def _writer(field: Field) -> Callable[[dict[str, Any], Any], None] | None:
    """Return how a value is written that is not just the member called like its field."""
    whole, dot, name = field.target.partition(".")
    if field.kind is Kind.FULL_NAME:
        return _write_full_name
    if field.kind is Kind.FULL_ADDRESS:
        return _write_full_address
    if not dot:
        return None
    if whole in {"address", "payment"}:
        listed = _whole(whole)

        def write_first(message: dict[str, Any], value: Any) -> None:
            _first(message, listed)[name] = value

        return write_first
    return _member_writer(whole, name)


def _member_writer(whole: str, name: str) -> Callable[[dict[str, Any], Any], None]:
    if whole == "identifiers":

        def write_identifiers(message: dict[str, Any], value: Any) -> None:
            beside = message.setdefault(whole, [])
            if not isinstance(beside, list):
                raise CellRefusedError(_NO_LIST.format(whole))
            beside.extend(one | {"kind": name} for one in value)

        return write_identifiers

    def write_member(message: dict[str, Any], value: Any) -> None:
        beside = message.setdefault(whole, {})
        if not isinstance(beside, dict):
            raise CellRefusedError(f"The {whole} beside it is no object.")
        beside[name] = value

    return write_member


def _first(message: dict[str, Any], listed: str) -> dict[str, Any]:
    """Return the first object of a list of the message, which a column may have written whole."""
    match message.setdefault(listed, []):
        case []:
            message[listed].append({})
        case [{}, *_]:
            pass
        case _:
            raise CellRefusedError(_NO_LIST.format(listed))
    first: dict[str, Any] = message[listed][0]
    return first


def _write_full_address(message: dict[str, Any], value: FullAddress) -> None:
    """Write the parts of an address; columns of their own, read before, say better."""
    stated = {name: part for name, part in value._asdict().items() if part is not None}
    if stated:
        address = _first(message, "addresses")
        message["addresses"][0] = stated | address


def _take_line_apart(message: dict[str, Any]) -> None:
    """Take the one line of an address apart, where the row says neither postcode nor city."""
    match message.get("addresses"):
        case [{"lines": [str(line)], **others} as address, *_] if not _PLACE & others.keys():
            del address["lines"]
            _write_full_address(message, split_full_address(line))


def _write_full_name(message: dict[str, Any], value: FullName) -> None:
    """Write the parts of a name; columns of their own, read before, say better."""
    for name, part in value._asdict().items():
        if part is not None:
            message.setdefault(name, part)
