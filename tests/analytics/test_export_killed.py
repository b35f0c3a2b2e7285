"""An export that is killed, at whatever point, leaves the earlier one as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from rcu.analytics.export import Wanted, export
from tests.analytics.exports import assert_intact, files_in, manifest_of, quiet, rows_of, view_rows
from tests.ingestion.shop import Shop, sale

# The nth file that gets its name is the last deed of the process: nothing is tidied up.
_KILLED = """
import os, pathlib, sys
from rcu.cli.main import app

name, left = sys.argv[1], int(sys.argv[2])
original = getattr(pathlib.Path, name)

def counted(path, *values, **named):
    global left
    if ".rcu-export" not in path.parts[-1]:
        left -= 1
        if left < 0:
            os._exit(9)
    return original(path, *values, **named)

setattr(pathlib.Path, name, counted)
app(["export", "--to", sys.argv[3]])
"""


def export_killed(shop: Shop, to: Path, name: str, after: int) -> int:
    """Run `rcu export` in a process that dies when it calls a method of Path once too often."""
    url = shop.database.engine.url.set(drivername="postgresql")
    environment = dict(os.environ) | {
        "RCU_DATABASE_URL": url.render_as_string(hide_password=False),
        "RCU_ALLOW_UNSAFE_DURABILITY": "true",
    }
    command = [sys.executable, "-c", _KILLED, name, str(after), str(to)]
    return subprocess.run(command, env=environment, check=False, capture_output=True).returncode


@pytest.mark.parametrize(
    ("name", "after"),
    [
        ("rename", 3),  # all files are written, some have their names
        ("replace", 0),  # all have, the manifest is the old one
        ("unlink", 1),  # the manifest is the new one, not all old files are gone
    ],
)
async def test_an_export_that_is_killed_leaves_a_valid_one(
    shop: Shop, tmp_path: Path, name: str, after: int
) -> None:
    for month in ("01", "02", "03"):
        await shop.ticket(sale(sold_at=f"2025-{month}-10T10:00:00Z"))
    await export(shop.database, tmp_path, Wanted(), quiet)
    before = manifest_of(tmp_path)
    for month in ("01", "03", "04"):
        await shop.ticket(sale(sold_at=f"2025-{month}-10T10:00:00Z"))

    assert export_killed(shop, tmp_path, name, after) == 9

    left = assert_intact(tmp_path)
    assert (left == before) == (name != "unlink")
    assert len(files_in(tmp_path)) > len(left.all_files()) + 1

    await export(shop.database, tmp_path, Wanted(), quiet)

    mended = assert_intact(tmp_path)
    assert rows_of(tmp_path, "tickets") == await view_rows(shop, "tickets")
    assert files_in(tmp_path) == {"manifest.json", *(file.path for file in mended.all_files())}
    assert Counter(month for month in mended.tables["tickets"].parts) == Counter(
        ["2025-01", "2025-02", "2025-03", "2025-04"]
    )
