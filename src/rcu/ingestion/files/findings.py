"""What in a file says nothing although something is written, or says it twice: told, never lost.

A cell that no normaliser understands is kept with its record and compared with nothing. Few such
cells are the noise of any file; many mean that the file is written in another way than it is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from rcu.ingestion.files.fields import reader_of
from rcu.ingestion.files.importer import Understood, understand
from rcu.ingestion.files.plan import Plan
from rcu.ingestion.files.reading import Sample
from rcu.ingestion.files.targets import Kind
from rcu.ingestion.files.unread import unread
from rcu.ingestion.files.values import USUAL_EMPTY_VALUES, Reading
from rcu.ingestion.messages import ProfileMessage

_HINTS: Final = {
    "birth_date": "no date. Where it is one, say its `format` in a mapping: such as %d%m%y, "
    "excel or epoch_ms",
    "emails": "no e-mail address. For words that mean none, say `empty_values` in a mapping",
    "phones": "no phone number. Of several in one cell, say in a mapping by what to `split`; "
    "RCU_DEFAULT_REGION is where numbers without a country code are from",
}
_CODES: Final = {Kind.COUNTRY: "country", Kind.LANGUAGE: "language"}


@dataclass(slots=True)
class Findings:
    """What was seen in the rows so far."""

    rows: int = 0
    unread: Counter[str] = field(default_factory=Counter)
    """Rows by the field of which they hold a value that is not understood."""
    repeated: int = 0
    """Rows with the id of an earlier one, of the same source."""
    empty_words: Counter[str] = field(default_factory=Counter)
    """Cells by the word that was taken as empty."""


def look_at(understood: Iterable[Understood], columns: Collection[str], *, region: str) -> Findings:
    """Return what the first rows of a file hold in the columns that are used."""
    found = Findings()
    seen: set[tuple[str | None, str]] = set()
    for one in understood:
        found.rows += 1
        found.empty_words.update(_empty_words(one.row.cells, columns))
        if one.message is None:
            continue
        found.unread.update(unread(one.message, region=region))
        if isinstance(one.message, ProfileMessage):
            key = (one.source, one.message.external_id)
            found.repeated += key in seen
            seen.add(key)
    return found


def _empty_words(cells: Mapping[str, object], columns: Collection[str]) -> Iterator[str]:
    for name in columns:
        cell = cells.get(name)
        if isinstance(cell, str) and (word := cell.strip()) in USUAL_EMPTY_VALUES:
            yield word


def first_findings(
    sample: Sample, plan: Plan, known_sources: Collection[str], *, region: str
) -> list[str]:
    """Return what is to be told of the first rows of a file before it is imported: sentences."""
    columns = {name for one in plan.fields for name in one.columns()}
    understood = understand(sample.rows, plan, known_sources)
    found = look_at(understood, columns, region=region)
    return [*_sentences(found, plan), *_unknown_codes(sample, plan)]


def _unknown_codes(sample: Sample, plan: Plan) -> Iterator[str]:
    """Yield a sentence for each field of codes of which some cells hold none."""
    reading = Reading(usual_empty_values=USUAL_EMPTY_VALUES)
    for one in plan.fields:
        if one.kind not in _CODES:
            continue
        code, written = reader_of(one, reading), reader_of(replace(one, kind=Kind.TEXT), reading)
        rows = [row.cells for row in sample.rows]
        unknown = sum(1 for cells in rows if written(cells) is not None and code(cells) is None)
        if unknown:
            yield (
                f"{one.target} ({', '.join(one.columns())}): {unknown:,} of {len(rows):,} rows "
                f"hold a text that is no {_CODES[one.kind]}. It is left out."
            )


def _sentences(found: Findings, plan: Plan) -> Iterator[str]:
    if found.empty_words:
        words = ", ".join(f"{word} ({n:,})" for word, n in found.empty_words.most_common(5))
        yield f"Cells that are taken as empty in the first {found.rows:,} rows: {words}."
    if found.repeated:
        yield (
            f"{found.repeated:,} of the first {found.rows:,} rows have the id of an earlier row "
            f"({_columns(plan, 'external_id')}) and bring that record up to date, the newest value "
            "winning. Is it the id of a record? In a file without one: "
            "`external_id: {row_number: true}`."
        )
    yield from unread_sentences(found.unread, found.rows, plan)


def unread_sentences(counts: Mapping[str, int], rows: int, plan: Plan) -> Iterator[str]:
    """Yield a sentence for each field of which some values are not understood."""
    for target, count in counts.items():
        yield (
            f"{target} ({_columns(plan, target)}): {count:,} of {rows:,} rows hold a text that is "
            f"{_HINTS[target]}. It is kept, and compared with nothing."
        )


def _columns(plan: Plan, target: str) -> str:
    return next((", ".join(one.columns()) for one in plan.fields if one.target == target), target)
