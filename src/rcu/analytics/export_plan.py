"""Which tables are exported, by which column they are cut into months, and what has changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from rcu.analytics.export_errors import PersonalTableError, UnknownTableError
from rcu.analytics.export_manifest import WHOLE, ExportedTable
from rcu.analytics.views import DescribedView, ViewColumn

MONTHS_BY: Final[Mapping[str, str]] = {
    "attach_rate_daily": "business_date",
    "attachment_changes": "changed_at",
    "attachments": "business_date",
    "consents": "occurred_at",
    "identity_changes": "changed_at",
    "order_steps": "occurred_on",
    "orders": "placed_on",
    "points_entries": "business_date",
    "ticket_lines": "business_date",
    "ticket_payments": "business_date",
    "tickets": "business_date",
}
"""The column whose month is the partition; a time counts by its month in UTC. Others are whole."""


@dataclass(frozen=True, slots=True)
class PartState:
    """The rows of a month, or of a whole table, as of the snapshot."""

    rows: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class TableSource:
    """A view, and how it is read for an export."""

    view: DescribedView
    since: date | None
    """The first day of the first month that is looked at."""

    @property
    def name(self) -> str:
        """The name of the view, and of the table."""
        return self.view.name

    @property
    def partitioned_by(self) -> str | None:
        """The column whose month is the partition."""
        return MONTHS_BY.get(self.name)

    @property
    def first_month(self) -> str | None:
        """The first month that is looked at; None when all are."""
        whole = self.since is None or self.partitioned_by is None
        return None if whole or self.since is None else f"{self.since:%Y-%m}"

    def states_sql(self) -> str:
        """Return the statement that counts and fingerprints the rows of each month.

        The fingerprint is the exclusive or of a hash of each row: it depends on the set of rows
        alone, and rows are told apart by their keys.
        """
        return f"""
            SELECT {self._part()} AS part, count(*) AS rows,
                   to_hex(coalesce(bit_xor(hash_record_extended(v, 0)), 0)) AS fingerprint
            FROM analytics."{self.name}" v {self._where()}
            GROUP BY 1
        """  # noqa: S608 - names of the catalogue, a date

    def rows_sql(self, parts: Collection[str]) -> str:
        """Return the statement that reads the rows of some months, each with its month."""
        columns = ", ".join(f'v."{column.name}"' for column in self.view.columns)
        condition = "" if WHOLE in parts else f"WHERE {self._within(sorted(parts))}"
        return f"""
            SELECT {columns}, {self._part()} FROM analytics."{self.name}" v {condition}
        """  # noqa: S608 - names of the catalogue, months that it told

    def _within(self, months: Sequence[str]) -> str:
        """Return the condition of some months, with a range that an index may serve."""
        column, wanted = f'v."{self.partitioned_by}"', ", ".join(f"'{m}'" for m in months)
        return f"""
            {column} >= '{months[0]}-01' AND {column} < date '{months[-1]}-01' + interval '1 month'
            AND {self._part()} IN ({wanted})
        """

    def _part(self) -> str:
        if self.partitioned_by is None:
            return f"'{WHOLE}'"
        column = f'v."{self.partitioned_by}"'
        if self._column().type != "date":
            column = f"{column} AT TIME ZONE 'UTC'"
        return f"to_char({column}, 'YYYY-MM')"

    def _where(self) -> str:
        if self.first_month is None:
            return ""
        return f"""WHERE v."{self.partitioned_by}" >= '{self.first_month}-01'"""

    def _column(self) -> ViewColumn:
        return next(c for c in self.view.columns if c.name == self.partitioned_by)


@dataclass(frozen=True, slots=True)
class TablePlan:
    """What is done of one table."""

    source: TableSource
    states: Mapping[str, PartState]
    """Of every part that was looked at and has rows."""
    changed: frozenset[str]
    """Parts whose files are written anew."""
    kept: frozenset[str] = field(default_factory=frozenset)
    """Parts that were not looked at, and stay as they are."""

    @property
    def changed_rows(self) -> int:
        """How many rows are written."""
        return sum(self.states[part].rows for part in self.changed if part in self.states)


def choose_tables(
    views: Sequence[DescribedView], *, names: Collection[str], personal: bool, since: date | None
) -> list[TableSource]:
    """Return the tables to export: those named, or all; personal ones only when that is meant."""
    known = {view.name: view for view in views}
    if unknown := set(names) - known.keys():
        raise UnknownTableError(unknown, known)
    meant = {name for name, view in known.items() if personal or not view.is_personal}
    if refused := set(names) - meant:
        raise PersonalTableError(refused)
    chosen = set(names) or meant
    return [TableSource(known[name], since) for name in sorted(chosen)]


def plan_table(
    source: TableSource,
    states: Mapping[str, PartState],
    before: ExportedTable | None,
    *,
    intact: Collection[str],
    empty_part: str,
) -> TablePlan:
    """Return what changed of a table since it was exported.

    `intact` names the parts whose files are all there. A table without any row has one empty part,
    so that it can be read all the same.
    """
    parts = before.parts if before is not None and _has_same_shape(source, before) else {}
    kept = {part for part in parts if source.first_month and part < source.first_month}
    if not states and not kept:
        states = {empty_part if source.partitioned_by else WHOLE: PartState(0, "0")}
    changed = {
        part
        for part, state in states.items()
        if part not in parts
        or part not in intact
        or (parts[part].rows, parts[part].fingerprint) != (state.rows, state.fingerprint)
    }
    return TablePlan(source, states, frozenset(changed), frozenset(kept))


def _has_same_shape(source: TableSource, before: ExportedTable) -> bool:
    was = [(column.name, column.type) for column in before.columns]
    return source.partitioned_by == before.partitioned_by and was == [
        (column.name, column.type) for column in source.view.columns
    ]
