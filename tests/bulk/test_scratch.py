"""What bulk work keeps on disk is gone when it ends, also when it is killed or the disk full."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rcu.bulk.duckdb_engine import DuckDBEngine
from rcu.bulk.errors import ScratchFullError
from rcu.bulk.scratch import YOUNG_SECONDS, ScratchFolder, refuse_full

PREFIX = "rcu-test-"
_HOLD = """
import sys, time
from pathlib import Path
from rcu.bulk.scratch import ScratchFolder
folder = ScratchFolder(prefix="rcu-test-", dir=Path(sys.argv[1]))
Path(folder.name, "people").write_text("somebody")
print(folder.name, flush=True)
time.sleep(60)
"""


def age(folder: Path) -> None:
    """Make a folder seem to be of some time ago."""
    then = folder.stat().st_mtime - 2 * YOUNG_SECONDS
    os.utime(folder, (then, then))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_folder_of_a_killed_process_is_removed_by_the_next(
    tmp_path: Path, how: signal.Signals
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        abandoned = Path(process.stdout.readline().strip())
        age(abandoned)
        with ScratchFolder(prefix=PREFIX, dir=tmp_path):
            assert (abandoned / "people").exists()
        process.send_signal(how)

    with ScratchFolder(prefix=PREFIX, dir=tmp_path) as own:
        assert list(tmp_path.iterdir()) == [Path(own)]
    assert list(tmp_path.iterdir()) == []


def test_what_is_young_or_of_another_name_or_no_folder_is_left_alone(tmp_path: Path) -> None:
    kept = [tmp_path / f"{PREFIX}{what}" for what in ("young", "of-before")]
    kept.append(tmp_path / "rcu-other-old")
    for folder in kept:
        folder.mkdir()
        (folder / "held").touch()
    (kept[1] / "held").unlink()
    age(kept[1])
    age(kept[2])
    link = tmp_path / f"{PREFIX}link"
    link.symlink_to(kept[2])

    with ScratchFolder(prefix=PREFIX, dir=tmp_path):
        pass

    assert sorted(tmp_path.iterdir()) == sorted([*kept, link])


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let this process write no file beyond a size, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_said_to_be_so_and_nothing_is_left(tmp_path: Path) -> None:
    numbers = "SELECT range AS number, random() AS noise FROM range(3_000_000)"

    with (
        pytest.raises(ScratchFullError, match="no room left"),
        DuckDBEngine(folder=tmp_path, memory_limit_mb=20, processes=1) as engine,
        largest_file(1_000_000),
    ):
        engine.create("numbers", numbers)

    assert list(tmp_path.iterdir()) == []


def test_a_disk_with_less_left_than_is_to_stay_free_is_full(tmp_path: Path) -> None:
    numbers = "SELECT range AS number, random() AS noise FROM range(3_000_000)"

    with DuckDBEngine(folder=tmp_path, memory_limit_mb=20, processes=1) as engine:
        engine.run("SET max_temp_directory_size = '1MB'")
        with pytest.raises(Exception, match="offload") as failed:
            engine.create("numbers", numbers)

    with pytest.raises(ScratchFullError, match="no room left"):
        refuse_full(failed.value, tmp_path / "folder")
