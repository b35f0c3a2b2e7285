"""What an import will do with a file, decided and said before the first row is sent."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from rcu.ingestion.files.errors import FileRefusedError, MappingRefusedError
from rcu.ingestion.files.fields import Field
from rcu.ingestion.files.inference import date_order_of, decimal_columns, with_day_counts
from rcu.ingestion.files.mapping import Mapping, Part, SourceColumn
from rcu.ingestion.files.reading import REST, Cells, Sample
from rcu.ingestion.files.rows import RowMapper
from rcu.ingestion.files.targets import (
    OPEN_TARGETS,
    REQUIRED,
    TARGETS,
    Kind,
    find_kind,
    find_source_column,
    guess_type,
    match_columns,
    simple_name,
)
from rcu.ingestion.files.values import USUAL_EMPTY_VALUES, DateOrder, Reading, to_text
from rcu.ingestion.messages import MessageType
from rcu.spelling import nearest

REJECTED_LINE: Final = "rejected_line"
REJECTED_REASON: Final = "rejected_reason"
_OURS: Final = frozenset({REJECTED_LINE, REJECTED_REASON, REST})
_NO_NAME: Final = re.compile(r"[\d\s./:+-]+|.*@.*")
"""Numbers, dates, phones and e-mails: no names of columns."""
_TOLD: Final = 30
_AS_WRITTEN: Final = Reading()


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says of a file, beside its mapping."""

    file_time: datetime
    """When the file was written: the `occurred_at` of rows in a file that has no column for it."""
    type: MessageType | None = None
    source: str | None = None
    date_order: DateOrder | None = None


@dataclass(frozen=True, slots=True)
class SourceRule:
    """Which source a row comes from."""

    fixed: str | None
    """The one source whose rows are imported; None for each row's own."""
    column: str | None
    """The column that names a row's source; None when all rows are of the fixed one."""
    known: Collection[str] = field(default=(), compare=False)
    """The sources that there are."""

    def source_of(self, cells: Cells) -> str | None:
        """Return the source that a row names, None when its cell is empty.

        Where there is no source of that very name, `Web Shop` and `WEB-SHOP` are `web_shop`.
        """
        if self.column is None:
            return self.fixed
        text = to_text(cells.get(self.column), _AS_WRITTEN)
        if text is None or text in self.known:
            return text
        code = simple_name(text)
        return code if code in self.known else text


@dataclass(frozen=True, slots=True)
class Plan:
    """How the rows of one file become messages."""

    type: MessageType
    type_is_guessed: bool
    source: SourceRule
    fields: tuple[Field, ...]
    unused: tuple[str, ...]
    """Columns that fill no field."""
    mapper: RowMapper
    notes: tuple[str, ...]
    """What was decided for want of a word, each a sentence."""


def make_plan(
    sample: Sample, mapping: Mapping, options: Options, known_sources: Collection[str]
) -> Plan:
    """Return the plan, or raise FileRefusedError or MappingRefusedError saying what is missing."""
    message_type, guessed = _choose_type(sample, mapping, options.type)
    rule, notes = _choose_source(sample, mapping, options.source, known_sources)
    fields = _choose_fields(sample, mapping, message_type)
    fields, said = _with_whole_address(fields)
    notes += said
    _check_columns(fields, rule, sample.columns)
    _check_numbering(fields, sample.columns)
    fallback: dict[str, str] = {}
    targets = {field.target for field in fields}
    if message_type is not MessageType.TICKET and "occurred_at" not in targets:
        moment = options.file_time.astimezone(UTC).replace(microsecond=0)
        fallback["occurred_at"] = moment.isoformat().replace("+00:00", "Z")
        notes.append(
            f"No column says when: every row is taken as of {fallback['occurred_at']}, the file's "
            "own time. Say --occurred-at to choose."
        )
    _check_required(targets, message_type, sample.columns)
    is_profile = message_type is MessageType.PROFILE
    fields, reading, read_so = _choose_reading(sample, mapping, options, fields)
    notes += read_so
    used = {name for field in fields for name in field.columns()} | {rule.column}
    return Plan(
        type=message_type,
        type_is_guessed=guessed,
        source=rule,
        fields=fields,
        unused=tuple(name for name in sample.columns if name not in used and name not in _OURS),
        mapper=RowMapper(
            message_type,
            fields,
            reading=reading,
            decimals=decimal_columns(sample, fields) if is_profile else frozenset(),
            clear_empty=mapping.empty == "clear" and is_profile,
            fallback=fallback,
        ),
        notes=tuple(notes),
    )


