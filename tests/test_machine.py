"""The memory of the machine, and what the embedded server takes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rcu.db.cluster import memory_settings
from rcu.machine import memory_bytes

GIB = 1 << 30


def test_a_container_has_the_memory_it_is_allowed(tmp_path: Path) -> None:
    limit = tmp_path / "memory.max"
    unlimited = memory_bytes(limit)

    limit.write_text("max\n")
    assert memory_bytes(limit) == unlimited
    limit.write_text("1048576\n")
    assert memory_bytes(limit) == 1 << 20


@pytest.mark.parametrize(
    ("machine", "buffers"),
    [(1, "256MB"), (8, "1024MB"), (24, "3000MB"), (512, "3000MB")],
    ids=["least", "an_eighth", "most", "large"],
)
def test_the_server_takes_an_eighth_of_the_memory(machine: int, buffers: str) -> None:
    assert memory_settings(machine * GIB)["shared_buffers"] == buffers
