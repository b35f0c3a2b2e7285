"""Refusals of an export."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from rcu.errors import RcuError


class ExportFolderError(RcuError):
    """The folder cannot take the export; the message says why and what to do."""

    status = 409
    code = "export_folder"

    @classmethod
    def not_ours(cls, folder: Path) -> ExportFolderError:
        """Refuse a folder that holds something else."""
        return cls(
            f"{folder} holds other files than an export: give an empty folder, or a new one."
        )

    @classmethod
    def in_use(cls, folder: Path) -> ExportFolderError:
        """Refuse a folder that another export is writing to."""
        return cls(f"Another export is writing to {folder}: wait for its end.")

    @classmethod
    def not_written(cls, folder: Path, why: str) -> ExportFolderError:
        """Refuse a folder that the system refuses."""
        return cls(f"{folder} cannot be written: {why}.")


class ManifestError(RcuError):
    """The manifest in the folder is not one that this release understands."""

    status = 409
    code = "manifest_not_understood"

    def __init__(self, where: str) -> None:
        """Say where it is not understood."""
        super().__init__(
            f"manifest.json is not of this release ({where}): export into an empty folder, or "
            "delete what is in this one."
        )


class UnknownTableError(RcuError):
    """A table was asked for that is not there."""

    status = 422
    code = "unknown_table"

    def __init__(self, names: Collection[str], known: Collection[str]) -> None:
        """Name those that are not there, and those that are."""
        super().__init__(
            f"No table {', '.join(sorted(names))}. There are: {', '.join(sorted(known))}."
        )


class PersonalTableError(RcuError):
    """A table of personal data was asked for without saying that this is meant."""

    status = 422
    code = "personal_table"

    def __init__(self, names: Collection[str]) -> None:
        """Name the tables."""
        super().__init__(
            f"{', '.join(sorted(names))} holds what names or reaches people: say --personal."
        )


class SnapshotChangedError(RcuError):
    """A table did not hold what it was counted to hold: a fault of ours, so nothing is kept."""

    status = 500
    code = "snapshot_changed"

    def __init__(self, table: str, part: str, *, counted: int, written: int) -> None:
        """Say where, and by how much."""
        super().__init__(
            f"{table} {part} was counted to hold {counted} rows and gave {written}: the earlier "
            "export stands."
        )
