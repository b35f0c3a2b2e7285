"""`rcu serve` as its operator sees it: it starts, stops when told, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from rcu.db.embedded import EmbeddedServer

START_SECONDS = 30.0


@contextmanager
def serving(data_dir: Path, *, workers: int) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run the service on a free port until the end of the block; give it and its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    command = [sys.executable, "-m", "rcu", "serve", "--port", str(port), "--workers", str(workers)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RCU_")}
    process = subprocess.Popen(
        command,
        env={**kept, "RCU_DATA_DIR": str(data_dir)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(timeout=30)


def status_of(address: str) -> int | None:
    """Return the status of the readiness check, or None when nobody listens."""
    try:
        return httpx.get(f"{address}/readyz", timeout=5).status_code
    except httpx.TransportError:
        return None


def wait_for(address: str, status: int | None) -> bool:
    """Say whether the readiness check comes to a status in time."""
    deadline = time.monotonic() + START_SECONDS
    while status_of(address) != status:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_a_service_starts_from_nothing_and_stops_when_told(tmp_path: Path) -> None:
    with serving(tmp_path / "var", workers=1) as (process, address):
        assert wait_for(address, 200)

        process.send_signal(signal.SIGTERM)

        assert process.wait(timeout=30) == 0
    assert not EmbeddedServer(tmp_path / "var").is_accepting()


def test_a_killed_service_leaves_no_worker_and_no_database_behind(tmp_path: Path) -> None:
    with serving(tmp_path / "var", workers=2) as (process, address):
        assert wait_for(address, 200)

        process.kill()

        assert wait_for(address, None)
    server = EmbeddedServer(tmp_path / "var")
    deadline = time.monotonic() + START_SECONDS
    while server.is_accepting() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not server.is_accepting()


def test_a_killed_database_is_back_without_a_restart_of_the_service(tmp_path: Path) -> None:
    with serving(tmp_path / "var", workers=1) as (process, address):
        assert wait_for(address, 200)
        killed = EmbeddedServer(tmp_path / "var").server_process_id
        assert killed is not None

        os.kill(killed, signal.SIGKILL)

        assert wait_for(address, 503)
        assert wait_for(address, 200)
        assert process.poll() is None
