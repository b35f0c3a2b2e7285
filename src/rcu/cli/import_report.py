"""What `rcu import` shows: its plan, a dry run, progress, and the summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from rcu.cli.running import stderr
from rcu.ingestion.files.fields import Field
from rcu.ingestion.files.formats import FileFormat
from rcu.ingestion.files.importer import ImportSummary, Understood, understand
from rcu.ingestion.files.plan import Plan
from rcu.ingestion.files.reading import Sample

_SHOWN_ROWS: Final = 5
_MEANINGS: Final = {
    "created": "new records, each a client of its own",
    "matched": "new records, joined to a client that was there",
    "updated": "records that were known and changed",
    "unchanged": "records that were known and said nothing new",
    "recorded": "",
    "already_recorded": "known before under another message",
    "replayed": "imported before: nothing changed",
}


def plan_text(file: Path, file_format: FileFormat, plan: Plan) -> str:
    """Return what was found out about a file, and what goes where."""
    guessed = " (by the columns)" if plan.type_is_guessed else ""
    rule = plan.source
    source = rule.fixed or "each row's own"
    if rule.column is not None:
        source = f"column {rule.column}" + (f", rows of {rule.fixed} only" if rule.fixed else "")
    lines = [
        f"[bold]{escape(file.name)}[/]: {file_format}",
        f"Rows: {plan.type}s{guessed}. Source: {escape(source)}.",
        "Fields: " + escape(", ".join(map(_field, plan.fields))),
    ]
    if plan.unused:
        lines.append(f"[yellow]Columns not used:[/] {escape(', '.join(plan.unused))}")
    lines.extend(map(note, plan.notes))
    return "\n".join(lines)


def note(sentence: str) -> str:
    """Return a sentence about a file as a note."""
    return f"[yellow]Note:[/] {escape(sentence)}"


def _field(field: Field) -> str:
    columns = field.columns()
    if columns == [field.target]:
        return field.target
    numbered = any(part.row_number for part in field.parts)
    origin = " + ".join(columns) or ("row number" if numbered else "constant")
    return f"{field.target} <- {origin}"


def dry_run(sample: Sample, plan: Plan, known_sources: Collection[str]) -> RenderableType:
    """Return the first rows as understood, and how many of the sample would be refused."""
    understood = list(understand(sample.rows, plan, known_sources))
    table = Table("Line", "Source", "Message, or why not", title="Dry run", title_justify="left")
    for one in islice((one for one in understood if one.message or one.reasons), _SHOWN_ROWS):
        table.add_row(str(one.row.line), one.source or "", _result(one))
    good = sum(one.message is not None for one in understood)
    reasons = Counter(reason for one in understood for reason in one.reasons)
    refused = sum(bool(one.reasons) for one in understood)
    lines = [
        f"Of the first {len(understood):,} rows, {good:,} are well-formed, {refused:,} refused."
    ]
    lines += [f"{count:7,}  {reason}" for reason, count in reasons.most_common()]
    lines.append("Nothing was imported.")
    return Group(table, Text("\n".join(lines)))


def _result(one: Understood) -> RenderableType:
    if one.message is not None:
        return Text(one.message.model_dump_json(exclude_unset=True), overflow="fold")
    return Text("; ".join(one.reasons), style="red")


class ImportProgress:
    """A bar over the bytes of the file, with the rows done and their rate."""

    def __init__(self, size_bytes: int) -> None:
        self.rows = 0
        self._progress = Progress(
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rows]:,} rows"),
            TextColumn("{task.fields[rate]:,.0f} rows/s"),
            TimeRemainingColumn(),
            console=stderr,
        )
        self._task = self._progress.add_task("import", total=size_bytes, rows=0, rate=0.0)
        self._bytes_read = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def read_to(self, position_bytes: int) -> None:
        """Hear how far the file was read; it is shown when the rows are in."""
        self._bytes_read = position_bytes

    def received(self, messages: int) -> None:
        """Hear that so many more messages are in."""
        self._show(self.rows + messages)

    def chunk_done(self, summary: ImportSummary) -> None:
        """Hear that all rows read so far are done with, refused ones too."""
        self._show(summary.rows)
        self._progress.update(self._task, completed=self._bytes_read)

    def _show(self, rows: int) -> None:
        self.rows = rows
        seconds = self._progress.tasks[0].elapsed or 0.0
        self._progress.update(self._task, rows=rows, rate=rows / seconds if seconds else 0.0)


class LoadProgress:
    """Says which step of a first load goes on; the first one reads the file."""

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = size_bytes
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=stderr,
        )
        self._task: TaskID | None = None
        self._read_bytes = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end_step()
        self._progress.stop()

    def begin(self, step: str) -> None:
        """Hear that a step begins, and the one before is done."""
        self._end_step()
        total = None if self._task is not None else self._size_bytes
        self._task = self._progress.add_task(step, total=total)

    def read_to(self, position_bytes: int) -> None:
        """Hear how far the file was read, row by row, which moves on with each block of it."""
        if self._task is not None and position_bytes != self._read_bytes:
            self._read_bytes = position_bytes
            self._progress.update(self._task, completed=position_bytes)

    def _end_step(self) -> None:
        if self._task is not None:
            self._progress.update(self._task, total=1, completed=1)
            self._progress.stop_task(self._task)


def summary_table(summary: ImportSummary, waiting: Mapping[str, int]) -> Table:
    """Return what became of the rows; `waiting` counts what is still parked, by reason."""
    table = Table(title="Import", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    for outcome, count in sorted(summary.outcomes.items()):
        table.add_row(outcome.replace("_", " "), f"{count:,}", _MEANINGS.get(outcome, ""))
    for reason, count in sorted(summary.parked.items()):
        left = waiting.get(reason, 0)
        note = f"kept; {left:,} of all imports still wait" if left else "all applied meanwhile"
        table.add_row(f"parked: {reason}", f"{count:,}", note)
    if summary.conflicts:
        table.add_row("conflicts", f"{summary.conflicts:,}", "message id used for something else")
    if summary.refused:
        table.add_row("refused", f"{summary.refused:,}", "")
    if summary.left_out:
        table.add_row("left out", f"{summary.left_out:,}", "of another source")
    table.add_section()
    again = summary.rows and summary.outcomes["replayed"] == summary.rows
    table.add_row("rows", f"{summary.rows:,}", "all imported before: nothing changed" * bool(again))
    return table


def rejects_sentence(path: Path) -> str:
    """Return where the refused rows are."""
    return (
        f"The refused rows are in {escape(str(path))}, as they were, with the line and the reasons "
        "beside each. The file holds personal data: only you may read it. Mend it and import it."
    )
