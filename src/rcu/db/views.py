"""Views that others read: each column is written once, with what it holds and what it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Column(NamedTuple):
    """A column of a view."""

    expression: str
    comment: str


@dataclass(frozen=True, slots=True)
class View:
    """A view of a public schema."""

    name: str
    """With its schema."""
    comment: str
    columns: Mapping[str, Column]
    """By name, in the order of the view."""
    source: str
    """All that follows the expressions: `FROM ...`."""
    preamble: str = ""
    """All that comes before: `WITH ...`."""

    def creation(self) -> list[str]:
        """Return the statements that create the view and say what it is."""
        expressions = ",\n".join(
            f"{column.expression} AS {name}" for name, column in self.columns.items()
        )
        return [
            f"CREATE VIEW {self.name} AS\n{self.preamble}\nSELECT {expressions}\n{self.source}",
            f"COMMENT ON VIEW {self.name} IS {_literal(self.comment)}",
            *(
                f"COMMENT ON COLUMN {self.name}.{name} IS {_literal(column.comment)}"
                for name, column in self.columns.items()
            ),
        ]


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