# --- type ---------------------------------------------------------------------------------------


def _choose_type(
    sample: Sample, mapping: Mapping, asked: MessageType | None
) -> tuple[MessageType, bool]:
    if mapping.type is not None and asked not in {None, mapping.type}:
        raise MappingRefusedError(f"The mapping says type {mapping.type}, but --type says {asked}.")
    if chosen := mapping.type or asked:
        return chosen, False
    fitting = [
        one for one in MessageType if all(find_kind(one, target) for target in mapping.fields)
    ]
    guessed = fitting[0] if len(fitting) == 1 else guess_type(sample.columns)
    if guessed is None:
        raise FileRefusedError(
            "The columns do not tell what the rows are: "
            "say --type profiles, tickets, orders, events or consents."
            + _header_hint(sample.columns)
        )
    return guessed, True


# --- source -------------------------------------------------------------------------------------


def _choose_source(
    sample: Sample, mapping: Mapping, asked: str | None, known: Collection[str]
) -> tuple[SourceRule, list[str]]:
    """Return where rows come from: the mapping, else a column `source`, else the command line.

    With a column, a source that is asked for picks its rows and leaves the others out.
    """
    _check_source(asked, known)
    if isinstance(mapping.source, SourceColumn):
        return SourceRule(asked, mapping.source.column, known), []
    if mapping.source is not None:
        if asked not in {None, mapping.source}:
            raise MappingRefusedError(
                f"The mapping says source {mapping.source}, but --source says {asked}."
            )
        _check_source(mapping.source, known)
        return SourceRule(mapping.source, None), []
    column = find_source_column(sample.columns)
    if column is None or column in _mapped_columns(mapping) or column in mapping.ignore:
        return _one_source(asked), []
    named = {SourceRule(None, column, known).source_of(row.cells) for row in sample.rows} - {None}
    if asked is None or named & set(known):
        return SourceRule(asked, column, known), []
    note = f"The column {column} names no source of this service and is not used."
    return SourceRule(asked, None), [note]


def _one_source(asked: str | None) -> SourceRule:
    if asked is None:
        raise FileRefusedError("Say which source the rows come from: --source CODE.")
    return SourceRule(asked, None)


def _check_source(code: str | None, known: Collection[str]) -> None:
    if code is not None and code not in known:
        raise FileRefusedError(
            f"There is no source {code}.{nearest(code, known)} "
            f"Add it: rcu sources add {code} --name NAME --kind KIND"
        )


# --- how cells are read ---------------------------------------------------------------------------


def _choose_reading(
    sample: Sample, mapping: Mapping, options: Options, fields: tuple[Field, ...]
) -> tuple[tuple[Field, ...], Reading, list[str]]:
    """Return the fields and how their cells are read: as told, else as the first rows tell."""
    told = mapping.date_order or options.date_order
    reading = Reading(
        zone=ZoneInfo(mapping.timezone),
        date_order=told or DateOrder.DMY,
        empty_values=frozenset(mapping.empty_values),
        usual_empty_values=USUAL_EMPTY_VALUES,
    )
    fields, notes = with_day_counts(sample, fields, reading)
    if told is None:
        found, note = date_order_of(sample, fields, reading)
        reading = replace(reading, date_order=found or DateOrder.DMY)
        notes += [note] if note else []
    return fields, reading, notes


# --- fields -------------------------------------------------------------------------------------


