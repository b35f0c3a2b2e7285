"""`rcu demo`: from nothing to a service with data, and the same again in seconds."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rcu.cli.demonstration import PORTS_TRIED, PortTakenError, listen

LAST_LINE = "Ctrl-C"


@pytest.fixture
def taken() -> Iterator[int]:
    """Give a port on which another program listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def test_a_taken_port_gives_way_to_the_next_free_one(
    taken: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with listen("127.0.0.1", taken, chosen=False) as listener:
        assert taken < listener.getsockname()[1] < taken + PORTS_TRIED

    assert f"Port {taken} is taken" in capsys.readouterr().err


def test_a_port_that_was_asked_for_is_not_exchanged(taken: int) -> None:
    with pytest.raises(PortTakenError, match=str(taken)):
        listen("127.0.0.1", taken, chosen=True)


def test_the_demo_loads_serves_its_three_requests_and_starts_again_unchanged(
    tmp_path: Path,
) -> None:
    with running_demo(tmp_path) as first:
        lookup, ticket, view = (request(command) for command in commands(first))
        again = request(commands(first)[1])
        after = request(commands(first)[2])
    with running_demo(tmp_path) as second:
        unchanged = request(commands(second)[2])

    assert lookup["outcome"] == "found"
    assert ticket["client_id"] == lookup["client"]["client_id"]
    assert again == ticket, "the same ticket sent twice is kept once"
    assert view["client_id"] == ticket["client_id"]
    assert unchanged == after
    assert "messages loaded" in first
    assert "nothing changed" in second
    assert keys(first) == keys(second)


@contextmanager
def running_demo(folder: Path) -> Iterator[str]:
    """Run the demo in a data folder of its own, give what it printed, and stop it by Ctrl-C."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "RCU_DATA_DIR": str(folder / "var"), "RCU_LOG_LEVEL": "warning"}
    environment.pop("RCU_DATABASE_URL", None)
    with (folder / "stderr").open("w+", encoding="utf-8") as log:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("rcu"), "demo", "--port", str(port)],
            env=environment,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=log,
            encoding="utf-8",
        )
        try:
            assert process.stdout
            lines: list[str] = []
            for line in process.stdout:
                lines.append(line)
                if line.startswith(LAST_LINE):
                    break
            log.seek(0)
            assert lines, log.read()
            yield "".join(lines)
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
            process.communicate()


def commands(printed: str) -> list[str]:
    """Return the curl lines."""
    return [line for line in printed.splitlines() if line.startswith("curl ")]


def keys(printed: str) -> list[str]:
    """Return the API keys."""
    return re.findall(r"key +(rcu_\w+)", printed)


def request(command: str) -> dict[str, Any]:
    """Do what a curl line says, and return the JSON of the answer."""
    words = shlex.split(command)
    headers = [words[i + 1] for i, word in enumerate(words) if word == "-H"]
    body = words[words.index("-d") + 1].encode() if "-d" in words else None
    asked = urllib.request.Request(  # noqa: S310 - an address on this machine
        words[-1], data=body, headers=dict(header.split(": ", 1) for header in headers)
    )
    with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310
        read: dict[str, Any] = json.load(answer)
    return read
