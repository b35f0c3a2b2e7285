"""Work on a large table a part at a time, so that memory does not grow with the table.

What gathers wide rows (features, evidence, profiles) into lists, or joins them twice, holds in
memory what it gathers. Cut by number, each part is a query of its own; the outcome is the same,
since nothing that is gathered together stands in two parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from rcu.bulk.engine import Engine


@dataclass(frozen=True, slots=True)
class Part:
    """The numbers from `first` on and before `end`."""

    first: int
    end: int

    def holds(self, column: str) -> str:
        """Return the SQL condition that a column lies in the part."""
        return f"({column} >= {self.first} AND {column} < {self.end})"


def parts_of(engine: Engine, table: str, column: str = "number") -> list[Part]:
    """Return the parts that cover a column of a table, lowest first; one at least.

    Each is of `engine.part_rows` numbers; an engine that cuts its work by itself gets one part.
    """
    [(lowest, highest)] = engine.rows(f"SELECT min({column}), max({column}) FROM {table}")
    first, end = (int(str(lowest)), int(str(highest)) + 1) if lowest is not None else (0, 1)
    step = engine.part_rows or end - first
    return [Part(start, min(start + step, end)) for start in range(first, end, step)]


def whole_groups(batches: Iterable[pa.RecordBatch], column: str) -> Iterator[pa.RecordBatch]:
    """Yield the rows of batches, cut anew so that no two batches share a value of a column.

    The rows come with equal values next to each other. What is gathered so costs a list of
    columns, not a list of structures for each group.
    """
    kept: list[pa.RecordBatch] = []
    for batch in batches:
        if batch.num_rows == 0:
            continue
        values = batch.column(column)
        last, begin = values[-1], batch.num_rows - 1
        while begin > 0 and values[begin - 1] == last:
            begin -= 1
        if begin > 0 or (kept and kept[-1].column(column)[-1] != last):
            yield pa.concat_batches([*kept, batch.slice(0, begin)])
            kept = []
        kept.append(batch.slice(begin))
    if kept:
        yield pa.concat_batches(kept)
