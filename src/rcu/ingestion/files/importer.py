"""The import itself: rows to messages, messages to the one path that all messages take."""

from __future__ import annotations

from collections import Counter
from collections.abc import (
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, Protocol

from rcu.ingestion.files.plan import Plan
from rcu.ingestion.files.reading import Row
from rcu.ingestion.files.rejects import RejectsFile
from rcu.ingestion.files.rows import RowRefusedError
from rcu.ingestion.files.unread import unread
from rcu.ingestion.messages import Message

CHUNK_ROWS: Final = 2000
"""Rows in memory at a time, handed over together."""
_CONFLICT: Final = 409


class Receipt(Protocol):
    """What became of one message; see `rcu.ingestion.service`."""

    @property
    def answer(self) -> Mapping[str, Any] | None:
        """The answer, when it was accepted."""

    @property
    def problem(self) -> Mapping[str, Any] | None:
        """The problem document, when it was refused."""

    @property
    def status(self) -> int:
        """The HTTP status it would have had."""

    @property
    def replayed(self) -> bool:
        """Whether it had been received before, and nothing was done."""


Receive = Callable[[str, Sequence[Message]], Awaitable[Sequence[Receipt]]]
"""Receives messages of one source, in order: `receive_all` bound to a database."""


@dataclass(slots=True)
class ImportSummary:
    """What became of the rows of a file."""

    rows: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    """Accepted rows by outcome: created, matched, recorded, replayed, ..."""
    parked: Counter[str] = field(default_factory=Counter)
    """Accepted rows that wait, by reason."""
    refused: int = 0
    conflicts: int = 0
    """Refused rows whose message id was used before for something else."""
    left_out: int = 0
    """Rows of another source than the one asked for."""
    unread: Counter[str] = field(default_factory=Counter)
    """Messages by the field of which they hold a value that nobody can compare."""

    @property
    def accepted(self) -> int:
        """How many rows were accepted, parked ones too."""
        return sum(self.outcomes.values()) + sum(self.parked.values())

    @property
    def rejected(self) -> int:
        """How many rows are in the file of rejected rows."""
        return self.refused + self.conflicts


@dataclass(slots=True)
class Understood:
    """A row as it was understood: a message of a source, or the reasons why not.

    Never changed once made, though not declared frozen: there are as many as rows.
    """

    row: Row
    source: str | None
    message: Message | None
    reasons: tuple[str, ...] = ()


def understand(
    rows: Iterable[Row], plan: Plan, known_sources: Collection[str]
) -> Iterator[Understood]:
    """Yield each row with its message; a row of a source not asked for has neither."""
    for row in rows:
        source = None if row.fault else plan.source.source_of(row.cells)
        if row.fault:
            yield Understood(row, None, None, (row.fault,))
        elif source is None:
            yield Understood(row, None, None, (f"{plan.source.column}: no source.",))
        elif plan.source.fixed not in {None, source}:
            yield Understood(row, source, None)
        elif source not in known_sources:
            yield Understood(row, None, None, (f"{plan.source.column}: no such source.",))
        else:
            yield _understand(row, source, plan)


def _understand(row: Row, source: str, plan: Plan) -> Understood:
    try:
        return Understood(row, source, plan.mapper.message(row.cells, row.number))
    except RowRefusedError as refusal:
        return Understood(row, source, None, refusal.reasons)


async def import_rows(
    understood: Iterator[Understood],
    *,
    receive: Receive,
    rejects: RejectsFile,
    region: str,
    on_progress: Callable[[ImportSummary], None] = lambda _: None,
) -> ImportSummary:
    """Send every message, chunk by chunk, and return what became of the rows.

    `region` is where phones without a country code are from. Within a source the order of the
    file is kept. What was sent stays when a later chunk fails: the same import again replays it
    and goes on.
    """
    summary = ImportSummary()
    while chunk := list(islice(understood, CHUNK_ROWS)):
        results = await _send(chunk, receive)
        for one in chunk:
            if one.message is not None:
                summary.unread.update(unread(one.message, region=region))
            _count(one, results.get(one.row.line), summary, rejects)
        on_progress(summary)
    return summary


async def _send(chunk: Sequence[Understood], receive: Receive) -> dict[int, Receipt]:
    """Return the receipts of the messages of a chunk, by line."""
    by_source: dict[str, list[tuple[int, Message]]] = {}
    for one in chunk:
        if one.message is not None and one.source is not None:
            by_source.setdefault(one.source, []).append((one.row.line, one.message))
    results: dict[int, Receipt] = {}
    for source, sent in by_source.items():
        receipts = await receive(source, [message for _, message in sent])
        results.update(zip((line for line, _ in sent), receipts, strict=True))
    return results


def _count(
    one: Understood, receipt: Receipt | None, summary: ImportSummary, rejects: RejectsFile
) -> None:
    summary.rows += 1
    if receipt is None and not one.reasons:
        summary.left_out += 1
    elif receipt is None:
        summary.refused += 1
        rejects.write(one.row, one.reasons)
    elif receipt.problem is not None or receipt.answer is None:
        if receipt.status == _CONFLICT:
            summary.conflicts += 1
        else:
            summary.refused += 1
        rejects.write(one.row, _reasons(receipt.problem or {}))
    elif receipt.replayed:
        summary.outcomes["replayed"] += 1
    elif receipt.answer.get("outcome") == "parked":
        summary.parked[str(receipt.answer.get("reason"))] += 1
    else:
        summary.outcomes[str(receipt.answer.get("outcome"))] += 1


def _reasons(problem: Mapping[str, Any]) -> list[str]:
    reasons = [str(problem.get("detail") or problem.get("title") or "Refused.")]
    return reasons + [f"{told['field']}: {told['reason']}" for told in problem.get("errors", ())]
