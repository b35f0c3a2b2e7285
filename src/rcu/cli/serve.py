"""`rcu serve`: run the service."""

from __future__ import annotations

import os
import signal
import sys
from multiprocessing import parent_process
from multiprocessing.connection import wait
from tempfile import TemporaryDirectory
from threading import Thread
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rcu.cli.running import (
    ExitCode,
    collect_garbage_rarely,
    ensure_migrated,
    load_settings,
    run_with_database,
)
from rcu.db import migrations
from rcu.db.engine import Database
from rcu.db.opening import hold_database
from rcu.logs import configure_logs

if TYPE_CHECKING:
    from fastapi import FastAPI
from rcu.settings import Settings


def serve(
    *,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; else RCU_HOST, else 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Port to listen on; else RCU_PORT, else 8000."),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes that share the port; about one for each core.")
    ] = 1,
    migrate: Annotated[
        bool | None,
        typer.Option(
            help="Bring the tables to this release first; without either, only when the database "
            "is the embedded one."
        ),
    ] = None,
) -> None:
    """Run the service until it is told to stop (Ctrl-C, or SIGTERM).

    It then takes no new request, finishes those under way, and closes the database.
    """
    settings = load_settings()
    configure_logs(level=settings.log_level, log_format=settings.log_format)
    if migrate is None:
        migrate = settings.database_url is None

    async def prepare(database: Database) -> None:
        if migrate:
            await migrations.migrate(database)
        await ensure_migrated(database)

    # Held here too, so that the embedded server outlives a worker that is replaced.
    with hold_database(settings):
        run_with_database(prepare, settings=settings, require_migrated=False)
        _run_server(host or settings.host, port or settings.port, workers)


def worker_app() -> FastAPI:
    """Return the service, for a process that ends when the one that started it has gone."""
    from rcu.app import create_app

    if (parent := parent_process()) is not None:
        # A killed parent tells its workers nothing: they would keep the port, and the database.
        Thread(target=_end_after, args=(parent.sentinel,), daemon=True).start()
    app = create_app()
    collect_garbage_rarely()
    return app


def _end_after(sentinel: int) -> None:
    wait([sentinel])
    os.kill(os.getpid(), signal.SIGTERM)


def _run_server(host: str, port: int, workers: int) -> None:
    """Run uvicorn to its end; exit with a problem when it could not start."""
    settings = load_settings()
    if workers == 1:
        _run_uvicorn(settings, host, port, workers)
        return
    # Workers add up their figures in files, so that any of them answers /metrics for all.
    with TemporaryDirectory(prefix="rcu-metrics-") as folder:
        os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", folder)
        _run_uvicorn(settings, host, port, workers)


def server_options(settings: Settings) -> dict[str, Any]:
    """Return how uvicorn is to serve, whichever command starts it."""
    return {
        "loop": "uvloop",
        "http": "httptools",
        "ws": "none",
        "lifespan": "on",
        "log_config": None,
        # The service writes its own line for each request, without personal data.
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": settings.shutdown_timeout_seconds,
    }


def _run_uvicorn(settings: Settings, host: str, port: int, workers: int) -> None:
    import uvicorn

    # Workers are new processes: they read their settings from the environment, as this one did.
    os.environ["RCU_HOST"], os.environ["RCU_PORT"] = host, str(port)
    # uvicorn raises the signal again when it has shut down: that is no reason to die of it.
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    try:
        uvicorn.run(
            "rcu.cli.serve:worker_app",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            **server_options(settings),
        )
    except SystemExit as end:
        if end.code:
            sys.exit(ExitCode.PROBLEM)
