"""Rows as Arrow batches, and the model in the processes that work on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import pyarrow as pa

from rcu.identity.model import Model


@lru_cache(maxsize=2)
def model_of(document: bytes) -> Model:
    """Return the model of a document, worked out once in each process."""
    return Model.from_json(document)


def document_of(model: Model) -> bytes:
    """Return the document of a model, as stages carry it."""
    return model.document.model_dump_json().encode()


def batch_of(schema: pa.Schema, rows: Sequence[tuple[Any, ...]]) -> pa.RecordBatch:
    """Return rows as a batch of a schema."""
    return batch_of_columns(schema, columns_of(rows, len(schema)))


def batch_of_columns(schema: pa.Schema, columns: Iterable[Sequence[Any]]) -> pa.RecordBatch:
    """Return columns as a batch of a schema."""
    return pa.RecordBatch.from_arrays(
        [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)],
        schema=schema,
    )


def columns_of(rows: Iterable[tuple[Any, ...]], width: int) -> list[tuple[Any, ...]]:
    """Return the columns of rows of so many values, of which there may be none."""
    return list(zip(*rows, strict=True)) or [()] * width


def rows_of(batch: pa.RecordBatch, *names: str) -> Iterator[tuple[Any, ...]]:
    """Yield the values of some columns, row by row."""
    return zip(*(batch.column(name).to_pylist() for name in names), strict=True)
