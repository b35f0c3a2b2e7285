"""`rcu demo`: a running service with the sample data of a small French retailer."""

from __future__ import annotations

from typing import Annotated

import typer

from rcu.cli.running import load_settings


def demo(
    *,
    serve: Annotated[bool, typer.Option(help="Start the service once the data are loaded.")] = True,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; else RCU_HOST, else 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help="Port to listen on; else the first free one from 8000."
        ),
    ] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Delete the demo's data first, and load them anew.")
    ] = False,
) -> None:
    """Start the service with the sample data of Maison Garance, an invented French retailer.

    The first time, this makes the embedded database and sends a year of profiles, tickets, web
    orders and events through the same path as everything that is received. After that it starts
    in seconds and changes nothing. Stop it with Ctrl-C.
    """
    from rcu.cli.demonstration import run_demo

    settings = load_settings()
    run_demo(settings, host=host or settings.host, port=port, serve=serve, reset=reset)
