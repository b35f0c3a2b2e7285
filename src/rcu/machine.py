"""What the machine has to give."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

CONTROL_GROUP_LIMIT: Final = Path("/sys/fs/cgroup/memory.max")
"""Where Linux says how much memory a container may use; `max` when it is not limited."""


def memory_bytes(limit: Path = CONTROL_GROUP_LIMIT) -> int:
    """Return the memory of the machine, or of the container that we run in, in bytes."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        said = limit.read_text().strip()
    except OSError:
        return machine
    return min(machine, int(said)) if said.isdigit() else machine
