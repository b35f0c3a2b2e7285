"""What `rcu demo` does: load the sample data, start the service, say what to try."""

from __future__ import annotations

import errno
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import uvicorn
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from rcu.app import create_app
from rcu.cli.running import run_with_database, stderr, stdout
from rcu.cli.serve import server_options
from rcu.db import migrations
from rcu.db.engine import Database
from rcu.db.opening import hold_database
from rcu.db.statistics import refresh_statistics
from rcu.demo import reset as demo_reset
from rcu.demo import tour
from rcu.demo.generator import RETAILER, generate
from rcu.demo.keys import DemoKeys, ensure_keys
from rcu.demo.load import load
from rcu.errors import RcuError
from rcu.ingestion.service import receive_all
from rcu.logs import configure_logs
from rcu.settings import Settings

T = TypeVar("T")

PORTS_TRIED: Final = 20
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not listened on


class PortTakenError(RcuError):
    """Another program listens on the port."""

    status = 409
    code = "port_taken"

    def __init__(self, host: str, port: int, tried: int) -> None:
        """Say which ports were tried."""
        ports = f"{port}" if tried == 1 else f"{port} to {port + tried - 1}"
        super().__init__(
            f"Another program listens on {host}:{ports}. Choose another port: rcu demo --port 8100."
        )


@dataclass(frozen=True, slots=True)
class Ready:
    """A loaded demo, and what there is to show of it."""

    keys: DemoKeys
    figures: tour.Figures
    star: tour.Star | None
    loaded: int


def run_demo(settings: Settings, *, host: str, port: int | None, serve: bool, reset: bool) -> None:
    """Load the demo, then serve it until it is stopped."""
    configure_logs(level="warning", log_format="console")
    listener = listen(host, port or settings.port, chosen=port is not None) if serve else None
    with hold_database(settings):
        if reset:
            _run(settings, lambda database: demo_reset.empty(database, generate(), settings))
        ready = _run(settings, lambda database: _prepare(database, settings))
        if listener is None:
            _show_figures(ready)
        else:
            _serve(settings, host, listener, ready)


def listen(host: str, port: int, *, chosen: bool) -> socket.socket:
    """Return a socket that listens on `port`, or, unless it was `chosen`, on the next free one."""
    tried = 1 if chosen else PORTS_TRIED
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, min(port + tried, 65536)):
        try:
            listener = socket.create_server((host, candidate), family=family)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            continue
        if candidate != port:
            stderr.print(f"Port {port} is taken by another program: using {candidate}.")
        return listener
    raise PortTakenError(host, port, tried)


def _run(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    return run_with_database(work, settings=settings, require_migrated=False)


async def _prepare(database: Database, settings: Settings) -> Ready:
    await migrations.migrate(database)
    loaded = await _load(database)
    if loaded:
        await refresh_statistics(database)
    return Ready(
        keys=await ensure_keys(database, settings.data_dir),
        figures=await tour.count(database, generate()),
        star=await tour.find_star(database, generate()),
        loaded=loaded,
    )


async def _load(database: Database) -> int:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("messages"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=stderr, transient=False) as progress:
        task = progress.add_task(f"Loading a year of {RETAILER}", visible=False)
        return await load(
            database,
            generate(),
            receive=receive_all,
            on_start=lambda total: progress.update(task, total=total, visible=total > 0),
            on_done=lambda more: progress.advance(task, more),
        )


class _Server(uvicorn.Server):
    """uvicorn, which says when requests are answered."""

    def __init__(self, config: uvicorn.Config, when_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._when_ready = when_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._when_ready()


def _serve(settings: Settings, host: str, listener: socket.socket, ready: Ready) -> None:
    port = listener.getsockname()[1]
    quiet = {} if "log_format" in settings.model_fields_set else {"log_format": "console"}
    served = settings.model_copy(update={"host": host, "port": port, **quiet})
    name = "127.0.0.1" if host in _EVERYWHERE else host
    address = f"http://{f'[{name}]' if ':' in name else name}:{port}"
    config = uvicorn.Config(create_app(served), **server_options(served))
    try:
        _Server(config, lambda: _welcome(ready, address)).run(sockets=[listener])
    except KeyboardInterrupt:
        stdout.print("Stopped. `rcu demo` starts it again with the same data and keys.")


def _welcome(ready: Ready, address: str) -> None:
    """Print what a newcomer needs: where, with which keys, and what to try."""
    _show_figures(ready)
    _line()
    _line(f"Listening on  {address}   (API documentation: {address}/docs)", "bold green")
    _line(f"Reader key    {ready.keys.reader}")
    _line(f"Till key      {ready.keys.till}")
    if ready.star:
        _line()
        _line("À essayer dans un autre terminal · To try in another terminal:")
        for number, step in enumerate(tour.steps(ready.star, ready.keys, address), start=1):
            _line()
            _line(f"{number}. {step.french} · {step.english}", "bold")
            _line(step.command)
    _line()
    _line("Ctrl-C arrête · stops it.", "dim")


def _show_figures(ready: Ready) -> None:
    figures = ready.figures
    done = f"{ready.loaded} messages loaded" if ready.loaded else "already loaded, nothing changed"
    _line(f"{RETAILER}, {done}.", "bold")
    _line(f"  {figures.records} source records  ->  {figures.clients} clients")
    _line(
        f"  {figures.tickets} tickets: {figures.carried_share:.1%} say who bought, "
        f"{figures.attached_share:.1%} are attached to a client (taux de rattachement)"
    )
    if figures.parked:
        _line(f"  {figures.parked} messages wait for something that was not sent (GET /v1/parked)")


def _line(words: str = "", style: str = "") -> None:
    """Print a line as it stands: commands to be copied are neither wrapped nor coloured inside."""
    stdout.print(Text(words, style=style), soft_wrap=True)
