"""Tables: whoever imports a table has those that it refers to."""

from __future__ import annotations

import subprocess
import sys

_RESOLVE = """
import importlib, sys
from rcu.db.metadata import Base
importlib.import_module(sys.argv[1])
print(*sorted(key.column.table.name for table in Base.metadata.tables.values()
              for key in table.foreign_keys))
"""


def test_what_writes_a_table_knows_those_that_it_refers_to() -> None:
    """In a process of its own, as `rcu import` is: the tests have imported everything."""
    told = subprocess.run(
        [sys.executable, "-c", _RESOLVE, "rcu.ingestion.service"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode == 0, told.stderr
    assert "decision" in told.stdout.split()
