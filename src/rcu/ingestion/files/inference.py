"""What the first rows of a file tell of how its cells are written, where no mapping says it.

Only what admits no other reading is inferred, and each inference is a sentence shown before the
import: an order of day and month that most cells rule out, a day count where a date belongs, a
decimal that a table tool gave to every number of a column.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from rcu.ingestion.files.fields import Field, text_of
from rcu.ingestion.files.mapping import Part
from rcu.ingestion.files.reading import Sample
from rcu.ingestion.files.targets import Kind
from rcu.ingestion.files.values import EXCEL, CellRefusedError, DateOrder, Reading

_DATES: Final = frozenset({Kind.BIRTH_DATE, Kind.TIME, Kind.DAY})
_THREE_NUMBERS: Final = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{2}|\d{4})(?:[T ,].*)?")
_DAY_COUNT: Final = re.compile(r"[1-4]\d{4}(?:\.0+)?")
_WITH_DECIMAL: Final = re.compile(r"-?\d+\.0")
_MONTHS, _DAYS = 12, 31
_MOST: Final = 0.9
_HALF: Final = 0.5
_FEWEST_CELLS: Final = 3
"""Of fewer cells a habit is not told."""


def date_order_of(
    sample: Sample, fields: Iterable[Field], reading: Reading
) -> tuple[DateOrder | None, str | None]:
    """Return the order in which the file writes its dates, with a sentence; None for untold.

    A date with a part above 12 tells it. Nine in ten of those must agree; where they do not, the
    sentence says so.
    """
    seen: Counter[DateOrder] = Counter()
    for _, part in _date_parts(fields):
        for text in _texts(sample, part, reading):
            seen.update(_orders_of(text))
    order, cells = max(seen.items(), key=lambda one: one[1], default=(DateOrder.DMY, 0))
    if cells < _FEWEST_CELLS:
        return None, None
    # A year at the head may pass for a day; what is above 31 passes for nothing else.
    if cells < (_HALF if order is DateOrder.YMD else _MOST) * seen.total():
        return None, "Some dates have the day first, some the month. Say date_order in a mapping."
    if order is DateOrder.DMY:
        return order, None
    first = "month" if order is DateOrder.MDY else "year"
    return order, (
        f"Dates are read with the {first} first: {cells:,} of the first {len(sample.rows):,} rows "
        "can mean nothing else. Say date_order in a mapping to choose."
    )


def _orders_of(text: str) -> Iterator[DateOrder]:
    """Yield the order that a date can only have, if there is but one."""
    if not (found := _THREE_NUMBERS.fullmatch(text)):
        return
    first, second = int(found[1]), int(found[2])
    if first > _DAYS and len(found[3]) == 2 and second <= _MONTHS:  # noqa: PLR2004 - digits
        yield DateOrder.YMD
    elif _MONTHS < first <= _DAYS and second <= _MONTHS:
        yield DateOrder.DMY
    elif first <= _MONTHS < second <= _DAYS:
        yield DateOrder.MDY


def with_day_counts(
    sample: Sample, fields: Sequence[Field], reading: Reading
) -> tuple[tuple[Field, ...], list[str]]:
    """Return the fields, birth dates that a spreadsheet wrote as day counts being read as such."""
    found, notes = [], []
    for field in fields:
        parts = field.parts
        if field.kind is Kind.BIRTH_DATE:
            parts = tuple(_counted(sample, part, reading) for part in parts)
        if parts != field.parts:
            notes.append(
                f"{field.target} holds numbers such as a spreadsheet writes for days, and is read "
                f"so. In a mapping: `format: {EXCEL}`."
            )
        found.append(Field(field.target, field.kind, parts))
    return tuple(found), notes


def _counted(sample: Sample, part: Part, reading: Reading) -> Part:
    if part.format is not None or not _mostly(_DAY_COUNT, _texts(sample, part, reading)):
        return part
    return part.model_copy(update={"format": EXCEL})


def decimal_columns(sample: Sample, fields: Iterable[Field]) -> frozenset[str]:
    """Return the columns of texts in which every number ends in `.0`: a table tool's doing.

    Ids stay as they are, since others know them by what is written.
    """
    texts = {
        name
        for field in fields
        if field.target not in {"external_id", "message_id"}
        and field.kind in {Kind.TEXT, Kind.IDENTIFIERS, Kind.BIRTH_DATE, Kind.LINES}
        for name in field.columns()
    }
    return frozenset(name for name in texts if _all_decimal(sample, name))


def _all_decimal(sample: Sample, column: str) -> bool:
    cells = [row.cells.get(column) for row in sample.rows if row.fault is None]
    numbers = [cell for cell in cells if isinstance(cell, str) and any(map(str.isdigit, cell))]
    return len(numbers) >= _FEWEST_CELLS and all(
        map(_WITH_DECIMAL.fullmatch, map(str.strip, numbers))
    )


def _date_parts(fields: Iterable[Field]) -> Iterator[tuple[Field, Part]]:
    """Yield the parts that hold dates whose form nobody told."""
    for field in fields:
        if field.kind in _DATES:
            yield from ((field, part) for part in field.parts if part.format is None)


def _texts(sample: Sample, part: Part, reading: Reading) -> list[str]:
    if part.constant is not None:
        return []
    found = []
    for row in sample.rows:
        with suppress(CellRefusedError):
            found.append(text_of(part, row.cells, reading))
    return [text for text in found if text]


def _mostly(form: re.Pattern[str], texts: Sequence[str]) -> bool:
    fitting = sum(form.fullmatch(text) is not None for text in texts)
    return fitting >= _FEWEST_CELLS and fitting >= _MOST * len(texts)
