"""What an export says of itself: `manifest.json`, the last file that an export writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rcu.analytics.export_errors import ManifestError

FORMAT: Final = "rcu-export"
FORMAT_VERSION: Final = 1
WHOLE: Final = "whole"
"""The name of the only part of a table that is not partitioned by month."""


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Snapshot(_Document):
    """The instant of the database that an export shows."""

    taken_at: datetime
    transactions: str = Field(description="pg_current_snapshot: what was committed by then.")
    wal_position: str | None = Field(description="Position in the write-ahead log; null if hidden.")


class ExportedColumn(_Document):
    """A column of a table."""

    name: str
    type: str = Field(description="As PostgreSQL names it.")
    comment: str


class ExportedFile(_Document):
    """A Parquet file."""

    path: str = Field(description="From the folder of the export.")
    rows: int
    bytes: int
    sha256: str


class ExportedPart(_Document):
    """A month of a table, or a whole table; its files are written anew when a row differs."""

    rows: int
    fingerprint: str = Field(description="Of all rows; the same rows have the same one.")
    as_of: datetime = Field(description="The last snapshot that was found to hold these rows.")
    files: list[ExportedFile]


class ExportedTable(_Document):
    """A view of the schema `analytics`, in files."""

    comment: str
    partitioned_by: str | None = Field(description="The column whose month is the partition.")
    columns: list[ExportedColumn]
    parts: dict[str, ExportedPart] = Field(description="By month, such as 2026-11; or `whole`.")
    files: list[str] = Field(description="The paths of all its files.")


class Manifest(_Document):
    """What an export holds. Files that it does not name are no part of the export."""

    format: Literal["rcu-export"] = FORMAT
    format_version: Literal[1] = FORMAT_VERSION
    service_version: str
    schema_revision: str = Field(description="Of the migrations, with which the views came.")
    definitions: dict[str, str] = Field(description="Version of the definitions of the figures.")
    snapshot: Snapshot
    is_one_instant: bool = Field(
        description="Whether all parts are as of the snapshot. False after an export of some "
        "tables or of some months: then `as_of` says which part is as of when."
    )
    tables: dict[str, ExportedTable]

    def all_files(self) -> list[ExportedFile]:
        """Return every file of the export."""
        return [
            file
            for table in self.tables.values()
            for part in table.parts.values()
            for file in part.files
        ]

    def to_json(self) -> bytes:
        """Return the manifest as it is written."""
        return self.model_dump_json(indent=1).encode() + b"\n"


def read_manifest(content: bytes) -> Manifest:
    """Return the manifest that was written; raise `ManifestError` for anything else."""
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, e["loc"])) or e["type"] for e in error.errors()[:3])
        raise ManifestError(fields) from None


def table_of(
    comment: str,
    partitioned_by: str | None,
    columns: Sequence[ExportedColumn],
    parts: Mapping[str, ExportedPart],
) -> ExportedTable:
    """Return a table with its parts in order."""
    ordered: dict[str, Any] = dict(sorted(parts.items()))
    files = [file.path for part in ordered.values() for file in part.files]
    return ExportedTable(
        comment=comment,
        partitioned_by=partitioned_by,
        columns=list(columns),
        parts=ordered,
        files=files,
    )
