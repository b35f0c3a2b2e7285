"""A base of a crowd's records, made once by a first load and kept for later runs."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bench.identity.crowd import SOURCES, messages
from bench.servers import scratch_environment

_TEXTS: Final = ("title", "given_name", "family_name", "birth_name", "birth_date")
_LISTS: Final = {"email": "emails", "phone": "phones", "card_number": "cards"}
_COLUMNS: Final = (
    "source", "record_id", "occurred_at", *_TEXTS, *_LISTS, "address", "postcode", "city",
)  # fmt: skip
NEWCOMER: Final = "newcomer"
"""The source of the records that come one by one to a base that is there."""


def ensure_base(folder: Path, records: int) -> Path:
    """Return the data folder of a base of so many records; make it when it is not there.

    A base that an earlier release made is brought up to date by its migrations.
    """
    base = folder / str(records)
    done = base / "complete"
    environment = scratch_environment(base)

    def rcu(*arguments: str) -> None:
        subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "rcu", *arguments],
            env=environment, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    base.mkdir(parents=True, exist_ok=True)
    rcu("migrate")
    if done.exists():
        return base
    for code, kind in {**SOURCES, NEWCOMER: "ecommerce"}.items():
        rcu("sources", "add", code, "--name", code, "--kind", kind)
    file = base / "records.csv"
    if not file.exists():
        _write(file, records)
    rcu("import", str(file), "--bulk")
    file.unlink()
    done.touch()
    return base


def _write(file: Path, records: int) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(_COLUMNS)
        for source, said in messages(records):
            writer.writerow(_row(source, said))


def _row(source: str, said: dict[str, Any]) -> Iterator[str]:
    yield from (source, said["external_id"], said["occurred_at"])
    yield from (said.get(name, "") for name in _TEXTS)
    yield from ((said.get(name) or [{}])[0].get("value", "") for name in _LISTS.values())
    home = (said.get("addresses") or [{}])[0]
    yield " ".join(home.get("lines", ()))
    yield from (home.get("postcode", ""), home.get("city", ""))
