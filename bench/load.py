"""A small HTTP load generator that runs in a process of its own: `python -m bench.load`.

It reads one job as JSON from standard input, sends its requests to this machine over a few
keep-alive connections, each waiting for an answer before it sends again, and writes what it saw to
standard output. It speaks just enough HTTP/1.1 to cost little beside the servers it measures.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle
from statistics import median, quantiles
from time import perf_counter
from typing import cast

import uvloop

HOST = "127.0.0.1"
LONGEST_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Request:
    """A request to send: to a path, with a JSON body unless it is a GET."""

    method: str
    path: str
    body: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """What to send, to whom, and for how long."""

    port: int
    key: str
    connections: int
    seconds: float | None
    """Requests are repeated for so long; without it each is sent once."""
    requests: list[Request]


@dataclass(frozen=True, slots=True)
class Seen:
    """What came back."""

    seconds: float
    latencies: list[float]
    """Seconds from sending to the last byte of the answer, in the order of the answers."""
    statuses: dict[str, int]

    @property
    def per_second(self) -> float:
        """Requests answered a second."""
        return len(self.latencies) / self.seconds

    @property
    def median_ms(self) -> float:
        """Half of the requests were answered faster."""
        return median(self.latencies) * 1000

    @property
    def p95_ms(self) -> float:
        """Nineteen in twenty were answered faster."""
        if len(self.latencies) < 2:  # noqa: PLR2004 - quantiles of one value there are none
            return self.median_ms
        return quantiles(self.latencies, n=20)[-1] * 1000


def run(job: Job) -> Seen:
    """Do a job in a process of its own. Raises when an answer is not 200 or 201."""
    process = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=json.dumps(asdict(job)).encode(),
        stdout=subprocess.PIPE,
        check=True,
        timeout=LONGEST_SECONDS,
    )
    seen = Seen(**json.loads(process.stdout))
    if wrong := {s: n for s, n in seen.statuses.items() if s not in {"200", "201"}}:
        msg = f"answers other than 200 and 201: {wrong}"
        raise RuntimeError(msg)
    return seen


class _Connection(asyncio.Protocol):
    """One keep-alive connection: sends the next request when it has the whole answer."""

    def __init__(self, messages: Iterator[bytes], latencies: list[float]) -> None:
        self._messages = messages
        self._latencies = latencies
        self.statuses: Counter[str] = Counter()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._buffer = bytearray()
        self._length: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._length is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._buffer[:end]).lower()
            after = head.index(b"content-length:") + len(b"content-length:")
            self._length = end + 4 + int(head[after:].split(b"\r\n", 1)[0])
        if len(self._buffer) < self._length:
            return
        self._latencies.append(perf_counter() - self._sent_at)
        self.statuses[self._buffer[9:12].decode()] += 1
        self._buffer.clear()
        self._length = None
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("closed by the server"))

    def _send(self) -> None:
        message = next(self._messages, None)
        if message is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._sent_at = perf_counter()
        self._transport.write(message)


async def _do(job: Job) -> Seen:
    latencies: list[float] = []
    written = [_written(request, job.key) for request in job.requests]
    messages = iter(written) if job.seconds is None else _repeated(written, job.seconds)
    loop = asyncio.get_running_loop()
    started = perf_counter()
    opened = [
        await loop.create_connection(lambda: _Connection(messages, latencies), HOST, job.port)
        for _ in range(job.connections)
    ]
    await asyncio.gather(*(connection.done for _, connection in opened))
    seconds = perf_counter() - started
    statuses = sum((connection.statuses for _, connection in opened), Counter[str]())
    return Seen(seconds, latencies, dict(statuses))


def _written(request: Request, key: str) -> bytes:
    body = request.body.encode()
    head = f"{request.method} {request.path} HTTP/1.1\r\nHost: {HOST}\r\n"
    head += f"Authorization: Bearer {key}\r\n" if key else ""
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"{head}\r\n".encode() + body


def _repeated(messages: Sequence[bytes], seconds: float) -> Iterator[bytes]:
    end = perf_counter() + seconds
    for message in cycle(messages):
        if perf_counter() > end:
            return
        yield message


def main() -> None:
    """Do the job that standard input describes."""
    told = json.load(sys.stdin)
    job = Job(**told | {"requests": [Request(**request) for request in told["requests"]]})
    json.dump(asdict(uvloop.run(_do(job))), sys.stdout)


if __name__ == "__main__":
    main()
