"""The views of the schema `analytics`, as the database describes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.readers import PERSONAL_MARK, SCHEMA
from rcu.db.statements import fetch


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """A column of a view."""

    name: str
    type: str
    """As PostgreSQL names it."""
    comment: str


@dataclass(frozen=True, slots=True)
class DescribedView:
    """A view, what it holds, and its columns in their order."""

    name: str
    """Without its schema."""
    comment: str
    columns: Sequence[ViewColumn]

    @property
    def is_personal(self) -> bool:
        """Whether it holds what names or reaches a person."""
        return self.comment.startswith(PERSONAL_MARK)


_COLUMNS = """
    SELECT v.relname AS view, obj_description(v.oid, 'pg_class') AS about, a.attname AS name,
           format_type(a.atttypid, a.atttypmod) AS type,
           col_description(v.oid, a.attnum) AS comment
    FROM pg_class v JOIN pg_attribute a ON a.attrelid = v.oid AND a.attnum > 0
    WHERE v.relnamespace = to_regnamespace($1) AND v.relkind = 'v' AND NOT a.attisdropped
    ORDER BY v.relname, a.attnum
"""


async def list_views(session: AsyncSession) -> list[DescribedView]:
    """Return every view by its name."""
    abouts: dict[str, str] = {}
    columns: dict[str, list[ViewColumn]] = {}
    for row in await fetch(session, _COLUMNS, SCHEMA):
        abouts[row["view"]] = row["about"] or ""
        column = ViewColumn(row["name"], row["type"], row["comment"] or "")
        columns.setdefault(row["view"], []).append(column)
    return [DescribedView(name, abouts[name], columns[name]) for name in columns]


def as_markdown(views: Sequence[DescribedView]) -> str:
    """Return the description of views as the documentation shows it."""
    return "\n".join(line for view in views for line in _markdown(view))


def _markdown(view: DescribedView) -> Iterator[str]:
    yield f"### `{view.name}`"
    yield ""
    yield view.comment
    yield ""
    yield "| column | type | |"
    yield "| --- | --- | --- |"
    for column in view.columns:
        yield f"| `{column.name}` | {column.type} | {column.comment} |"
    yield ""