def _choose_fields(
    sample: Sample, mapping: Mapping, message_type: MessageType
) -> tuple[Field, ...]:
    """Return the fields of the mapping, then those that columns fill by their names."""
    chosen: dict[str, tuple[Part, ...]] = {}
    for target, parts in mapping.fields.items():
        _kind_of(message_type, target)
        chosen[target] = tuple(parts)
    if mapping.by_name:
        mapped = _mapped_columns(mapping)
        taken = {*mapped, *(name.partition(".")[0] for name in mapped), *mapping.ignore, *_OURS}
        free = [name for name in sample.columns if name not in taken]
        for target, columns in match_columns(message_type, free).items():
            chosen.setdefault(target, tuple(Part(column=name) for name in columns))
    # A whole (`customer`) is read before its parts (`customer.email`), which add to it.
    return tuple(
        Field(target, _kind_of(message_type, target), chosen[target])
        for target in sorted(chosen, key=lambda target: "." in target)
    )


def _with_whole_address(fields: tuple[Field, ...]) -> tuple[tuple[Field, ...], list[str]]:
    """Return the fields, the lines of an address being the whole of it where nothing else is."""
    targets = {field.target: field for field in fields}
    lines = targets.get("address.lines")
    others = {"address.full", "address.postcode", "address.city", "addresses"}
    if lines is None or len(lines.parts) > 1 or others & targets.keys():
        return fields, []
    whole = Field("address.full", Kind.FULL_ADDRESS, lines.parts)
    note = (
        f"{', '.join(lines.columns())} is the only column of addresses: postcode and city are "
        "looked for in it (`address.full`)."
    )
    return tuple(whole if field is lines else field for field in fields), [note]


def _mapped_columns(mapping: Mapping) -> set[str]:
    return {name for parts in mapping.fields.values() for p in parts for name in p.column_names()}


def _kind_of(message_type: MessageType, target: str) -> Kind:
    kind = find_kind(message_type, target)
    if kind is None:
        known = [*TARGETS[message_type], *(f"{name}.…" for name in OPEN_TARGETS[message_type])]
        raise MappingRefusedError(
            f"fields.{target}: a {message_type} has no such field."
            f"{nearest(target, known) or ' It has ' + ', '.join(known) + '.'}"
        )
    return kind


def _check_columns(fields: Sequence[Field], rule: SourceRule, columns: Sequence[str]) -> None:
    """Refuse a mapping that names a column the file does not have."""
    named = [(field.target, name) for field in fields for name in field.columns()]
    if rule.column is not None:
        named.append(("source", rule.column))
    for target, name in named:
        if name not in columns and name.partition(".")[0] not in columns:
            raise MappingRefusedError(
                f"{target}: the file has no column {name}."
                f"{nearest(name, columns) or ' It has ' + ', '.join(columns[:_TOLD]) + '.'}"
            )


def _check_numbering(fields: Sequence[Field], columns: Collection[str]) -> None:
    """Refuse to count the rows of a file of refused ones: they would be others."""
    numbered = any(part.row_number for field in fields for part in field.parts)
    if numbered and REJECTED_LINE in columns:
        raise FileRefusedError(
            "Refused rows of a file without ids have other numbers here than they had there: "
            "mend them in the file itself, and import it again."
        )


def _header_hint(columns: Sequence[str]) -> str:
    """Return what to say where the first row of a file looks like a record, not like names."""
    if not any(map(_NO_NAME.fullmatch, columns)):
        return ""
    return (
        " The first row holds values: if it names no columns, name them in a mapping by `header`."
    )


def _check_required(
    targets: Collection[str], message_type: MessageType, columns: Sequence[str]
) -> None:
    for target in REQUIRED[message_type]:
        if target not in targets:
            raise FileRefusedError(
                f"No column fills {target}, without which there is no {message_type}. "
                f"Name it in a mapping (--mapping): `fields: {{{target}: COLUMN}}`"
                + (", or `{row_number: true}` for a file without ids" * (target == "external_id"))
                + "; or say another --type."
                + _header_hint(columns)
            )
