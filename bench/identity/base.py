"""A base of a crowd's records, made once by a first load and kept for later runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from bench.identity.crowd import SOURCES
from bench.identity.files import write_csv
from bench.servers import scratch_environment

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
        write_csv(file, records)
    rcu("import", str(file), "--bulk")
    file.unlink()
    done.touch()
    return base
